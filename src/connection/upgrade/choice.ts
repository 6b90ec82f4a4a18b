/** Which protocol serves a handshake, and which subprotocol its answer names (RFC 6455 section 4.2.2). */

import type { ProtocolEntry } from "../owner.ts";
import type { RequestHead } from "../../core/http/head.ts";
import { rawPathOf } from "../../core/http/target.ts";
import type { WebSocketUpgrade } from "../../core/websocket/handshake/decision.ts";
import { NO_PARAMS, type PathParams } from "../../web/incoming_request.ts";

/** What a choice depends on, beside the handshake. */
export interface ChoiceOwner {
  readonly entries: readonly ProtocolEntry[];
  readonly subprotocolsAreOptional: boolean;
  readonly repeatsNames: boolean;
}

/** A protocol, and what of the handshake made it the one. */
export interface Choice {
  readonly entry: ProtocolEntry;
  /** What the answer names; undefined when it names none. */
  readonly subprotocol: string | undefined;
  readonly params: PathParams;
}

/** A handshake that gets none: no protocol serves its path, or those that do have none of its names. */
export interface NoChoice {
  readonly cause: "path" | "subprotocol";
  /** Those that serve the path. */
  readonly fitting: readonly ProtocolEntry[];
}

/**
 * Of the subprotocols that a client names the first counts that is a protocol's which serves the path, in the
 * client's order of preference and with their case; where it names none the first protocol does.
 */
export function chooseProtocol(
  owner: ChoiceOwner,
  { target }: RequestHead,
  { version, protocols: offered }: WebSocketUpgrade,
): Choice | NoChoice {
  for (const name of offered) {
    const choice = firstFitting(owner.entries, target, name, name);
    if (choice !== undefined) return choice;
  }
  const isOptional = offered.length === 0 || owner.subprotocolsAreOptional;
  const repeated = version === 0 && owner.repeatsNames ? offered[0] : undefined;
  const first = firstFitting(owner.entries, target, undefined, repeated);
  if (first === undefined) return { cause: "path", fitting: [] };
  if (isOptional || repeated !== undefined) return first;
  return { cause: "subprotocol", fitting: fittingOf(owner.entries, target) };
}

/** What the groups of an entry's path have matched; undefined where it doesn't serve that path. */
export function paramsFor({ path }: ProtocolEntry, target: string): PathParams | undefined {
  return path === undefined ? NO_PARAMS : path.match(rawPathOf(target));
}

/** Whether a handshake's path is one that a protocol serves WebSockets on. */
export function isServed(entries: readonly ProtocolEntry[], target: string): boolean {
  return firstFitting(entries, target, undefined, undefined) !== undefined;
}

/** The first that serves WebSockets on the path, of one name or of all. */
function firstFitting(
  entries: readonly ProtocolEntry[],
  target: string,
  name: string | undefined,
  subprotocol: string | undefined,
): Choice | undefined {
  for (const entry of entries) {
    if (!entry.servesWebSockets || (name !== undefined && entry.protocol.name !== name)) continue;
    const params = paramsFor(entry, target);
    if (params !== undefined) return { entry, subprotocol, params };
  }
  return undefined;
}

function fittingOf(entries: readonly ProtocolEntry[], target: string): ProtocolEntry[] {
  return entries.filter((entry) =>
    entry.servesWebSockets && paramsFor(entry, target) !== undefined
  );
}
