/** `lws serve`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock, MemoryNetwork } from "../../../src/testing/mod.ts";
import { playWatch, runCli, type RunningCli } from "./cli.ts";
import { type Files, withFiles } from "../../support/folder.ts";
import { dialer, handshake, opened, readHead, readResponse, settle } from "../../support/serve.ts";

const TAG = '<script src="/.lws/reload.js"></script>\n';
const PAGE = "<!doctype html>\n<html><body><p>hello</p></body></html>\n";

interface Serving {
  readonly serve: RunningCli;
  readonly folder: string;
  readonly watch: ReturnType<typeof playWatch>;
  readonly clock: FakeClock;
  get(path: string, ...fields: string[]): Promise<{ head: string; body: string }>;
  open(): Promise<ReturnType<typeof opened>>;
}

/** Serves a folder with these files in memory. */
async function serving(
  files: Files,
  args: readonly string[],
  run: (serving: Serving) => Promise<void>,
): Promise<void> {
  await withFiles(files, async (folder) => {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const watch = playWatch();
    const options = { network, clock, watch: () => watch };
    await using serve = runCli(["serve", folder, "-p", "7000", ...args], options);
    await serve.until("serving http://127.0.0.1:7000/\n");
    const dial = dialer(network, 7000);
    const get = async (path: string, ...fields: string[]) => {
      const lines = [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...fields];
      const peer = await dial(`${lines.join("\r\n")}\r\n\r\n`);
      const response = await readResponse(peer);
      peer.close();
      return response;
    };
    const open = async () => {
      const peer = await dial(handshake({ path: "/.lws/reload.js", protocol: "lws-reload" }));
      return opened(peer, await readHead(peer));
    };
    await run({ serve, folder, watch, clock, get, open });
  });
}

Deno.test("serve puts its script into pages, and leaves all other files as they are", async () => {
  const files = {
    "index.html": PAGE,
    "sub/index.html": "no body\n",
    "upper.html": "<BODY>x</BODY ></HTML>",
    "a.js": "alert(1);\n",
    "wide.html": new Uint8Array([0xff, 0xfe, 0x3c, 0]),
  };
  await serving(files, [], async ({ get }) => {
    const page = await get("/");
    assertStringIncludes(page.head, "HTTP/1.1 200 ");
    assertStringIncludes(page.head, "content-type: text/html; charset=utf-8\r\n");
    // It has no tag of its own, and must not be taken for what the file is.
    assertStringIncludes(page.head, "cache-control: no-store\r\n");
    assert(!/^(etag|last-modified):/im.test(page.head), page.head);
    assertEquals(page.body, PAGE.replace("</body>", `${TAG}</body>`));
    assertEquals((await get("/index.html")).body, page.body);
    assertEquals((await get("/sub/")).body, `no body\n${TAG}`);
    assertEquals((await get("/upper.html")).body, `<BODY>x${TAG}</BODY ></HTML>`);
    assertEquals((await get("/wide.html")).body.length, 4);
    const script = await get("/a.js");
    assertEquals(script.body, files["a.js"]);
    assertStringIncludes(script.head, "cache-control: no-cache\r\n");
    assert(/^etag: (W\/)?"/im.test(script.head), script.head);
    assertEquals((await get("/a.js", "Range: bytes=0-4")).body, "alert");
    // A redirect stays one.
    assertStringIncludes((await get("/sub?a=b")).head, "location: /sub/?a=b\r\n");
  });
});

Deno.test("serve leaves a page as it is where it is loaded by a program", async () => {
  await serving({ "part.html": PAGE }, [], async ({ get }) => {
    assertEquals((await get("/part.html", "Sec-Fetch-Dest: empty")).body, PAGE);
    for (const dest of ["document", "iframe"]) {
      assertStringIncludes((await get("/part.html", `Sec-Fetch-Dest: ${dest}`)).body, TAG);
    }
  });
});

Deno.test("serve lists folders, with the script, and --no-listing does not", async () => {
  await serving({ "sub/a.txt": "a" }, [], async ({ get }) => {
    const { head, body } = await get("/sub/");
    assertStringIncludes(body, "a.txt");
    assertStringIncludes(body, `${TAG}</body>`);
    assertStringIncludes(head, "content-security-policy: script-src 'self'; connect-src 'self'; ");
  });
  await serving({ "sub/a.txt": "a" }, ["--no-listing"], async ({ get }) => {
    assertStringIncludes((await get("/sub/")).head, "HTTP/1.1 404 ");
  });
});

Deno.test("no path and no link leads out of the folder, with the script or without", async () => {
  const paths = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/link.html",
    "/way/secret.html",
    "/.hidden.html",
    "/%2ehidden.html",
  ];
  for (const more of [[], ["--no-reload"]]) {
    await serving({ ".hidden.html": "hidden" }, more, async ({ folder, get }) => {
      await Deno.mkdir(`${folder}/../outside`);
      await Deno.writeTextFile(`${folder}/../outside/secret.html`, "secret");
      await Deno.symlink(`${folder}/../outside/secret.html`, `${folder}/link.html`);
      await Deno.symlink(`${folder}/../outside`, `${folder}/way`);
      for (const path of paths) {
        const { head, body } = await get(path);
        assertStringIncludes(head, `HTTP/1.1 ${path === "/..%2fsecret.txt" ? 400 : 404} `, path);
        assert(!/secret$|hidden$/.test(body), path);
      }
    });
  }
});

Deno.test("pages are told once what one save has changed: style sheets by name, all else as such", async () => {
  await serving({ "index.html": PAGE }, [], async ({ watch, clock, open }) => {
    const page = await open();
    const other = await open();
    const change = async (...paths: string[]) => {
      watch.change(...paths);
      await settle();
    };
    await change("css/a b.css");
    clock.advance(59);
    await change("css/c.css", "css/a b.css");
    clock.advance(59);
    await settle();
    clock.advance(1);
    const styles = '{"styles":["/css/a b.css","/css/c.css"]}';
    assertEquals([await page.receiveText(), await other.receiveText()], [styles, styles]);
    await change("css/a.css");
    await change("index.html");
    clock.advance(60);
    assertEquals(await page.receiveText(), "{}");
    await change(...Array.from({ length: 33 }, (_, i) => `${i}.css`));
    clock.advance(60);
    assertEquals(await page.receiveText(), "{}");
    page.peer.close();
    other.peer.close();
  });
});

Deno.test("what goes on changing is told after a second, and what isn't served never is", async () => {
  await serving({ "index.html": PAGE }, [], async ({ watch, clock, open, serve }) => {
    const page = await open();
    for (let ms = 0; ms < 1000; ms += 50) {
      watch.change("a.html");
      await settle();
      clock.advance(50);
    }
    assertEquals(await page.receiveText(), "{}");
    const pending = clock.pending;
    watch.change(".git/index", "a.html~", "sub/.a.swp", "");
    await settle();
    assertEquals(clock.pending, pending);
    page.peer.close();
    serve.interrupt();
    assertEquals(await serve.ended, 0);
  });
});

Deno.test("the script is served with its type, its WebSocket to its own origin alone", async () => {
  await serving({ "index.html": PAGE }, [], async ({ get }) => {
    const { head, body } = await get("/.lws/reload.js");
    assertStringIncludes(head, "content-type: text/javascript; charset=utf-8\r\n");
    assertStringIncludes(body, "new WebSocket(");
    new Function(body); // It has no mistake in its syntax.
    const fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const protocol = "Sec-WebSocket-Protocol: lws-reload";
    const elsewhere = await get("/", ...fields, key, protocol);
    assertStringIncludes(elsewhere.head, "HTTP/1.1 403 ");
    const foreign = "Origin: https://other.example";
    const refused = await get("/.lws/reload.js", ...fields, key, protocol, foreign);
    assertStringIncludes(refused.head, "HTTP/1.1 403 ");
  });
});

Deno.test("--no-reload serves files alone, and watches nothing", async () => {
  await serving({ "index.html": PAGE }, ["--no-reload"], async ({ get, serve }) => {
    assertEquals((await get("/")).body, PAGE);
    assertStringIncludes((await get("/.lws/reload.js")).head, "HTTP/1.1 404 ");
    serve.interrupt();
    assertEquals(await serve.ended, 0);
  });
});

Deno.test("where the runtime can't watch files, serve says what to do", async () => {
  await using serve = runCli(["serve", "."], { network: new MemoryNetwork() });
  assertEquals(await serve.ended, 1);
  assertStringIncludes(serve.errors, "this runtime can't watch files");
  assertStringIncludes(serve.errors, "--no-reload");
});

Deno.test("a watch that fails ends the command, which says why", async () => {
  const watch = () => ({
    close() {},
    // deno-lint-ignore require-yield -- it fails before its first change
    async *[Symbol.asyncIterator]() {
      await Promise.resolve();
      throw new Error("too many folders to watch");
    },
  });
  await using serve = runCli(["serve", ".", "-p", "7000"], { network: new MemoryNetwork(), watch });
  assertEquals(await serve.ended, 1);
  assertEquals(serve.errors, "lws: too many folders to watch\n");
});
