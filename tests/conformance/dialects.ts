/**
 * The peer's half of each version of the protocol: its handshake, and frames as they are on its wire, which
 * the rules tell in the words of RFC 6455.
 */

import { assert, assertEquals } from "@std/assert";
import type { WireVersion } from "../../mod.ts";
import type { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { draft04Key } from "../behaviour/websocket/old_peers.ts";
import { concat, draftFrame, frame, type FrameOptions, KEY } from "../support/frames.ts";
import { readFrame, type ReceivedFrame } from "../support/serve.ts";

/** What can be said in a version. */
export interface Dialect {
  readonly version: WireVersion;
  /** Whether there are binary messages, fragments and pings, and not text alone. */
  readonly hasAllKinds: boolean;
  /** Whether a close frame has a code. */
  readonly hasCloseCode: boolean;
  /** Whether there are close frames. */
  readonly hasCloseFrame: boolean;
  /** Bytes of a whole frame behind its payload. */
  readonly trailer: 0 | 1;
}

const RFC = { hasAllKinds: true, hasCloseCode: true, hasCloseFrame: true, trailer: 0 } as const;
const HIXIE = { hasAllKinds: false, hasCloseCode: false, trailer: 1 } as const;

/** All versions but 7, which is 8 with another number; that of RFC 6455 first. */
export const DIALECTS: readonly Dialect[] = [
  { version: 13, ...RFC },
  { version: 8, ...RFC },
  { version: 6, ...RFC },
  { version: 5, ...RFC, hasCloseCode: false },
  { version: 4, ...RFC, hasCloseCode: false },
  { version: 0, ...HIXIE, hasCloseFrame: true },
  { version: "hixie-75", ...HIXIE, hasCloseFrame: false },
];

/** The frames of one connection, as its peer writes and reads them. */
export interface Wire {
  bytesOf(options: FrameOptions): Uint8Array;
  /** The next frame of our end. */
  read(peer: MemoryPeer): Promise<ReceivedFrame>;
}

/** What of the handshake goes into the frames of version 4. */
export interface Keys {
  readonly key: string;
  readonly nonce: string;
}

/** The wire of a peer that is a client, or a server. */
export function wireOf({ version }: Dialect, peerIsClient: boolean, keys?: Keys): Wire {
  switch (version) {
    case 0:
    case "hixie-75":
      return new HixieWire();
    case 4:
    case 5:
    case 6:
      return new DraftWire(version, peerIsClient, keys);
    default: {
      const mask = peerIsClient ? { key: KEY } : {};
      return { bytesOf: (options) => frame({ ...mask, ...options }), read: readFrame };
    }
  }
}

/** Numbers of opcodes in RFC 6455, and in drafts 04 to 06 at the same index; those without a meaning at last. */
const OPCODES = [0, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as const;
const CLOSE = 8;
const EMPTY = new Uint8Array(0);

class DraftWire implements Wire {
  readonly #version: 4 | 5 | 6;
  readonly #peerIsClient: boolean;
  readonly #keyOf: (nonce: Uint8Array) => Uint8Array;
  /** What an answer to the peer's close frame of version 4 repeats. */
  #saidClosing: Uint8Array = EMPTY;

  constructor(version: 4 | 5 | 6, peerIsClient: boolean, keys: Keys | undefined) {
    this.#version = version;
    this.#peerIsClient = peerIsClient;
    this.#keyOf = version === 4
      ? (nonce) => draft04Key(keys!.key, keys!.nonce, nonce)
      : (nonce) => nonce;
  }

  bytesOf({ key, ...options }: FrameOptions): Uint8Array {
    const opcode = OPCODES.indexOf(options.opcode as typeof OPCODES[number]);
    const { payload } = options;
    const said = options.opcode === CLOSE && payload instanceof Uint8Array
      ? { ...options, payload: this.#closePayload(payload) }
      : options;
    const nonce = this.#peerIsClient ? key ?? KEY : undefined;
    const mask = nonce === undefined ? {} : { nonce, key: this.#keyOf(Uint8Array.from(nonce)) };
    return draftFrame({ ...said, opcode, ...mask });
  }

  #closePayload(payload: Uint8Array): Uint8Array {
    if (this.#version === 5) return letterOf(this.#peerIsClient);
    if (this.#version === 4 && this.#saidClosing.length === 0) this.#saidClosing = payload;
    return this.#version === 6 ? recoded(payload, 1009, 1004) : payload;
  }

  async read(peer: MemoryPeer): Promise<ReceivedFrame> {
    const read = this.#peerIsClient ? await readFrame(peer) : await this.#readMasked(peer);
    const opcode = OPCODES[read.opcode]!;
    if (opcode !== CLOSE) return { ...read, opcode };
    return { ...read, opcode, payload: this.#codeOf(read.payload) };
  }

  async #readMasked(peer: MemoryPeer): Promise<ReceivedFrame> {
    const key = this.#keyOf(await peer.readBytes(4));
    let at = 0;
    const open = async (count: number) =>
      (await peer.readBytes(count)).map((byte) => byte ^ key[at++ % key.length]!);
    const [first, second] = await open(2) as Uint8Array & [number, number];
    assert(second! < 0x80, "the fourth reserved bit is 0");
    let length = second!;
    if (length >= 126) {
      const bytes = await open(length === 126 ? 2 : 8);
      length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
      assert(length >= (bytes.length === 2 ? 126 : 65_536), `${length} in too many bytes`);
    }
    const payload = await peer.readBytes(length);
    for (let i = 0; i < length; i++) payload[i]! ^= key[at++ % key.length]!;
    return { fin: first! >= 128, rsv: first! >> 4 & 7, opcode: first! & 15, masked: true, payload };
  }

  /** What RFC 6455 would have in this close frame of our end's. */
  #codeOf(payload: Uint8Array): Uint8Array {
    if (this.#version === 6) return recoded(payload, 1004, 1009);
    if (this.#version === 5) assertEquals(payload, letterOf(!this.#peerIsClient));
    else if (payload.length > 0) assertEquals(payload, this.#saidClosing);
    return EMPTY;
  }
}

/** All that a close frame of draft 05 says. */
function letterOf(isClient: boolean): Uint8Array {
  return new TextEncoder().encode(isClient ? "C" : "S");
}

/** Draft 06 has another code for what is too long. */
function recoded(payload: Uint8Array, from: number, to: number): Uint8Array {
  if (payload.length < 2 || (payload[0]! << 8 | payload[1]!) !== from) return payload;
  return Uint8Array.of(to >> 8, to & 255, ...payload.subarray(2));
}

/** Text, whose fragments are parts of one frame, and close frames. */
class HixieWire implements Wire {
  bytesOf({ opcode, fin = true, payload = "" }: FrameOptions): Uint8Array {
    if (opcode === CLOSE) return Uint8Array.of(0xff, 0);
    assert(opcode <= 1, `a frame of opcode ${opcode}`);
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    return concat(
      opcode === 1 ? Uint8Array.of(0) : EMPTY,
      bytes,
      fin ? Uint8Array.of(0xff) : EMPTY,
    );
  }

  async read(peer: MemoryPeer): Promise<ReceivedFrame> {
    const plain = { fin: true, rsv: 0, masked: false };
    const [type] = await peer.readBytes(1);
    if (type === 0xff) {
      assertEquals([...await peer.readBytes(1)], [0]);
      return { ...plain, opcode: CLOSE, payload: EMPTY };
    }
    assertEquals(type, 0);
    const text = await peer.readUntil((unread) => unread.at(-1) === 0xff);
    return { ...plain, opcode: 1, payload: text.subarray(0, -1) };
  }
}
