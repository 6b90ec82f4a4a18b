/** Unix sockets, their files and what is left of them. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { tcpNetwork } from "../../../src/transport/network.ts";
import type { Listener, Transport } from "../../../src/api/network.ts";
import { LwsError } from "../../../src/base/errors.ts";
import { Child } from "../../support/child.ts";
import { testTransportContract } from "../../support/transport_contract.ts";

const never = new AbortController().signal;
const isWindows = Deno.build.os === "windows";

const listen = (path: string, mode?: number): Listener =>
  tcpNetwork.listen({ hostname: "", port: 0, path, mode });
const connect = (path: string, signal = never): Promise<Transport> =>
  tcpNetwork.connect({ hostname: "", port: 0, path }, signal);

async function pairOn(path: string): Promise<[Transport, Transport]> {
  const listener = listen(path);
  const pair = await Promise.all([connect(path), listener.accept()]);
  listener.close();
  return pair;
}

/** What is left at the path: a socket, a file, or nothing. */
function kindOf(path: string): string {
  try {
    return Deno.lstatSync(path).isSocket ? "socket" : "file";
  } catch {
    return "nothing";
  }
}

function test(name: string, body: (path: string, folder: string) => Promise<void>): void {
  Deno.test({
    name: `unix: ${name}`,
    ignore: isWindows,
    async fn() {
      const folder = await Deno.makeTempDir();
      await body(join(folder, "socket"), folder);
      await Deno.remove(folder, { recursive: true });
    },
  });
}

if (!isWindows) {
  testTransportContract("a unix socket", async () => {
    const folder = await Deno.makeTempDir();
    const pair = await pairOn(join(folder, "socket"));
    await Deno.remove(folder, { recursive: true });
    return pair;
  });
}

test("a listener has its path for an address, and connections have none", async (path) => {
  const listener = listen(path);
  assertEquals(listener.address, { hostname: `unix:${path}`, port: 0 });
  const [client, server] = await Promise.all([connect(path), listener.accept()]);
  for (const end of [client, server]) {
    assertEquals(end.localAddress, { hostname: "", port: 0 });
    assertEquals(end.remoteAddress, { hostname: "", port: 0 });
    end.close();
  }
  listener.close();
});

test("the file goes when the listener is closed, and a second close is harmless", async (path) => {
  const listener = listen(path);
  assertEquals(kindOf(path), "socket");
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await assertRejects(() => accepting);
  assertEquals(kindOf(path), "nothing");
  await assertRejects(() => connect(path), Deno.errors.NotFound);
});

test("what is left of a listener that is gone is removed", async (path) => {
  const moved = `${path}.moved`;
  const gone = listen(path);
  // The runtime removes the file at the path; what was moved away stays, and nobody listens on it.
  Deno.renameSync(path, moved);
  gone.close();
  assertEquals(kindOf(moved), "socket");
  await assertRejects(() => connect(moved), Deno.errors.ConnectionRefused);
  const [client, server] = await pairOn(moved);
  client.close();
  server.close();
});

test("a socket that somebody listens on is in use, and stays as it is", async (path) => {
  const listener = listen(path);
  const error = assertThrows(() => listen(path), LwsError, "somebody listens there");
  assertEquals(error.code, "address-in-use");
  assertEquals(kindOf(path), "socket");
  // Whoever looked whether somebody is there is a connection too.
  const looked = await listener.accept();
  const [client, server] = await Promise.all([connect(path), listener.accept()]);
  for (const each of [looked, client, server]) each.close();
  listener.close();
});

test("a file, a folder or a link at the path is not removed", async (path, folder) => {
  Deno.writeTextFileSync(path, "precious");
  const error = assertThrows(() => listen(path), LwsError, "the file is no socket");
  assertEquals(error.code, "address-in-use");
  assertEquals(Deno.readTextFileSync(path), "precious");
  assertThrows(() => listen(folder), LwsError, "the file is no socket");
  const target = `${path}.moved`;
  const stale = listen(`${path}2`);
  Deno.renameSync(`${path}2`, target);
  stale.close();
  const link = `${path}.link`;
  Deno.symlinkSync(target, link);
  assertThrows(() => listen(link), LwsError, "the file is no socket");
  assertEquals([kindOf(link), kindOf(target)], ["file", "socket"]);
  await assertRejects(() => connect(path), Deno.errors.ConnectionRefused);
});

test("the file has the mode that was asked for", async (path) => {
  for (const mode of [0o600, 0o660, 0o666, 0o777]) {
    const umask = Deno.umask();
    const listener = listen(path, mode);
    assertEquals(Deno.lstatSync(path).mode! & 0o777, mode);
    assertEquals(Deno.umask(), umask, "the mask is as it was");
    listener.close();
  }
  await Promise.resolve();
});

test("the file has its mode without permission to change the mask as well", async (path) => {
  const flags = ["--allow-net", "--allow-read", "--allow-write"];
  await using child = new Child([], "unix_mode.ts", flags, [path]);
  assertEquals(await child.line(), "600");
});

test("a path of 107 bytes is the longest", async (_path) => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "p" });
  const path = (size: number) => join(folder, "ä".padEnd(size - folder.length - 2, "x"));
  const [client, server] = await pairOn(path(107));
  client.close();
  server.close();
  for (const act of [() => listen(path(108)), () => listen("/" + "x".repeat(5000))]) {
    assertEquals(assertThrows(act, LwsError, "107 is the most").code, "invalid-option");
  }
  await assertRejects(() => connect(path(108)), LwsError, "it has 108 bytes");
  await Deno.remove(folder, { recursive: true });
});

test("a path that is none is refused by name", async () => {
  for (const path of ["", "@", "a\0b", "\0abstract"]) {
    const quoted = JSON.stringify(path);
    assertThrows(() => listen(path), LwsError, `${quoted} is no unix socket`);
    await assertRejects(() => connect(path), LwsError, `${quoted} is no unix socket`);
  }
});

test("connecting stops when its signal aborts, before and meanwhile", async (path) => {
  const listener = listen(path);
  const aborter = new AbortController();
  const connecting = connect(path, aborter.signal);
  aborter.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
  await assertRejects(() => connect(path, aborter.signal), Error, "enough");
  (await listener.accept()).close();
  listener.close();
});

Deno.test({
  name: "unix: a name with @ in front is one of the abstract namespace, and no file",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const name = `@x-lws-test-${crypto.randomUUID()}`;
    const listener = listen(name);
    assertEquals(listener.address, { hostname: `unix:${name}`, port: 0 });
    assertEquals(kindOf(name), "nothing");
    const error = assertThrows(() => listen(name), LwsError, "somebody listens there");
    assertEquals(error.code, "address-in-use");
    const ends = await Promise.all([connect(name), listener.accept()]);
    for (const end of ends) end.close();
    listener.close();
    await assertRejects(() => connect(name), Deno.errors.ConnectionRefused);
    assertThrows(() => listen(name, 0o600), LwsError, "can't have a mode");
  },
});
