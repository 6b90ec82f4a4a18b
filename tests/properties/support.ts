/** What the property tests share: generators, splits of bytes, and a network that splits its reads. */

import fc from "npm:fast-check@4.10.2";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { ClientConnectInfo, Context, ContextCreationInfo, Protocol } from "../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import type { Listener, Network, NetworkTarget, TransportHandler } from "../../src/api/network.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { concat } from "../support/frames.ts";
import { handshake, opened, readHead, retire, WebSocketPeer } from "../support/serve.ts";

export { fc };

interface CheckOptions {
  readonly seed: number;
  readonly numRuns: number;
}

type Given<Values> = { [Index in keyof Values]: fc.Arbitrary<Values[Index]> };

/** Checks a property; the seed makes each run the same, and the failure has the counterexample. */
export function check<Values extends [unknown, ...unknown[]]>(
  options: CheckOptions,
  ...property: [...given: Given<Values>, holds: (...values: Values) => boolean | void]
): void {
  fc.assert(fc.property<Values>(...property), options);
}

/** As {@linkcode check}, for what needs time to happen. */
export function checkAsync<Values extends [unknown, ...unknown[]]>(
  options: CheckOptions,
  ...property: [...given: Given<Values>, holds: (...values: Values) => Promise<boolean | void>]
): Promise<void> {
  return fc.assert(fc.asyncProperty<Values>(...property), options);
}

/** Lets things happen until `isDone`, which nothing on an in-memory network takes long for. */
export async function until(what: string, isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (isDone()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it hangs: ${what}`);
}

/** A promise's value, which has to come without time going by. */
export async function promptly<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  let outcome: { value: Value } | { error: unknown } | undefined;
  promise.then((value) => outcome = { value }, (error: unknown) => outcome = { error });
  await until(what, () => outcome !== undefined);
  if ("error" in outcome!) throw outcome.error;
  return outcome!.value;
}

// Generators.

/** Bytes, shown as text in a counterexample by fast-check itself. */
export function bytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength });
}

/** The lengths at which a frame's header, a mask's step or an assembly buffer changes. */
const EDGES = [0, 1, 3, 4, 7, 31, 32, 33, 125, 126, 127, 511, 512, 1023, 1024, 1025, 3000];

/** Bytes up to `longest` that a compressor finds something in, and bytes that it does not. */
export function compressible(longest: number): fc.Arbitrary<Uint8Array> {
  const edges = EDGES.filter((each) => each <= longest);
  return fc.oneof(
    bytes(Math.min(longest, 60)),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom(...edges), fc.nat(9))
      .map(([block, length, noise]) => repeated(block, length, noise)),
  );
}

/** `block` again and again, with a byte changed now and then unless `noise` is 0. */
function repeated(block: Uint8Array, length: number, noise: number): Uint8Array {
  const whole = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    whole[i] = block[i % block.length]! + (noise > 0 && i % (97 * noise) === 5 * noise ? i : 0);
  }
  return whole;
}

/** Text of any characters that there are, at times the same again and again. */
export function anyText(longest: number): fc.Arbitrary<string> {
  const short = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.constantFrom(
      "",
      "a",
      "\u0000",
      "\u007f\u0080",
      "\u07ff\u0800",
      "\uffff",
      "😀",
      "\u{10ffff}",
    ),
  );
  return fc.oneof(
    short,
    fc.tuple(short, fc.integer({ min: 1, max: Math.max(1, Math.floor(longest / 24)) })).map((
      [text, times],
    ) => text.repeat(times)),
  );
}

/** Where to cut, as shares of the whole, so that a smaller whole keeps its cuts. */
export function cuts(maxLength: number): fc.Arbitrary<readonly number[]> {
  return fc.array(fc.nat(1000), { maxLength });
}

/** `whole` in parts, cut at these shares of it; cuts that fall together make empty parts. */
export function cutAt(whole: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const ends = shares.map((share) => Math.floor(share * whole.length / 1000)).sort((a, b) => a - b);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const end of [...ends, whole.length]) {
    parts.push(whole.subarray(start, end));
    start = end;
  }
  return parts;
}

/** The sizes of reads, which go round and round; many are small, as these are where splits hurt. */
export const readSizes: fc.Arbitrary<readonly number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 200 }), fc.constant(5000)),
  { minLength: 1, maxLength: 6 },
);

// zlib, as documented.

export const TAIL: Uint8Array = Uint8Array.of(0, 0, 0xff, 0xff);
/** Node's constant for a flush to a byte boundary. */
export const SYNC_FLUSH = 2;

/** A message as RFC 7692 section 7.2.1 has it, which refers to nothing before it. */
export function deflate(data: Uint8Array, windowBits = 15, level = 6): Uint8Array {
  const whole = deflateRawSync(data, { finishFlush: SYNC_FLUSH, windowBits, level });
  return new Uint8Array(whole.subarray(0, -4));
}

/** Inflates whole streams; the small chunks make zlib notice references that are too far back. */
export function inflate(stream: Uint8Array, windowBits = 15): Uint8Array {
  return new Uint8Array(
    inflateRawSync(stream, { finishFlush: SYNC_FLUSH, windowBits, chunkSize: 64 }),
  );
}

// The network.

/** Makes an end deliver reads of these sizes, one after the other. */
export function chopIn(transport: MemoryTransport, sizes: readonly number[]): void {
  let next = 0;
  const chop = () => transport.chop(sizes[next++ % sizes.length]!);
  const start = transport.start.bind(transport);
  transport.start = (handler: TransportHandler) => {
    start({
      onBytes(bytes) {
        chop();
        return handler.onBytes(bytes);
      },
      onDrain: () => handler.onDrain(),
      onEnd: () => handler.onEnd(),
      onClose: (error) => handler.onClose(error),
    });
  };
  chop();
}

/** An in-memory network on which servers and clients read in pieces of given sizes. */
class ChoppingNetwork implements Network {
  readonly inner = new MemoryNetwork();
  readonly #serverReads: readonly number[];
  readonly #clientReads: readonly number[];

  constructor(serverReads: readonly number[], clientReads: readonly number[]) {
    this.#serverReads = serverReads;
    this.#clientReads = clientReads;
  }

  listen(target: NetworkTarget): Listener {
    const listener = this.inner.listen(target);
    const reads = this.#serverReads;
    return {
      address: listener.address,
      close: () => listener.close(),
      async accept() {
        const transport = await listener.accept() as MemoryTransport;
        chopIn(transport, reads);
        return transport;
      },
    };
  }

  async connect(target: NetworkTarget, signal: AbortSignal): Promise<MemoryTransport> {
    const transport = await this.inner.connect(target, signal);
    chopIn(transport, this.#clientReads);
    return transport;
  }
}

export interface Stage extends AsyncDisposable {
  readonly context: Context;
  /** Connects and becomes a WebSocket that is played by hand. */
  open(headers?: readonly string[]): Promise<WebSocketPeer>;
  /** A context that connects to the other one at once. */
  connect(
    protocol: Protocol,
    info?: Partial<ContextCreationInfo>,
    asked?: Partial<ClientConnectInfo>,
  ): Context;
}

/** A server whose reads, and its clients' reads, have these sizes. */
export function stage(
  protocol: Protocol,
  info: Partial<ContextCreationInfo>,
  serverReads: readonly number[],
  clientReads: readonly number[] = [5000],
): Stage {
  const network = new ChoppingNetwork(serverReads, clientReads);
  const clock = new FakeClock();
  const context = createContext({ port: 80, network, clock, ...info, protocols: [protocol] });
  const contexts = [context];
  return {
    context,
    async open(headers = []) {
      const peer = await network.inner.dial(80);
      peer.send(handshake({ headers }));
      return opened(peer, await promptly("the handshake", readHead(peer)));
    },
    connect(clientProtocol, clientInfo = {}, asked = {}) {
      const client = createContext({
        port: CONTEXT_PORT_NO_LISTEN,
        network,
        clock,
        ...clientInfo,
        protocols: [clientProtocol],
      });
      contexts.push(client);
      client.clientConnect({ address: "127.0.0.1", port: 80, ...asked });
      return client;
    },
    [Symbol.asyncDispose]: () => retire(contexts, clock),
  };
}

/** What an answer to the handshake agrees to, as a function of the parameter's name. */
export function agreedBits(answer: string, name: string): number {
  return Number(new RegExp(`${name}=(\\d+)`).exec(answer)?.[1] ?? 15);
}

export { concat };
