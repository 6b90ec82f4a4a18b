/** What contexts ask of the system: interfaces, unix sockets, open listeners, keep-alive, privileges. */

import { unlessEpoll } from "../../runtime_network.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type {
  ClientConnectInfo,
  Context,
  ContextCreationInfo,
  Network,
  NetworkTarget,
  Protocol,
  StreamConn,
  StreamListener,
} from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, LwsError } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { Child, isInstalled } from "../../support/child.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";
import { named } from "../../support/named.ts";
import { temporaryFolder } from "../../support/folder.ts";

const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
const hasPython = isInstalled("python3");
const hasIpv6 = canListenOn("::1");
/** The user and group `nobody`; any number would do. */
const NOBODY = 65_534;

function canListenOn(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/** A server that echoes, and keeps the addresses of who came. */
function echoing(): { protocol: Protocol; peers: string[] } {
  const peers: string[] = [];
  const callback = handlers({
    established: (wsi) => void peers.push(wsi.peerAddresses.ip),
    message: (wsi, _user, message) => void wsi.write(message),
  });
  return { protocol: { name: "echo", callback }, peers };
}

const make = (info: Partial<ContextCreationInfo>): Context =>
  createContext({ port: 0, ...PATIENT, protocols: [echoing().protocol], ...info });

/** What comes back for "hello", or why nothing does. */
async function echo(
  target: ClientConnectInfo,
  info: Partial<ContextCreationInfo> = {},
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    ...info,
    protocols: [named("client", {
      clientEstablished: (wsi) => void wsi.write("hello"),
      message: (_wsi, _user, message) => resolve(message as string),
      clientConnectionError: (_wsi, _user, text) => resolve(text),
    })],
  });
  context.clientConnect(target);
  return await promise;
}

function refusal(info: Partial<ContextCreationInfo>, code = "invalid-option"): string {
  const error = assertThrows(() => make(info), LwsError);
  assertEquals(error.code, code);
  return error.message;
}

// Interfaces.

for (const iface of ["127.0.0.1", "127.0.0.2", "lo", "localhost"]) {
  Deno.test({
    name: `iface ${iface} is listened on, and its neighbours are not`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using server = make({ iface });
      const own = iface === "127.0.0.2" ? iface : "127.0.0.1";
      assertEquals(await echo({ address: own, port: server.port }), "hello");
      const error = await echo({ address: "127.0.0.3", port: server.port });
      assertStringIncludes(error, "can't connect to 127.0.0.3");
    },
  });
}

Deno.test("an iface that is none is refused by name, to listen and to connect", () => {
  for (const port of [0, CONTEXT_PORT_NO_LISTEN]) {
    const message = refusal({ iface: "nope0", port });
    assertStringIncludes(message, 'iface: no interface "nope0"; there are: ');
  }
});

Deno.test({
  ...unlessEpoll(
    "an interface's name needs the permission to list them, and an address does not",
    "libc asks for no permission",
  ),
  permissions: { net: true, sys: false },
  async fn() {
    assertStringIncludes(refusal({ iface: "lo" }, "permission-denied"), "iface: may not look up");
    await make({ iface: "127.0.0.1" }).destroy();
    await make({ iface: "localhost" }).destroy();
  },
});

Deno.test({
  name: "IPv6 is listened on by address, and with IPv4 by ::",
  ignore: !hasIpv6,
  async fn() {
    await using loopback = make({ iface: "::1" });
    for (const address of ["::1", "[::1]", "::1%lo", new URL("ws://[::1]").hostname]) {
      assertEquals(await echo({ address, port: loopback.port }), "hello");
      assertEquals(await echo({ address, port: loopback.port, iface: "[::1]" }), "hello");
    }
    await make({ iface: "[::1]" }).destroy();
    const { protocol, peers } = echoing();
    await using both = createContext({
      port: 0,
      iface: "::",
      ...PATIENT,
      protocols: [protocol],
      trustProxy: ["127.0.0.1"],
    });
    const headers = [["X-Forwarded-For", "192.0.2.1"]] as const;
    for (const address of ["::1", "127.0.0.1"]) {
      assertEquals(await echo({ address, port: both.port, headers }), "hello");
    }
    // The same socket has IPv4 peers as mapped addresses, which are believed all the same.
    assertEquals(peers, ["::1", "192.0.2.1"]);
  },
});

Deno.test({
  name: "disableIpv6 refuses IPv6 addresses to listen on and to connect to",
  ignore: !hasIpv6,
  async fn() {
    const options = { disableIpv6: true };
    assertStringIncludes(refusal({ iface: "::1", options }), "iface: ::1 is IPv6");
    assertStringIncludes(refusal({ iface: "::", options }), "iface: :: is IPv6");
    const message = refusal({ iface: "::1", port: CONTEXT_PORT_NO_LISTEN, options });
    assertStringIncludes(message, "iface: ::1 is IPv6");
    const listener = Deno.listen({ hostname: "::1", port: 0 });
    assertStringIncludes(refusal({ listener, options }), "listener is on ::1, which is IPv6");
    listener.close();

    await using server = make({ iface: "::1" });
    const target = { address: "::1", port: server.port };
    assertStringIncludes(await echo(target, { options }), "::1 is IPv6, which disableIpv6 turns");
    assertEquals(await echo(target), "hello");
    await using four = make({ iface: "lo", options });
    assertEquals(await echo({ address: "localhost", port: four.port }, { options }), "hello");
  },
});

Deno.test({
  name: "clients connect from the iface of their own, else of a context that does not listen",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { protocol, peers } = echoing();
    await using server = createContext({ ...LOOPBACK, protocols: [protocol] });
    const target = { address: "127.0.0.1", port: server.port };
    for (
      const [info, more] of [
        [{ iface: "127.0.0.2" }, {}],
        [{ iface: "127.0.0.2" }, { iface: "127.0.0.3" }],
        [{ iface: "127.0.0.2" }, { iface: "lo" }],
        [{ port: 0, iface: "127.0.0.2" }, {}],
        [{}, {}],
      ] as const
    ) assertEquals(await echo({ ...target, ...more }, info), "hello");
    assertEquals(peers, ["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    assertStringIncludes(await echo({ ...target, iface: "nope0" }), 'no interface "nope0"');
  },
});

// Unix sockets.

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await body(folder);
}

function testUnix(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os === "windows", fn: () => inFolder(body) });
}

testUnix(
  "a unix socket is listened on and connected to, and its file goes at the end",
  async (folder) => {
    const socketPath = `${folder}/echo`;
    const { protocol, peers } = echoing();
    const server = createContext({ socketPath, ...PATIENT, protocols: [protocol] });
    assertEquals(server.port, 0);
    assertEquals(await echo({ socketPath }), "hello");
    assertEquals(await echo({ socketPath, path: "/x", host: "far.example" }), "hello");
    assertEquals(peers, ["", ""]);
    await server.destroy();
    assertThrows(() => Deno.lstatSync(socketPath), Deno.errors.NotFound);
    assertStringIncludes(
      await echo({ socketPath }),
      `can't connect to the unix socket ${socketPath}`,
    );
  },
);

testUnix("a stale file is replaced, one that is in use is not", async (folder) => {
  const socketPath = `${folder}/echo`;
  {
    await using _server = make({ socketPath });
    assertStringIncludes(refusal({ socketPath }, "address-in-use"), socketPath);
    assertEquals(await echo({ socketPath }), "hello");
  }
  // Under another name the file stays when its listener goes, as after a crash.
  const crashed = Deno.listen({ transport: "unix", path: socketPath });
  await Deno.rename(socketPath, `${folder}/stale`);
  crashed.close();
  await using _server = make({ socketPath: `${folder}/stale` });
  assertEquals(await echo({ socketPath: `${folder}/stale` }), "hello");
  await Deno.writeTextFile(`${folder}/file`, "mine");
  assertStringIncludes(refusal({ socketPath: `${folder}/file` }, "address-in-use"), "no socket");
  assertEquals(await Deno.readTextFile(`${folder}/file`), "mine");
});

testUnix("socketMode is the mode of the file", async (folder) => {
  for (const socketMode of [0, 0o600, 0o660, 0o777]) {
    const socketPath = `${folder}/${socketMode}`;
    await using _server = make({ socketPath, socketMode });
    assertEquals(Deno.lstatSync(socketPath).mode! & 0o777, socketMode);
  }
});

testUnix("a path may have 107 bytes, and no more", async (folder) => {
  const path = (size: number) => `${folder}/`.padEnd(size, "x");
  const socketPath = path(107);
  await using _server = make({ socketPath });
  assertEquals(await echo({ socketPath }), "hello");
  assertStringIncludes(refusal({ socketPath: path(108) }), "107 is the most");
  assertStringIncludes(await echo({ socketPath: path(108) }), "107 is the most");
});

Deno.test({
  name: "a name of Linux's abstract namespace is listened on, and has no mode",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const socketPath = `@lws-${crypto.randomUUID()}`;
    await using _server = make({ socketPath });
    assertEquals(await echo({ socketPath }), "hello");
    assertStringIncludes(refusal({ socketPath: "@x", socketMode: 0o600 }), "can't have a mode");
  },
});

Deno.test({
  ...unlessEpoll("a unix socket needs the permissions for its file", "libc asks for no permission"),
  permissions: { net: true, read: false, write: false },
  fn() {
    const message = refusal({ socketPath: "/tmp/never" }, "permission-denied");
    assertStringIncludes(message, "--allow-read and --allow-write");
  },
});

// Listeners that are open already.

Deno.test("a listener that is handed in is accepted from, and closed at the end", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = make({ listener });
  assertEquals(server.port, listener.addr.port);
  assertEquals(await echo({ address: "127.0.0.1", port: server.port }), "hello");
  await server.destroy();
  assertThrows(() => listener.close(), Deno.errors.BadResource);
});

Deno.test("a connection that was reset in the backlog does not hold up the next one", async () => {
  using log = captureLog(["err"]);
  for (const name of ["NotConnected", "ConnectionReset", "ConnectionAborted"] as const) {
    const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let failures = 3;
    const accept = () =>
      failures-- > 0 ? Promise.reject(new Deno.errors[name]("gone")) : inner.accept();
    const listener = { addr: inner.addr, accept, close: () => inner.close() };
    // Its clock stands still: who waits for that waits for good.
    await using server = make({ listener, clock: new FakeClock() });
    assertEquals(await echo({ address: "127.0.0.1", port: server.port }), "hello");
    server.destroy({ graceMs: 0 });
  }
  assertEquals(log.lines, []);
});

/** A listener on loopback whose connections tell of TCP keep-alive. */
function watched(): { listener: StreamListener; calls: unknown[] } {
  const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const calls: unknown[] = [];
  const accept = async (): Promise<StreamConn> => {
    const conn = await inner.accept();
    const setKeepAlive = conn.setKeepAlive.bind(conn);
    conn.setKeepAlive = (keepAlive) => {
      calls.push(keepAlive);
      setKeepAlive(keepAlive);
    };
    return conn;
  };
  return { listener: { addr: inner.addr, accept, close: () => inner.close() }, calls };
}

Deno.test("kaTime switches TCP keep-alive on for what is accepted", async () => {
  const on = { kaTime: 9, kaProbes: 1, kaInterval: 1 };
  for (const [info, expected] of [[{}, []], [on, [true]]] as const) {
    const { listener, calls } = watched();
    await using server = make({ listener, ...info });
    assertEquals(await echo({ address: "127.0.0.1", port: server.port }), "hello");
    assertEquals(calls, [...expected]);
  }
});

Deno.test("kaTime switches TCP keep-alive on for what is adopted", async () => {
  const { listener, calls } = watched();
  await using context = make({
    port: CONTEXT_PORT_NO_LISTEN,
    kaTime: 9,
    kaProbes: 1,
    kaInterval: 1,
  });
  const { port } = listener.addr as Deno.NetAddr;
  const [, answer] = await Promise.all([
    listener.accept().then((conn) => context.adopt(conn)),
    echo({ address: "127.0.0.1", port }),
  ]);
  assertEquals(answer, "hello");
  assertEquals(calls, [true]);
  listener.close();
});

Deno.test("kaTime switches TCP keep-alive on for what is connected and listened on", async () => {
  const on = { kaTime: 9, kaProbes: 1, kaInterval: 1 };
  for (const [ka, keepAlive] of [[on, true], [{}, false]] as const) {
    const memory = new MemoryNetwork();
    const targets: NetworkTarget[] = [];
    const network: Network = {
      listen: (target) => (targets.push(target), memory.listen(target)),
      connect: (target, signal) => (targets.push(target), memory.connect(target, signal)),
    };
    const info = { network, ...ka };
    await using server = make(info);
    assertEquals(await echo({ address: "127.0.0.1", port: server.port }, info), "hello");
    assertEquals(targets.map((target) => target.keepAlive), [keepAlive, keepAlive]);
  }
});

/** Opens what `opening` says as `s`, makes it descriptor 3 and becomes the program. */
function heir(opening: string, info: Partial<ContextCreationInfo>, flags = ["-A"]): Child {
  const code = `import os, socket, sys
${opening}
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[1], sys.argv[1:])`;
  const command = ["python3", "-c", code];
  return new Child(command, "system_context.ts", flags, [JSON.stringify(info)]);
}

Deno.test({
  name: "listenFd serves a socket that the program was started with",
  ignore: !hasPython,
  async fn() {
    const opening = `s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(5)`;
    await using child = heir(opening, { listenFd: 3 }, ["--allow-sys=uid,gid"]);
    const { port } = JSON.parse(await child.line());
    for (let i = 0; i < 2; i++) assertEquals(await echo({ address: "127.0.0.1", port }), "hello");
  },
});

Deno.test({
  name: "listenFd serves a unix socket, and what is no socket is refused",
  ignore: !hasPython,
  fn: () =>
    inFolder(async (folder) => {
      const socketPath = `${folder}/echo`;
      const opening = `s = socket.socket(socket.AF_UNIX)
s.bind("${socketPath}")
s.listen(5)`;
      await using child = heir(opening, { listenFd: 3 });
      assertEquals(JSON.parse(await child.line()).port, 0);
      assertEquals(await echo({ socketPath }), "hello");
      await using other = heir('s = open("/dev/null")', { listenFd: 3 });
      const { code, message } = JSON.parse(await other.line());
      assertEquals(code, "invalid-option");
      assertStringIncludes(message, "can't listen on descriptor 3");
    }),
});

// Wrong arguments.

const listener = { addr: {}, accept: () => Promise.reject(), close() {} } as StreamListener;

for (
  const [info, named] of [
    [{ port: 65_536 }, "port is 65536"],
    [{ port: -2 }, "port is -2"],
    [{ port: undefined }, "port is undefined"],
    [{ port: 80, socketPath: "/x" }, "port is 80; allowed: 0 beside socketPath"],
    [{ port: -1, listenFd: 3 }, "port is -1; allowed: 0 beside listenFd"],
    [{ socketPath: "/x", listenFd: 3 }, "listenFd is 3; allowed: nothing beside socketPath"],
    [{ listenFd: 3, listener }, "listener is "],
    [{ socketPath: "/x", iface: "lo" }, 'iface is "lo"; allowed: nothing beside socketPath'],
    [{ iface: "" }, 'iface is ""'],
    [{ iface: 7 }, "iface is 7"],
    [{ socketPath: "" }, 'socketPath is ""'],
    [{ socketPath: 7 }, "socketPath is 7"],
    [{ socketMode: 0o600 }, "socketMode is 384; allowed: 0 to 0o777, beside socketPath"],
    [{ socketPath: "/x", socketMode: 0o1000 }, "socketMode is 512"],
    [{ socketPath: "/x", socketMode: -1 }, "socketMode is -1"],
    [{ listenFd: -1 }, "listenFd is -1"],
    [{ listenFd: 1.5 }, "listenFd is 1.5"],
    [{ listener: {} }, "listener is "],
    [{ proxyProtocol: 1 }, "proxyProtocol is 1"],
  ] as const
) {
  Deno.test(`${JSON.stringify(info)} is refused by name`, () => {
    assertStringIncludes(refusal(info as never), named);
  });
}

for (
  const [info, named] of [
    [{ socketPath: "/x", address: "127.0.0.1" }, "address"],
    [{ socketPath: "/x", port: 80 }, "port"],
    [{ socketPath: "/x", iface: "lo" }, "iface"],
    [{ socketPath: "" }, "socketPath"],
    [{ address: "127.0.0.1", port: 80, iface: "" }, "iface"],
    [{ port: 80 }, "address"],
    [{ address: "127.0.0.1" }, "port"],
  ] as const
) {
  Deno.test(`clientConnect(${JSON.stringify(info)}) is refused by name`, async () => {
    await using context = make({ port: CONTEXT_PORT_NO_LISTEN });
    const error = assertThrows(() => context.clientConnect(info), LwsError, named);
    assertEquals(error.code, "invalid-argument");
  });
}

// Privileges, in processes of their own.

function testAsRoot(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name}${isRoot ? "" : " (skipped: not root)"}`, ignore: !isRoot, fn });
}

function childOf(
  info: Record<string, unknown>,
  flags = ["-A"],
  command: string[] = [],
  ...ids: number[]
): Child {
  return new Child(command, "system_context.ts", flags, [JSON.stringify(info), ...ids.map(String)]);
}

testAsRoot(
  "after gid and uid the process can't read root's file, still serves, and its callbacks run as that user",
  async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "root's");
    await Deno.chmod(file, 0o600);
    // A port that only root may listen on, if it is free.
    const port = canListenOn1023() ? 1023 : 0;
    const info = { port, iface: "127.0.0.1", gid: NOBODY, uid: NOBODY };
    await using child = childOf(info);
    const said = JSON.parse(await child.line());
    assertEquals([said.ids, said.initAs], [[NOBODY, NOBODY], NOBODY]);
    await child.send(file);
    assertEquals(JSON.parse(await child.line()), "PermissionDenied");
    assertEquals(await echo({ address: "127.0.0.1", port: said.port }), "hello");
    await Deno.remove(file);
  },
);

function canListenOn1023(): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port: 1023 }).close();
    return true;
  } catch {
    return false;
  }
}

testAsRoot("without gid and uid the process reads root's file as before", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "root's");
  await Deno.chmod(file, 0o600);
  await using child = childOf({ port: 0, iface: "127.0.0.1", gid: -1, uid: null });
  assertEquals(JSON.parse(await child.line()).ids, [0, 0]);
  await child.send(file);
  assertEquals(JSON.parse(await child.line()), "root's");
  await Deno.remove(file);
});

for (const keeps of [false, true]) {
  const what = keeps ? "are warned of without --allow-ffi" : "are given up by the C library";
  testAsRoot(`supplementary groups that a process has ${what}`, async () => {
    if (!isInstalled("setpriv")) return;
    const info = { port: 0, iface: "127.0.0.1", gid: NOBODY, uid: NOBODY };
    const flags = keeps ? ["-A", "--deny-ffi"] : ["-A"];
    await using child = childOf(info, flags, ["setpriv", "--groups", "4,27"]);
    const { warnings } = JSON.parse(await child.line());
    const expected = keeps ? "keeps its supplementary groups 4, 27" : "";
    assertStringIncludes(warnings.join(), expected);
    assertEquals(warnings.length, keeps ? 1 : 0);
  });
}

testAsRoot("who isn't root can't change, and that is an error", async () => {
  const info = { port: 0, iface: "127.0.0.1", gid: 0, uid: 0 };
  // It loads what it is made of before: another user has nothing of that compiled.
  await using child = childOf(info, ["-A"], [], NOBODY);
  const { code, message } = JSON.parse(await child.line());
  assertEquals(code, "permission-denied");
  assert(message.includes("can't change gid to 0"), message);
});

Deno.test("without --allow-sys gid and uid are an error, and nobody is asked", async () => {
  await using child = childOf(
    { port: 0, iface: "127.0.0.1", gid: NOBODY, uid: NOBODY },
    ["--allow-net", "--allow-sys=uid,gid"],
  );
  const { code, message } = JSON.parse(await child.line());
  assertEquals(code, "permission-denied");
  assertStringIncludes(message, "--allow-sys");
});
