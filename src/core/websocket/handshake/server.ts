/**
 * A server's side of the opening handshake: RFC 6455 section 4.2, and what the drafts before it had
 * otherwise. The two that have nothing of it, hixie-75 and hixie-76, are in `hixie_server`.
 */

import type { BodyFraming } from "../../http/body/reader.ts";
import type { RequestHead } from "../../http/head.ts";
import { listHasToken, splitList } from "../../http/syntax.ts";
import { type FieldLine, writeHead } from "../../http/writer.ts";
import type { WireVersion } from "../wire_version.ts";
import {
  type KeyedUpgrade,
  type NumberedVersion,
  refusal,
  type RefusedUpgrade,
  type UpgradeDecision,
} from "./decision.ts";
import { checkProtocol, faultOfProtocols, listedExtensions } from "./fields.ts";
import { readHixie } from "./hixie_server.ts";
import { acceptValue, isKey, type Sha1 } from "./keys.ts";

/**
 * Checks a request by section 4.2.1.
 *
 * @param framing that of its body, which it must not have
 * @param versions those that are spoken here; the answer to another one lists them in this order
 */
export function readUpgrade(
  head: RequestHead,
  framing: BodyFraming,
  versions: readonly WireVersion[],
): UpgradeDecision {
  const { fields } = head;
  // RFC 9110 section 7.8: an upgrade to anything else may be ignored.
  if (!listHasToken(fields.get("upgrade") ?? "", "websocket")) return { kind: "plain" };
  if (head.method !== "GET") return refusal(405, "the method is not GET", [["Allow", "GET"]]);
  if (head.minorVersion === 0) return refusal(400, "the handshake came in HTTP/1.0");
  for (const [name, shown] of SINGLE_FIELDS) {
    if (fields.count(name) > 1) return refusal(400, `more than one ${shown}`);
  }
  if (!listHasToken(fields.get("connection") ?? "", "upgrade")) {
    return refusal(400, "Connection does not name upgrade");
  }
  const asked = fields.get("sec-websocket-version");
  if (asked === undefined) {
    return readHixie(head, framing, versions) ?? refusal(400, "Sec-WebSocket-Version is missing");
  }
  const version = numberedAs(asked, versions);
  if (version === undefined) return refusalOfVersion(versions);
  return readKeyed(head, framing, version);
}

function readKeyed(
  { fields }: RequestHead,
  framing: BodyFraming,
  version: NumberedVersion,
): KeyedUpgrade | RefusedUpgrade {
  const key = fields.get("sec-websocket-key");
  if (key === undefined) return refusal(400, "Sec-WebSocket-Key is missing");
  if (!isKey(key)) return refusal(400, "Sec-WebSocket-Key is not 16 bytes of base64");
  if (framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0)) {
    return refusal(400, "the handshake has a body");
  }
  const list = fields.get("sec-websocket-protocol");
  const protocols = list === undefined ? [] : splitList(list);
  // Section 4.3: of a list that is there, there is at least one element, 1#.
  if (protocols.length === 0 && list !== undefined) {
    return refusal(400, "Sec-WebSocket-Protocol is empty");
  }
  const fault = faultOfProtocols(protocols);
  if (fault !== undefined) return refusal(400, `Sec-WebSocket-Protocol has ${fault}`);
  const extensions = listedExtensions(fields);
  if (extensions === undefined) return refusal(400, "Sec-WebSocket-Extensions has no element");
  let origin = fields.get("origin");
  if (version !== WEBSOCKET_VERSION) {
    if (fields.count("sec-websocket-origin") > 1) {
      return refusal(400, `more than one ${DRAFT_ORIGIN}`);
    }
    const drafted = fields.get("sec-websocket-origin");
    if (drafted !== undefined && origin !== undefined && drafted !== origin) {
      return refusal(400, `Origin and ${DRAFT_ORIGIN} differ`);
    }
    origin ??= drafted;
  }
  return { kind: "websocket", version, key, protocols, extensions, origin };
}

/** What a server has chosen for an answer. */
export interface KeyedAnswer {
  /** The subprotocol, one of the client's. */
  readonly protocol: string | undefined;
  /** Further fields, `Sec-WebSocket-Extensions` among them. */
  readonly fields: readonly FieldLine[];
  /** `Sec-WebSocket-Nonce`, which draft 04 alone has. */
  readonly nonce?: string | undefined;
}

/**
 * The 101 that accepts a handshake (section 4.2.2, step 5). The bytes are valid until the next call.
 *
 * @throws {TypeError} for a protocol that is no token or a field that can't be sent
 */
export function upgradeResponse(
  key: string,
  { protocol, fields, nonce }: KeyedAnswer,
  digests: Sha1,
): Uint8Array {
  const accept = acceptValue(key, digests);
  const isBare = protocol === undefined && nonce === undefined && fields.length === 0;
  if (isBare) return bareResponse(accept);
  let startLines = SWITCHING_PROTOCOLS + accept;
  if (nonce !== undefined) startLines += "\r\nSec-WebSocket-Nonce: " + nonce;
  if (protocol !== undefined) {
    checkProtocol("protocol", protocol);
    startLines += "\r\nSec-WebSocket-Protocol: " + protocol;
  }
  return writeHead(startLines, fields);
}

/** The version of the protocol that RFC 6455 defines. */
export const WEBSOCKET_VERSION = 13;

/** What every 101 begins with. */
const SWITCHING_PROTOCOLS = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Accept: ";

const ACCEPT_LENGTH = 28;
/** Most answers have nothing but the accept value, for which it has room. */
const bareAnswer = /* @__PURE__ */ writeHead(SWITCHING_PROTOCOLS + " ".repeat(ACCEPT_LENGTH), []);

function bareResponse(accept: string): Uint8Array {
  const at = SWITCHING_PROTOCOLS.length;
  for (let i = 0; i < ACCEPT_LENGTH; i++) bareAnswer[at + i] = accept.charCodeAt(i);
  return bareAnswer;
}

/**
 * Of these a request must have one line only: RFC 6454 section 7.3 has it so for `Origin`, and RFC 9110
 * section 5.3 for every field that is no list. A request with two is malformed, even where all origins
 * are allowed.
 */
const SINGLE_FIELDS = [
  ["upgrade", "Upgrade"],
  ["sec-websocket-version", "Sec-WebSocket-Version"],
  ["sec-websocket-key", "Sec-WebSocket-Key"],
  ["origin", "Origin"],
] as const;

/** What `Origin` was called in drafts 01 to 10. */
const DRAFT_ORIGIN = "Sec-WebSocket-Origin";

/** Section 4.4, and RFC 9110 section 15.5.22, by which a 426 must have the last two. */
function refusalOfVersion(versions: readonly WireVersion[]): RefusedUpgrade {
  const numbers = versions.filter(isNumbered);
  const what = numbers.length === 0
    ? "a Sec-WebSocket-Version, which none of the versions has"
    : `a Sec-WebSocket-Version other than ${numbers.length === 1 ? "" : "one of "}${
      numbers.join(", ")
    }`;
  return refusal(
    426,
    what,
    [
      ...numbers.length === 0 ? [] : [["Sec-WebSocket-Version", numbers.join(", ")] as const],
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
    ],
    true,
  );
}

/** Apart, as a closure of one that reads requests would cost each of them. */
function numberedAs(asked: string, versions: readonly WireVersion[]): NumberedVersion | undefined {
  for (const each of versions) if (isNumbered(each) && String(each) === asked) return each;
  return undefined;
}

function isNumbered(version: WireVersion): version is NumberedVersion {
  return version !== 0 && version !== "hixie-75";
}
