/**
 * The channels of tracers. Their `hasSubscribers` is all that a connection asks on its way; what is published is made
 * here, behind it.
 */

import type { Channel } from "node:diagnostics_channel";
import { guardedChannel } from "./guarded_channel.ts";
import {
  CONNECTION_CHANNEL,
  type ConnectionTrace,
  MESSAGE_CHANNEL,
  type MessageTrace,
} from "../../api/tracing/tracing.ts";
import type { CloseInfo } from "../../api/reasons.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { ProtocolCounters } from "../stats/counters.ts";
import { OPCODE_BINARY, OPCODE_CONTINUATION } from "../../core/websocket/frame.ts";

/** Of steps of connections. */
export const CONNECTIONS: Channel = guardedChannel(CONNECTION_CHANNEL);
/** Of messages. */
export const MESSAGES: Channel = guardedChannel(MESSAGE_CHANNEL);

/** A connection that is traced. Implemented by Connection. */
interface Traced {
  readonly wsi: Wsi;
  readonly entry: { readonly protocol: { readonly name: string } };
}

/** One that becomes a WebSocket. */
interface Established extends Traced {
  readonly isClient: boolean;
  readonly entry: Traced["entry"] & { readonly counters: ProtocolCounters };
}

/** What of a message came, or was written, before its last part. */
interface Begun {
  bytes: number;
  readonly isBinary: boolean;
}

const received = new WeakMap<Traced, Begun>();
const sent = new WeakMap<Traced, Begun>();

export function traceStep(
  { wsi }: Traced,
  event: "accepted" | "connecting" | "established",
): void {
  publish({ event, wsi });
}

/** A WebSocket is established: counted, and traced. */
export function noteEstablished(connection: Established): void {
  const { isClient, entry: { counters } } = connection;
  if (isClient) counters.clients++;
  else counters.servers++;
  if (CONNECTIONS.hasSubscribers) traceStep(connection, "established");
}

/** @param end how a WebSocket has closed, or why a client was never established */
export function traceEnd(
  { wsi }: Traced,
  end: CloseInfo | { readonly text: string } | undefined,
): void {
  if (end === undefined) publish({ event: "closed", wsi });
  else if ("text" in end) publish({ event: "failed", wsi, error: end.text });
  else publish({ event: "closed", wsi, close: end });
}

/** A piece of a message has come. */
export function traceReceived(
  connection: Traced,
  bytes: number,
  isLast: boolean,
  isBinary: boolean,
): void {
  traceMessage("received", received, connection, { bytes, isBinary }, isLast);
}

/** A message, or a part of one, was written. */
export function traceSent(
  connection: Traced,
  bytes: number,
  isLast: boolean,
  opcode: number,
): void {
  const isBinary = opcode === OPCODE_CONTINUATION
    ? sent.get(connection)?.isBinary ?? false
    : opcode === OPCODE_BINARY;
  traceMessage("sent", sent, connection, { bytes, isBinary }, isLast);
}

function traceMessage(
  event: MessageTrace["event"],
  begun: WeakMap<Traced, Begun>,
  connection: Traced,
  part: Begun,
  isLast: boolean,
): void {
  part.bytes += begun.get(connection)?.bytes ?? 0;
  if (!isLast) {
    begun.set(connection, part);
    return;
  }
  begun.delete(connection);
  const { wsi, entry: { protocol: { name: protocol } } } = connection;
  MESSAGES.publish({ event, wsi, protocol, ...part } satisfies MessageTrace);
}

function publish(trace: ConnectionTrace): void {
  CONNECTIONS.publish(trace);
}
