/** Calls on one connection that mean the same in every generation that has them. */

import type { Context } from "../../api/context.ts";
import type { WriteKind } from "../../api/write.ts";
import type { Wsi } from "../../api/wsi.ts";
import { line, log, own } from "../../base/log.ts";
import { attempt } from "../engine/attempt.ts";
import type { Generation } from "../engine/generation.ts";
import { refuse, theConnection, theWhole } from "../engine/guards.ts";
import { bytesAt } from "../engine/pointers.ts";
import { servedOf } from "../engine/served.ts";
import { followAnswer } from "../engine/written_answers.ts";

/** Whether the frame in hand is its message's last one: 1, or 0. */
export function isFinalFragment(wsi: Wsi): number {
  return attempt("lws_is_final_fragment", 0, () => Number(theConnection(wsi).isFinalFragment));
}

/** RSV1 to RSV3 of the frame in hand, from 0 to 7. */
export function reservedBits(wsi: Wsi): number {
  return attempt("lws_get_reserved_bits", 0, () => theConnection(wsi).reservedBits);
}

/** Bytes of the frame in hand that come after this piece; 0 with its last piece. */
export function remainingPacketPayload(wsi: Wsi): number {
  return attempt(
    "lws_remaining_packet_payload",
    0,
    () => theConnection(wsi).remainingPacketPayload,
  );
}

/** Whether the message in hand is binary: 1, or 0. */
export function frameIsBinary(wsi: Wsi): number {
  return attempt("lws_frame_is_binary", 0, () => Number(theConnection(wsi).frameIsBinary));
}

/** The descriptor: a number that no other connection of the context has; −1 for no connection. */
export function socketFd(wsi: Wsi): number {
  return attempt("lws_get_socket_fd", -1, () => theConnection(wsi).socketFd);
}

/**
 * Whether more is unsent than fits: 1, or 0. After each write but the last in one writeable callback,
 * ask; when it is 1, ask for another writeable callback and go on there.
 */
export function partialBuffered(wsi: Wsi): number {
  return attempt("lws_partial_buffered", 0, () => Number(theConnection(wsi).partialBuffered));
}

/** What a socket takes in C before poll(2) says that it takes no more, in bytes. */
const SOCKET_BUFFER = 65_536;

/**
 * Whether as much is unsent as a socket's buffer takes, 64 KiB: 1, or 0. Then ask for a writeable callback,
 * which comes when all of it has left. What a callback has written leaves behind it: less would be 1 behind
 * each write, and C programs write until this is 1.
 */
export function sendPipeChoked(wsi: Wsi): number {
  return attempt("lws_send_pipe_choked", 1, () => {
    const { partialBuffered, unsentBytes } = theConnection(wsi);
    return Number(partialBuffered || unsentBytes >= SOCKET_BUFFER);
  });
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
  return attempt<number>(
    "lws_is_ssl",
    0,
    () => servedOf(theConnection(wsi).context)?.sslAsked.get(wsi) ?? wsi.isSsl,
  );
}

/** The connection's `user`; null when its protocol has none. */
export function wsiUser(wsi: Wsi): unknown {
  return attempt<unknown>("lws_wsi_user", null, () => theConnection(wsi).user ?? null);
}

/** The context of a connection; null for none. */
export function contextOf(wsi: Wsi): Context {
  // The types promise a connection; null only for a program that goes round them.
  return attempt("lws_get_context", null as unknown as Context, () => theConnection(wsi).context);
}

/** Stops receiving with 0, and resumes with 1. Returns 0, or −1 for wrong arguments. */
export function rxFlowControl(wsi: Wsi, enable: number): number {
  return switchReceiving("lws_rx_flow_control", wsi, enable) === undefined ? -1 : 0;
}

/** As {@linkcode rxFlowControl}, negative when the connection has ended; undefined for wrong arguments. */
export function switchReceiving(name: string, wsi: Wsi, enable: number): number | undefined {
  return attempt<number | undefined>(
    name,
    undefined,
    () => theConnection(wsi).rxFlowControl(theWhole("enable", enable, -0x8000_0000) !== 0),
  );
}

/** Asks for one writeable callback. 1, or −1 when the connection has ended or is none. */
export function callbackOnWritable(name: string, wsi: Wsi): number {
  return attempt(name, -1, () => theConnection(wsi).callbackOnWritable());
}

/** The struct that a connection's protocol was made of; null for a context of the main API. */
export function protocolOf<Struct>(wsi: Wsi): Struct | null {
  return attempt<Struct | null>("lws_get_protocol", null, () => {
    const struct = servedOf(theConnection(wsi).context)?.structs.get(wsi.protocol.name);
    return struct === undefined ? null : struct as Struct;
  });
}

/** The longest timeout there is. */
const MAX_SECONDS = 2_147_483;

/** `lws_set_timeout` of any generation. */
export type SetTimeout = (wsi: Wsi, reason: number, secs: number) => void;

/** A `lws_set_timeout`: a timeout in place of the one that the connection is under. */
export function timing(generation: Generation, name: string): SetTimeout {
  return (wsi, reason, secs) => {
    attempt(name, undefined, () => {
      const timeout = generation.timeouts.name(reason) ??
        refuse("reason", reason, "a number that a PENDING_ name has");
      theConnection(wsi).setTimeout(timeout as never, theWhole("secs", secs, 0, MAX_SECONDS));
    });
  };
}

/** `lws_write` of any generation. */
export type Write = (
  wsi: Wsi,
  buf: string | ArrayBufferView | ArrayBufferLike,
  len: number,
  protocol: number,
) => number;

const NO_FIN = 0x40;
const IGNORE_XOR_MASK = 0x80;
/** What is left for kinds. */
const KIND_BITS = 0x3f;

/** A `lws_write`: `len` bytes at `buf`, as the kind and the flags of `protocol` say. */
export function writing(generation: Generation, name: string): Write {
  const { completesWholeAnswers, constants, emptyWrites, writeKinds, writeReturns } = generation;
  const flags = "LWS_WRITE_NO_FIN" in constants ? NO_FIN | IGNORE_XOR_MASK : 0;
  return (wsi, buf, len, protocol) =>
    attempt(name, -1, () => {
      theConnection(wsi);
      const bytes = bytesAt(buf, len);
      const isKnown = Number.isInteger(protocol) && protocol >= 0 &&
        protocol <= (KIND_BITS | flags);
      const kind = isKnown ? writeKinds.name(protocol & ~flags) : undefined;
      if (kind === undefined) refuse("protocol", protocol, "LWS_WRITE_ kinds, with flags");
      if (len === 0 && !emptyWrites.some((each) => each === kind)) {
        const kinds = () => namesOf(generation, emptyWrites).join(", ");
        log("warn", () =>
          line`${own(name)}: len is 0, and nothing is sent; allowed for ${own(kinds())}`);
        return 0;
      }
      const options = {
        ...((protocol & NO_FIN) === 0 ? {} : { fin: false }),
        ...((protocol & IGNORE_XOR_MASK) === 0 ? {} : { ignoreXorMask: true }),
      };
      const written = wsi.write(bytes, kind as never, options);
      if (completesWholeAnswers && kind === "http" && written >= 0) {
        followAnswer(wsi, bytes);
      }
      return writeReturns === "zero" && written > 0 ? 0 : written;
    });
}

/** The C names of kinds. */
function namesOf({ constants, writeKinds }: Generation, kinds: readonly WriteKind[]): string[] {
  return Object.keys(constants).filter((name) =>
    kinds.some((kind) =>
      name.startsWith("LWS_WRITE_") && constants[name] === writeKinds.number(kind)
    )
  );
}
