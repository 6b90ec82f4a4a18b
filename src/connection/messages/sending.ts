/** What the program sends with a promise of its leaving. */

import type { CloseInfo } from "../../api/reasons.ts";
import type { PreparedMessage, WriteKind, WriteOptions } from "../../api/write.ts";
import type { Bytes } from "../../base/bytes.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";
import { closedError } from "./end.ts";
import { dropMarks } from "./marks.ts";
import { type Sharing, waitForTurn } from "../../service/awaited_turn.ts";

/** What a send asks of its connection. Implemented by Connection. */
export interface Sending extends Sharing {
  readonly isEstablished: boolean;
  readonly phase: { readonly frames?: object } | undefined;
  readonly outbox: { readonly unsent: number; mark(): Promise<void> };
  write(
    data: Bytes | string | PreparedMessage,
    kind: WriteKind | undefined,
    options: WriteOptions | undefined,
  ): number;
}

/** Of connections whose sends resolve in a later turn; how many there are, as most often none is. */
const turns = new WeakMap<object, Promise<void>>();
let waiting = 0;

/** The turn in which what is sent now, so many bytes, resolves, unless it may do so at once. */
function turnOf(connection: Sending, bytes: number): Promise<void> | undefined {
  const known = waiting > 0 ? turns.get(connection) : undefined;
  return known ?? (connection.owner.budget.mayGoOn() ? undefined : newTurn(connection, bytes));
}

function newTurn(connection: Sending, bytes: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  turns.set(connection, promise);
  waiting++;
  waitForTurn(connection, () => {
    turns.delete(connection);
    waiting--;
    resolve();
  }, bytes);
  return promise;
}

async function both(sent: Promise<void>, turn: Promise<void>): Promise<void> {
  await Promise.all([sent, turn]);
}

/** Writes, and resolves when all that was written has left. */
export function send(
  connection: Sending,
  data: Bytes | string | PreparedMessage,
  kind: WriteKind | undefined,
  options: WriteOptions | undefined,
): Promise<void> {
  try {
    if (connection.phase !== undefined && connection.phase.frames === undefined) {
      throw new LwsError("invalid-state", "send: the connection is no established WebSocket");
    }
    const { isEstablished, outbox } = connection;
    if (connection.write(data, kind, options) < 0) throw refusal(connection, isEstablished, kind);
    const sent = outbox.unsent === 0 ? Promise.resolve() : outbox.mark();
    const turn = turnOf(connection, typeof data === "string" ? data.length : data.byteLength);
    return watched(turn === undefined ? sent : both(sent, turn));
  } catch (error) {
    return watched(Promise.reject(error));
  }
}

/** The connection has closed: what has not left never will. */
export function failSends(connection: object, end: CloseInfo): void {
  dropMarks(connection, () => closedError("send", end));
}

function refusal(
  connection: Sending,
  wasEstablished: boolean,
  kind: WriteKind | undefined,
): LwsError {
  if (!wasEstablished) {
    return new LwsError("connection-closed", "send: the connection is closing, or has closed");
  }
  if (connection.isEstablished) {
    return new LwsError("invalid-argument", `send: a WebSocket has nothing of the kind "${kind}"`);
  }
  const why =
    "send: it could not be taken, and the connection ends; see maxUnsentBytes, and the log";
  return new LwsError("connection-closed", why);
}

/**
 * A rejection that the program doesn't look at must not end the process, which the runtime would have it
 * do: a peer that goes is enough for one.
 */
function watched(sent: Promise<void>): Promise<void> {
  sent.catch((error) => log("info", () => line`${messageOf(error)}`));
  return sent;
}
