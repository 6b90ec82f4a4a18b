/**
 * A server's side of the two handshakes before draft 04: hixie-75
 * (draft-hixie-thewebsocketprotocol-75) and hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00, version 0).
 */

import type { BodyFraming } from "../../http/body/reader.ts";
import { fieldName } from "../../http/fields.ts";
import type { RequestHead } from "../../http/head.ts";
import { type FieldLine, writeHead } from "../../http/writer.ts";
import type { Digests } from "../digests.ts";
import type { WireVersion } from "../wire_version.ts";
import {
  type Hixie75Upgrade,
  type Hixie76Upgrade,
  refusal,
  refusalOfUnnumbered,
  type RefusedUpgrade,
} from "./decision.ts";
import { CHALLENGE_LENGTH, numberInKey, PROOF_LENGTH, proofOf } from "./hixie_keys.ts";

type HixieUpgrade = Hixie75Upgrade | Hixie76Upgrade;

/**
 * Checks an upgrade to `websocket` that names no version; `undefined` when it is of neither version.
 */
export function readHixie(
  head: RequestHead,
  framing: BodyFraming,
  versions: readonly WireVersion[],
): HixieUpgrade | RefusedUpgrade | undefined {
  const { fields } = head;
  // A later client that has forgotten its version.
  if (fields.has("sec-websocket-key")) return undefined;
  if (fields.has("sec-websocket-key1") || fields.has("sec-websocket-key2")) {
    return versions.includes(0) ? readHixie76(head, framing) : refusalOfUnnumbered(0);
  }
  // The draft compares bytes; later clients write another case, and are none of this version's.
  const is75 = fields.get("upgrade") === "WebSocket" && fields.has("origin");
  if (!is75) return undefined;
  return versions.includes("hixie-75")
    ? readHixie75(head, framing)
    : refusalOfUnnumbered("hixie-75");
}

function readHixie76(
  { fields }: RequestHead,
  framing: BodyFraming,
): Hixie76Upgrade | RefusedUpgrade {
  for (const name of ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2", "Sec-WebSocket-Protocol"]) {
    if (fields.count(fieldName(name)) > 1) return refusal(400, `more than one ${name}`);
  }
  const origin = fields.get("origin");
  if (origin === undefined) return refusal(400, "Origin is missing");
  // The draft announces no length. Some clients do, for proxies that would hold the bytes back.
  const isAnnounced = framing.kind === "length" && framing.length === CHALLENGE_LENGTH;
  if (framing.kind !== "none" && !isAnnounced) return refusal(400, "a body of another length");
  const key1 = numberInKey(fields.get("sec-websocket-key1") ?? "");
  if (key1 === undefined) return refusal(400, "Sec-WebSocket-Key1 hides no number");
  const key2 = numberInKey(fields.get("sec-websocket-key2") ?? "");
  if (key2 === undefined) return refusal(400, "Sec-WebSocket-Key2 hides no number");
  const protocols = nameIn(fields.get("sec-websocket-protocol"));
  if (protocols === undefined) return refusal(400, "Sec-WebSocket-Protocol is empty");
  const numbers = [key1, key2] as const;
  return { kind: "websocket", version: 0, protocols, extensions: "", origin, numbers };
}

function readHixie75(
  { fields }: RequestHead,
  framing: BodyFraming,
): Hixie75Upgrade | RefusedUpgrade {
  if (framing.kind !== "none") return refusal(400, "the handshake has a body");
  if (fields.count("websocket-protocol") > 1) {
    return refusal(400, "more than one WebSocket-Protocol");
  }
  const protocols = nameIn(fields.get("websocket-protocol"));
  if (protocols === undefined) return refusal(400, "WebSocket-Protocol is empty");
  const origin = fields.get("origin")!;
  return { kind: "websocket", version: "hixie-75", protocols, extensions: "", origin };
}

/** A subprotocol as both versions have it: one name, in which a blank or a comma is a character like others. */
function nameIn(value: string | undefined): string[] | undefined {
  if (value === undefined) return [];
  return value === "" ? undefined : [value];
}

/** What a server has chosen for an answer. */
export interface HixieAnswer {
  readonly protocol: string | undefined;
  readonly fields: Iterable<FieldLine>;
  /** Whether the client has asked over TLS. */
  readonly isSecure: boolean;
  /** The eight bytes behind the head of hixie-76. */
  readonly challenge: Uint8Array | undefined;
}

/**
 * The 101 that accepts a handshake.
 *
 * @throws {TypeError} for a field that can't be sent
 */
export function hixieResponse(
  upgrade: HixieUpgrade,
  head: RequestHead,
  { protocol, fields, isSecure, challenge }: HixieAnswer,
  digests: Pick<Digests, "md5">,
): Uint8Array {
  const is75 = upgrade.version === "hixie-75";
  const prefix = is75 ? "WebSocket-" : "Sec-WebSocket-";
  const lines: FieldLine[] = [
    ["Upgrade", "WebSocket"],
    ["Connection", "Upgrade"],
    [`${prefix}Origin`, upgrade.origin],
    [`${prefix}Location`, `${isSecure ? "wss" : "ws"}://${head.host}${resourceName(head)}`],
  ];
  if (protocol !== undefined) lines.push([`${prefix}Protocol`, protocol]);
  lines.push(...fields);
  const answer = writeHead(
    `HTTP/1.1 101 ${is75 ? "Web Socket" : "WebSocket"} Protocol Handshake`,
    lines,
  );
  if (upgrade.version !== 0) return answer;
  const whole = new Uint8Array(answer.length + PROOF_LENGTH);
  whole.set(answer);
  whole.set(proofOf(...upgrade.numbers, challenge!, digests), answer.length);
  return whole;
}

/** Path and query as they were asked for, of a target in either form. */
function resourceName({ target }: RequestHead): string {
  if (target.startsWith("/")) return target;
  const rest = target.slice(target.indexOf("://") + 3);
  const start = rest.search(/[/?]/);
  if (start < 0) return "/";
  return rest[start] === "/" ? rest.slice(start) : `/${rest.slice(start)}`;
}
