/** `for await (const message of wsi.messages())`: what it gets, and what the callback gets. */

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type CloseInfo, handlers, LwsError } from "../../../mod.ts";
import { serve, settle } from "../../support/serve.ts";
import { all, closing, connected, next, text } from "./loop.ts";

Deno.test("a loop gets each message whole, in order, in place of the callback", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const got = all(wsi.messages());
  peer.send(
    text("one"),
    { opcode: 2, payload: Uint8Array.of(1, 2) },
    { opcode: 1, fin: false, payload: "th" },
    { opcode: 9, payload: "?" },
    { opcode: 0, payload: "ree" },
    text(""),
    closing(1000),
  );
  peer.peer.end();
  assertEquals(await got, ["one", Uint8Array.of(1, 2), "three", ""]);
  assertEquals(received, []);
  const pong = await peer.receive();
  assertEquals(pong.opcode, 10);
});

Deno.test("binary messages are bytes of their own, which nothing changes later", async () => {
  await using looped = await connected();
  const messages = looped.wsi.messages();
  looped.peer.send({ opcode: 2, payload: Uint8Array.of(1, 2) });
  const first = await next(messages);
  assertInstanceOf(first, Uint8Array);
  assertEquals(first.buffer.byteLength, 2);
});

Deno.test("what came before the loop went to the callback, a message that had begun to its end", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  peer.send(text("early"), { opcode: 1, fin: false, payload: "half " });
  await settle();
  const messages = wsi.messages();
  peer.send({ opcode: 0, payload: "and half" }, text("late"));
  assertEquals(await next(messages), "late");
  assertEquals(received, ["[text:early]", "[text:half …", "…text:and half]"]);
});

Deno.test("calls of next are answered in their order", async () => {
  await using looped = await connected();
  const messages = looped.wsi.messages();
  const got = Promise.all([next(messages), next(messages), next(messages)]);
  looped.peer.send(text("a"), text("b"));
  looped.peer.send(text("c"));
  assertEquals(await got, ["a", "b", "c"]);
});

for (const [what, code] of [["1000", 1000], ["1001", 1001], ["no code", 1005]] as const) {
  Deno.test(`a loop ends when the peer closes with ${what}, behind the messages before it`, async () => {
    await using looped = await connected();
    const messages = looped.wsi.messages();
    const close = code === 1005 ? { opcode: 8 } : closing(code);
    looped.peer.send(text("a"), text("b"), close);
    looped.peer.peer.end();
    await settle();
    assertEquals(await all(messages), ["a", "b"]);
    assertEquals(await messages.next(), { done: true, value: undefined });
  });
}

Deno.test("a loop ends when this end closes in order, and gets nothing more", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  const got = all(wsi.messages());
  wsi.close(1001);
  peer.send(text("too late"), closing(1001));
  peer.peer.end();
  assertEquals(await got, []);
});

Deno.test("a loop whose context is destroyed ends", async () => {
  await using looped = await connected();
  const got = all(looped.wsi.messages());
  void looped.served.context.destroy();
  looped.peer.send(closing(1001));
  looped.peer.peer.end();
  assertEquals(await got, []);
});

Deno.test("a close with another code is thrown, behind the messages before it, and told once", async () => {
  await using looped = await connected();
  const messages = looped.wsi.messages();
  looped.peer.send(text("a"), closing(4001, "bye"));
  looped.peer.peer.end();
  await settle();
  assertEquals(await next(messages), "a");
  const error = await assertRejects(() => messages.next(), LwsError, "closed with 4001 (bye)");
  assertEquals(error.code, "connection-closed");
  const { code, reason, cause } = error.cause as CloseInfo;
  assertEquals({ code, reason, cause }, { code: 4001, reason: "bye", cause: "peer" });
  assertEquals(await messages.next(), { done: true, value: undefined });
});

Deno.test("of several that wait when it closes with a fault, the first one hears it", async () => {
  await using looped = await connected();
  const messages = looped.wsi.messages();
  const [first, second] = [messages.next(), messages.next()];
  looped.peer.peer.reset();
  await assertRejects(() => first, LwsError, "closed with 1006");
  assertEquals(await second, { done: true, value: undefined });
  assertEquals(await messages.next(), { done: true, value: undefined });
});

Deno.test("a loop over a connection that has gone ends at once", async () => {
  await using looped = await connected();
  looped.peer.send(closing(4000));
  looped.peer.peer.close();
  await looped.peer.peer.closed;
  await settle();
  assertEquals(await all(looped.wsi.messages()), []);
});

Deno.test("a loop that is begun in the callback closed ends with the connection", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  const callback = handlers({ closed: (wsi) => resolve(all(wsi.messages())) });
  await using served = serve([{ name: "chat", callback }]);
  const peer = await served.open();
  peer.send(closing(1000));
  peer.peer.close();
  assertEquals(await promise, []);
});

Deno.test("a connection that is no WebSocket has no messages", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const callback = handlers({
    http(wsi) {
      resolve(assertThrows(() => wsi.messages(), LwsError, "no established WebSocket").code);
      wsi.respond(200);
    },
  });
  await using served = serve([{ name: "chat", callback }]);
  await served.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals(await promise, "invalid-state");
  const client = served.client([{ name: "chat", callback }]);
  const wsi = client.clientConnect({ address: "localhost", port: 80, protocol: "chat" });
  assertThrows(() => wsi.messages(), LwsError, "no established WebSocket");
});

Deno.test("a second loop beside one is refused", async () => {
  await using looped = await connected();
  const messages = looped.wsi.messages();
  const error = assertThrows(() => looped.wsi.messages(), LwsError, "another loop");
  assertEquals(error.code, "invalid-state");
  await messages.return!();
  looped.wsi.messages();
});

Deno.test("a message of maxMessageSize is taken, and one byte more closes with 1009", async () => {
  await using looped = await connected({ maxMessageSize: 10 });
  const { peer, wsi, served } = looped;
  const messages = wsi.messages();
  peer.send(text("0123456789"), { opcode: 1, fin: false, payload: "01234" });
  assertEquals(await next(messages), "0123456789");
  peer.send({ opcode: 0, payload: "567890" });
  assertEquals((await peer.receiveClose()).code, 1009);
  peer.peer.close();
  await assertRejects(() => messages.next(), LwsError, "1009");
  assertEquals(served.context.stats().limitsHit.maxMessageSize, 1);
});
