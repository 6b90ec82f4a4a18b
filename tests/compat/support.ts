/** The generations behind one face, so that a test can go through them. */

import type { HandshakeOptions } from "../support/serve.ts";
import { dialer, handshake, opened, readHead, retire } from "../support/serve.ts";
import type { WebSocketPeer } from "../support/serve.ts";
import { dec15, feb11, mar13, nov10, oct12 } from "../../src/compat/mod.ts";
import { useHost } from "../../src/compat/calls/creation.ts";
import type { Context, LogLevel, PollFd, Wsi } from "../../mod.ts";
import { LOG_LEVELS, setLogLevel } from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { MemoryPeer } from "../../src/testing/memory_peer.ts";

/** A callback with the reason by name, such as `RECEIVE`. */
export type Callback = (
  wsi: Wsi,
  reason: string,
  // deno-lint-ignore no-explicit-any -- as in C
  user: any,
  // deno-lint-ignore no-explicit-any -- as in C
  input: any,
  len: number,
) => number | void;

/** A callback that does something for one reason alone. */
export function on(
  reason: string,
  // deno-lint-ignore no-explicit-any -- as in C
  act: (wsi: Wsi, user: any, input: any, len: number) => number | void,
): Callback {
  return (wsi, each, ...given) => each === reason ? act(wsi, ...given) : 0;
}

/** A protocol of any generation. */
export interface ProtocolSpec {
  name: string | null;
  /** Null ends a list. */
  callback: Callback | null;
  per_session_data_size?: number | (() => unknown);
  rx_buffer_size?: number;
  id?: number;
  user?: unknown;
}

/** Everything that creation may be given. */
export interface ContextSpec {
  port?: number;
  protocols: ProtocolSpec[];
  // deno-lint-ignore no-explicit-any -- of any generation
  extensions?: any[] | null;
  options?: number;
  user?: unknown;
  [member: string]: unknown;
}

// deno-lint-ignore no-explicit-any -- namespaces have the names of their generation
export type Api = Record<string, any>;

/** A generation as the tests see it. */
export interface Face {
  readonly name: string;
  readonly api: Api;
  /** The first words of its functions' names, as the matrix has them without. */
  call(last: string, ...args: unknown[]): unknown;
  has(last: string): boolean;
  create(spec: ContextSpec): Context | null;
  /** The structs that the last creation was given. */
  structs: Record<string, unknown>[];
  /** The creation struct of the last creation, where there is one. */
  info: Record<string, unknown>;
}

/** Generations that are tested alike. */
class Faces extends Array<Face> {
  /** Tests each; its name is in front of the sentence, and behind the contract that this is about. */
  test(sentence: string, body: (face: Face) => Promise<void> | void): void {
    for (const face of this) {
      const title = sentence.replace(/^(contract \d+: )?/, `$1${face.name}: `);
      Deno.test(title, () => body(face));
    }
  }
}

const PREFIXES = ["lws_", "libwebsocket_", "libwebsockets_"];

function faceOf(
  name: string,
  api: Api,
  hasContext: boolean,
  make: (face: Face, spec: ContextSpec) => Context | null,
): Face {
  const reasons = new Map<number, string>();
  for (const [constant, number] of Object.entries(api)) {
    const [, reason] = /^LWS_CALLBACK_(\w+)$/.exec(constant) ?? [];
    if (reason !== undefined) reasons.set(number, reason);
  }
  const face: Face = {
    name,
    api,
    structs: [],
    info: {},
    has: (last) => PREFIXES.some((prefix) => typeof api[prefix + last] === "function"),
    call(last, ...args) {
      const prefix = PREFIXES.find((each) => typeof api[each + last] === "function");
      if (prefix === undefined) throw new Error(`${name} has no ${last}`);
      return api[prefix + last](...args);
    },
    create(spec) {
      const named = { ...spec, protocols: spec.protocols.map((each) => adapt(each)) };
      face.structs = named.protocols as unknown as Record<string, unknown>[];
      return make(face, named);
    },
  };
  const adapt = (protocol: ProtocolSpec): ProtocolSpec => {
    const { callback } = protocol;
    if (callback === null) return protocol;
    // deno-lint-ignore no-explicit-any -- as in C
    const adapted = (...args: any[]) => {
      const [wsi, reason, user, input, len] = hasContext ? args.slice(1) : args;
      return callback(wsi, reasons.get(reason) ?? String(reason), user, input, len);
    };
    return { ...protocol, callback: adapted };
  };
  return face;
}

const none = (value: unknown) => value ?? null;

export const FEB11 = faceOf(
  "feb11",
  feb11,
  false,
  (_face, spec) =>
    feb11.libwebsocket_create_context(
      spec.port ?? 80,
      spec.protocols as never,
      none(spec.ssl_cert_filepath) as never,
      none(spec.ssl_private_key_filepath) as never,
      (spec.gid ?? -1) as number,
      (spec.uid ?? -1) as number,
      spec.options ?? 0,
      none(spec.limits) as never,
    ),
);
export const OCT12 = faceOf(
  "oct12",
  oct12,
  true,
  (_face, spec) =>
    oct12.libwebsocket_create_context(
      spec.port ?? 80,
      none(spec.iface) as never,
      spec.protocols as never,
      none(spec.extensions) as never,
      none(spec.ssl_cert_filepath) as never,
      none(spec.ssl_private_key_filepath) as never,
      (spec.gid ?? -1) as number,
      (spec.uid ?? -1) as number,
      spec.options ?? 0,
      none(spec.user),
      none(spec.limits) as never,
    ),
);
export const MAR13 = faceOf("mar13", mar13, true, (face, spec) => {
  face.info = { port: 80, gid: -1, uid: -1, ...spec };
  return mar13.libwebsocket_create_context(face.info as never);
});
export const DEC15 = faceOf("dec15", dec15, false, (face, spec) => {
  face.info = { port: 80, gid: -1, uid: -1, ...spec };
  return dec15.lws_create_context(face.info as never);
});
/** All that have contexts, the oldest first. */
export const FACES = Faces.of(FEB11, OCT12, MAR13, DEC15) as Faces;
export const SINCE_OCT12 = FACES.slice(1) as Faces;
export const SINCE_MAR13 = FACES.slice(2) as Faces;
/** The generation before, which has none. */
export const NOV10 = faceOf("nov10", nov10, false, () => null);

/** The faces that have a function. */
export const withCall = (last: string): Faces => FACES.filter((face) => face.has(last)) as Faces;
/** The faces that have a reason. */
export const withReason = (reason: string): Faces =>
  FACES.filter((face) => `LWS_CALLBACK_${reason}` in face.api) as Faces;

/** A context on a network in memory, which a test services. */
export interface Rig extends AsyncDisposable {
  readonly context: Context;
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  /** Connects, and sends what it is given. */
  dial(sent?: string | Uint8Array): Promise<MemoryPeer>;
  open(options?: HandshakeOptions): Promise<WebSocketPeer>;
  /** Services the contexts until the promise has settled. */
  pump<T>(promise: Promise<T>): Promise<T>;
  /** Services the contexts until something is so. */
  until(isSo: () => boolean): Promise<void>;
  /** Services the contexts until nothing comes any more. */
  settle(): Promise<void>;
  /** Another context, on the same network, and serviced with the first one. */
  also(face: Face, spec: ContextSpec): Context;
}

/** Puts contexts that no rig makes on a network in memory as well. */
export function stayInMemory(): void {
  useHost({ network: new MemoryNetwork(), clock: new FakeClock() });
}
stayInMemory();

// What is logged on purpose is of no interest, unless a test collects it.
setLogLevel([], () => {});

/** Far more than anything takes that ever comes, so that what does not come fails its test. */
const MOST_ROUNDS = 10_000_000;

/** Makes a context of a generation, which must come about. */
export function rig(face: Face, spec: ContextSpec): Rig {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  useHost({ network, clock });
  const contexts: Context[] = [];
  const add = (other: Face, given: ContextSpec) => {
    const context = other.create(given);
    if (context === null) throw new Error(`${other.name} made no context`);
    contexts.push(context);
    return context;
  };
  const context = add(face, spec);
  const dial = dialer(network, context.port);
  const round = async () => {
    for (const each of contexts) if (!each.isDestroyed) await each.service(0);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const until = async (isSo: () => boolean) => {
    for (let left = MOST_ROUNDS; !isSo(); left--) {
      if (left === 0) throw new Error(`it is not so after ${MOST_ROUNDS} rounds of service`);
      await round();
    }
  };
  const pump = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const done = () => isSettled = true;
    promise.then(done, done);
    await until(() => isSettled);
    return await promise;
  };
  return {
    context,
    network,
    clock,
    until,
    pump,
    dial,
    async open(options) {
      const peer = await dial(handshake(options));
      return opened(peer, await pump(readHead(peer)));
    },
    async settle() {
      for (let i = 0; i < 20; i++) await round();
    },
    also: add,
    async [Symbol.asyncDispose]() {
      await retire(contexts, clock);
      stayInMemory();
    },
  };
}

/** Collects what is logged while `work` runs. */
export function logged<T>(work: () => T): { result: T; lines: string[] } {
  const lines: string[] = [];
  setLogLevel(LOG_LEVELS, (level: LogLevel, line: string) => lines.push(`${level}: ${line}`));
  try {
    return { result: work(), lines };
  } finally {
    setLogLevel([], () => {});
  }
}

/** The answer that accepts a client's handshake. */
export async function acceptance(request: string, fields: string): Promise<string> {
  const key = /sec-websocket-key: (\S+)/i.exec(request)![1]!;
  const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toBase64();
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${hash}\r\n${fields}\r\n`;
}

/** A poll entry for a descriptor with something waiting. */
export function pollFd(fd: number, revents: number): PollFd {
  return { fd, events: revents, revents };
}
