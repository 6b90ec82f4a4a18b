/** The examples and the demo, used as their readers would. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, type Wsi } from "../../mod.ts";
import { byteCounter, type ByteCounts } from "../../examples/byte_counter.ts";
import { serveDashboard } from "../../examples/dashboard.ts";
import { upload } from "../../examples/upload.ts";
import { memoryFiles, virtualFiles } from "../../examples/virtual_files.ts";
import { isEpollAvailable } from "../../src/transport/epoll/mod.ts";
import { makeAuthority, makeSelfSigned, type TestIdentity } from "../support/certificates.ts";
import { freePort } from "../support/free_port.ts";
import { readOpenMetrics } from "../support/metrics/open_metrics.ts";
import { LOOPBACK, PATIENT } from "../support/patience.ts";
import { connect } from "./platform_socket.ts";
import { runArguments, runProgram } from "../support/program.ts";
import { openAlone, settle } from "../support/serve.ts";
import { named } from "../support/named.ts";
import { temporaryFolder } from "../support/folder.ts";

const example = (name: string) => fromFileUrl(new URL(`../../examples/${name}`, import.meta.url));

const echo = (wsi: Wsi, _user: unknown, message: string | Uint8Array) => void wsi.write(message);

/** Runs an example. */
const run = (name: string, args: string[], permissions: string[] = ["--allow-net"]) =>
  runProgram(permissions, example(name), args);

Deno.test("echo.ts echoes, and says 1001 to everybody at Ctrl-C", async () => {
  const echo = run("echo.ts", ["--port", "0", "--hostname", "127.0.0.1"]);
  const line = await echo.until("\n");
  const url = /listening on (ws:\/\/127\.0\.0\.1:\d+)/.exec(line)![1]!;
  const client = await connect(url);
  client.socket.send("a".repeat(300_000));
  await client.until((messages) => messages.length > 0);
  assertEquals(client.messages[0], "a".repeat(300_000));
  echo.process.kill("SIGINT");
  assertEquals((await client.closed).code, 1001);
  assertEquals((await echo.end()).code, 0);
});

Deno.test("echo.ts serves all versions of the protocol on one port, with --versions", async () => {
  const versions = [0, 4, 5, 6, 7, 8, 13] as const;
  const list = ["hixie-75", ...versions].join(",");
  const echo = run("echo.ts", ["--port", "0", "--hostname", "127.0.0.1", "--versions", list]);
  const [, port] = /listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(await echo.until("\n"))!;
  for (const version of versions) {
    const text = `version ${version} `.repeat(1000);
    const echoed = Promise.withResolvers<unknown>();
    const closed = Promise.withResolvers<boolean>();
    await using context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      ...PATIENT,
      protocols: [named("echo", {
        clientEstablished: (wsi) => void wsi.write(text),
        message(wsi, _user, message) {
          echoed.resolve(message);
          wsi.close();
        },
        closed: (_wsi, _user, { wasClean }) => closed.resolve(wasClean),
        clientConnectionError: (_wsi, _user, why) => echoed.reject(new Error(String(why))),
      })],
    });
    context.clientConnect({ address: "127.0.0.1", port: Number(port), version });
    assertEquals(await echoed.promise, text);
    assertEquals(await closed.promise, true, `version ${version}`);
  }
  echo.process.kill("SIGINT");
  assertEquals((await echo.end()).code, 0);

  const lists = [
    ["13,9", `--versions: "9" is none of hixie-75, 0, 4, 5, 6, 7, 8, 13\n`],
    ["0,", `--versions: "" is none of hixie-75, 0, 4, 5, 6, 7, 8, 13\n`],
    ["13,0,13", "--versions: 13 is there twice\n"],
  ] as const;
  for (const [wrong, says] of lists) {
    const refused = await new Deno.Command(Deno.execPath(), {
      args: runArguments(["--allow-net"], example("echo.ts"), ["--versions", wrong]),
      stdin: "null",
    }).output();
    assertEquals(refused.code, 2);
    assertStringIncludes(new TextDecoder().decode(refused.stderr), says);
  }
});

Deno.test({
  name: "behind_proxy.ts greets by X-Forwarded-For on a unix socket, and drains at SIGTERM",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const socketPath = `${folder}/socket`;
    const greeter = run("behind_proxy.ts", ["--socket", socketPath, "--spread", "0"], ["-A"]);
    await greeter.until(`listening on ${socketPath}\n`);
    const greeting = Promise.withResolvers<unknown>();
    const closed = Promise.withResolvers<number>();
    await using context = createContext({
      port: CONTEXT_PORT_NO_LISTEN,
      ...PATIENT,
      protocols: [named("greeter", {
        message: (_wsi, _user, message) => greeting.resolve(message),
        clientConnectionError: (_wsi, _user, text) => greeting.reject(new Error(text)),
        closed: (_wsi, _user, { code }) => closed.resolve(code),
      })],
    });
    context.clientConnect({ socketPath, headers: [["X-Forwarded-For", "192.0.2.1"]] });
    assertEquals(await greeting.promise, "hello, 192.0.2.1");
    greeter.process.kill("SIGTERM");
    assertEquals(await closed.promise, 1001);
    assertEquals((await greeter.end()).code, 0);
    // The socket's file has gone with it.
    assertEquals([...Deno.readDirSync(folder)], []);
    await Deno.remove(folder);
  },
});

Deno.test("client.ts prints messages, pings, pongs and the close code", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  await using context = createContext({
    ...LOOPBACK,
    protocols: [named("server", {
      established: (wsi) => resolve(wsi),
      message(wsi, _user, message) {
        wsi.write(`you said ${message}`);
        wsi.write("from the server", "ping");
      },
    })],
  });
  const client = run("client.ts", [`ws://127.0.0.1:${context.port}/`]);
  await client.until("connected to");
  await client.type("hello\n");
  await client.until("< you said hello\nping from the server\n");
  await client.type("/ping mine\n");
  await client.until("pong mine\n");
  (await promise).close(3005, "enough");
  await client.until("closed 3005 enough\n");
  await client.end();
});

Deno.test("client.ts says why it could not connect", async () => {
  const { stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--quiet", example("client.ts"), "ws://127.0.0.1:1/"],
    stdin: "null",
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "can't connect to 127.0.0.1 port 1");
});

/** Writes a certificate and its key; returns their paths as options. */
async function writeIdentity(folder: string, name: string, { cert, key }: TestIdentity) {
  const paths = { cert: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
  await Deno.writeTextFile(paths.cert, cert);
  await Deno.writeTextFile(paths.key, key);
  return { path: paths.cert, options: ["--cert", paths.cert, "--key", paths.key] };
}

const HOSTS = ["localhost", "127.0.0.1"];
const WITH_FILES = ["--allow-net", "--allow-read"];
const LOCAL = ["--port", "0", "--hostname", "127.0.0.1"];

/** Starts echo.ts with TLS; returns it with its URL. */
async function runEcho(args: string[]) {
  const echo = run("echo.ts", [...LOCAL, ...args], WITH_FILES);
  const line = await echo.until("\n");
  const url = /listening on (wss:\/\/127\.0\.0\.1:\d+)/.exec(line)![1]!;
  return {
    url,
    async [Symbol.asyncDispose]() {
      echo.process.kill("SIGINT");
      await echo.end();
    },
  };
}

/** Lets client.ts say hello, and returns what it prints until it ends. */
async function sayHello(args: string[]): Promise<string> {
  const client = new Deno.Command(Deno.execPath(), {
    args: runArguments(WITH_FILES, example("client.ts"), args),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = client.stdin.getWriter();
  const complaint = new Response(client.stderr).text();
  let printed = "";
  for await (const text of client.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    // One that was refused may have ended.
    if (printed.endsWith("/\n")) {
      await stdin.write(new TextEncoder().encode("hello\n")).catch(() => {});
    }
    if (printed.endsWith("< hello\n")) await stdin.close();
  }
  await stdin.close().catch(() => {});
  await client.status;
  return printed + await complaint;
}

Deno.test("echo.ts serves wss, with --ca to those with a certificate; client.ts has one", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const authority = await makeAuthority("CA");
  const issue = async (name: string, purpose: "server" | "client") =>
    await writeIdentity(folder, name, await authority.issue({ name, hosts: HOSTS, purpose }));
  const { path } = await writeIdentity(folder, "ca", authority);
  const server = await issue("server", "server");
  const client = await issue("client", "client");
  {
    await using echo = await runEcho(server.options);
    assertStringIncludes(await sayHello(["--ca", path, echo.url]), "\n< hello\n");
    assertStringIncludes(await sayHello([echo.url]), "CA list");
    using client = Deno.createHttpClient({ caCerts: [authority.cert] });
    const response = await fetch(echo.url.replace("wss", "https"), { client });
    assertEquals(response.status, 426);
    await response.body?.cancel();
  }
  {
    await using echo = await runEcho([...server.options, "--ca", path]);
    const known = await sayHello(["--ca", path, ...client.options, echo.url]);
    assertStringIncludes(known, "\n< hello\n");
    const unknown = await sayHello(["--ca", path, echo.url]);
    assert(!unknown.includes("< hello"), unknown);
  }
});

Deno.test("client.ts takes a self-signed certificate when it is told to", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const identity = await makeSelfSigned({ name: "localhost", hosts: HOSTS });
  const { options } = await writeIdentity(folder, "server", identity);
  await using echo = await runEcho(options);
  assertStringIncludes(await sayHello(["--insecure", echo.url]), "\n< hello\n");
  assertStringIncludes(await sayHello([echo.url]), "self-signed");
});

Deno.test("the examples refuse half of a pair, and what would not count", async () => {
  for (
    const [args, complaint] of [
      [["echo.ts", "--cert", "x.pem"], "--cert and --key go together"],
      [["echo.ts", "--ca", "x.pem"], "--ca needs --cert and --key"],
      [["client.ts", "--key", "x.pem", "wss://localhost"], "--cert and --key go together"],
      [["echo.ts", "--ciphers", "AES256"], "--ciphers needs --tls openssl"],
      [["echo.ts", "--tls", "openssl"], "--tls openssl needs --network epoll"],
      [
        ["echo.ts", "--tls", "openssl", "--network", "epoll"],
        "--tls openssl needs --cert and --key",
      ],
      [["echo.ts", "--tls", "gnutls"], "--tls is runtime or openssl, not gnutls"],
      [["echo.ts", "--network", "tcp"], "--network is runtime or epoll, not tcp"],
    ] as const
  ) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", "--quiet", example(args[0]), ...args.slice(1)],
    }).output();
    assertEquals(code, 2);
    assertStringIncludes(new TextDecoder().decode(stderr), complaint);
  }
});

Deno.test("broadcast.ts: everybody hears the other process", async () => {
  const args = ["--port", "0", "--every-ms", "20"];
  const server = run("broadcast.ts", args, ["--allow-net", "--allow-run"]);
  const line = await server.until("tells the time\n");
  const [, url, pid] = /listening on (ws:\S+); process (\d+) tells/.exec(line)!;
  const clients = [await connect(url!, "news"), await connect(url!, "news")];
  for (const client of clients) {
    await client.until((messages) => messages.length >= 2);
    for (const message of client.messages) assertStringIncludes(message, `process ${pid}: it is `);
  }
  server.process.kill("SIGINT");
  for (const client of clients) assertEquals((await client.closed).code, 1001);
  assertEquals((await server.end()).code, 0);
});

for (const more of isEpollAvailable() ? [[], ["--allow-ffi"]] : [[]]) {
  Deno.test({
    name: `all_cores.ts: two workers echo and chat, and all hear a broadcast ${more.join()}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const flags = ["--allow-net", "--allow-read", ...more];
      const args = ["--port", "0", "--workers", "2", "--every-ms", "20"];
      const server = run("all_cores.ts", args, flags);
      const url = /2 workers are listening on (ws:\S+)/.exec(await server.until("\n"))![1]!;
      const clients = await Promise.all(Array.from({ length: 20 }, () => connect(url, "echo")));
      for (const { socket, until } of clients) {
        socket.send("hello");
        await until((messages) => messages.includes("hello"));
        await until((messages) => messages.some((each) => each.startsWith("it is ")));
      }
      const chat = await Promise.all(Array.from({ length: 10 }, () => connect(url, "chat")));
      for (const { until } of chat) await until((messages) => messages.includes("you are in"));
      chat[0]!.socket.send("hi");
      for (const { until } of chat.slice(1)) await until((messages) => messages.includes("hi"));
      server.process.kill("SIGINT");
      for (const { closed } of clients) assertEquals((await closed).code, 1001);
      assertEquals((await server.end()).code, 0);
    },
  });
}

Deno.test("chat.ts lets in who has logged in, and tells everybody in a room and nobody else", async () => {
  const server = run("chat.ts", ["--port", "0"], ["--allow-net", "--allow-read"]);
  const [, origin] = /open (http:\S+)\/lobby\n/.exec(await server.until("\n"))!;
  const sockets = origin!.replace("http", "ws");
  const page = await fetch(`${origin}/kitchen`);
  assertStringIncludes(await page.text(), "<title>chat</title>");

  const enter = async (name: string, room: string) => {
    const login = await fetch(`${origin}/login`, { method: "POST", body: name });
    assertEquals(login.status, 204);
    const [cookie] = login.headers.get("set-cookie")!.split(";");
    return await connect(`${sockets}/chat/${room}`, { headers: { cookie: cookie! } });
  };
  const anna = await enter("Anna", "kitchen");
  const bert = await enter("Bert", "kitchen");
  const carl = await enter("Carl", "attic");
  await anna.until((messages) => messages.includes("* Bert came"));
  anna.socket.send("who is here?");
  for (const guest of [anna, bert]) {
    await guest.until((messages) => messages.includes("Anna: who is here?"));
  }
  await bert.close();
  await anna.until((messages) => messages.includes("* Bert left"));
  carl.socket.send("alone");
  await carl.until((messages) => messages.includes("Carl: alone"));
  assertEquals(carl.messages, ["* Carl came", "Carl: alone"]);

  const refused = (coming: Promise<unknown>) => coming.then(() => false, () => true);
  assert(await refused(connect(`${sockets}/chat/kitchen`)), "without a login");
  assert(await refused(enter("Dora", "x".repeat(41))), "no name of a room");
  server.process.kill("SIGTERM");
  for (const guest of [anna, carl]) assertEquals((await guest.closed).code, 1001);
  assertEquals((await server.end()).code, 0);
});

Deno.test("dashboard.ts updates 200 pages many times, and tells the same at /metrics", async () => {
  await using context = serveDashboard(0, "127.0.0.1");
  const url = `127.0.0.1:${context.port}/`;
  const page = await fetch(`http://${url}`);
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(await page.text(), '"dashboard"');
  const pages = await Promise.all(
    Array.from({ length: 200 }, () => connect(`ws://${url}`, "dashboard")),
  );
  await Promise.all(pages.map(({ until }) => until((messages) => messages.length >= 10)));
  const updates = pages[0]!.messages.map((message) => JSON.parse(message));
  assert(updates.every(({ at }, i) => i === 0 || at >= updates[i - 1].at), "in order");
  assertEquals(updates.at(-1).servers, { now: 200, ever: 200 });
  const headers = { accept: "application/openmetrics-text; version=1.0.0" };
  const metrics = await fetch(`http://${url}metrics`, { headers });
  const families = readOpenMetrics(await metrics.text());
  const servers = 'protocol="dashboard",role="server"';
  assertEquals(families.get("lws_connections")!.samples.get(servers), 200);
  const missing = await fetch(`http://${url}nothing`);
  assertEquals(missing.status, 404);
  await missing.body?.cancel();
  await Promise.all(pages.map((each) => each.close()));
});

Deno.test("byte_counter.ts prints what both ends have sent and received", async () => {
  const counter = run("byte_counter.ts", ["--messages", "3"]);
  await counter.until("server: ");
  const printed = await counter.until("client: ");
  const [, sent] = /client: (\d+) bytes sent in packets of \d+, \1 received/.exec(printed)!;
  assertEquals(Number(sent), 3 * 50 * "message 0 ".length + "the last one".length);
  assertEquals((await counter.end()).code, 0);
});

Deno.test("byte_counter.ts counts payload without headers, and packets with them", async () => {
  const reports: ByteCounts[] = [];
  await using socket = await openAlone([{ name: "echo", callback: handlers({ message: echo }) }], {
    extensions: [byteCounter((_wsi, counts) => reports.push({ ...counts }))],
  }, { headers: ["Sec-WebSocket-Extensions: x-byte-counter"] });
  for (const payload of ["12345", "x".repeat(1000)]) {
    socket.send({ opcode: 1, payload });
    assertEquals(await socket.receiveText(), payload);
  }
  socket.send({ opcode: 8 });
  await socket.receiveClose();
  socket.peer.close();
  await settle();
  // Of the client's three frames two have a masking key and a short header, one a longer one.
  assertEquals(reports, [{
    payloadIn: 1005,
    payloadOut: 1005,
    packetsIn: 6 + 5 + 8 + 1000 + 6,
    packetsOut: 2 + 5 + 4 + 1000,
  }]);
});

Deno.test("ported_echo.ts: libwebsockets' test-echo, its client and its server", async () => {
  const port = String(freePort());
  const server = run("ported_echo.ts", ["--port", port, "--interface", "127.0.0.1"]);
  await server.until(`running in server mode on port ${port}\n`);
  const client = run("ported_echo.ts", ["--client", "127.0.0.1", "--port", port, "--ratems", "10"]);
  await client.until("echo: client connected\n");
  await client.until("Client RX: hello from the ported echo client, pid");
  await client.until("index 3");
  server.process.kill("SIGINT");
  await client.until("echo: the connection ended\nported echo exited cleanly\n");
  assertEquals((await client.end()).code, 0);
  await server.until("ported echo exited cleanly\n");
  assertEquals((await server.end()).code, 0);
});

Deno.test("ported_echo.ts echoes 1400 bytes as text, and hangs up at one more", async () => {
  const port = String(freePort());
  const server = run("ported_echo.ts", ["--port", port, "--interface", "127.0.0.1"]);
  await server.until("running in server mode");
  const { socket, messages, until, closed } = await connect(`ws://127.0.0.1:${port}`);
  socket.send("x".repeat(1400));
  await until(() => messages.length === 1);
  assertEquals(messages, ["x".repeat(1400)]);
  socket.send("x".repeat(1401));
  assertEquals((await closed).wasClean, false);
  await server.until("bigger than 1400, hanging up\n");
  server.process.kill("SIGINT");
  assertEquals((await server.end()).code, 0);
});

Deno.test("upload.ts puts bodies on the disk, byte for byte, and refuses other names", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await using context = createContext({
    ...LOOPBACK,
    protocols: [upload(folder)],
    maxBodySize: 64 * 1024 * 1024,
  });
  const url = `http://127.0.0.1:${context.port}`;
  const content = new Uint8Array(3_000_001).map((_, i) => i * 13);
  for (const name of ["one.bin", "two.bin"]) {
    const response = await fetch(`${url}/${name}`, { method: "PUT", body: content });
    assertEquals(response.status, 201);
    assertStringIncludes(await response.text(), "3000001 bytes");
    assertEquals(await Deno.readFile(`${folder}/${name}`), content);
  }
  for (const [path, method, status] of [["/.x", "PUT", 400], ["/x", "GET", 405]] as const) {
    const response = await fetch(url + path, { method });
    await response.body?.cancel();
    assertEquals(response.status, status);
  }
});

Deno.test("files.ts serves a folder, and tells what changes in it", async () => {
  const folder = await Deno.makeTempDir();
  const files = run("files.ts", ["--port", "0", "--folder", folder], WITH_FILES);
  try {
    await Deno.writeTextFile(`${folder}/a.txt`, "one");
    const url = /serving (http:\S+)/.exec(await files.until("\n"))![1]!;
    assertEquals(await (await fetch(`${url}a.txt`)).text(), "one");
    assertStringIncludes(await (await fetch(url)).text(), "./a.txt");
    const client = await connect(url.replace("http", "ws"), "changes");
    await Deno.writeTextFile(`${folder}/a.txt`, "two");
    await client.until((messages) => messages.includes("/a.txt"));
    assertEquals(await (await fetch(`${url}a.txt`)).text(), "two");
    await client.close();
  } finally {
    files.process.kill("SIGINT");
    await files.end();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("virtual_files.ts serves from its command line", async () => {
  const files = run("virtual_files.ts", ["--port", "0"]);
  const url = /serving (http:\S+)/.exec(await files.until("\n"))![1]!;
  assertEquals(await (await fetch(url)).text(), "Hello from memory.\n");
  files.process.kill("SIGINT");
  assertEquals((await files.end()).code, 0);
});

Deno.test("virtual_files.ts reads and adds to files in memory, and lets nobody else write", async () => {
  const hello = new TextEncoder().encode("hello");
  const mtime = new Date("2026-01-02T03:04:05Z");
  const files = new Map([["/", { bytes: hello, mtime }]]);
  await using context = createContext({
    ...LOOPBACK,
    fileOps: memoryFiles(files),
    protocols: [virtualFiles],
  });
  const url = (path: string) => `http://127.0.0.1:${context.port}${path}`;
  const send = async (path: string, init: RequestInit) => {
    const response = await fetch(url(path), init);
    return [response.status, await response.text()] as const;
  };
  assertEquals(await send("/", {}), [200, "hello"]);
  assertEquals((await send("/new", {}))[0], 404);
  assertEquals((await send("/new", { method: "POST", body: "a".repeat(100_000) }))[0], 201);
  assertEquals((await send("/new", { method: "POST", body: "b" }))[0], 201);
  assertEquals(await send("/new", {}), [200, "a".repeat(100_000) + "b"]);
  assertEquals((await send("/new", { method: "POST", body: "c".repeat(1_000_000) }))[0], 403);
  assertEquals((await send("/new", { method: "DELETE" }))[0], 405);
  const head = await fetch(url("/new"), { method: "HEAD" });
  assertEquals([head.headers.get("content-length"), await head.text()], ["100001", ""]);

  const known = await fetch(url("/"), { method: "HEAD" });
  const headers = { "if-none-match": known.headers.get("etag")! };
  assertEquals(await send("/", { headers }), [304, ""]);
  assertEquals(await send("/", { headers: { range: "bytes=1-2" } }), [206, "el"]);

  const stranger = { peerAddresses: { ip: "192.0.2.1" } } as Wsi;
  const ops = memoryFiles(files);
  assertThrows(() => ops.open(stranger, "/new", "readWrite"), Error, "only this host");
  const { handle } = await ops.open(stranger, "/", "read");
  assertThrows(() => ops.write(stranger, handle, hello), Error, "opened for reading");
  assertEquals(await ops.seekCur(stranger, handle, 3), 3);
  assertThrows(() => ops.seekCur(stranger, handle, -4), RangeError);
  const buffer = new Uint8Array(4);
  assertEquals([await ops.read(stranger, handle, buffer), buffer[0]], [2, "l".charCodeAt(0)]);
  await ops.close(stranger, handle);
  assertThrows(() => ops.read(stranger, handle, buffer), Error, "closed");
});
