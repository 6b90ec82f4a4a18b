/** A client's side of hixie-76 (draft-ietf-hybi-thewebsocketprotocol-00 section 4.1, version 0). */

import type { ResponseHead } from "../../http/head.ts";
import { equalsIgnoreCase } from "../../http/syntax.ts";
import type { FieldLine } from "../../http/writer.ts";
import type { Digests } from "../digests.ts";
import {
  checkParameters,
  checkSwitch,
  HandshakeError,
  onlyValue,
  type UpgradeAnswer,
  type UpgradeRequest,
  writeRequest,
} from "./client.ts";
import { type Challenge, numberInKey, proofOf } from "./hixie_keys.ts";

/** What a client asks for. */
export interface HixieRequest extends UpgradeRequest {
  /** Whether it asks over TLS. */
  readonly isSecure: boolean;
}

/**
 * A client's handshake: a head and the eight bytes behind it.
 *
 * @throws {TypeError} naming the parameter that can't be sent
 */
export function hixieRequest(request: HixieRequest, { key1, key2, key3 }: Challenge): Uint8Array {
  const { path, host, origin, protocols } = request;
  checkParameters(request);
  if (origin === undefined) throw new TypeError("origin must be given");
  if (protocols.length > 1) throw new TypeError("protocols must have one name at most");
  const lines: FieldLine[] = [
    ["Upgrade", "WebSocket"],
    ["Connection", "Upgrade"],
    ["Host", host],
    ["Origin", origin],
    ["Sec-WebSocket-Key1", key1],
    ["Sec-WebSocket-Key2", key2],
    ...protocols.map((name) => ["Sec-WebSocket-Protocol", name] as const),
  ];
  const head = writeRequest(path, lines, request.fields);
  const whole = new Uint8Array(head.length + key3.length);
  whole.set(head);
  whole.set(key3, head.length);
  return whole;
}

/**
 * Checks the head of a server's answer.
 *
 * @throws {HandshakeError} saying what is wrong with it
 */
export function checkHixieResponse(head: ResponseHead, request: HixieRequest): UpgradeAnswer {
  checkSwitch(head);
  const { host, path, isSecure, protocols: [asked] } = request;
  // The draft has both compare what was sent in lower case, as servers did as they liked.
  const origin = onlyValue(head, "Sec-WebSocket-Origin");
  if (origin === undefined || !equalsIgnoreCase(origin, request.origin!)) {
    throw wrong("Sec-WebSocket-Origin", origin, "not what was sent as Origin");
  }
  const location = onlyValue(head, "Sec-WebSocket-Location");
  const authority = `${isSecure ? "wss" : "ws"}://${host}`;
  const isOurs = location !== undefined && location.slice(authority.length) === path &&
    equalsIgnoreCase(location.slice(0, authority.length), authority);
  if (!isOurs) {
    throw wrong("Sec-WebSocket-Location", location, "not where the request went");
  }
  const protocol = onlyValue(head, "Sec-WebSocket-Protocol");
  if (protocol !== asked) {
    throw wrong("Sec-WebSocket-Protocol", protocol, "one that was not offered");
  }
  return { protocol, extensions: "" };
}

/** @throws {HandshakeError} when the bytes behind the head of an answer don't prove that the request was read */
export function checkProof(
  proof: Uint8Array,
  { key1, key2, key3 }: Challenge,
  digests: Pick<Digests, "md5">,
): void {
  const expected = proofOf(numberInKey(key1)!, numberInKey(key2)!, key3, digests);
  if (!expected.every((byte, i) => byte === proof[i])) {
    throw new HandshakeError("the bytes behind the head are no answer to the keys");
  }
}

/** What was sent may be secret, and comes back in what is almost the same. */
function wrong(name: string, value: string | undefined, what: string): HandshakeError {
  return new HandshakeError(`${name} is ${value === undefined ? "missing" : what}`);
}
