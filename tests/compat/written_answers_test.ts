/** Answers that a program writes by hand in generations without a call that completes them. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fieldOf } from "../support/http.ts";
import { readHead, readResponse } from "../support/serve.ts";
import { DEC15, type Face, FACES, on, rig } from "./support.ts";

const OLDER = FACES.filter((face) => face !== DEC15);
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Writes a text, as C did from a padded buffer. */
function write(face: Face, wsi: unknown, text: string): unknown {
  const bytes = new TextEncoder().encode(`${" ".repeat(512)}${text}${" ".repeat(512)}`);
  return face.call("write", wsi, bytes.subarray(512), text.length, face.api.LWS_WRITE_HTTP);
}

const WHOLE: readonly [name: string, parts: readonly string[], body: string][] = [
  ["a length", ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "wh", "le"], "whle"],
  ["a length, all in one write", ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], "ok"],
  ["the head of HTTP/1.0", ["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"], "ok"],
  ["no body", ["HTTP/1.1 204 No Content\r\n\r\n"], ""],
];

for (const face of OLDER) {
  for (const [name, parts, body] of WHOLE) {
    Deno.test(`${face.name}: behind an answer by hand with ${name} the next request is served`, async () => {
      const callback = on("HTTP", (wsi) => {
        for (const part of parts) write(face, wsi, part);
        return 0;
      });
      await using server = rig(face, { protocols: [{ name: "http", callback }] });
      const peer = await server.dial();
      for (let i = 0; i < 2; i++) {
        peer.send(GET + GET);
        for (let j = 0; j < 2; j++) {
          if (body === "") assertStringIncludes(await server.pump(readHead(peer)), " 204 ");
          else assertEquals((await server.pump(readResponse(peer))).body, body);
        }
      }
    });
  }

  Deno.test(`${face.name}: an answer by hand is whole when a later turn has written the rest`, async () => {
    let wsi: unknown;
    const callback = on("HTTP", (one) => {
      wsi = one;
      write(face, one, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla");
      return 0;
    });
    await using server = rig(face, { protocols: [{ name: "http", callback }] });
    const peer = await server.dial();
    for (let i = 0; i < 2; i++) {
      peer.send(GET);
      assertEquals(fieldOf(await server.pump(readHead(peer)), "content-length"), "4");
      await server.settle();
      write(face, wsi, "te");
      const bytes = await server.pump(peer.readBytes(4));
      assertEquals(new TextDecoder().decode(bytes), "late");
    }
  });

  Deno.test(`${face.name}: an answer by hand without a length goes on until the connection ends`, async () => {
    let wsi: unknown;
    const callback = on("HTTP", (one) => {
      wsi = one;
      write(face, one, "HTTP/1.1 200 OK\r\n\r\none ");
      return 0;
    });
    await using server = rig(face, { protocols: [{ name: "http", callback }] });
    const peer = await server.dial(GET);
    await server.pump(readHead(peer));
    await server.settle();
    write(face, wsi, "two");
    assertEquals(new TextDecoder().decode(await server.pump(peer.readBytes(7))), "one two");
    peer.close();
  });
}
