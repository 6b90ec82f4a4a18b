/**
 * What a neighbour notices of peers that send as fast as they can, beside what it notices without them:
 * each kind of flood with one, four and eight connections, on real sockets.
 */

import { makeCertificates } from "../../tests/support/certificates.ts";
import type { FloodOrder } from "./flooder.ts";
import type { FairServerOrder, FairServerPorts } from "./fair_server.ts";

/** The 99th percentile may grow to three times the quiet one, and 5 ms. */
const FACTOR = 3;
const MORE_MS = 5;
/** One attempt, or the median of so many where the first is not good enough. */
const ATTEMPTS = 5;
const TRIPS = 200;
const PAUSE_MS = 4;
const COUNTS = [1, 4, 8];

/** What became of one flood. */
export interface FairnessRow {
  readonly name: string;
  readonly quietMs: number;
  readonly floodedMs: number;
  readonly isFair: boolean;
}

function start(file: string): Worker {
  return new Worker(new URL(file, import.meta.url), { type: "module" });
}

function answerOf<T>(worker: Worker): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  worker.onmessage = ({ data }: MessageEvent<T>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  return promise;
}

const HANDSHAKE = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);
/** Four bytes, which the server sends back; all else it ignores. */
const MESSAGE = Uint8Array.of(0x82, 0x84, 0, 0, 0, 0, 1, 2, 3, 4);
const ECHO_LENGTH = 6;

/** The 99th percentile of a new neighbour's round trips, its way in counted as one of them. */
async function neighbour(port: number): Promise<number> {
  const startedAt = performance.now();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const buffer = new Uint8Array(1024);
  await conn.write(HANDSHAKE);
  await conn.read(buffer);
  const times = [performance.now() - startedAt];
  for (let trip = 0; trip < TRIPS; trip++) {
    const sentAt = performance.now();
    await conn.write(MESSAGE);
    for (let length = 0; length < ECHO_LENGTH;) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("the neighbour was cut");
      length += count;
    }
    times.push(performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  times.sort((one, other) => one - other);
  return times[Math.floor(times.length * 0.99) - 1]!;
}

/** Measures all floods, one after the other; a row as soon as it is known. */
export async function* fairness(): AsyncGenerator<FairnessRow> {
  const certificates = await makeCertificates();
  const floods: [name: string, order: Omit<FloodOrder, "port">][] = [];
  for (const kind of ["messages", "pongs", "requests", "zeros"] as const) {
    for (const count of COUNTS) floods.push([`${kind}, ${count}`, { kind, count }]);
  }
  floods.push(["messages, 4, TLS", { kind: "messages", count: 4, ca: certificates.ca.cert }]);
  floods.push(["messages, 4, unix", { kind: "messages", count: 4, path: "" }]);
  for (const [name, order] of floods) {
    const quiet: number[] = [];
    const flooded: number[] = [];
    let isFair = false;
    while (!isFair && flooded.length < ATTEMPTS) {
      await attempt(certificates.localhost, order, quiet, flooded);
      isFair = median(flooded) <= median(quiet) * FACTOR + MORE_MS;
    }
    yield { name, quietMs: median(quiet), floodedMs: median(flooded), isFair };
  }
}

/** One flood of a server that has just started: what it compiles later it does slowly yet. */
async function attempt(
  { cert, key }: FairServerOrder,
  order: Omit<FloodOrder, "port">,
  quiet: number[],
  flooded: number[],
): Promise<void> {
  const server = start("./fair_server.ts");
  const flooder = start("./flooder.ts");
  try {
    const serving = answerOf<FairServerPorts>(server);
    server.postMessage({ cert, key } satisfies FairServerOrder);
    const ports = await serving;
    quiet.push(await neighbour(ports.plain));
    const port = order.ca === undefined ? ports.plain : ports.tls;
    const path = order.path === undefined ? {} : { path: ports.path };
    const isFlooding = answerOf<"flooding">(flooder);
    flooder.postMessage({ ...order, port, ...path } satisfies FloodOrder);
    await isFlooding;
    flooded.push(await neighbour(ports.plain));
  } finally {
    flooder.terminate();
    server.terminate();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!;
}
