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
const ATTEMPTS = 8;
const TRIPS = 100;
const PAUSE_MS = 4;
const COUNTS = [1, 4, 8];

/** What became of one flood, at its best attempt. */
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

async function flooded(order: FloodOrder, port: number): Promise<number> {
  const flooder = start("./flooder.ts");
  try {
    const isFlooding = answerOf<"flooding">(flooder);
    flooder.postMessage(order);
    await isFlooding;
    return await neighbour(port);
  } finally {
    flooder.terminate();
  }
}

/** Measures all floods, one after the other; a row as soon as it is known. */
export async function* fairness(): AsyncGenerator<FairnessRow> {
  const { ca, localhost } = await makeCertificates();
  const server = start("./fair_server.ts");
  try {
    const serving = answerOf<FairServerPorts>(server);
    server.postMessage({ cert: localhost.cert, key: localhost.key } satisfies FairServerOrder);
    const ports = await serving;
    const floods: [name: string, order: FloodOrder][] = [];
    for (const kind of ["messages", "pongs", "requests", "zeros"] as const) {
      for (const count of COUNTS) {
        floods.push([`${kind}, ${count}`, { kind, count, port: ports.plain }]);
      }
    }
    floods.push(["messages, 4, TLS", { kind: "messages", count: 4, port: ports.tls, ca: ca.cert }]);
    floods.push(["messages, 4, unix", { kind: "messages", count: 4, path: ports.path }]);
    for (const [name, order] of floods) {
      // The noisiest quiet and the best flood: other programs make either slower, and none faster. Most
      // floods need one attempt; the rest are for a machine with other work.
      let quietMs = 0;
      let floodedMs = Infinity;
      let isFair = false;
      for (let attempt = 0; attempt < ATTEMPTS && !isFair; attempt++) {
        quietMs = Math.max(quietMs, await neighbour(ports.plain));
        floodedMs = Math.min(floodedMs, await flooded(order, ports.plain));
        isFair = floodedMs <= quietMs * FACTOR + MORE_MS;
      }
      yield { name, quietMs, floodedMs, isFair };
    }
  } finally {
    server.terminate();
  }
}
