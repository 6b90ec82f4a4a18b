/** Peers of every version of the protocol, played by hand. */

import { createHash } from "node:crypto";
import type { WireVersion } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { draftFrame, type DraftFrameOptions, KEY } from "../../support/frames.ts";
import { fieldOf } from "../../support/http.ts";
import {
  HANDSHAKE_KEY,
  readFrame,
  readHead,
  type ReceivedFrame,
  type Served,
} from "../../support/serve.ts";

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

/** The opcodes of drafts 04 to 06. */
export const DRAFT = { continuation: 0, close: 1, ping: 2, pong: 3, text: 4, binary: 5 } as const;

/** What draft 04 masks a frame behind this nonce with, of a connection with these keys. */
export function draft04Key(key: string, nonceOfServer: string, nonce: Uint8Array): Uint8Array {
  const guid = "61AC5F19-FBBA-4540-B96F-6561F1AB40A8";
  const connectionKey = createHash("sha1").update(key + nonceOfServer + guid).digest();
  return createHash("sha1").update(nonce).update(connectionKey).digest();
}

/** A client of draft 04, 05 or 06. Frames have the opcodes of these. */
export class DraftPeer {
  readonly peer: MemoryPeer;
  readonly #key: Uint8Array | undefined;

  constructor(peer: MemoryPeer, nonceOfServer: string | undefined) {
    this.peer = peer;
    if (nonceOfServer === undefined) return;
    this.#key = draft04Key(HANDSHAKE_KEY, nonceOfServer, Uint8Array.from(KEY));
  }

  frame(options: DraftFrameOptions): Uint8Array {
    return draftFrame({ ...options, nonce: KEY, key: this.#key ?? KEY });
  }

  send(...frames: readonly DraftFrameOptions[]): void {
    for (const each of frames) this.peer.send(this.frame(each));
  }

  receive(): Promise<ReceivedFrame> {
    return readFrame(this.peer);
  }

  /** The opcode and the text of what comes next. */
  async receiveText(): Promise<[number, string]> {
    const { opcode, payload } = await this.receive();
    return [opcode, new TextDecoder().decode(payload)];
  }
}

export async function openDraft(served: Served, version: 4 | 5 | 6): Promise<DraftPeer> {
  const peer = await served.dial(requestOf(version));
  const { head } = await readAnswer(peer, version);
  return new DraftPeer(peer, version === 4 ? fieldOf(head, "sec-websocket-nonce") : undefined);
}

/** A client of version 0 or hixie-75, whose bytes are written by hand. */
export async function openHixie(served: Served, version: 0 | "hixie-75"): Promise<MemoryPeer> {
  const peer = await served.dial(requestOf(version));
  await readAnswer(peer, version);
  return peer;
}
