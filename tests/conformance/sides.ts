/**
 * The two sides of the protocol behind one face: our server with a client that is played by hand, and
 * our client with a server that is. A rule for endpoints is written once and tested on each, and in each
 * version of the protocol that has what it is about.
 */

import { createHash } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import type {
  ClientConnectInfo,
  CloseInfo,
  ContextCreationInfo,
  Limits,
  Protocol,
  Reason,
  Wsi,
} from "../../mod.ts";
import { handlers, permessageDeflate } from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readAnswer, requestOf } from "../behaviour/websocket/old_peers.ts";
import { concat, type FrameOptions } from "../support/frames.ts";
import { fieldOf } from "../support/http.ts";
import {
  HANDSHAKE_KEY,
  playServer,
  readHead,
  type ReceivedFrame,
  serve,
  settle,
  TARGET,
} from "../support/serve.ts";
import { type Dialect, DIALECTS, type Wire, wireOf } from "./dialects.ts";

/** How a context of one side is made. */
export interface SetUpOptions {
  readonly limits?: Partial<Limits>;
  /** Whether permessage-deflate is in the context's list, and whether connections agree on it. */
  readonly deflate?: "listed" | "agreed";
  /** What else the context is made with. */
  readonly info?: Partial<ContextCreationInfo>;
  /** The longest piece of a frame. */
  readonly rxBufferSize?: number;
  /** Called in every callback of a connection, before anything else. */
  readonly on?: (wsi: Wsi, reason: Reason) => number | void;
}

/** One of the two sides. */
export interface Side {
  readonly name: "server" | "client";
  /** The version of the protocol that is spoken. */
  readonly dialect: Dialect;
  /** Whether the frames that our end sends are masked; those of the peer are so if these are not. */
  readonly masks: boolean;
  /** Our end: a context, and the network and clock that it lives with. */
  setUp(options?: SetUpOptions): House;
  /** The only connection of a context, which ends with it. */
  open(options?: SetUpOptions): Promise<Link & AsyncDisposable>;
}

/** A context of one side, to open any number of connections with. */
export interface House extends AsyncDisposable {
  readonly clock: FakeClock;
  /** An established connection, with the frames of `early` in the packet of the peer's handshake. */
  open(...early: readonly FrameOptions[]): Promise<Link>;
}

/** A piece of a frame, as a callback was told of it. */
export interface Piece {
  readonly length: number;
  readonly isFirst: boolean;
  readonly isFinal: boolean;
  readonly isBinary: boolean;
  readonly remaining: number;
}

/** What a connection's callbacks were told. */
class Heard {
  readonly messages: (string | Uint8Array)[] = [];
  readonly pieces: Piece[] = [];
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  readonly closes: CloseInfo[] = [];
  /** All but the bytes of a message, in the order of the calls. */
  readonly order: string[] = [];
  readonly established = Promise.withResolvers<void>();
}

/** One connection: our end as the callbacks know it, and the peer that the test plays. */
export class Link {
  readonly side: Side;
  readonly wsi: Wsi;
  readonly peer: MemoryPeer;
  readonly heard: Heard;
  readonly #wire: Wire;

  constructor(side: Side, wsi: Wsi, peer: MemoryPeer, heard: Heard, wire: Wire) {
    this.side = side;
    this.wsi = wsi;
    this.peer = peer;
    this.heard = heard;
    this.#wire = wire;
  }

  /** The bytes of frames, masked as the peer of this side must, unless they say otherwise. */
  bytesOf(...frames: readonly FrameOptions[]): Uint8Array {
    return concat(...frames.map((each) => this.#wire.bytesOf(each)));
  }

  /** Sends frames, all in one write. */
  send(...frames: readonly FrameOptions[]): void {
    this.peer.send(this.bytesOf(...frames));
  }

  /** Lets our end read at most `size` bytes at a time. */
  chop(size: number): void {
    this.peer.transport.peer.chop(size);
  }

  /** The next frame that our end sent; it must be masked as the side's are. */
  async receive(): Promise<ReceivedFrame> {
    const received = await this.#wire.read(this.peer);
    assert(received.masked === this.side.masks, "5.1 only a client masks");
    assert(received.rsv === 0, "5.2 reserved bits are 0 unless something else was agreed on");
    return received;
  }

  async receiveText(): Promise<string> {
    const { opcode, payload } = await this.receive();
    assertEquals(opcode, 1);
    return new TextDecoder().decode(payload);
  }

  /** The close frame that must come next; 1005 for one without a code. */
  async receiveClose(): Promise<{ code: number; reason: string }> {
    const { fin, opcode, payload } = await this.receive();
    assert(fin && opcode === 8, `a frame of opcode ${opcode} in place of a close frame`);
    if (payload.length === 0) return { code: 1005, reason: "" };
    assert(payload.length >= 2 && payload.length <= 125);
    return { code: payload[0]! << 8 | payload[1]!, reason: strict.decode(payload.subarray(2)) };
  }

  /** Of a close frame what the version has: a code and a reason, or neither. */
  said(code: number, reason = ""): { code: number; reason: string } {
    return this.side.dialect.hasCloseCode ? { code, reason } : { code: 1005, reason: "" };
  }

  /**
   * Our end has failed the connection (section 7.1.7): a close frame with this code, the end of the
   * connection right behind it, and the session's end as not clean. No time goes by meanwhile.
   */
  async assertFailed(code: number, what?: string): Promise<void> {
    if (this.side.dialect.hasCloseFrame) {
      assertEquals((await this.receiveClose()).code, this.said(code).code, what);
    }
    await this.assertEnded();
    const [info, ...more] = this.heard.closes;
    assertEquals([info?.code, info?.wasClean, more.length], [code, false, 0], what);
  }

  /** Nothing more comes from our end but the connection's end, which the peer joins in. */
  async assertEnded(): Promise<void> {
    assertEquals((await this.peer.readToEnd()).length, 0, "something came before the end");
    this.peer.close();
    await settle();
    assertEquals(this.heard.closes.length, 1, "closed comes once");
  }

  /** As {@linkcode assertEnded} behind both close frames, where the server ends first (section 7.1.1). */
  async assertClosed(): Promise<void> {
    if (this.side.name === "client") {
      await settle();
      assert(!this.peer.ended && this.heard.closes.length === 0, "a client waits for the server");
      this.peer.end();
    }
    await this.assertEnded();
  }

  /** The connection is as good as new: a ping is answered, and with nothing in front of the answer. */
  async assertAlive(): Promise<void> {
    if (this.side.dialect.hasAllKinds) {
      this.send({ opcode: 9, payload: "still there?" });
      const { opcode, payload } = await this.receive();
      assertEquals([opcode, new TextDecoder().decode(payload)], [10, "still there?"]);
    } else {
      this.send({ opcode: 1, payload: "still there?" });
      await settle();
      assertEquals(this.heard.messages.at(-1), "still there?");
      this.wsi.write("still here");
      assertEquals(await this.receiveText(), "still here");
    }
    assertEquals(this.heard.closes, []);
  }

  /** The next messages, as the peer sends what makes them. */
  async messages(count: number): Promise<readonly (string | Uint8Array)[]> {
    // All happens in microtasks and turns, so that there is nothing to wait for but those.
    for (let turns = 0; this.heard.messages.length < count; turns++) {
      assert(turns < 100, `${this.heard.messages.length} messages came in place of ${count}`);
      assertEquals(this.heard.closes, []);
      await settle();
    }
    assertEquals(this.heard.messages.length, count);
    return this.heard.messages;
  }
}

/** What breaks the protocol: frames, or bytes that no frame has. */
export type Offence = readonly [what: string, ...sent: readonly (FrameOptions | Uint8Array)[]];

/**
 * Each offence fails its connection with `code`, whether it comes in one read or byte by byte; what
 * comes behind it is not processed (section 7.1.7), and nobody else notices.
 */
export async function assertBreaks(
  side: Side,
  code: number,
  offences: Iterable<Offence>,
  options?: SetUpOptions,
): Promise<void> {
  await using house = side.setUp(options);
  const bystander = await house.open();
  for (const [what, ...sent] of offences) {
    for (const chop of [Infinity, 1]) {
      const link = await house.open();
      link.chop(chop);
      const pings = side.dialect.hasAllKinds ? [{ opcode: 9, payload: "late" }] : [];
      const behind = [{ opcode: 1, payload: "late" }, ...pings, { opcode: 8 }];
      const parts = [...sent, ...behind].map((each) =>
        each instanceof Uint8Array ? each : link.bytesOf(each)
      );
      link.peer.send(concat(...parts));
      await link.assertFailed(code, what);
      assert(!link.heard.messages.includes("late") && !link.heard.pings.includes("late"), what);
    }
  }
  await bystander.assertAlive();
}

/** The `Sec-WebSocket-Accept` for a key (section 4.2.2, step 5.4), by the runtime's SHA-1. */
export function acceptFor(key: string): string {
  return createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
}

/** The lines of a good answer to a request, as the client of this side must take it. */
export function answerLines(request: string): string[] {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)![1]!;
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptFor(key)}`,
    ...request.includes("\r\nSec-WebSocket-Version: 4\r\n")
      ? [`Sec-WebSocket-Nonce: ${NONCE}`]
      : [],
  ];
}

/** What a server of version 4 gives for the masks of a connection. */
const NONCE = "c2VydmVyJ3Mgbm9uY2UgIQ==";

/** A good answer of version 0, whose keys draft 00 section 5.2 explains. */
export function hixieAnswer(
  request: string,
  challenge: Uint8Array,
  ...lines: readonly string[]
): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(8));
  for (const nth of [1, 2]) {
    const key = fieldOf(request, `Sec-WebSocket-Key${nth}`)!;
    const number = Number(key.replaceAll(/\D/g, "")) / (key.split(" ").length - 1);
    numbers.setUint32((nth - 1) * 4, number);
  }
  const proof = createHash("md5").update(new Uint8Array(numbers.buffer)).update(challenge);
  const path = request.split(" ")[1]!;
  const head = headOf([
    "HTTP/1.1 101 WebSocket Protocol Handshake",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Origin: ${fieldOf(request, "Origin")}`,
    `Sec-WebSocket-Location: ws://${fieldOf(request, "Host")}${path}`,
    ...lines,
  ]);
  return concat(encoder.encode(head), new Uint8Array(proof.digest()));
}

/** Lines as the head of a message. */
export function headOf(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads heads of one length: to look for the end of each would take most of the tests' time. */
function headReader(): (peer: MemoryPeer) => Promise<string> {
  let length = 0;
  return async (peer) => {
    const head = length === 0 ? await readHead(peer) : decoder.decode(await peer.readBytes(length));
    assert(head.endsWith("\r\n\r\n"), head);
    length = head.length;
    return head;
  };
}

/** A protocol that writes down what each of its connections hears. */
function listening(options: SetUpOptions): {
  protocol: Protocol;
  heardOf(wsi: Wsi): Heard;
  /** The connection whose peer has this port. */
  withPeer(port: number): Wsi;
} {
  const all = new WeakMap<Wsi, Heard>();
  const byPeer = new Map<number, Wsi>();
  const heardOf = (wsi: Wsi) => {
    let heard = all.get(wsi);
    if (heard === undefined) all.set(wsi, heard = new Heard());
    return heard;
  };
  const noteEstablished = (wsi: Wsi) => {
    byPeer.set(wsi.peerAddresses.port, wsi);
    heardOf(wsi).order.push("established");
    heardOf(wsi).established.resolve();
  };
  const notePing = (wsi: Wsi, _user: unknown, payload: Uint8Array) => {
    heardOf(wsi).pings.push(decoder.decode(payload));
    heardOf(wsi).order.push("ping");
  };
  const notePong = (wsi: Wsi, _user: unknown, payload: Uint8Array) => {
    heardOf(wsi).pongs.push(decoder.decode(payload));
    heardOf(wsi).order.push("pong");
  };
  const handle = handlers({
    established: noteEstablished,
    clientEstablished: noteEstablished,
    receivePing: notePing,
    clientReceivePing: notePing,
    receivePong: notePong,
    clientReceivePong: notePong,
    message(wsi, _user, message) {
      heardOf(wsi).messages.push(message);
      heardOf(wsi).order.push("message");
    },
    closed(wsi, _user, info) {
      heardOf(wsi).closes.push(info);
      heardOf(wsi).order.push("closed");
    },
  });
  const protocol: Protocol = {
    name: "listening",
    ...(options.rxBufferSize === undefined ? {} : { rxBufferSize: options.rxBufferSize }),
    callback(...args) {
      const [wsi, reason, , data] = args;
      if (reason === "receive" || reason === "clientReceive") {
        heardOf(wsi).order.push("piece");
        heardOf(wsi).pieces.push({
          length: data.length,
          isFirst: wsi.isFirstFragment,
          isFinal: wsi.isFinalFragment,
          isBinary: wsi.frameIsBinary,
          remaining: wsi.remainingPacketPayload,
        });
      }
      const verdict = options.on?.(wsi, reason);
      handle(...args);
      return verdict;
    },
  };
  return { protocol, heardOf, withPeer: (port) => byPeer.get(port)! };
}

async function openAlone(side: Side, options?: SetUpOptions): Promise<Link & AsyncDisposable> {
  const house = side.setUp(options);
  const end = { [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
  return Object.assign(await house.open(), end);
}

/** As an offer and as an answer; a client may want the last word of it confirmed. */
export const DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";

function infoOf({ limits, info, deflate }: SetUpOptions): Partial<ContextCreationInfo> {
  return { ...limits, ...info, extensions: deflate === undefined ? [] : [permessageDeflate()] };
}

/** Our server, with a client that is played by hand. */
export function serverOf(dialect: Dialect): Side {
  const { version } = dialect;
  const side: Side = {
    name: "server",
    dialect,
    masks: false,
    open: (options) => openAlone(side, options),
    setUp(options = {}) {
      const { protocol, heardOf, withPeer } = listening(options);
      const served = serve([protocol], { versions: [version], ...infoOf(options) });
      const headers = options.deflate === "agreed" ? [DEFLATE] : [];
      const request = encoder.encode(requestOf(version, { headers }));
      const readAlike = headReader();
      return {
        clock: served.clock,
        async open(...early) {
          const plain = version === 4 ? undefined : wireOf(dialect, true);
          const wireNow = (answer: string) =>
            wireOf(dialect, true, {
              key: HANDSHAKE_KEY,
              nonce: fieldOf(answer, "sec-websocket-nonce")!,
            });
          const peer = await served.dial(
            concat(request, ...early.map((each) => plain!.bytesOf(each))),
          );
          const answer = version === 0
            ? (await readAnswer(peer, version)).head
            : await readAlike(peer);
          assert(answer.startsWith("HTTP/1.1 101 "), answer);
          const wsi = withPeer(peer.transport.localAddress.port);
          return new Link(side, wsi, peer, heardOf(wsi), plain ?? wireNow(answer));
        },
        [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
      };
    },
  };
  return side;
}

/** Our client, with a server that is played by hand. */
export function clientOf(dialect: Dialect): Side {
  const version = dialect.version as NonNullable<ClientConnectInfo["version"]>;
  const side: Side = {
    name: "client",
    dialect,
    masks: dialect.hasAllKinds,
    open: (options) => openAlone(side, options),
    setUp(options = {}) {
      const { protocol, heardOf } = listening(options);
      const played = playServer([protocol], infoOf(options));
      const headers = options.deflate === "agreed" ? [DEFLATE] : [];
      const readAlike = headReader();
      return {
        clock: played.clock,
        async open(...early) {
          const wsi = played.context.clientConnect({ ...TARGET, version });
          const peer = await played.accept();
          const request = version === 0 ? await readHead(peer) : await readAlike(peer);
          const answer = version === 0
            ? hixieAnswer(request, await peer.readBytes(8))
            : encoder.encode(headOf([...answerLines(request), ...headers]));
          const keys = { key: fieldOf(request, "sec-websocket-key")!, nonce: NONCE };
          const wire = wireOf(dialect, false, keys);
          peer.send(concat(answer, ...early.map((each) => wire.bytesOf(each))));
          await heardOf(wsi).established.promise;
          return new Link(side, wsi, peer, heardOf(wsi), wire);
        },
        [Symbol.asyncDispose]: () => played[Symbol.asyncDispose](),
      };
    },
  };
  return side;
}

/** Both sides in RFC 6455's own version. */
export const SERVER: Side = serverOf(DIALECTS[0]!);
export const CLIENT: Side = clientOf(DIALECTS[0]!);
