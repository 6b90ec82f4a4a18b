/** The programs of `examples/ported`, against each other. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { createSocket } from "node:dgram";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, type Wsi } from "../../mod.ts";
import { isEpollAvailable } from "../../src/transport/epoll/mod.ts";
import { freePort } from "../support/free_port.ts";
import { PATIENT } from "../support/patience.ts";
import { type Program, runProgram } from "../support/program.ts";
import { named } from "../support/named.ts";

const FOLDER = fromFileUrl(new URL("../../examples/ported", import.meta.url));
const LOOPBACK = ["--interface", "127.0.0.1"];

const run = (name: string, args: string[], permissions: string[] = []) =>
  runProgram(["--allow-net", ...permissions], `${FOLDER}/${name}`, args);

/** The test server, and its port. */
async function serving(args: string[], folder = FOLDER) {
  const server = run("test_server.ts", ["--port", "0", ...LOOPBACK, ...args], [
    `--allow-read=${FOLDER},${folder}`,
  ]);
  const port = Number(/listening on port (\d+)\n/.exec(await server.until("\n"))![1]);
  return { server, port };
}

/** Ends a program by Ctrl-C, as it wants to be ended. */
async function interrupt(program: Program): Promise<void> {
  program.process.kill("SIGINT");
  assertEquals((await program.end()).code, 0);
}

/** A WebSocket of the platform's, with what it is sent. */
async function connect(port: number, protocol?: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocol ?? []);
  socket.binaryType = "arraybuffer";
  const messages: unknown[] = [];
  let wake = () => {};
  socket.onmessage = ({ data }) => {
    messages.push(data);
    wake();
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  return {
    socket,
    closed,
    async next<T = string>(): Promise<T> {
      while (messages.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return messages.shift() as T;
    },
    send: (data: string) => socket.send(data),
    async close() {
      socket.close();
      await closed;
    },
  };
}

/** A client of 2010, which speaks hixie-76, by a context of ours. */
async function connectHixie(port: number) {
  const messages: string[] = [];
  let wake = () => {};
  const { promise, resolve, reject } = Promise.withResolvers<Wsi>();
  const context = createContext({
    ...PATIENT,
    port: CONTEXT_PORT_NO_LISTEN,
    protocols: [named("counter", {
      clientEstablished: (wsi) => resolve(wsi),
      clientConnectionError: (_wsi, _user, text) => reject(new Error(text)),
      message(_wsi, _user, message) {
        messages.push(message as string);
        wake();
      },
    })],
  });
  context.clientConnect({ address: "127.0.0.1", port, version: 0 });
  const wsi = await promise;
  return {
    async next(): Promise<string> {
      while (messages.length === 0) await new Promise<void>((again) => wake = again);
      return messages.shift()!;
    },
    send: (data: string) => wsi.write(data, "text"),
    close: () => context.destroy(),
  };
}

/** Tests several ways at the same time, as nearly all that their programs do is to wait for their clocks. */
async function withEach<Way>(ways: readonly Way[], test: (way: Way) => Promise<void>) {
  const ends = await Promise.allSettled(ways.map((way) => test(way)));
  for (const [i, end] of ends.entries()) {
    if (end.status === "rejected") {
      throw new Error(`with ${ways[i] || "none"}`, { cause: end.reason });
    }
  }
}

/** With the library's loop, and with one of its own. */
const LOOPS: readonly (readonly string[])[] = [[], ["--extpoll"]];

Deno.test("test_server_2010.ts counts and begins again for clients of hixie-76, and with --protocol 13 for those of today", async () => {
  await withEach([76, 13], async (protocol) => {
    const args = ["--port", "0", "--protocol", String(protocol)];
    const server = run("test_server_2010.ts", args, [`--allow-read=${FOLDER}`]);
    const port = Number(/listening on port (\d+)\n/.exec(await server.until("\n"))![1]);
    const page = await fetch(`http://127.0.0.1:${port}/`);
    assertStringIncludes(await page.text(), "test server of 2010");
    const client = protocol === 76 ? await connectHixie(port) : await connect(port);
    for (const number of ["0", "1"]) assertEquals(await client.next(), number);
    client.send("reset\n");
    let number = Number(await client.next());
    while (number > 0) number = Number(await client.next());
    assertEquals(await client.next(), "1");
    await client.close();
    await server.until("Websocket connection closed\n");
    await interrupt(server);
  });
});

Deno.test("test_server.ts with the library's loop and with its own sends a page by the library and files by hand, and takes bodies", async () => {
  await withEach(LOOPS, async (args) => {
    const folder = await Deno.makeTempDir();
    const big = new Uint8Array(3 * 1024 * 1024).map((_, i) => 97 + i % 26);
    await Deno.copyFile(`${FOLDER}/www/test.html`, `${folder}/test.html`);
    await Deno.writeFile(`${folder}/big.txt`, big);
    await Deno.writeTextFile(`${folder}/empty.txt`, "");
    const { server, port } = await serving([...args, "--resource_path", folder], folder);
    const get = (path: string, init?: RequestInit) =>
      fetch(`http://127.0.0.1:${port}${path}`, init);
    try {
      const page = await get("/");
      assertEquals(page.headers.get("content-type"), "text/html");
      assertMatch(page.headers.get("set-cookie")!, /^test=/);
      assertStringIncludes(await page.text(), "dumb-increment-protocol");
      for (let round = 0; round < 2; round++) {
        const file = await get("/big.txt");
        assertEquals([file.status, file.headers.get("content-type")], [200, "text/plain"]);
        assertEquals(await file.bytes(), big);
      }
      assertEquals(await (await get("/empty.txt")).text(), "");
      // Who goes in the middle disturbs nobody.
      const leaving = await get("/big.txt");
      await leaving.body!.cancel();
      for (const [path, status] of [["/none.txt", 404], ["/page.exe", 415]] as const) {
        const answer = await get(path);
        assertEquals(answer.status, status);
        await answer.body?.cancel();
      }
      const posted = await get("/form", { method: "POST", body: "name=value" });
      assertEquals(posted.status, 200);
      await posted.body?.cancel();
      await server.until("LWS_CALLBACK_HTTP_BODY: name=value\n");
    } finally {
      await interrupt(server);
      await Deno.remove(folder, { recursive: true });
    }
  });
});

Deno.test("test_server.ts with the library's loop and with its own counts for each connection, from 0 again when told, and closes when asked", async () => {
  await withEach(LOOPS, async (args) => {
    const { server, port } = await serving([...args]);
    const first = await connect(port, "dumb-increment-protocol");
    for (let number = 0; number < 3; number++) assertEquals(await first.next(), String(number));
    const second = await connect(port, "dumb-increment-protocol");
    assertEquals(await second.next(), "0");
    first.socket.send("reset\n");
    let number = Number(await first.next());
    while (number > 0) number = Number(await first.next());
    assertEquals(await first.next(), "1");
    first.socket.send("closeme\n");
    await first.closed;
    await second.close();
    await interrupt(server);
  });
});

Deno.test("test_server.ts with the library's loop and with its own mirrors more than it can hold, text as text and bytes as bytes", async () => {
  await withEach(LOOPS, async (args) => {
    const { server, port } = await serving([...args]);
    const painter = await connect(port, "lws-mirror-protocol");
    const watcher = await connect(port, "lws-mirror-protocol");
    const bytes = new Uint8Array([200, 201, 202]);
    for (const drawing of ["d #ff0000 1 2 3 4;", "für alle", bytes]) {
      painter.socket.send(drawing);
      for (const each of [painter, watcher]) {
        const got = await each.next<string | ArrayBuffer>();
        assertEquals(typeof got === "string" ? got : new Uint8Array(got), drawing);
      }
    }
    await watcher.close();
    const drawings = Array.from({ length: 500 }, (_, i) => `${i} `.repeat(200));
    for (const drawing of drawings) painter.socket.send(drawing);
    for (const drawing of drawings) assertEquals(await painter.next(), drawing);
    await painter.close();
    await interrupt(server);
  });
});

Deno.test("test_ping.ts gets all its pings back from test_server.ts with the library's loop and with its own, and prints statistics", async () => {
  await withEach(LOOPS, async (args) => {
    const { server, port } = await serving([...args]);
    for (const [size, more] of [[125, []], [4096, ["--mirror"]]] as const) {
      const options = ["--count", "5", "--interval", "1", "--size", String(size)];
      const ping = run("test_ping.ts", ["127.0.0.1", "--port", String(port), ...options, ...more]);
      const printed = await ping.until("rtt min/avg/max = ");
      assertEquals((await ping.end()).code, 0);
      for (let req = 1; req <= 5; req++) {
        assertMatch(
          printed,
          new RegExp(`^${size} bytes from 127.0.0.1: req=${req} time=[\\d.]+ms$`, "m"),
        );
      }
      assertMatch(printed, /^5 packets transmitted, 5 received, 0% packet loss, time \d+ms$/m);
    }
    await interrupt(server);
  });
});

Deno.test("test_ping.ts on several connections counts those that come to each, and what comes twice", async () => {
  const { server, port } = await serving([]);
  const options = ["--count", "2", "--interval", "1", "--replicate", "3", "--mirror"];
  const ping = run("test_ping.ts", ["127.0.0.1", "--port", String(port), ...options]);
  const printed = await ping.until("rtt min/avg/max = ");
  assertEquals((await ping.end()).code, 0);
  assertMatch(printed, /^6 packets transmitted, 6 received, 0% packet loss/m);
  await interrupt(server);
});

Deno.test("test_ping.ts tells the loss where nothing comes back, and that nobody is there", async () => {
  const port = freePort();
  const nobody = run("test_ping.ts", ["127.0.0.1", "--port", String(port), "--count", "1"]);
  await nobody.until("connection to 127.0.0.1 failed\n");
  assertStringIncludes(await nobody.until("packet loss"), "0 packets transmitted");
  assertEquals((await nobody.end()).code, 1);

  const leaving = handlers({ message: (wsi) => void wsi.close(1001) });
  await using context = createContext({
    ...PATIENT,
    port: 0,
    iface: "127.0.0.1",
    // As in C, they name one that is none.
    allowedOrigins: ["*"],
    protocols: [{ name: "lws-mirror-protocol", callback: leaving }],
  });
  const ping = run("test_ping.ts", ["127.0.0.1", "--port", `${context.port}`, "--mirror"]);
  const printed = await ping.until("packet loss");
  assertEquals((await ping.end()).code, 1);
  assertStringIncludes(printed, "websocket connection to 127.0.0.1 closed\n");
  assertStringIncludes(printed, "1 packets transmitted, 0 received, 100% packet loss");
});

Deno.test("test_fraggle.ts sends random messages in random fragments, and its client finds them whole", async () => {
  const port = String(freePort());
  const server = run("test_fraggle.ts", ["--port", port, ...LOOPBACK]);
  await server.until("listening");
  const client = run("test_fraggle.ts", ["--client", "127.0.0.1", "--port", port, "--count", "3"]);
  const printed = await client.until("3 messages checked\n");
  assertEquals((await client.end()).code, 0);
  const messages = [
    ...printed.matchAll(/^fraggle: EOM received, (\d+) bytes in (\d+) fragments.*OK$/gm),
  ];
  assertEquals(messages.length, 3);
  const sent = await server.until("connection closed\n");
  for (const [, bytes, fragments] of messages) {
    assert(Number(fragments) >= 1 && Number(fragments) <= 1024);
    assertStringIncludes(sent, `fraggle: Spamming ${fragments} random fragments\n`);
    assertStringIncludes(sent, `fraggle: Spamming ended with ${bytes} bytes`);
  }
  await interrupt(server);
});

Deno.test("test_fraggle.ts notices a byte that is not the one that was sent", async () => {
  await using context = createContext({
    ...PATIENT,
    port: 0,
    iface: "127.0.0.1",
    // As in C, they name one that is none.
    allowedOrigins: ["*"],
    protocols: [named("fraggle-protocol", {
      established(wsi) {
        wsi.write(new Uint8Array([1, 2]), "binary", { fin: false });
        wsi.write(new Uint8Array([3]), "continuation");
        wsi.write(new Uint8Array([0, 0, 0, 6]), "binary");
        wsi.write(new Uint8Array([1, 2, 4]), "binary");
        wsi.write(new Uint8Array([0, 0, 0, 6]), "binary");
      },
    })],
  });
  const client = run("test_fraggle.ts", ["--client", "127.0.0.1", "--port", `${context.port}`]);
  const printed = await client.until("messages checked\n");
  assertEquals((await client.end()).code, 1);
  assertStringIncludes(printed, "3 bytes in 2 fragments, sum 6: OK\n");
  assertStringIncludes(printed, "3 bytes in 1 fragments, sum 7: WRONG, the sum sent is 6\n");
});

const ignore = !isEpollAvailable();
Deno.test({
  name: "ported_server.ts runs with a main loop of C around service and around poll" +
    (ignore ? " (needs Linux and --allow-ffi)" : ""),
  ignore,
  fn: () =>
    withEach(["service", "poll"], async (loop) => {
      const server = runProgram(
        ["--allow-net", "--allow-ffi", `--allow-read=${FOLDER}`],
        `${FOLDER}/../ported_server.ts`,
        ["--port", "0", ...LOOPBACK, "--loop", loop],
      );
      const said = await server.until(`with the loop around ${loop}\n`);
      const port = Number(/listening on port (\d+)/.exec(said)![1]);
      const udp = /port (\d+) answers UDP/.exec(said)?.[1];
      assertEquals(udp !== undefined, loop === "poll");
      const counter = await connect(port, "dumb-increment-protocol");
      // It counts though the runtime has no turn.
      const first = Number(await counter.next());
      while (Number(await counter.next()) < first + 3);
      const mirrors = [
        await connect(port, "lws-mirror-protocol"),
        await connect(port, "lws-mirror-protocol"),
      ];
      mirrors[0]!.socket.send("from one to all");
      for (const mirror of mirrors) {
        assertEquals(await mirror.next(), "from one to all");
      }
      if (loop === "poll") assertEquals(await echoOf(Number(udp), "beside it"), "beside it");
      const page = await fetch(`http://127.0.0.1:${port}/`);
      assertStringIncludes(await page.text(), "<title>test server</title>");
      for (const each of [counter, ...mirrors]) await each.close();
      server.process.kill("SIGKILL");
      await server.end();
    }),
});

/** What a UDP server sends back. */
async function echoOf(port: number, text: string): Promise<string> {
  const socket = createSocket("udp4");
  const answer = new Promise<string>((resolve) =>
    socket.on("message", (bytes) => resolve(new TextDecoder().decode(bytes)))
  );
  socket.send(text, port, "127.0.0.1");
  const told = await answer;
  socket.close();
  return told;
}
