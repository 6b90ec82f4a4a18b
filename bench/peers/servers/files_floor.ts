/**
 * What the platform allows a TypeScript server of files: one read for the request, then a piece read
 * and written, again and again. No checks, no limits, no conditions.
 * `deno run --allow-net --allow-read bench/peers/servers/files_floor.ts 0 FOLDER`
 */

import { announce, FOLDER, PORT } from "./listening.mjs";

const PIECE = 64 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const listener = Deno.listen({ hostname: "127.0.0.1", port: PORT });
announce(listener.addr.port);
for await (const conn of listener) {
  // A client that leaves in the middle is nothing to a server without checks.
  serve(conn).catch(() => {}).finally(() => conn.close());
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const input = new Uint8Array(4096);
  const piece = new Uint8Array(PIECE);
  for (;;) {
    // Every request that is measured comes in one read.
    const count = await conn.read(input);
    if (count === null) return;
    const [, path] = decoder.decode(input.subarray(0, count)).split(" ", 2);
    using file = await Deno.open(FOLDER + path);
    const { size } = await file.stat();
    let filled = encoder.encodeInto(
      `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${size}\r\n\r\n`,
      piece,
    ).written;
    for (let left = size; left > 0;) {
      const got = await file.read(piece.subarray(filled));
      if (got === null) throw new Error(`${path} ended early`);
      left -= got;
      filled += got;
      for (let sent = 0; sent < filled;) sent += await conn.write(piece.subarray(sent, filled));
      filled = 0;
    }
  }
}
