/**
 * What the platform allows a TypeScript server: one read, parse and unmask every frame in it, one
 * write. No callbacks, no checks, no limits. `deno run --allow-net bench/peers/servers/floor.ts 9001`
 */

import { FloorEcho } from "./floor_frames.ts";
import { answerTo } from "./floor_handshake.ts";
import { announce, PORT } from "./listening.mjs";

/** Bytes of a quiet connection's buffer, and of the longest read. */
const SMALL = 512;
const LARGE = 256 * 1024;

/** The connections that get every message of the path `/broadcast`, if they take it in one piece. */
const audience = new Set<Deno.TcpConn>();

const listener = Deno.listen({ hostname: "127.0.0.1", port: PORT });
announce(listener.addr.port);
for await (const conn of listener) {
  // A client that leaves in the middle is nothing to a server without checks.
  serve(conn).catch(() => conn.close()).finally(() => audience.delete(conn));
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  let input = new Uint8Array(SMALL);
  let view = new DataView(input.buffer);
  let end = await conn.read(input) ?? 0;
  const request = new TextDecoder().decode(input.subarray(0, end));
  await conn.write(answerTo(request));
  const broadcasts = request.startsWith("GET /broadcast ");
  if (broadcasts) audience.add(conn);
  const echo = new FloorEcho();
  end = 0;
  for (;;) {
    const count = await conn.read(input.subarray(end));
    if (count === null) return conn.close();
    end += count;
    const isFull = end === input.length;
    const taken = echo.take(input, view, end);
    input.copyWithin(0, taken, end);
    end -= taken;
    if (isFull && (input.length < LARGE || end === input.length)) {
      const grown = new Uint8Array(input.length * 4);
      grown.set(input.subarray(0, end));
      input = grown;
      view = new DataView(input.buffer);
    }
    const { output, filled } = echo;
    if (broadcasts) {
      const frames = output.slice(0, filled);
      for (const each of audience) each.write(frames).catch(() => {});
      continue;
    }
    for (let sent = 0; sent < filled;) sent += await conn.write(output.subarray(sent, filled));
  }
}
