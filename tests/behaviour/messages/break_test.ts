/** A loop that ends by itself leaves what follows to the callback, or to the next loop. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError, type Protocol } from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";
import { all, closing, connected, type Message, next, text } from "./loop.ts";

async function first(messages: AsyncIterable<Message>): Promise<Message | undefined> {
  for await (const message of messages) return message;
  return undefined;
}

Deno.test("behind a break the callback gets what the loop has not taken, and all that follows, in order", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), text("b"), { opcode: 2, payload: "c" });
  await settle();
  peer.send(text("d"), { opcode: 1, fin: false, payload: "e" });
  assertEquals(await first(messages), "a");
  peer.send({ opcode: 0, payload: "f" }, text("g"));
  await settle();
  assertEquals(received, [
    "[text:b]",
    "[binary:c]",
    "[text:d]",
    "[text:e…",
    "…text:f]",
    "[text:g]",
  ]);
  assertEquals(await messages.next(), { done: true, value: undefined });
});

Deno.test("behind a break inside of a message the callback gets that whole", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), { opcode: 1, fin: false, payload: "b" });
  await settle();
  assertEquals(await first(messages), "a");
  await settle();
  assertEquals(received, []);
  peer.send({ opcode: 0, payload: "c" }, text("d"));
  await settle();
  assertEquals(received, ["[text:bc]", "[text:d]"]);
});

Deno.test("a loop right behind a break goes on where that ended, and the callback gets nothing", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), text("b"), { opcode: 1, fin: false, payload: "c" });
  await settle();
  assertEquals(await first(messages), "a");
  const rest = all(wsi.messages());
  await settle();
  peer.send({ opcode: 0, payload: "d" }, text("e"), closing(1000));
  peer.peer.end();
  assertEquals(await rest, ["b", "cd", "e"]);
  assertEquals(received, []);
});

Deno.test("flow control of the program's keeps from the callback what a loop has left", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), text("b"), text("c"));
  await settle();
  assertEquals(await next(messages), "a");
  wsi.rxFlowControl(false);
  await messages.return!();
  await settle();
  assertEquals(received, []);
  wsi.rxFlowControl(true);
  peer.send(text("d"));
  await settle();
  assertEquals(received, ["[text:b]", "[text:c]", "[text:d]"]);
});

Deno.test("a callback that stops receiving or throws stops what a loop has left", async () => {
  using _log = captureLog();
  const seen: string[] = [];
  let given: AsyncIterator<Message> | undefined;
  const protocol: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      if (reason === "established") given = wsi.messages();
      if (reason !== "receive") return;
      seen.push(new TextDecoder().decode(data));
      if (seen.length === 1) wsi.rxFlowControl(false);
      else throw new Error("on purpose");
    },
  };
  await using served = serve([protocol]);
  const peer = await served.open();
  peer.send(text("a"), text("b"), text("c"));
  await settle();
  void given!.return!();
  await settle();
  assertEquals(seen, ["a"]);
  const [wsi] = served.context.connections();
  wsi!.rxFlowControl(true);
  assertEquals((await peer.receiveClose()).code, 1011);
  assertEquals(seen, ["a", "b"]);
});

Deno.test("what waits when a loop ends by itself is answered, and a connection that closes then is closed", async () => {
  await using looped = await connected();
  const { peer, wsi, received } = looped;
  const messages = wsi.messages();
  const waits = messages.next();
  await messages.return!();
  assertEquals(await waits, { done: true, value: undefined });
  peer.send(closing(1000));
  peer.peer.end();
  await settle();
  assertEquals(await messages.next(), { done: true, value: undefined });
  assertEquals(received, []);
});

Deno.test("inside of the callback a loop has left a message to, another loop begins with the next", async () => {
  const { promise, resolve } = Promise.withResolvers<Message | undefined>();
  let loop: AsyncIterator<Message> | undefined;
  const protocol: Protocol = {
    name: "chat",
    callback(...[wsi, reason]) {
      if (reason === "established") loop = wsi.messages();
      if (reason === "receive") {
        resolve(next(wsi.messages() as AsyncIterator<Message, undefined>));
        assertThrows(() => wsi.messages(), LwsError);
      }
    },
  };
  await using served = serve([protocol]);
  const peer = await served.open();
  peer.send(text("a"), text("b"));
  await settle();
  void loop!.return!();
  assertEquals(await promise, "b");
});
