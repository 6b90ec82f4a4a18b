/**
 * A load generator on raw TCP: keeps `pipeline` masked binary frames of `size` bytes in flight on each
 * of `connections` connections to an echo server, and prints what came back as one line of JSON.
 *
 *     deno run --allow-net bench/peers/load.ts --port 9001 --connections 64 --pipeline 16 --size 125
 */

import { option } from "./arguments.ts";

const port = Number(option("port", "9001"));
const connections = Number(option("connections", "64"));
const pipeline = Number(option("pipeline", "1"));
const size = Number(option("size", "125"));
const seconds = Number(option("seconds", "3"));

const KEY = [0x12, 0x34, 0x56, 0x78] as const;

/** One frame as a client sends it. */
function maskedFrame(): Uint8Array {
  const length = size < 126
    ? [size]
    : size < 65_536
    ? [126, size >>> 8, size & 255]
    : [127, 0, 0, 0, 0, size >>> 24, size >>> 16 & 255, size >>> 8 & 255, size & 255];
  length[0]! |= 128;
  const header = [0x82, ...length, ...KEY];
  const frame = new Uint8Array(header.length + size);
  frame.set(header);
  for (let i = 0; i < size; i++) frame[header.length + i] = (97 + i % 26) ^ KEY[i & 3]!;
  return frame;
}

const frame = maskedFrame();
const burst = new Uint8Array(frame.length * pipeline);
for (let i = 0; i < pipeline; i++) burst.set(frame, i * frame.length);
/** An echo is unmasked, and so four bytes shorter. */
const echoLength = frame.length - KEY.length;

let messages = 0;
let errors = 0;
const latencies: number[] = [];
const start = performance.now();
let deadline = Infinity;

async function shakeHands(conn: Deno.TcpConn): Promise<void> {
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
    "Sec-WebSocket-Version: 13\r\n\r\n";
  await conn.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(4096);
  let length = 0;
  for (;;) {
    const count = await conn.read(bytes.subarray(length));
    if (count === null) throw new Error("closed during the handshake");
    length += count;
    if (new TextDecoder().decode(bytes.subarray(0, length)).endsWith("\r\n\r\n")) return;
  }
}

async function send(conn: Deno.TcpConn, frames: number): Promise<void> {
  const bytes = burst.subarray(0, frames * frame.length);
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Counts echoes by their bytes; what of the last one is missing is carried on. */
async function load(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  let pending = 0;
  let sentAt = performance.now();
  await send(conn, pipeline);
  while (performance.now() < deadline) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("closed by the server");
    pending += count;
    const echoes = Math.floor(pending / echoLength);
    if (echoes === 0) continue;
    pending -= echoes * echoLength;
    messages += echoes;
    const now = performance.now();
    if (latencies.length < 500_000) latencies.push(now - sentAt);
    sentAt = now;
    // Several echoes may be owed at once, never more than are in flight.
    await send(conn, echoes);
  }
}

const conns = await Promise.all(
  Array.from({ length: connections }, () => Deno.connect({ hostname: "127.0.0.1", port })),
);
for (const conn of conns) {
  conn.setNoDelay(true);
  await shakeHands(conn);
}
const begin = performance.now();
deadline = begin + seconds * 1000;
const loads = conns.map((conn) => load(conn).catch(() => void errors++));
await Promise.all(loads);
const elapsed = (performance.now() - begin) / 1000;
for (const conn of conns) conn.close();

latencies.sort((a, b) => a - b);
const percentile = (share: number) =>
  Math.round((latencies[Math.floor(latencies.length * share)] ?? 0) * 1000);
// deno-lint-ignore no-console -- a program's own output
console.log(JSON.stringify({
  connections,
  pipeline,
  size,
  messages,
  seconds: elapsed,
  messagesPerSecond: Math.round(messages / elapsed),
  p50us: percentile(0.5),
  p99us: percentile(0.99),
  errors,
  setupMs: Math.round(begin - start),
}));
Deno.exit(errors > 0 || messages === 0 ? 1 : 0);
