/** An extension with a callback on one connection: tokens out and in. */

import type { Context } from "../api/context.ts";
import {
  ExtensionFailure,
  type ExtensionReason,
  type ExtensionReasonData,
  type ExtensionSession,
  type ExtensionToken,
  type OutgoingPart,
} from "../api/extension.ts";
import type { Wsi } from "../api/wsi.ts";
import { joined } from "../base/buffers.ts";
import { bytesOf, plainLength } from "../base/bytes.ts";
import { log } from "../base/log.ts";

/** The extension that a session is of. Implemented by StructExtension. */
interface SessionStruct {
  readonly name: string;
  /** @throws {ExtensionFailure} when the program's function does, which is logged. */
  makeUser(wsi: Wsi): unknown;
  /** Calls the callback. Returns its number, 0 for nothing, and −1 when it threw, which is logged. */
  call<R extends ExtensionReason>(
    context: Context,
    wsi: Wsi,
    reason: R,
    user: unknown,
    data: ExtensionReasonData[R],
  ): number;
  /** As `call`, where a negative number is a failure. @throws {ExtensionFailure} for one. */
  demand<R extends ExtensionReason>(
    wsi: Wsi,
    reason: R,
    user: unknown,
    data: ExtensionReasonData[R],
  ): number;
}

type DataReason =
  | "packetRxPreparse"
  | "packetTxPresend"
  | "flushPendingTx"
  | "payloadTx"
  | "payloadRx";

/** How often in a row a callback may ask to be called again and give nothing. */
const MOST_IDLE_CALLS = 1000;

const NO_BYTES = new Uint8Array(0);

/** The payload of messages, and the life of the extension on the connection. */
export class CallbackSession implements ExtensionSession {
  readonly unit = "message";
  readonly reservedBits = 0;
  /** A callback may make other bytes of the same message for each connection. */
  readonly sharedKey = undefined;
  readonly stream: ExtensionSession;

  readonly #extension: SessionStruct;
  readonly #incoming: IncomingTokens;
  #wsi: Wsi | undefined;
  #user: unknown;
  #isConstructed = false;

  constructor(extension: SessionStruct) {
    this.#extension = extension;
    this.#incoming = new IncomingTokens(this, "payloadRx");
    this.stream = new PacketSession(this);
  }

  begin(wsi: Wsi): void {
    this.#wsi = wsi;
    this.#user = this.#extension.makeUser(wsi);
    this.#isConstructed = true;
    const reason = wsi.isClient ? "clientConstruct" : "construct";
    this.#extension.demand(wsi, reason, this.#user, undefined);
  }

  encode({ payload }: OutgoingPart): Uint8Array {
    return this.transform("payloadTx", payload);
  }

  encodeShared(): undefined {
    return undefined;
  }

  sentShared(): void {}

  push(piece: Uint8Array): void {
    this.#incoming.push(piece);
  }

  read(target: Uint8Array): number {
    return this.#incoming.read(target);
  }

  eachSecond(): void {
    this.#extension.demand(this.#wsi!, "1hz", this.#user, undefined);
  }

  mayClose(): boolean {
    const wsi = this.#wsi!;
    const verdict = this.#extension.call(
      wsi.context,
      wsi,
      "checkOkToReallyClose",
      this.#user,
      undefined,
    );
    return verdict <= 0;
  }

  flush(send: (bytes: Uint8Array) => void): void {
    this.#askAll("flushPendingTx", null, send);
  }

  close(): void {
    if (!this.#isConstructed) return;
    this.#isConstructed = false;
    const wsi = this.#wsi!;
    this.#extension.call(wsi.context, wsi, "destroy", this.#user, undefined);
    this.#user = undefined;
  }

  /** What the callback makes of bytes, which it may change in place: it gets a copy. */
  transform(reason: DataReason, bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    let whole: Uint8Array | undefined;
    this.#askAll(reason, bytes.slice(), (piece, isAll) => {
      if (isAll) whole = piece;
      else whole = whole === undefined ? piece.slice() : joined([whole, piece]);
    });
    return whole ?? NO_BYTES;
  }

  #askAll(
    reason: DataReason,
    bytes: Uint8Array | null,
    take: (piece: Uint8Array, isAll: boolean) => void,
  ): void {
    const token: ExtensionToken = { token: bytes, tokenLength: bytes?.length ?? 0 };
    const calls = new RepeatedCalls(this, reason);
    let isFirst = true;
    do {
      const piece = calls.ask(token);
      if (piece.length > 0) take(piece, isFirst && !calls.hasMore);
      isFirst = false;
      token.token = null;
      token.tokenLength = 0;
    } while (calls.hasMore);
  }

  /** One call with a token; whether more waits. */
  ask(reason: DataReason, token: ExtensionToken): boolean {
    return this.#extension.demand(this.#wsi!, reason, this.#user, token) > 0;
  }

  /** @throws {ExtensionFailure} which is logged. */
  refuse(reason: DataReason, fault: string): never {
    const text = `${this.#extension.name}: ${reason} ${fault}`;
    log("err", text);
    throw new ExtensionFailure(text);
  }
}

/** Calls of a callback for one reason, for as long as it asks to be called again. */
class RepeatedCalls {
  hasMore = false;
  readonly #session: CallbackSession;
  readonly #reason: DataReason;
  #idleCalls = 0;

  constructor(session: CallbackSession, reason: DataReason) {
    this.#session = session;
    this.#reason = reason;
  }

  /** Shows a token, and returns the bytes that it has afterwards. */
  ask(shown: ExtensionToken): Uint8Array {
    this.hasMore = this.#session.ask(this.#reason, shown);
    const { token, tokenLength } = shown;
    const longest = Math.max(0, plainLength(token));
    const isWhole = Number.isInteger(tokenLength) && tokenLength >= 0 && tokenLength <= longest;
    if (!isWhole || (token !== null && !(token instanceof Uint8Array))) {
      this.#session.refuse(
        this.#reason,
        `left a tokenLength of ${tokenLength}; allowed: 0 to the length of token, a Uint8Array or null`,
      );
    }
    this.#idleCalls = tokenLength > 0 ? 0 : this.#idleCalls + 1;
    if (this.hasMore && this.#idleCalls > MOST_IDLE_CALLS) {
      this.#session.refuse(this.#reason, `gave nothing in ${this.#idleCalls} calls in a row`);
    }
    return tokenLength === 0 ? NO_BYTES : bytesOf("token", token).subarray(0, tokenLength);
  }
}

/** What comes in, as far as it is asked for. */
class IncomingTokens {
  readonly #calls: RepeatedCalls;
  #piece: Uint8Array | undefined;
  /** What the callback has made and `read` has not given yet. */
  #made: Uint8Array = NO_BYTES;

  constructor(session: CallbackSession, reason: DataReason) {
    this.#calls = new RepeatedCalls(session, reason);
  }

  push(piece: Uint8Array): void {
    this.#piece = piece.length === 0 ? undefined : piece;
  }

  read(target: Uint8Array): number {
    let count = 0;
    while (count < target.length) {
      if (this.#made.length > 0) {
        const made = this.#made.subarray(0, target.length - count);
        target.set(made, count);
        count += made.length;
        this.#made = this.#made.subarray(made.length);
      } else if (this.#piece !== undefined || this.#calls.hasMore) this.#make();
      else break;
    }
    return count;
  }

  #make(): void {
    const token = { token: this.#piece ?? null, tokenLength: this.#piece?.length ?? 0 };
    this.#piece = undefined;
    this.#made = this.#calls.ask(token);
  }
}

/** The bytes of the connection: all that come, and frames of data that leave. */
class PacketSession implements ExtensionSession {
  readonly unit = "stream";
  readonly reservedBits = 0;
  readonly sharedKey = undefined;
  readonly #session: CallbackSession;
  readonly #incoming: IncomingTokens;

  constructor(session: CallbackSession) {
    this.#session = session;
    this.#incoming = new IncomingTokens(session, "packetRxPreparse");
  }

  encode({ payload, isControl }: OutgoingPart): Uint8Array | undefined {
    return isControl ? undefined : this.#session.transform("packetTxPresend", payload);
  }

  encodeShared(): undefined {
    return undefined;
  }

  sentShared(): void {}

  push(piece: Uint8Array): void {
    this.#incoming.push(piece);
  }

  read(target: Uint8Array): number {
    return this.#incoming.read(target);
  }

  close(): void {}
}
