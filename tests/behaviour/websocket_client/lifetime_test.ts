/** Contexts that sockets share, and programs that end when their sockets have; permissions. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { WebSocket, type WebSocketOptions } from "../../../src/websocket_client/mod.ts";
import { countContexts } from "../../../src/websocket_client/contexts.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { fromFileUrl } from "@std/path";
import { LOOPBACK } from "../../support/patience.ts";
import { runArguments } from "../../support/program.ts";
import { echo, finish, next, openSocket, stand } from "./standard_socket.ts";

const FIXTURE = fromFileUrl(new URL("../../fixtures/standard_sockets.ts", import.meta.url));

Deno.test("sockets with the same settings share a context, which goes with the last of them", async () => {
  await using side = stand([echo], { allowedOrigins: ["https://a"] });
  assertEquals(countContexts(), 0);
  const first = await openSocket(side.way);
  const same = await openSocket(side.way, "ws://elsewhere/?path");
  const withFields = await openSocket({ ...side.way, headers: { a: "b" }, origin: "https://a" });
  assertEquals(countContexts(), 1, "host, path, fields and origin are a connection's own");
  await finish(first);
  await finish(withFields);
  assertEquals(countContexts(), 1);
  const heard = next<MessageEvent>(same, "message");
  same.send("still here");
  assertEquals((await heard).data, "still here");
  await finish(same);
  assertEquals(countContexts(), 0);
});

Deno.test("what a context is made of, and the subprotocols, take one of their own", async () => {
  await using side = stand([echo, { ...echo, name: "other" }]);
  const kinds: WebSocketOptions[] = [
    {},
    { protocols: "echo" },
    { protocols: ["echo", "other"] },
    { perMessageDeflate: true },
    { perMessageDeflate: { level: 1 } },
    { keepAlive: false },
    { maxMessageSize: 5 },
    { closeTimeoutMs: 5 },
  ];
  const sockets: WebSocket[] = [];
  for (const kind of [...kinds, ...kinds]) sockets.push(await openSocket({ ...side.way, ...kind }));
  assertEquals(countContexts(), kinds.length);
  await using another = stand();
  sockets.push(await openSocket(another.way));
  assertEquals(countContexts(), kinds.length + 1, "another network");
  await Promise.all(sockets.map((socket) => finish(socket)));
  assertEquals(countContexts(), 0);
});

Deno.test("connections that fail leave no context, and a constructor that throws doesn't either", async () => {
  const network = new MemoryNetwork();
  const socket = new WebSocket("ws://a/", { network });
  await next(socket, "close");
  for (const wrong of [{ headers: { host: "x" } }, { maxMessageSize: -1 }]) {
    try {
      new WebSocket("ws://a/", { network, ...wrong });
    } catch { /* as another test says */ }
  }
  assertEquals(countContexts(), 0);
});

Deno.test("a socket that is made where another one closes uses its context", async () => {
  await using side = stand();
  const first = await openSocket(side.way);
  const second = Promise.withResolvers<WebSocket>();
  first.onclose = () => {
    second.resolve(new WebSocket("ws://a/", { perMessageDeflate: false, ...side.way }));
    assertEquals(countContexts(), 1);
  };
  first.close();
  const again = await second.promise;
  await next(again, "open");
  await finish(again);
  assertEquals(countContexts(), 0);
});

/** What the fixture prints, and that it ends. */
async function run(permissions: string[], url: string): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: runArguments(["--no-prompt", ...permissions], FIXTURE, [url]),
    stdin: "null",
    stderr: "inherit",
  });
  const { code, stdout } = await command.output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("a program ends by itself once its socket has closed", async () => {
  await using server = createContext({ ...LOOPBACK, protocols: [echo] });
  const lines = await run(["--allow-net"], `ws://127.0.0.1:${server.port}/`);
  assertEquals(lines, ["hello", "closed with 1000"]);
});

Deno.test("without the permission the connection fails, and says which one it is", async () => {
  const [failed, closed] = await run([], "ws://127.0.0.1:1/");
  assertStringIncludes(failed!, "--allow-net");
  assertEquals(closed, "closed with 1006");
});
