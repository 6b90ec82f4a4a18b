/**
 * What the platform allows a TypeScript server: one read, parse and unmask every frame in it, one
 * write. No callbacks, no checks, no limits. `deno run --allow-net bench/peers/servers/floor.ts 9001`
 */

import { answerTo } from "./floor_handshake.ts";
import { announce, PORT } from "./listening.mjs";

/** Bytes of a quiet connection's buffers, and of the longest read. */
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
  let output = new Uint8Array(SMALL);
  let end = await conn.read(input) ?? 0;
  const request = new TextDecoder().decode(input.subarray(0, end));
  await conn.write(answerTo(request));
  const broadcasts = request.startsWith("GET /broadcast ");
  if (broadcasts) audience.add(conn);
  end = 0;
  for (;;) {
    const count = await conn.read(input.subarray(end));
    if (count === null) return conn.close();
    end += count;
    const isFull = end === input.length;
    let at = 0;
    let out = 0;
    while (end - at >= 6) {
      let length = input[at + 1]! & 127;
      let header = 6;
      if (length === 126) {
        length = view.getUint16(at + 2);
        header = 8;
      } else if (length === 127) {
        length = view.getUint32(at + 6);
        header = 14;
      }
      if (end - at < header + length) break;
      const key = view.getUint32(at + header - 4, true);
      unmask(input, view, at + header, at + header + length, key);
      if (out + length + 10 > output.length) {
        const grown = new Uint8Array(output.length * 2 + length);
        grown.set(output.subarray(0, out));
        output = grown;
      }
      output[out++] = input[at]!;
      if (length < 126) output[out++] = length;
      else if (length < 65_536) {
        output[out++] = 126;
        output[out++] = length >>> 8;
        output[out++] = length;
      } else {
        output.set([127, 0, 0, 0, 0], out);
        new DataView(output.buffer).setUint32(out + 5, length);
        out += 9;
      }
      output.set(input.subarray(at + header, at + header + length), out);
      out += length;
      at += header + length;
    }
    input.copyWithin(0, at, end);
    end -= at;
    if (isFull && (input.length < LARGE || end === input.length)) {
      const grown = new Uint8Array(input.length * 4);
      grown.set(input.subarray(0, end));
      input = grown;
      view = new DataView(input.buffer);
    }
    if (broadcasts) {
      const frames = output.slice(0, out);
      for (const each of audience) each.write(frames).catch(() => {});
      continue;
    }
    for (let sent = 0; sent < out;) sent += await conn.write(output.subarray(sent, out));
  }
}

function unmask(bytes: Uint8Array, view: DataView, at: number, end: number, key: number): void {
  if (end - at >= 256) {
    const half = BigInt(key);
    const wide = BigInt.asUintN(64, half << 32n | half);
    for (; at + 8 <= end; at += 8) {
      view.setBigUint64(at, view.getBigUint64(at, true) ^ wide, true);
    }
  }
  for (; at + 4 <= end; at += 4) view.setUint32(at, view.getUint32(at, true) ^ key, true);
  for (let shift = 0; at < end; at++, shift += 8) bytes[at]! ^= key >>> shift;
}
