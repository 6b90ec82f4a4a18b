/** Peers of every version of the protocol, played by hand. */

import type { WireVersion } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { HANDSHAKE_KEY, readHead } from "../../support/serve.ts";

/** All of them. */
export const VERSIONS: readonly WireVersion[] = ["hixie-75", 0, 4, 5, 6, 7, 8, 13];

/** What a client says beside what it has to. */
export interface OldRequest {
  readonly path?: string;
  readonly protocol?: string;
  readonly origin?: string;
  readonly headers?: readonly string[];
}

/** The eight bytes of draft 00 section 1.2, and what its request is answered with behind the head. */
export const CHALLENGE = "^n:ds[4U";
export const PROOF = "8jKS'y:G*Co,Wxa-";

/** A whole handshake, with what belongs behind its head. */
export function requestOf(version: WireVersion, request: OldRequest = {}): string {
  const { path = "/", protocol, origin, headers = [] } = request;
  const is75 = version === "hixie-75";
  const isHixie = is75 || version === 0;
  const isDraft = !isHixie && version !== 13;
  const from = isHixie ? origin ?? "http://localhost" : origin;
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Upgrade: ${isHixie ? "WebSocket" : "websocket"}`,
    "Connection: Upgrade",
    "Host: localhost",
    ...from === undefined ? [] : [`${isDraft ? "Sec-WebSocket-" : ""}Origin: ${from}`],
    ...protocol === undefined ? [] : [`${is75 ? "" : "Sec-"}WebSocket-Protocol: ${protocol}`],
    ...isHixie ? [] : [`Sec-WebSocket-Key: ${HANDSHAKE_KEY}`, `Sec-WebSocket-Version: ${version}`],
    ...version === 0
      ? ["Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"]
      : [],
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${version === 0 ? CHALLENGE : ""}`;
}

/** An answer's head and what belongs behind it, in Latin-1. */
export async function readAnswer(
  peer: MemoryPeer,
  version: WireVersion,
): Promise<{ head: string; proof: string }> {
  const head = await readHead(peer);
  const proof = version === 0 && head.startsWith("HTTP/1.1 101")
    ? new TextDecoder("latin1").decode(await peer.readBytes(PROOF.length))
    : "";
  return { head, proof };
}
