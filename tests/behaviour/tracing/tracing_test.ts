/** The channels `lws:connection` and `lws:message`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ConnectionTrace, MessageTrace, ServicePolicy, Wsi } from "../../../mod.ts";
import {
  CONNECTION_CHANNEL,
  MESSAGE_CHANNEL,
  permessageDeflate,
  prepareMessage,
} from "../../../mod.ts";
import { readPage, reply, request } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";

/** Subscribes for as long as it is in use. */
function listen(): Disposable & { connections: ConnectionTrace[]; messages: MessageTrace[] } {
  const connections: ConnectionTrace[] = [];
  const messages: MessageTrace[] = [];
  const onConnection = (trace: unknown) => void connections.push(trace as ConnectionTrace);
  const onMessage = (trace: unknown) => void messages.push(trace as MessageTrace);
  subscribe(CONNECTION_CHANNEL, onConnection);
  subscribe(MESSAGE_CHANNEL, onMessage);
  return {
    connections,
    messages,
    [Symbol.dispose]() {
      unsubscribe(CONNECTION_CHANNEL, onConnection);
      unsubscribe(MESSAGE_CHANNEL, onMessage);
    },
  };
}

const QUIET = { kaTime: 0 } as const;

Deno.test("a connection's steps are told from its first to its last, of servers and of clients", async () => {
  using heard = listen();
  const seen = new Set<Wsi>();
  const keep = (wsi: Wsi) => void seen.add(wsi);
  await using served = serve([named("x", { established: keep, clientEstablished: keep })], QUIET);
  const clients = served.client([named("x", { clientEstablished: keep })], QUIET);
  const wsi = clients.clientConnect({ address: "memory", port: 80 });
  await settle();
  wsi.close(4000, "done");
  await settle();
  const steps = (isClient: boolean) =>
    heard.connections.filter((each) => each.wsi.isClient === isClient);
  assertEquals(steps(true).map(({ event }) => event), ["connecting", "established", "closed"]);
  assertEquals(steps(false).map(({ event }) => event), ["accepted", "established", "closed"]);
  const close = { code: 4000, reason: "done", wasClean: true };
  assertEquals(steps(true).at(-1)!.close, { ...close, cause: "self" });
  assertEquals(steps(false).at(-1)!.close, { ...close, cause: "peer" });
  assertEquals(new Set(heard.connections.map((each) => each.wsi)), seen, "the same objects");
});

Deno.test("a connection of HTTP closes without a code, and a client that comes to nothing fails with a text", async () => {
  using _log = captureLog([]);
  using heard = listen();
  await using served = serve([named("x", { http: reply, filterProtocolConnection: () => 1 })]);
  const peer = await served.dial(request("GET", "/"));
  await readPage(peer);
  peer.close();
  await settle();
  assertEquals(heard.connections.map(({ event, close }) => [event, close]), [
    ["accepted", undefined],
    ["closed", undefined],
  ]);
  let why: string | undefined;
  const clients = served.client([
    named("x", { clientConnectionError: (_wsi, _user, text) => void (why = text) }),
  ]);
  clients.clientConnect({ address: "memory", port: 80 });
  await settle();
  const { event, error } = heard.connections.findLast(({ wsi }) => wsi.isClient)!;
  assertEquals([event, error], ["failed", why]);
});

for (const service of ["automatic", "manual", "external"] as const satisfies ServicePolicy[]) {
  Deno.test(`${service}: each message is told once, with all of its bytes, and control frames are not`, async () => {
    using heard = listen();
    let server: Wsi | undefined;
    await using served = serve(
      [named("x", { established: (wsi) => void (server = wsi), receive() {} })],
      { ...QUIET, service },
    );
    const work = async () => {
      await settle();
      for (let i = 0; service !== "automatic" && i < 20; i++) await served.context.service(0);
      await settle();
    };
    const peer = await served.dial(handshake());
    await work();
    const socket = new WebSocketPeer(peer, await readHead(peer));
    socket.send(
      { opcode: 1, payload: "12345" },
      { opcode: 2, fin: false, payload: "123" },
      { opcode: 9, payload: "ping" },
      { opcode: 0, fin: false },
      { opcode: 0, payload: "4567" },
    );
    await work();
    server!.write("a", "text", { fin: false });
    server!.write("", "ping");
    server!.write("bc", "continuation");
    server!.write(new Uint8Array(70_000));
    server!.write(prepareMessage("é"));
    await work();
    const told = heard.messages.map(({ event, bytes, isBinary }) => [event, bytes, isBinary]);
    assertEquals(told, [
      ["received", 5, false],
      ["received", 7, true],
      ["sent", 3, false],
      ["sent", 70_000, true],
      ["sent", 2, false],
    ]);
    assertEquals(
      heard.messages.every((each) => each.wsi === server && each.protocol === "x"),
      true,
    );
  });
}

Deno.test("of compressed messages the bytes are told that the program has", async () => {
  using heard = listen();
  const extensions = [permessageDeflate()];
  const text = "a".repeat(10_000);
  await using served = serve([named("x", { receive() {} })], { ...QUIET, extensions });
  const client = named("x", { clientEstablished: (wsi) => void wsi.write(text) });
  const wsi = served.client([client], { ...QUIET, extensions })
    .clientConnect({ address: "memory", port: 80 });
  await settle();
  assertEquals(wsi.extensions.length, 1);
  assertEquals(heard.messages.map(({ event, bytes }) => [event, bytes]), [
    ["sent", text.length],
    ["received", text.length],
  ]);
});

Deno.test("the channels have no subscriber unless the program has one, and nothing is told once it has gone", async () => {
  assertEquals(channel(MESSAGE_CHANNEL).hasSubscribers, false);
  let server: Wsi | undefined;
  await using served = serve([named("x", { established: (wsi) => void (server = wsi) })], QUIET);
  await served.open();
  const heard = listen();
  server!.write("one");
  heard[Symbol.dispose]();
  server!.write("two");
  assertEquals(heard.messages.length, 1);
});

Deno.test("what a subscriber throws is logged, and others are told all the same", async () => {
  using log = captureLog();
  const throwing = () => {
    throw new Error("on purpose");
  };
  subscribe(CONNECTION_CHANNEL, throwing);
  using heard = listen();
  try {
    await using served = serve([named("x", {})], QUIET);
    await served.open();
    assertEquals(heard.connections.map(({ event }) => event), ["accepted", "established"]);
    assertEquals(log.lines.length, 2);
    assertStringIncludes(log.lines[0]!, "a subscriber of lws:connection threw: Error: on purpose");
  } finally {
    assertEquals(unsubscribe(CONNECTION_CHANNEL, throwing), true);
    assertEquals(unsubscribe(CONNECTION_CHANNEL, throwing), false);
  }
});

Deno.test("a subscriber that throws ends neither the program nor a connection", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", "tests/fixtures/throwing_tracer.ts"],
    stdout: "piped",
    stderr: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "closed 4000 true\n"]);
});
