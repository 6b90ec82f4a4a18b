/** Each call of the runtime's sockets fails beneath a context: what it is for ends, and nothing else. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Context, type ContextCreationInfo, createContext, LwsError } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import { failing, noMemory, systemError } from "../../support/faults/failing.ts";
import { type WatchedNetwork, watchedNetwork } from "../../support/faults/watched_network.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { settle } from "../../support/serve.ts";

interface Echoing extends AsyncDisposable {
  readonly server: Context;
  readonly watched: WatchedNetwork;
  /** Connects; what it returns sends a text, and reads what comes, undefined at the end. */
  open(): Promise<(text: string) => Promise<string | undefined>>;
  isWell(): Promise<void>;
}

/** A server that echoes, clients, and a connection that has to stay well. */
async function echoing(info: Partial<ContextCreationInfo> = {}): Promise<Echoing> {
  const log = captureLog([]);
  const watched = watchedNetwork();
  const echo = record("echo", { receive: (wsi, _user, data) => void wsi.write(data, "text") });
  const { network } = watched;
  const server = createContext({ ...LOOPBACK, network, ...info, protocols: [echo.protocol] });
  const clients = createContext({
    ...PATIENT,
    network: runtimeNetwork,
    port: -1,
    protocols: [record("echo").protocol],
  });
  const open = async () => {
    const client = await clients.dial(`ws://127.0.0.1:${server.port}/`, { protocol: "echo" });
    const messages = client.messages()[Symbol.asyncIterator]();
    return async (text: string) => {
      client.write(text);
      const next = await messages.next().catch(() => ({ value: undefined }));
      return next.value === undefined ? undefined : `${next.value}`;
    };
  };
  const healthy = await open();
  return {
    server,
    watched,
    open,
    isWell: async () => assertEquals(await healthy("well"), "well"),
    async [Symbol.asyncDispose]() {
      await clients.destroy();
      await server.destroy();
      log[Symbol.dispose]();
      assertEquals(server.stats().servers.now, 0);
      const count = (reason: string) => echo.reasons.filter((each) => each === reason).length;
      assertEquals(count("closed"), count("established"));
    },
  };
}

const none = () => systemError("EMFILE", "Too many open files");

Deno.test("a listen that fails is told by its reason", () => {
  using _fault = failing(Deno, "listen", { error: none });
  const { protocol } = record("echo");
  const info = { ...LOOPBACK, network: runtimeNetwork, protocols: [protocol] };
  const error = assertThrows(() => createContext(info), LwsError, "Too many open files");
  assertEquals(error.code, "listen-failed");
});

for (
  const [code, text, name] of [
    ["ECONNREFUSED", "Connection refused", "ConnectionRefused"],
    ["ENETUNREACH", "Network is unreachable", "NetworkUnreachable"],
    ["EADDRNOTAVAIL", "Cannot assign requested address", "AddrNotAvailable"],
    ["ETIMEDOUT", "Connection timed out", "TimedOut"],
    ["EMFILE", "Too many open files", "Error"],
    ["", "failed to lookup address information: Name or service not known", "Error"],
    ["", "No address associated with hostname", "Error"],
  ] as const
) {
  Deno.test(`a connect that fails says so, and ends nothing else: ${text}`, async () => {
    await using all = await echoing();
    {
      using _fault = failing(Deno, "connect", { error: () => systemError(code, text, name) });
      assertStringIncludes((await assertRejects(() => all.open(), LwsError)).message, text);
    }
    await all.isWell();
    assertEquals(await (await all.open())("next"), "next");
  });
}

Deno.test("while no descriptor is left accept is called every 100 ms, not more, and goes on then", async () => {
  const clock = new FakeClock();
  await using all = await echoing({ clock });
  using fault = failing(all.watched.listener, "accept", { times: 3, error: none });
  // The accept that waits already takes this one.
  const first = await all.open();
  const late = all.open();
  for (const calls of [1, 2, 3]) {
    for (let i = 0; i < 20; i++) await all.isWell();
    assertEquals(await first("x"), "x");
    assertEquals([fault.calls, fault.failed], [calls, calls]);
    clock.advance(99);
    await settle();
    assertEquals(fault.calls, calls);
    clock.advance(1);
    await settle();
  }
  assertEquals(await (await late)("late"), "late");
});

/** Calls of a connection's that fail, whether the message before reaches it, and whether it goes on. */
const FAULTS: readonly (readonly [keyof Deno.TcpConn & string, () => Error, string])[] = [
  ["read", () => systemError("ECONNRESET", "Connection reset", "ConnectionReset"), "ends"],
  ["read", () => systemError("EIO", "Input/output error"), "ends"],
  ["read", () => systemError("ENOBUFS", "No buffer space available"), "ends"],
  ["read", noMemory, "ends"],
  ["write", () => systemError("EPIPE", "Broken pipe", "BrokenPipe"), "ends"],
  ["write", () => systemError("EIO", "Input/output error"), "ends"],
  ["write", noMemory, "ends"],
  ["closeWrite", () => systemError("ENOTCONN", "not connected", "NotConnected"), "goes on"],
  ["close", () => systemError("EIO", "Input/output error"), "goes on"],
];

for (const [call, error, outcome] of FAULTS) {
  Deno.test(`${call} that fails with "${error().message}": its connection ${outcome}, others too`, async () => {
    await using all = await echoing();
    const victim = await all.open();
    const conn = all.watched.accepted[1]!;
    const real = conn.close.bind(conn);
    using fault = failing(conn, call, { error });
    const before = await victim("x");
    const answer = before === undefined ? before : await victim("y");
    assertEquals(answer, outcome === "ends" ? undefined : "y");
    await all.isWell();
    assertEquals(await (await all.open())("next"), "next");
    await all.server.destroy();
    assertEquals(fault.failed, 1);
    if (call === "close") real();
  });
}

Deno.test("setNoDelay that fails ends nothing", async () => {
  await using all = await echoing();
  const error = () => systemError("EINVAL", "Invalid argument");
  all.watched.onAccept = (conn) => void failing(conn, "setNoDelay", { error });
  assertEquals(await (await all.open())("x"), "x");
  await all.isWell();
});

Deno.test("no memory for a larger buffer of a read ends its connection alone", async () => {
  await using all = await echoing();
  const victim = await all.open();
  const isIt = ([length]: readonly unknown[]) => length === 4096;
  const large = "x".repeat(1200);
  {
    using fault = failing(globalThis, "Uint8Array", { isIt, error: noMemory });
    assertEquals(await victim(large) && await victim(large), undefined);
    assertEquals(fault.failed, 1);
  }
  await all.isWell();
});
