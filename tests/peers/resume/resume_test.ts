/** The client in a page of Chromium, and one in Python that was written by docs/guide/resume.md. */

import { assertEquals } from "@std/assert";
import { type Context, createContext, memoryBroker, type Wsi } from "../../../mod.ts";
import { resumable, resumeClientScript } from "../../../src/resume/mod.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { newPage, withBrowser } from "../chromium.ts";
import { CHROMIUM, PYTHON, scriptPath, start } from "../peer.ts";

const PAGE = `<!doctype html><title>resume</title>
<script type="module">
  import { resumeClient } from "/resume.js";

  let more = Promise.withResolvers();
  window.got = [];
  const tell = (what) => {
    got.push(what);
    more.resolve();
    more = Promise.withResolvers();
  };
  window.until = async (count) => {
    while (got.length < count) await more.promise;
    return got.splice(0, count);
  };
  window.client = resumeClient(location.origin.replace("http", "ws"), { maxDelayMs: 100 });
  client.subscribe("t", {
    onBegin: () => tell("begin"),
    onMessage: (data) => tell(typeof data === "string" ? data : data.join()),
    onGap: ({ cause, waitMs }) => tell(cause + " " + (waitMs > 0 && waitMs < 5000)),
  });
  client.subscribe("no", { onMessage() {}, onRefused: tell });
</script>`;

interface Server extends AsyncDisposable {
  readonly context: Context;
  /** Ends all connections. */
  cut(): void;
}

function serve(port = 0): Server {
  const all = new Set<Wsi>();
  const context = createContext({
    ...LOOPBACK,
    port,
    broker: memoryBroker({ historySize: 100 }),
    protocols: [resumable({
      authorize: (_wsi, _user, topic) => topic !== "no",
      open: (wsi) => void all.add(wsi),
      close: (wsi) => void all.delete(wsi),
      message: (wsi, _user, data) =>
        void wsi.context.publish("t", data instanceof Uint8Array ? data : String(data)),
    })],
    fetch: ({ url }) => {
      const isScript = new URL(url).pathname === "/resume.js";
      const type = isScript ? "text/javascript" : "text/html";
      return new Response(isScript ? resumeClientScript : PAGE, {
        headers: { "content-type": type },
      });
    },
  });
  return {
    context,
    cut() {
      for (const wsi of all) wsi.close(1012);
    },
    [Symbol.asyncDispose]: () => context.destroy(),
  };
}

CHROMIUM.test("a page imports the client from its server, and goes on where it was in Chromium", async () => {
  await withBrowser(async (browser) => {
    let server = serve();
    try {
      const { port } = server.context;
      const page = await newPage(browser);
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(`http://127.0.0.1:${port}/`);
      const next = (count: number) => page.evaluate<string[]>(`until(${count})`);
      assertEquals((await next(2)).toSorted(), ["begin", "forbidden"]);
      await page.evaluate('client.send("räume")');
      await page.evaluate("client.send(new Uint8Array([0, 255]))");
      assertEquals(await next(2), ["räume", "0,255"]);
      for (let i = 0; i < 3; i++) {
        server.cut();
        await server.context.publish("t", `${2 * i}`);
        await server.context.publish("t", `${2 * i + 1}`);
        assertEquals(await next(3), ["begin", `${2 * i}`, `${2 * i + 1}`]);
      }
      await server[Symbol.asyncDispose]();
      server = serve(port);
      await server.context.publish("t", "kept");
      assertEquals(await next(3), ["begin", "epoch true", "kept"]);
      await server.context.publish("t", "goes on");
      assertEquals(await next(1), ["goes on"]);
      assertEquals(errors, []);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});

PYTHON.test("a client that was written by the page about the wire goes on where it was, and takes bytes", async () => {
  await using server = serve();
  const url = `ws://127.0.0.1:${server.context.port}/`;
  await using client = start(PYTHON.path, [scriptPath("python/resume_client.py"), url]);
  const answers = [await client.nextLine(), await client.nextLine()];
  assertEquals(answers.toSorted(), ["begin True", "forbidden"]);
  await server.context.publish("t", "räume");
  await server.context.publish("t", new Uint8Array(200).fill(255));
  await server.context.publish("t", "live", { history: false });
  for (const line of ["'räume'", "200 bytes", "'live'"]) {
    assertEquals(await client.nextLine(), line);
  }
  for (const text of ["one", "two"]) {
    server.cut();
    await server.context.publish("t", text);
    assertEquals(await client.nextLine(), "begin True");
    assertEquals(await client.nextLine(), `'${text}'`);
  }
});
