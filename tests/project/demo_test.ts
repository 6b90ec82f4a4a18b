/** The demo, but for what its page shows, which tests/peers looks at in a browser. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { walkSync } from "@std/fs";
import { dirname, fromFileUrl } from "@std/path";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../mod.ts";
import { mirrorProtocol } from "../../examples/demo/mirror.ts";
import { Past } from "../../examples/demo/past.ts";
import { Presence } from "../../examples/demo/presence.ts";
import { serveDemo } from "../../examples/demo/server.ts";
import { serve } from "../../src/testing/mod.ts";
import { named } from "../support/named.ts";
import { PATIENT } from "../support/patience.ts";
import { connect } from "./platform_socket.ts";
import { temporaryFolder } from "../support/folder.ts";

Deno.test("the demo serves its page, counts, mirrors and tells who is there", async () => {
  await using context = serveDemo(0, "127.0.0.1", PATIENT);
  const http = `http://127.0.0.1:${context.port}`;
  for (const [path, type] of [["/", "text/html"], ["/app.js", "text/javascript"]]) {
    const response = await fetch(http + path);
    assertEquals(response.status, 200);
    assertStringIncludes(response.headers.get("content-type")!, type!);
    assertStringIncludes(response.headers.get("content-security-policy")!, "'self'");
    await response.body?.cancel();
  }
  const url = `ws://127.0.0.1:${context.port}/`;
  const counter = await connect(url, "dumb-increment-protocol");
  await counter.until((messages) => messages.length >= 5);
  assertEquals(counter.messages.slice(0, 5), ["0", "1", "2", "3", "4"]);
  counter.socket.send("reset\n");
  await counter.until((messages) => messages.lastIndexOf("0") > 0);

  const [one, two] = [
    await connect(url, "lws-mirror-protocol"),
    await connect(url, "lws-mirror-protocol"),
  ];
  const drawings = Array.from({ length: 200 }, (_, i) => `d #ff0000 ${i} 2 3 4;`);
  for (const drawing of drawings) one!.socket.send(drawing);
  for (const each of [one!, two!]) {
    await each.until((messages) => messages.length >= drawings.length);
    assertEquals(each.messages, drawings);
  }

  const status = await connect(url, "lws-status");
  await status.until((messages) =>
    messages.some((message) => JSON.parse(message).connections.length === 4)
  );
  await Promise.all([counter, one!, two!, status].map((each) => each.close()));
});

Deno.test("the mirror cuts a reader that reads nothing, and the others go on", async () => {
  await using served = serve(mirrorProtocol(new Presence()), { softUnsentBytes: 1_000 });
  const reader = await served.dialWebSocket();
  const stuck = await served.dialWebSocket();
  stuck.peer.transport.stopReading();
  const packet = "x".repeat(4_000);
  let received = 0;
  for (let i = 0; i < 100; i++) {
    reader.send(`${i} ${packet}`);
    // What the stuck one holds up comes once it is cut.
    await served.advance(i === 90 ? 6_000 : 0);
  }
  while (received < 100) {
    assertEquals(`${await reader.next()}`.split(" ")[0], String(received++));
  }
  stuck.peer.transport.startReading();
  await stuck.closed;
  assert(stuck.peer.received.length < 100 * 4_000);
});

Deno.test("a client context of its own sees the demo's counter", async () => {
  await using demo = serveDemo(0, "127.0.0.1", PATIENT);
  const { promise, resolve } = Promise.withResolvers<string>();
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    protocols: [
      named("dumb-increment-protocol", {
        message: (_wsi, _user, message) => resolve(message as string),
      }),
    ],
  });
  context.clientConnect({
    address: "127.0.0.1",
    port: demo.port,
    protocol: "dumb-increment-protocol",
  });
  assertEquals(await promise, "0");
});

Deno.test("who comes late is sent what was drawn, until the sheet is cleared", async () => {
  await using served = serve(mirrorProtocol(new Presence()));
  const first = await served.dialWebSocket();
  first.send("d #ff0000 1 2 3 4;");
  first.send("c #00ff00 5 6 7");
  for (let i = 0; i < 2; i++) await first.next();
  const late = await served.dialWebSocket();
  assertEquals(await late.next(), "d #ff0000 1 2 3 4;c #00ff00 5 6 7;");
  first.send("clear;");
  assertEquals(await late.next(), "clear;");
  const later = await served.dialWebSocket();
  first.send("d #0000ff 1 1 1 1;");
  assertEquals(await later.next(), "d #0000ff 1 1 1 1;");
});

Deno.test("of a long drawing the oldest strokes fade", () => {
  const past = new Past();
  const stroke = (i: number) => `${i};`.padStart(4096, "x");
  for (let i = 0; i < 64; i++) past.add(stroke(i));
  assertEquals([past.packets().length, past.packets()[0]], [64, stroke(0)]);
  past.add(stroke(64));
  assertEquals([past.packets().length, past.packets()[0]], [64, stroke(1)]);
  // What fits goes into one packet.
  past.add("clear;");
  for (const length of [4000, 95, 1]) past.add("y".repeat(length - 1) + ";");
  assertEquals(past.packets().map(({ length }) => length), [4096]);
  past.add(";");
  assertEquals(past.packets().map(({ length }) => length), [4096, 1]);
});

Deno.test("the demo's status has its numbers, and sends a short text back", async () => {
  await using context = serveDemo(0, "127.0.0.1", PATIENT);
  const status = await connect(`ws://127.0.0.1:${context.port}/`, "lws-status");
  await status.until((messages) => messages.length >= 2);
  const [first, second] = status.messages.map((message) => JSON.parse(message));
  assertEquals([first.total, first.connections.length], [1, 1]);
  assert(second.sentBytes > first.sentBytes && second.receivedBytes > 0);
  assert(second.uptimeMs > first.uptimeMs);
  status.socket.send("x".repeat(32));
  await status.until((messages) => messages.includes("x".repeat(32)));
  status.socket.send("x".repeat(33));
  assertEquals((await status.closed).code, 1009);
});

Deno.test("the demo has its source and the guide to read, and nothing beside them", async () => {
  await using context = serveDemo(0, "127.0.0.1", PATIENT);
  const origin = `http://127.0.0.1:${context.port}`;
  const source = await (await fetch(`${origin}/source/server.ts`)).text();
  assertStringIncludes(source, 'from "<a href="mirror.ts">./mirror.ts</a>"');
  assertStringIncludes(source, "Partial&#60;ContextCreationInfo&#62;");
  const guide = await (await fetch(`${origin}/guide/README.md`)).text();
  assertStringIncludes(guide, '<a href="topics.md">Topics</a>');
  for (const path of ["/source/none.ts", "/source/", "/guide/..%2foptions.md", "/guide/.x.md"]) {
    const response = await fetch(origin + path);
    assertEquals(Math.floor(response.status / 100), 4, path);
    await response.body?.cancel();
  }
});

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

Deno.test("deno task demo needs no package but the standard library's", async () => {
  const deno = async (args: string[], env: Record<string, string> = {}) => {
    const options = { args, cwd: ROOT, env, stdin: "null" } as const;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    return [stdout, stderr].map((each) => new TextDecoder().decode(each));
  };
  const { npmCache } = JSON.parse((await deno(["info", "--json"]))[0]!);
  await using folder = await temporaryFolder();
  for (const { name } of Deno.readDirSync(npmCache)) {
    const files = walkSync(`${npmCache}/${name}/deno-std`, { includeDirs: false });
    for (const { path } of files) {
      const copy = `${folder.path}/npm/${path.slice(npmCache.length)}`;
      await Deno.mkdir(dirname(copy), { recursive: true });
      await Deno.copyFile(path, copy);
    }
  }
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [, ...args] = `${tasks.demo} --help`.replace(" run ", " run --cached-only ").split(" ");
  const said = await deno(args, { DENO_DIR: folder.path });
  assertEquals(said, ["options: [--port 7681] [--hostname 127.0.0.1]\n", ""]);
});
