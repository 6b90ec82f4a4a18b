/**
 * Finds the rate of messages that an echo server takes, sends at twice that rate, and looks how it is afterwards.
 * Prints what it saw. Frames are made beforehand, so that it is the server that can't keep up.
 */

import { frame, KEY } from "../../support/frames.ts";

const port = Number(Deno.args[0]);
const CONNECTIONS = 40;
const PAYLOAD = 16;
const ECHO_BYTES = PAYLOAD + 2;
/** Of each connection: so many that more of them would not make the server any faster. */
const IN_FLIGHT = 500;
const TICK_MS = 50;
const LOAD_MS = 700;
/** Far more than what is left takes to be echoed. */
const LATEST_MS = 20_000;
const FRAME = frame({ opcode: 2, key: KEY, payload: new Uint8Array(PAYLOAD) });
const HANDSHAKE = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function dial(): Promise<{ conn: Deno.TcpConn; status: number }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(HANDSHAKE);
  const buffer = new Uint8Array(4096);
  const length = await conn.read(buffer) ?? 0;
  return {
    conn,
    status: Number(new TextDecoder().decode(buffer.subarray(9, Math.min(12, length)))),
  };
}

/** One WebSocket, whose echoes are counted by their bytes. */
class Sender {
  sent = 0;
  bytes = 0;
  hasEnded = false;
  onEcho = () => {};
  readonly #conn: Deno.TcpConn;
  #last: Promise<unknown> = Promise.resolve();

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    void this.#read();
  }

  get echoed(): number {
    return Math.floor(this.bytes / ECHO_BYTES);
  }

  /** What the system doesn't take yet waits here, and not at the server. */
  send(count: number): void {
    this.sent += count;
    const bytes = new Uint8Array(FRAME.length * count);
    for (let i = 0; i < count; i++) bytes.set(FRAME, i * FRAME.length);
    this.#last = this.#last.then(() => this.#write(bytes)).catch(() => this.hasEnded = true);
  }

  close(): void {
    this.#conn.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const length = await this.#conn.read(buffer);
        if (length === null) break;
        this.bytes += length;
        this.onEcho();
      }
    } catch { /* It was reset, or is closed. */ }
    this.hasEnded = true;
  }
}

const statuses: Record<number, number> = {};
const senders: Sender[] = [];
while (senders.length < CONNECTIONS) {
  const { conn, status } = await dial();
  if (status === 101) {
    senders.push(new Sender(conn));
    continue;
  }
  // It has much to do already: on a busy machine, that is to begin.
  statuses[status] = (statuses[status] ?? 0) + 1;
  conn.close();
  await sleep(TICK_MS);
}
const sum = (of: (sender: Sender) => number) => senders.reduce((all, each) => all + of(each), 0);
const echoed = () => sum((each) => each.echoed);

/** Keeps so many on their way for a while; resolves with the messages that came back in a second. */
async function exchange(inFlight: number, ms: number): Promise<number> {
  const before = echoed();
  let goesOn = true;
  for (const each of senders) {
    each.onEcho = () => {
      if (goesOn) each.send(Math.max(0, inFlight - (each.sent - each.echoed)));
    };
    each.onEcho();
  }
  await sleep(ms);
  goesOn = false;
  for (const each of senders) each.onEcho = () => {};
  return (echoed() - before) * 1000 / ms;
}

async function caughtUp(): Promise<boolean> {
  const end = performance.now() + LATEST_MS;
  while (echoed() < sum((each) => each.sent) && performance.now() < end) await sleep(5);
  return echoed() === sum((each) => each.sent);
}

/** Of one message at a time, milliseconds. */
async function p99(): Promise<number> {
  const [probe] = senders as [Sender];
  const took: number[] = [];
  for (let i = 0; i < 300; i++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    probe.onEcho = resolve;
    const since = performance.now();
    probe.send(1);
    await promise;
    took.push(performance.now() - since);
  }
  probe.onEcho = () => {};
  return took.sort((one, other) => one - other)[Math.floor(took.length * 0.99)]!;
}

await exchange(IN_FLIGHT, 200);
await caughtUp();
const before = await p99();
const rate = await exchange(IN_FLIGHT, 500);
await caughtUp();

const startedAt = performance.now();
let asked = 0;
for (let elapsed = 0; elapsed < LOAD_MS; elapsed = performance.now() - startedAt) {
  const due = 2 * rate * elapsed / 1000 - asked;
  const each = Math.floor(due / CONNECTIONS);
  if (each > 0) { for (const sender of senders) sender.send(each); }
  asked += each * CONNECTIONS;
  // New clients come all the time.
  void dial().then(({ conn, status }) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    conn.close();
  }, () => statuses[0] = (statuses[0] ?? 0) + 1);
  await sleep(TICK_MS);
}
const endedAt = performance.now();
const isWhole = await caughtUp();
const behindMs = Math.round(performance.now() - endedAt);
await sleep(Math.max(0, 1_000 - behindMs));
const after = await p99();
const missing = sum((each) => each.sent) - echoed();
const ended = senders.filter(({ hasEnded }) => hasEnded).length;
for (const each of senders) each.close();
// deno-lint-ignore no-console -- what the test reads
console.log(
  JSON.stringify({ rate, asked, isWhole, missing, ended, behindMs, before, after, statuses }),
);
