/** Calls on one connection that mean the same in every generation that has them. */

import type { Context } from "../context.ts";
import { log } from "../log.ts";
import type { Wsi } from "../wsi.ts";
import { attempt } from "./attempt.ts";
import type { Generation } from "./generation.ts";
import { bytesAt } from "./pointers.ts";
import { servedOf } from "./served.ts";

/** Whether the frame in hand is its message's last one: 1, or 0. */
export function isFinalFragment(wsi: Wsi): number {
  return Number(wsi.isFinalFragment);
}

/** RSV1 to RSV3 of the frame in hand, from 0 to 7. */
export function reservedBits(wsi: Wsi): number {
  return wsi.reservedBits;
}

/** Bytes of the frame in hand that come after this piece; 0 with its last piece. */
export function remainingPacketPayload(wsi: Wsi): number {
  return wsi.remainingPacketPayload;
}

/** Whether the message in hand is binary: 1, or 0. */
export function frameIsBinary(wsi: Wsi): number {
  return Number(wsi.frameIsBinary);
}

/** The descriptor: a number that no other connection of the context has. */
export function socketFd(wsi: Wsi): number {
  return wsi.socketFd;
}

/**
 * Whether more is unsent than fits: 1, or 0. After each write but the last in one writeable callback,
 * ask; when it is 1, ask for another writeable callback and go on there.
 */
export function partialBuffered(wsi: Wsi): number {
  return Number(wsi.partialBuffered);
}

/** Whether writing now would wait, as something is unsent: 1, or 0. */
export function sendPipeChoked(wsi: Wsi): number {
  return Number(wsi.sendPipeChoked);
}

/** How much the peer has said that it takes: −1, as HTTP/1.1 and WebSocket can't say it. */
export function peerWriteAllowance(_wsi: Wsi): number {
  return -1;
}

/**
 * 0 without TLS, 1 with TLS, 2 with TLS that forgives a self-signed certificate. Clients that C calls
 * made have their `ssl_connection`, from the beginning.
 */
export function isSsl(wsi: Wsi): number {
  return servedOf(wsi.context)?.sslAsked.get(wsi) ?? wsi.isSsl;
}

/** The connection's `user`; null when its protocol has none. */
export function wsiUser(wsi: Wsi): unknown {
  return wsi.user ?? null;
}

/** The context of a connection. */
export function contextOf(wsi: Wsi): Context {
  return wsi.context;
}

/** Stops receiving with 0, and resumes with 1. Returns 0. */
export function rxFlowControl(wsi: Wsi, enable: number): number {
  wsi.rxFlowControl(enable !== 0);
  return 0;
}

/** The struct that a connection's protocol was made of; null for a context of the main API. */
export function protocolOf<Struct>(wsi: Wsi): Struct | null {
  const struct = servedOf(wsi.context)?.structs.get(wsi.protocol.name);
  return struct === undefined ? null : struct as Struct;
}

/** `lws_set_timeout` of any generation. */
export type SetTimeout = (wsi: Wsi, reason: number, secs: number) => void;

/** A `lws_set_timeout`: a timeout in place of the one that the connection is under. */
export function timing(generation: Generation, name: string): SetTimeout {
  return (wsi, reason, secs) => {
    const timeout = generation.timeouts.name(reason);
    attempt(name, undefined, () => wsi.setTimeout(timeout as never, secs));
  };
}

/** `lws_write` of any generation. */
export type Write = (wsi: Wsi, buf: Uint8Array | string, len: number, protocol: number) => number;

const NO_FIN = 0x40;
const IGNORE_XOR_MASK = 0x80;
const KIND_BITS = 0x3f;

/** A `lws_write`: `len` bytes at `buf`, as the kind and the flags of `protocol` say. */
export function writing(generation: Generation, name: string): Write {
  const { emptyWrites, writeKinds, writeReturns } = generation;
  return (wsi, buf, len, protocol) => {
    const kind = writeKinds.name(protocol & KIND_BITS);
    if (len === 0 && !emptyWrites.some((each) => each === kind)) {
      log("warn", `${name}: len is 0, and nothing is sent; allowed for ${emptyWrites.join(", ")}`);
      return 0;
    }
    return attempt(name, -1, () => {
      const options = {
        ...((protocol & NO_FIN) === 0 ? {} : { fin: false }),
        ...((protocol & IGNORE_XOR_MASK) === 0 ? {} : { ignoreXorMask: true }),
      };
      const written = wsi.write(bytesAt(buf, len), kind as never, options);
      return writeReturns === "zero" && written > 0 ? 0 : written;
    });
  };
}
