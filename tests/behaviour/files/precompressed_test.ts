import { assertEquals, assertNotEquals } from "@std/assert";
import { withMount } from "../../support/folder.ts";
import { fieldOf, get, request, statusOf } from "../../support/http.ts";
import { readHead, readResponse, type Served } from "../../support/serve.ts";

/** Contents by which a test sees which file was sent: their form doesn't matter to the server. */
const FILES = {
  "app.js": "plain plain",
  "app.js.br": "br",
  "app.js.gz": "gzip",
  "one.css": "plain",
  "one.css.gz": "gzip",
  "none.txt": "plain",
  "index.html": "plain",
  "index.html.gz": "gzip",
  "only.txt.gz": "gzip",
};

async function ask(served: Served, target: string, acceptEncoding?: string, ...lines: string[]) {
  const peer = await served.dial();
  const accept = acceptEncoding === undefined ? [] : [`Accept-Encoding: ${acceptEncoding}`];
  peer.send(get(target, ...accept, ...lines));
  const { head, body } = await readResponse(peer);
  peer.close();
  const coding = fieldOf(head, "content-encoding");
  const field = (name: string) => fieldOf(head, name);
  return { status: statusOf(head), body, coding, field, vary: field("vary") };
}

Deno.test("a compressed file beside the plain one is sent to who accepts it, with the plain one's type", () =>
  withMount(FILES, { precompressed: ["br", "gz"] }, async (served) => {
    for (
      const [target, accept, body, coding] of [
        ["/app.js", undefined, "plain plain", undefined],
        ["/app.js", "", "plain plain", undefined],
        ["/app.js", "gzip, deflate, br, zstd", "br", "br"],
        ["/app.js", "gzip", "gzip", "gzip"],
        ["/app.js", "br;q=0.5, gzip", "gzip", "gzip"],
        ["/app.js", "br;q=0, *", "gzip", "gzip"],
        ["/app.js", "*", "br", "br"],
        ["/app.js", "identity, br;q=0.5", "plain plain", undefined],
        ["/app.js", "zstd", "plain plain", undefined],
        ["/one.css", "br, gzip;q=0.1", "gzip", "gzip"],
        ["/one.css", "br", "plain", undefined],
        ["/", "gzip", "gzip", "gzip"],
      ] as const
    ) {
      const answer = await ask(served, target, accept);
      assertEquals([answer.status, answer.body, answer.coding], [200, body, coding], `${accept}`);
      assertEquals(answer.vary, "accept-encoding");
      assertEquals(answer.field("content-length"), String(body.length));
      const type = target === "/app.js" ? "javascript" : target === "/" ? "html" : "css";
      assertEquals(answer.field("content-type"), `text/${type}; charset=utf-8`);
    }
  }));

Deno.test("among equals the first one of the mount's list is sent", () =>
  withMount(FILES, { precompressed: ["gz", "br"] }, async (served) => {
    assertEquals((await ask(served, "/app.js", "br, gzip")).coding, "gzip");
    assertEquals((await ask(served, "/app.js", "br, gzip;q=0.9")).coding, "br");
  }));

Deno.test("a file without a compressed one doesn't vary, and a compressed one alone is a file of its own", () =>
  withMount(FILES, { precompressed: ["br", "gz"] }, async (served) => {
    const none = await ask(served, "/none.txt", "br, gzip");
    assertEquals([none.body, none.coding, none.vary], ["plain", undefined, undefined]);
    assertEquals((await ask(served, "/only.txt", "gzip")).status, 404);
    const itself = await ask(served, "/only.txt.gz", "gzip");
    assertEquals([itself.coding, itself.field("content-type")], [undefined, "application/gzip"]);
  }));

Deno.test("without precompressed nothing is looked for", () =>
  withMount(FILES, {}, async (served) => {
    const answer = await ask(served, "/app.js", "br, gzip");
    assertEquals([answer.body, answer.coding, answer.vary], ["plain plain", undefined, undefined]);
  }));

Deno.test("who refuses the plain form gets another one, or 406", () =>
  withMount(FILES, { precompressed: ["br", "gz"] }, async (served) => {
    assertEquals((await ask(served, "/app.js", "identity;q=0, gzip")).body, "gzip");
    const refused = await ask(served, "/app.js", "identity;q=0");
    assertEquals([refused.status, refused.vary], [406, "accept-encoding"]);
    // There is no other form, and so nothing to choose.
    assertEquals((await ask(served, "/none.txt", "identity;q=0")).status, 200);
  }));

Deno.test("forms of the same length and time have tags of their own", () =>
  withMount({ "a.js": "12345", "a.js.gz": "23456", "a.js.br": "34567" }, {
    precompressed: ["br", "gz"],
  }, async (served, folder) => {
    for (const end of ["", ".gz", ".br"]) {
      await Deno.utime(`${folder}/a.js${end}`, 0, 1_700_000_000);
    }
    const tags = new Map<string | undefined, string>();
    for (const coding of [undefined, "gzip", "br"]) {
      tags.set(coding, (await ask(served, "/a.js", coding)).field("etag")!);
    }
    assertEquals(new Set(tags.values()).size, 3);
    for (const [ofTag, tag] of tags) {
      for (const coding of tags.keys()) {
        const { status } = await ask(served, "/a.js", coding, `If-None-Match: ${tag}`);
        assertEquals(status, coding === ofTag ? 304 : 200);
      }
    }
  }));

Deno.test("tags, ranges and HEAD are of the form that is sent", () =>
  withMount(FILES, { precompressed: ["br", "gz"] }, async (served, folder) => {
    for (const name of Object.keys(FILES)) await Deno.utime(`${folder}/${name}`, 0, 1_700_000_000);
    const plain = await ask(served, "/app.js");
    const gzip = await ask(served, "/app.js", "gzip");
    assertNotEquals(plain.field("etag"), gzip.field("etag"));
    const match = `If-None-Match: ${gzip.field("etag")}`;
    const same = await ask(served, "/app.js", "gzip", match);
    assertEquals([same.status, same.vary], [304, "accept-encoding"]);
    assertEquals((await ask(served, "/app.js", undefined, match)).status, 200);
    const part = await ask(served, "/app.js", "gzip", "Range: bytes=1-2");
    assertEquals([part.status, part.body, part.coding], [206, "zi", "gzip"]);
    assertEquals(part.field("content-range"), "bytes 1-2/4");
    const peer = await served.dial(request("HEAD", "/app.js", "Accept-Encoding: br"));
    const head = await readHead(peer);
    assertEquals([fieldOf(head, "content-length"), fieldOf(head, "content-encoding")], ["2", "br"]);
  }));

Deno.test("a compressed file that is a link out of the folder, or no file, is not there", () =>
  withMount(
    { "a.js": "plain", "b.js": "plain", "b.js.gz/x": "" },
    { precompressed: ["gz"] },
    async (served, folder) => {
      await Deno.symlink("../secret.txt", `${folder}/a.js.gz`);
      for (const target of ["/a.js", "/b.js"]) {
        const answer = await ask(served, target, "gzip");
        assertEquals([answer.body, answer.coding], ["plain", undefined]);
      }
    },
  ));
