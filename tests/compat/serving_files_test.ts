/** Files that are served in one call, and what that returns. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Wsi } from "../../mod.ts";
import { readHead, readResponse } from "../support/serve.ts";
import { type Callback, DEC15, type Face, FACES, MAR13, on, rig } from "./support.ts";

const GET = "GET /a/b.txt?x=1&y=2 HTTP/1.1\r\nHost: localhost\r\n\r\n";

const HERE = new URL(import.meta.url).pathname;

/** A file with some content, for as long as the test needs it. */
function temporary(content: Uint8Array): { path: string } & Disposable {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, content);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

function serveFile(face: Face, wsi: Wsi, path: string): unknown {
  const [call, type] = ["serve_http_file", "text/plain"];
  if (face === MAR13) return face.call(call, wsi.context, wsi, path, type);
  if (face === DEC15) return face.call(call, wsi, path, type, "X-One: 1\r\nX-Two: 2\r\n", 9);
  return face.call(call, wsi, path, type);
}

for (const face of FACES) {
  Deno.test(`contract 5: ${face.name}: serving a file returns 0 while it goes on, and the file comes`, async () => {
    const calls: string[] = [];
    let result: unknown;
    using large = temporary(new Uint8Array(100_000));
    const callback: Callback = (wsi, reason) => {
      if (/^HTTP/.test(reason)) calls.push(reason);
      if (reason === "HTTP") result = serveFile(face, wsi, large.path);
      if (reason === "HTTP_FILE_COMPLETION") return 1;
    };
    await using server = rig(face, { protocols: [{ name: "http", callback }] });
    const peer = await server.dial(GET);
    const { head, body } = await server.pump(readResponse(peer));
    assertEquals(result, 0);
    assertEquals(body.length, 100_000);
    assertStringIncludes(head, "content-type: text/plain");
    if (face === DEC15) {
      assertStringIncludes(head, "X-One: 1\r\n");
      // Nine characters were told, so the second line is not sent.
      assert(!head.includes("X-Two"));
    }
    await server.settle();
    const completes = face === MAR13 || face === DEC15;
    assertEquals(calls, completes ? ["HTTP", "HTTP_FILE_COMPLETION"] : ["HTTP"]);
    // The result of the completion closed in 2013, and is ignored since.
    peer.send(GET);
    if (face === MAR13) await server.pump(peer.readToEnd());
    else assertEquals((await server.pump(readResponse(peer))).body.length, body.length);
    assertEquals(calls.filter((each) => each === "HTTP").length, face === MAR13 ? 1 : 2);
  });

  Deno.test(
    `contract 5: ${face.name}: a file that leaves whole returns ${
      face === MAR13 || face === DEC15 ? "1 behind its completion" : "0"
    }`,
    async () => {
      for (const size of [0, 1, 64 * 1024]) {
        const seen: unknown[] = [];
        const content = new Uint8Array(size).fill(65);
        using small = temporary(content);
        const callback: Callback = (wsi, reason) => {
          if (reason === "HTTP_FILE_COMPLETION") seen.push(reason);
          if (reason === "HTTP") {
            seen.push(serveFile(face, wsi, small.path));
            if (face === DEC15) return face.call("http_transaction_completed", wsi) as number;
          }
          return 0;
        };
        await using server = rig(face, { protocols: [{ name: "http", callback }] });
        const peer = await server.dial();
        for (let n = 0; n < 2; n++) {
          peer.send(GET);
          const { head, body } = await server.pump(readResponse(peer));
          assertStringIncludes(head, " 200 ");
          assertStringIncludes(head, "content-type: text/plain");
          assertEquals(body, "A".repeat(size));
        }
        const each = face === MAR13 || face === DEC15 ? ["HTTP_FILE_COMPLETION", 1] : [0];
        assertEquals(seen, [...each, ...each]);
        peer.send(GET.replace("GET", "HEAD"));
        assertStringIncludes(await server.pump(readHead(peer)), `content-length: ${size}`);
      }
    },
  );

  Deno.test(`contract 5: ${face.name}: a file that can't be opened returns −1 behind its 404`, async () => {
    let result: unknown;
    const callback: Callback = (wsi, reason) => {
      if (reason === "HTTP") result = serveFile(face, wsi, "/nowhere/at/all");
      return 0;
    };
    await using server = rig(face, { protocols: [{ name: "http", callback }] });
    const peer = await server.dial();
    for (let n = 0; n < 2; n++) {
      peer.send(GET);
      assertStringIncludes((await server.pump(readResponse(peer))).head, " 404 ");
      assertEquals(result, -1);
    }
  });

  Deno.test(`contract 5: ${face.name}: without a request to answer, serving a file returns −1`, async () => {
    let result: unknown;
    const callback = on("ESTABLISHED", (wsi) => void (result = serveFile(face, wsi, HERE)));
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    await server.open({ protocol: "talk" });
    await server.until(() => result !== undefined);
    assertEquals(result, -1);
  });
}

Deno.test("a file that leaves whole has validators, and its preconditions and ranges are obeyed", async () => {
  using file = temporary(new TextEncoder().encode("0123456789"));
  const mtime = new Date("2026-01-02T03:04:05Z");
  Deno.utimeSync(file.path, mtime, mtime);
  const results: unknown[] = [];
  const callback = on("HTTP", (wsi) => void results.push(serveFile(DEC15, wsi, file.path)));
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial();
  const ask = async (line: string) => {
    peer.send(GET.replace("\r\n\r\n", `\r\n${line}\r\n\r\n`));
    return await server.pump(readResponse(peer));
  };
  const { head } = await ask("X: y");
  const etag = /^etag: ("[^"]+")/m.exec(head)![1];
  assertStringIncludes(head, "last-modified: Fri, 02 Jan 2026 03:04:05 GMT");
  assertStringIncludes((await ask(`If-None-Match: ${etag}`)).head, "HTTP/1.1 304 ");
  const part = await ask("Range: bytes=2-4");
  assertStringIncludes(part.head, "HTTP/1.1 206 ");
  assertEquals(part.body, "234");
  assertStringIncludes((await ask("Range: bytes=99-")).head, "HTTP/1.1 416 ");
  assertEquals(results, [1, 0, 0, 0]);
});

Deno.test("contract 5: dec15: the transaction is completed by the program, and says whether to close", async () => {
  const results: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    DEC15.call("return_http_status", wsi, 404, null);
    const result = DEC15.call("http_transaction_completed", wsi) as number;
    results.push(result);
    return result;
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  assertStringIncludes((await server.pump(readResponse(peer))).head, "404");
  peer.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  await server.pump(peer.readToEnd());
  assertEquals(results, [0, 1]);
});
