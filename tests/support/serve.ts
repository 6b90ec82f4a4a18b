/** A context on an in-memory network with a clock of its own, and clients that are played by hand. */

import type { ClientConnectInfo, Context, ContextCreationInfo, Protocol } from "../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../mod.ts";
import { digests } from "../../src/context/digests.ts";
import { acceptValue } from "../../src/core/websocket/handshake/keys.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { concat, frame, type FrameOptions, KEY } from "./frames.ts";

/** The key of RFC 6455 section 1.3, and the answer to it. */
export const HANDSHAKE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const HANDSHAKE_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** What a `Sec-WebSocket-Key` is answered with. */
export function acceptOf(key: string): string {
  return acceptValue(key, digests);
}

export interface Served extends AsyncDisposable {
  readonly context: Context;
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  /** Connects, and sends what it is given. */
  dial(sent?: string | Uint8Array): Promise<MemoryPeer>;
  /** Connects and becomes a WebSocket. */
  open(options?: HandshakeOptions): Promise<WebSocketPeer>;
  /** Time goes by, and what it makes due is done. */
  pass(ms: number): Promise<void>;
  /** Another context on the same network, which only connects. */
  client(protocols: readonly Protocol[], info?: Partial<ContextCreationInfo>): Context;
}

export interface HandshakeOptions {
  readonly path?: string;
  readonly protocol?: string;
  readonly headers?: readonly string[];
}

export function serve(
  protocols: readonly Protocol[],
  info: Partial<ContextCreationInfo> = {},
): Served {
  const network = info.network instanceof MemoryNetwork ? info.network : new MemoryNetwork();
  const clock = info.clock instanceof FakeClock ? info.clock : new FakeClock();
  const context = createContext({ port: 80, network, clock, ...info, protocols });
  const clients: Context[] = [];
  const dial = dialer(network, context.port);
  return {
    context,
    network,
    clock,
    dial,
    pass: passing(clock),
    async open(options) {
      const peer = await dial(handshake(options));
      return opened(peer, await readHead(peer));
    },
    client(clientProtocols, clientInfo = {}) {
      const client = createContext({
        port: CONTEXT_PORT_NO_LISTEN,
        network,
        clock,
        ...clientInfo,
        protocols: clientProtocols,
      });
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: () => retire([context, ...clients], clock),
  };
}

/** The only peer of a server that goes with it. */
export function dialAlone(
  protocols: readonly Protocol[],
  sent?: string | Uint8Array,
  info?: Partial<ContextCreationInfo>,
): Promise<MemoryPeer & AsyncDisposable> {
  const served = serve(protocols, info);
  return owning(served, served.dial(sent));
}

/** The only WebSocket of a server that goes with it. */
export function openAlone(
  protocols: readonly Protocol[],
  info?: Partial<ContextCreationInfo>,
  options?: HandshakeOptions,
): Promise<WebSocketPeer & AsyncDisposable> {
  const served = serve(protocols, info);
  return owning(served, served.open(options));
}

async function owning<Peer extends object>(served: Served, coming: Promise<Peer>) {
  const dispose = () => served[Symbol.asyncDispose]();
  try {
    return Object.assign(await coming, { [Symbol.asyncDispose]: dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Dials a port, and sends what it is given. */
export function dialer(network: MemoryNetwork, port: number): Served["dial"] {
  return async (sent) => {
    const peer = await network.dial(port);
    if (sent !== undefined) peer.send(sent);
    return peer;
  };
}

function passing(clock: FakeClock): Served["pass"] {
  return (ms) => {
    clock.advance(ms);
    return settle();
  };
}

/** A peer whose handshake was answered, which must be by a 101. */
export function opened(peer: MemoryPeer, answer: string): WebSocketPeer {
  if (!answer.startsWith("HTTP/1.1 101")) throw new Error(`no 101: ${answer}`);
  return new WebSocketPeer(peer, answer);
}

/** Destroys contexts; peers that never answer a close are let go by the clock. */
export async function retire(contexts: readonly Context[], clock: FakeClock): Promise<void> {
  const ends = contexts.map((each) => each.destroy());
  await settle();
  clock.advance(60_000);
  await Promise.all(ends);
}

/** A server that the test plays, and a context of ours that connects to it. */
export interface PlayedServer extends AsyncDisposable {
  readonly context: Context;
  readonly clock: FakeClock;
  readonly network: MemoryNetwork;
  pass: Served["pass"];
  /** The next connection that comes. */
  accept(): Promise<MemoryPeer>;
}

/** Where {@linkcode playServer} listens. */
export const TARGET = {
  address: "server.example.com",
  port: 80,
} as const satisfies ClientConnectInfo;

export function playServer(
  protocols: readonly Protocol[],
  info: Partial<ContextCreationInfo> = {},
): PlayedServer {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const listener = network.listen({ hostname: TARGET.address, port: TARGET.port });
  const port = CONTEXT_PORT_NO_LISTEN;
  const context = createContext({ network, clock, ...info, port, protocols });
  return {
    context,
    clock,
    network,
    pass: passing(clock),
    accept: async () => new MemoryPeer(await listener.accept() as MemoryTransport),
    [Symbol.asyncDispose]() {
      listener.close();
      return retire([context], clock);
    },
  };
}

export function handshake(options: HandshakeOptions = {}): string {
  const lines = [
    `GET ${options.path ?? "/"} HTTP/1.1`,
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${HANDSHAKE_KEY}`,
    "Sec-WebSocket-Version: 13",
    ...(options.protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${options.protocol}`]),
    ...options.headers ?? [],
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const decoder = new TextDecoder("latin1");

/** Reads up to and with the blank line that ends a head. */
export async function readHead(peer: MemoryPeer): Promise<string> {
  const bytes = await peer.readUntil((unread) =>
    unread.length >= 4 && unread.at(-1) === 10 && unread.at(-2) === 13 && unread.at(-3) === 10 &&
    unread.at(-4) === 13
  );
  return decoder.decode(bytes);
}

/** Reads a whole response with a `Content-Length`. */
export async function readResponse(peer: MemoryPeer): Promise<{ head: string; body: string }> {
  const head = await readHead(peer);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  return { head, body: decoder.decode(await peer.readBytes(length)) };
}

/** A frame as it came from the server. */
export interface ReceivedFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Uint8Array;
}

/** The client's side of an open WebSocket, frame by frame. */
export class WebSocketPeer {
  readonly peer: MemoryPeer;
  readonly answer: string;

  constructor(peer: MemoryPeer, answer: string) {
    this.peer = peer;
    this.answer = answer;
  }

  /** Sends frames, masked unless told otherwise, all in one write. */
  send(...frames: readonly FrameOptions[]): void {
    this.peer.send(concat(...frames.map((each) => frame({ key: KEY, ...each }))));
  }

  async receive(): Promise<ReceivedFrame> {
    return await readFrame(this.peer);
  }

  async receiveText(): Promise<string> {
    return new TextDecoder().decode((await this.receive()).payload);
  }

  /** The close frame that comes next, as code and reason; 1005 for an empty one. */
  async receiveClose(): Promise<{ code: number; reason: string }> {
    const { opcode, payload } = await this.receive();
    if (opcode !== 8) throw new Error(`opcode ${opcode} came in place of a close frame`);
    if (payload.length === 0) return { code: 1005, reason: "" };
    const reason = new TextDecoder().decode(payload.subarray(2));
    return { code: payload[0]! << 8 | payload[1]!, reason };
  }
}

/** Reads one frame, byte by byte as section 5.2 says. */
export async function readFrame(peer: MemoryPeer): Promise<ReceivedFrame> {
  const [first, second] = await peer.readBytes(2) as Uint8Array & [number, number];
  let length = second! & 127;
  if (length >= 126) {
    const bytes = await peer.readBytes(length === 126 ? 2 : 8);
    length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (length < (bytes.length === 2 ? 126 : 65_536)) {
      throw new Error(`${length} in too many bytes`);
    }
  }
  const masked = second! >= 128;
  const key = masked ? await peer.readBytes(4) : new Uint8Array(4);
  const payload = await peer.readBytes(length);
  for (let i = 0; i < length; i++) payload[i]! ^= key[i % 4]!;
  return { fin: first! >= 128, rsv: first! >> 4 & 7, opcode: first! & 15, masked, payload };
}

/** Lets everything happen that needs no time: microtasks and turns of the scheduler. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
