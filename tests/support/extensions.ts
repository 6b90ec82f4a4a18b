/** Small extensions whose effect shows on the wire. */

import type { CallbackExtension, Extension, ExtensionSession } from "../../mod.ts";
import { callbackExtension } from "../../mod.ts";

/** Flips every bit of the payload, whose length stays the same. */
export function flip(name = "x-flip"): CallbackExtension {
  return callbackExtension({
    name,
    callback(_context, _extension, _wsi, reason, _user, data) {
      if (reason !== "payloadTx" && reason !== "payloadRx") return;
      for (let i = 0; i < data.tokenLength; i++) data.token![i]! ^= 0xff;
    },
  });
}

export function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte ^ 0xff);
}

/** Writes every byte twice, which is no length that a peer may count on. */
export function twice(name = "x-twice"): CallbackExtension {
  return callbackExtension<{ half: number | undefined }>({
    name,
    perSessionData: () => ({ half: undefined }),
    callback(_context, _extension, _wsi, reason, user, data) {
      if (reason === "payloadTx") {
        data.token = doubled(data.token!);
        data.tokenLength = data.token.length;
      } else if (reason === "payloadRx") {
        const bytes: number[] = [];
        for (const byte of data.token!) {
          if (user.half === undefined) user.half = byte;
          else {
            if (user.half !== byte) throw new Error("a byte came once only");
            bytes.push(byte);
            user.half = undefined;
          }
        }
        data.token = Uint8Array.from(bytes);
        data.tokenLength = bytes.length;
      }
    },
  });
}

export function doubled(bytes: Uint8Array): Uint8Array {
  const twofold = new Uint8Array(bytes.length * 2);
  for (const [i, byte] of bytes.entries()) twofold[i * 2] = twofold[i * 2 + 1] = byte;
  return twofold;
}

/** The same without `keep` in its sessions, as programs may write them. */
export function withoutKeep(extension: Extension): Extension {
  const hiding = (session: ExtensionSession) =>
    new Proxy(session, {
      get(target, key) {
        const value: unknown = key === "keep" ? undefined : Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  return {
    ...extension,
    name: extension.name,
    accept(offers) {
      const accepted = extension.accept(offers);
      return accepted && { ...accepted, session: hiding(accepted.session) };
    },
    offer: () => extension.offer(),
    confirm: (answer) => hiding(extension.confirm(answer)),
    close: () => extension.close(),
  };
}

/** What an {@linkcode adder} is like. */
export interface AdderOptions {
  readonly name?: string;
  readonly group?: string;
  readonly unit: "message" | "frame" | "stream";
  readonly reservedBits: number;
}

/**
 * Adds 1 to every byte of what is long enough to be marked, or with no bits of all. It counts the sessions
 * that it has made, and those that are open.
 */
export function adder(options: AdderOptions): Extension & { made: number; open: number } {
  const { name = "x-adder", group, unit, reservedBits } = options;
  const session = (): ExtensionSession => {
    let piece: Uint8Array = new Uint8Array(0);
    let encodes = false;
    extension.made++;
    extension.open++;
    return {
      unit,
      reservedBits,
      sharedKey: undefined,
      encode({ payload, isFirst }) {
        if (isFirst || unit === "frame") encodes = reservedBits === 0 || payload.length >= 10;
        return encodes ? payload.map((byte) => byte + 1) : undefined;
      },
      encodeShared: () => undefined,
      sentShared() {},
      push: (bytes) => void (piece = bytes),
      read(target) {
        const count = Math.min(target.length, piece.length);
        for (let i = 0; i < count; i++) target[i] = piece[i]! - 1;
        piece = piece.subarray(count);
        return count;
      },
      close: () => void extension.open--,
    };
  };
  const extension = {
    name,
    ...(group === undefined ? {} : { group }),
    made: 0,
    open: 0,
    accept: () => ({ answer: name, session: session() }),
    offer: () => name,
    confirm: session,
    close() {},
  };
  return extension;
}
