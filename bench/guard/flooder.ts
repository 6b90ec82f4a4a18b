/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

/** Peers that send one thing as fast as they can, until they are terminated or a minute is over. */

import { deflateRawSync } from "node:zlib";
import { concat, frame, KEY } from "../../tests/support/frames.ts";

/** What to flood with, and where to. */
export interface FloodOrder {
  readonly kind: "messages" | "pongs" | "requests" | "zeros";
  /** Connections. */
  readonly count: number;
  readonly port?: number;
  /** A unix socket. */
  readonly path?: string;
  /** The authority to trust, over TLS, as PEM text. */
  readonly ca?: string;
}

const LONGEST_MS = 60_000;
const BATCH = 64 * 1024;
const encoder = new TextEncoder();

function handshake(kind: FloodOrder["kind"]): Uint8Array {
  const extensions = kind === "zeros" ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";
  return encoder.encode(
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      `${extensions}\r\n`,
  );
}

function one(kind: FloodOrder["kind"]): Uint8Array {
  switch (kind) {
    case "messages":
      return frame({ opcode: 2, payload: "x", key: KEY });
    case "pongs":
      return frame({ opcode: 10, key: KEY });
    case "requests":
      return encoder.encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    case "zeros": {
      const bytes = deflateRawSync(new Uint8Array(1024 * 1024), { finishFlush: 2 });
      return frame({ opcode: 2, rsv: 4, payload: bytes.subarray(0, -4), key: KEY });
    }
  }
}

function dial({ port, path, ca }: FloodOrder): Promise<Deno.Conn> {
  if (path !== undefined) return Deno.connect({ transport: "unix", path: path.replace("@", "\0") });
  if (ca === undefined) return Deno.connect({ hostname: "127.0.0.1", port: port! });
  return Deno.connectTls({ hostname: "localhost", port: port!, caCerts: [ca] });
}

async function discard(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BATCH);
  while (await conn.read(buffer) !== null);
}

async function send(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  while (performance.now() < end) {
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }
}

self.onmessage = async ({ data: order }: MessageEvent<FloodOrder>) => {
  const piece = one(order.kind);
  const length = Math.ceil(BATCH / piece.length);
  const bytes = concat(...Array.from({ length }, () => piece));
  for (let i = 0; i < order.count; i++) {
    const conn = await dial(order);
    if (order.kind !== "requests") {
      await conn.write(handshake(order.kind));
      await conn.read(new Uint8Array(1024));
    }
    discard(conn).catch(() => {});
    send(conn, bytes).catch(() => {});
  }
  self.postMessage("flooding");
};
