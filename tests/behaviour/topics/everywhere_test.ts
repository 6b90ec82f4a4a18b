/** Topics in every role: clients, service policies, extensions, and versions of the protocol. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { permessageDeflate, type ServicePolicy, type WireVersion, type Wsi } from "../../../mod.ts";
import { named } from "../../support/named.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake, readHead, serve, settle, WebSocketPeer } from "../../support/serve.ts";
import { openDraft, openHixie } from "../websocket/old_peers.ts";

/** A protocol whose connections subscribe to one topic. */
function subscribing(topic: string) {
  const all: Wsi[] = [];
  const enter = (wsi: Wsi) => {
    all.push(wsi);
    wsi.subscribe(topic);
  };
  return { all, protocol: named("sub", { established: enter, clientEstablished: enter }) };
}

Deno.test("clients of a context are sent what is published, masked each by its own key", async () => {
  const received: unknown[] = [];
  await using served = serve([named("server", {
    message: (_wsi, _user, message) => void received.push(message),
  })]);
  const { protocol } = subscribing("t");
  const context = served.client([protocol]);
  for (let i = 0; i < 3; i++) context.clientConnect({ address: "memory", port: 80 });
  await settle();
  await context.publish("t", "to the server");
  assertEquals(served.context.subscriberCount("t"), 0, "topics are a context's own");
  await settle();
  assertEquals(received, new Array(3).fill("to the server"));
});

for (const service of ["manual", "external"] satisfies ServicePolicy[]) {
  Deno.test(`with ${service} service a publication is written at once, in or out of service`, async () => {
    const { all, protocol } = subscribing("t");
    await using served = serve([protocol], { service });
    const { context } = served;
    const [first, second] = [await served.dial(handshake()), await served.dial(handshake())];
    while (all.length < 2) {
      await context.service(0);
      await settle();
    }
    assertEquals(context.subscriberCount("t"), 2);
    await context.publish("t", "out of it");
    const got: string[] = [];
    for (const peer of [first, second]) {
      const head = readHead(peer);
      for (let i = 0; i < 10; i++) await context.service(0);
      got.push(await new WebSocketPeer(peer, await head).receiveText());
    }
    assertEquals(got, ["out of it", "out of it"]);
  });
}

Deno.test("a publication is compressed once for all that share their compression", async () => {
  const { protocol } = subscribing("t");
  await using served = serve([protocol], {
    extensions: [permessageDeflate({ serverNoContextTakeover: true, threshold: 0 })],
  });
  const headers = ["Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"];
  const packed = [await served.open({ headers }), await served.open({ headers })];
  const plain = await served.open();
  await served.context.publish("t", "again and ".repeat(100));
  const [one, two] = [await packed[0]!.receive(), await packed[1]!.receive()];
  assertEquals([one.rsv, two.rsv], [4, 4]);
  assertEquals(one.payload, two.payload);
  assert(one.payload.length < 100);
  assertEquals((await plain.receive()).payload.length, 1000);
});

Deno.test("with a context takeover each has its own compression, and all understand it", async () => {
  const received: unknown[] = [];
  await using served = serve([subscribing("t").protocol], { extensions: [permessageDeflate()] });
  const hear = named("sub", { message: (_wsi, _user, message) => void received.push(message) });
  const client = served.client([hear], { extensions: [permessageDeflate()] });
  for (let i = 0; i < 2; i++) client.clientConnect({ address: "memory", port: 80 });
  await settle();
  const text = "again and ".repeat(100);
  for (let i = 0; i < 3; i++) await served.context.publish("t", text);
  await settle();
  assertEquals(received, new Array(6).fill(text));
});

Deno.test("what is published inside of a fragmented message comes behind its last fragment", async () => {
  const { all, protocol } = subscribing("t");
  await using served = serve([protocol]);
  const sockets = [await served.open(), await served.open()];
  all[0]!.write("be", "text", { fin: false });
  await served.context.publish("t", "1");
  all[0]!.write("gun", "continuation", { fin: false });
  await served.context.publish("t", "2");
  assertEquals(await sockets[1]!.receiveText(), "1");
  all[0]!.write(" and done", "continuation");
  await served.context.publish("t", "3");
  const got = [];
  for (let i = 0; i < 6; i++) {
    const { fin, opcode, payload } = await sockets[0]!.receive();
    got.push([opcode, fin, new TextDecoder().decode(payload)]);
  }
  assertEquals(got, [
    [1, false, "be"],
    [0, false, "gun"],
    [0, true, " and done"],
    [1, true, "1"],
    [1, true, "2"],
    [1, true, "3"],
  ]);
});

const ALL: readonly WireVersion[] = ["hixie-75", 0, 4, 5, 6, 7, 8, 13];

for (const version of ["hixie-75", 0] as const) {
  Deno.test(`a subscriber of version ${version} gets texts, and is left out of binary messages, as the log says once`, async () => {
    using log = captureLog();
    const { all, protocol } = subscribing("t");
    await using served = serve([protocol], { versions: ALL });
    const old = await openHixie(served, version);
    const other = await served.open();
    await served.context.publish("t", "one");
    await served.context.publish("t", new Uint8Array([1]));
    await served.context.publish("t", new Uint8Array([2]));
    await served.context.publish("t", "two");
    const sent = new TextDecoder("latin1").decode(await old.readBytes(10));
    assertEquals(sent, "\0one\xff\0two\xff");
    assertEquals(await other.receiveText(), "one");
    for (const byte of [1, 2]) assertEquals((await other.receive()).payload, Uint8Array.of(byte));
    assertEquals(await other.receiveText(), "two");
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `connection ${all[0]!.socketFd}: `);
    assertStringIncludes(log.lines[0]!, `version ${version} of the protocol has no binary message`);
    await served.pass(10_000);
  });
}

for (const version of [4, 5, 6] as const) {
  Deno.test(`a subscriber of version ${version} gets texts and binary messages in its own frames`, async () => {
    const { protocol } = subscribing("t");
    await using served = serve([protocol], { versions: ALL });
    const peer = await openDraft(served, version);
    await served.context.publish("t", "one");
    await served.context.publish("t", new Uint8Array([65]));
    assertEquals(await peer.receiveText(), [4, "one"]);
    assertEquals(await peer.receiveText(), [5, "A"]);
    await served.pass(10_000);
  });
}

Deno.test("a subscription costs nothing before there is one, and is gone behind the last", async () => {
  const x = record("x");
  await using served = serve([x.protocol]);
  const { context } = served;
  for (let i = 0; i < 10; i++) await served.open();
  const all = [...context.connections("x")];
  for (const wsi of all) wsi.subscribe(`own ${wsi.socketFd}`);
  for (const wsi of all) assertEquals(context.subscriberCount(`own ${wsi.socketFd}`), 1);
  for (const wsi of all) context.hangupOnClient(wsi.socketFd);
  await settle();
  for (const wsi of all) assertEquals(context.subscriberCount(`own ${wsi.socketFd}`), 0);
});
