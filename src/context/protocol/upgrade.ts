/** `upgrade`: what a program decides of a handshake, with the web's own types. */

import type {
  Handshake,
  HandshakeAcceptance,
  HandshakeHeaders,
  UpgradeResult,
} from "../../api/http/upgrade.ts";
import type { HandshakeFilter } from "../../api/reasons.ts";
import type { ResponseBodyInit } from "../../api/response.ts";
import type { Wsi } from "../../api/wsi.ts";
import { isPromised } from "../../base/callback_results.ts";
import { refuseArgument } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { behind } from "../../base/face.ts";
import { line, log } from "../../base/log.ts";
import type { Connection } from "../../connection/connection.ts";
import { checkOffered } from "../../connection/upgrade/filter.ts";
import type { AnyMethod } from "./method_table.ts";
import { checkHandshakeField } from "../../core/websocket/handshake/fields.ts";
import { discard, isResponse, letGo, sendable } from "../../web/fetch_response.ts";

/** Makes the filter that asks a method for its verdict. */
export function filterBy(upgrade: AnyMethod): AnyMethod {
  const ask = upgrade as unknown as (request: unknown, handshake: unknown) => unknown;
  return (wsi, user, data) => {
    const handshake = new WaitingHandshake(wsi, user, data as HandshakeFilter);
    try {
      const result = ask(wsi.request, handshake);
      if (isPromised(result)) return later(handshake, result);
      return conclude(handshake, result);
    } catch (error) {
      WaitingHandshake.settle(handshake);
      throw error;
    }
  };
}

/** Apart, in a function of its own, as all that awaits something is. */
async function later(
  handshake: WaitingHandshake,
  promised: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    return await conclude(handshake, await promised);
  } finally {
    WaitingHandshake.settle(handshake);
  }
}

function conclude(handshake: WaitingHandshake, result: unknown): unknown {
  const isRejected = WaitingHandshake.settle(handshake);
  if (isResponse(result)) return answer(handshake.wsi, result, isRejected);
  // What was answered refuses by itself; the log would tell of a number.
  return isRejected ? 0 : result as UpgradeResult;
}

/** Sends a response in place of the 101. */
async function answer(wsi: Wsi, given: Response, isRejected: boolean): Promise<0> {
  const connection = behind<Connection>(wsi);
  const exchange = connection.phase?.response;
  const isAnswered = isRejected || exchange?.hasBegun === true;
  if (isAnswered) {
    const how = isRejected ? "rejected" : "answered by wsi";
    log(
      "warn",
      () => line`${wsi.protocol.name}: upgrade has ${how}, and returned a Response as well`,
    );
  }
  if (isAnswered || exchange === undefined) {
    discard(given, new LwsError("aborted", "the response is not sent"));
    return 0;
  }
  const { status, fields, body } = await sendable(given, { method: "GET", path: wsi.uri });
  const isHere = connection.isOpen && connection.phase?.response === exchange;
  if (!isHere || exchange.hasBegun) {
    letGo(body, new LwsError("aborted", "the peer has gone, or was answered"));
    return 0;
  }
  try {
    connection.turn(() => void exchange.send(status, fields, body));
  } catch (error) {
    letGo(body, error);
    throw error;
  }
  return 0;
}

type State = "waits" | "was accepted" | "was rejected";

/** What `upgrade` is given. */
class WaitingHandshake implements Handshake {
  readonly wsi: Wsi;
  readonly user: unknown;
  readonly #filter: HandshakeFilter;
  #state: State = "waits";
  #isOver = false;

  constructor(wsi: Wsi, user: unknown, filter: HandshakeFilter) {
    this.wsi = wsi;
    this.user = user;
    this.#filter = filter;
  }

  get protocols(): readonly string[] {
    return this.#filter.protocols;
  }

  // Both calls are taken off the handshake by programs that take `{ user, accept }` as their parameter.
  readonly accept = (acceptance: HandshakeAcceptance = {}): void => {
    this.#mustWait("accept");
    const { protocol, headers } = checkedAcceptance(acceptance);
    if (protocol !== undefined) checkOffered("accept", protocol, this.protocols);
    const fields = fieldsOf("accept", headers);
    for (const [name, value] of fields) checkHandshakeField(name, value);
    this.#state = "was accepted";
    // The peer may have gone, and its handshake be decided with it.
    if (!behind<Connection>(this.wsi).isOpen) return;
    if (protocol !== undefined) this.#filter.choose(protocol);
    for (const [name, value] of fields) this.#filter.add(name, value);
  };

  readonly reject = (
    status: number,
    body?: ResponseBodyInit | null,
    headers?: HandshakeHeaders,
  ): void => {
    this.#mustWait("reject");
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      refuseArgument("reject", "status", status, "a whole number from 200 to 599");
    }
    const fields = fieldsOf("reject", headers);
    this.wsi.respond(status, body, fields);
    this.#state = "was rejected";
  };

  /** `upgrade` is over; returns whether it has answered. */
  static settle(handshake: WaitingHandshake): boolean {
    handshake.#isOver = true;
    return handshake.#state === "was rejected";
  }

  #mustWait(call: string): void {
    const why = this.#state !== "waits"
      ? `the handshake ${this.#state} already`
      : this.#isOver
      ? "upgrade is over, and the handshake decided"
      : undefined;
    if (why !== undefined) throw new LwsError("invalid-state", `${call}: ${why}`);
  }
}

function checkedAcceptance(acceptance: HandshakeAcceptance): HandshakeAcceptance {
  if (typeof acceptance !== "object" || acceptance === null) {
    refuseArgument("accept", "acceptance", acceptance, "an object with protocol or headers");
  }
  for (const name of Object.keys(acceptance)) {
    if (name === "protocol" || name === "headers") continue;
    throw new LwsError("invalid-argument", `accept: ${name} is none of protocol, headers`);
  }
  return acceptance;
}

function fieldsOf(call: string, headers: HandshakeHeaders | undefined): [string, string][] {
  if (headers === undefined) return [];
  const allowed = "an object of texts, Headers, or pairs of a name and a value";
  if (typeof headers !== "object" || headers === null) {
    refuseArgument(call, "headers", headers, allowed);
  }
  if (!(Symbol.iterator in headers)) return Object.entries(headers);
  return [...headers].map((each) => {
    if (!Array.isArray(each) || each.length !== 2) refuseArgument(call, "headers", each, allowed);
    return [each[0], each[1]];
  });
}
