/** A loop over messages keeps the peer waiting while it works, and nothing else. */

import { assert, assertEquals } from "@std/assert";
import { settle } from "../../support/serve.ts";
import { all, closing, connected, next, text } from "./loop.ts";

const KIB = 1024;

Deno.test("while the loop works one more read is taken, and goes on when all of it was", async () => {
  await using looped = await connected();
  const { peer, wsi, count } = looped;
  const messages = wsi.messages();
  const first = next(messages);
  for (const payload of ["a", "b", "c"]) {
    peer.send(text(payload));
    await settle();
  }
  assertEquals(await first, "a");
  assertEquals(count(), 2, "of the two that came while it worked, one");
  assertEquals(await next(messages), "b");
  await settle();
  assertEquals(count(), 2, "it works on the last that was taken");
  assertEquals(await next(messages), "c");
  assertEquals(count(), 3);
});

Deno.test("a loop that asks for the next at once never has the peer wait", async () => {
  await using looped = await connected();
  let echoed = 0;
  void (async () => {
    for await (const message of looped.wsi.messages()) {
      looped.wsi.write(message);
      echoed++;
    }
  })();
  for (let i = 1; i <= 5; i++) {
    looped.peer.send(text(`${i}`));
    assertEquals(await looped.peer.receiveText(), `${i}`);
    assertEquals(echoed, i);
  }
});

Deno.test("of one read no more is taken than about 64 KiB of messages, and the rest comes in order", async () => {
  await using looped = await connected();
  const { peer, wsi, count } = looped;
  const messages = wsi.messages();
  const payloads = Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(KIB));
  peer.send(...payloads.map(text));
  await settle();
  const taken = count();
  assert(taken >= 60 && taken <= 64, `${taken} messages were taken`);
  for (const payload of payloads) assertEquals(await next(messages), payload);
});

Deno.test("flow control of the program's holds on beside the loop's, each by itself", async () => {
  await using looped = await connected();
  const { peer, wsi, count } = looped;
  const messages = wsi.messages();
  peer.send(text("a"));
  await settle();
  wsi.rxFlowControl(true);
  peer.send(text("b"));
  await settle();
  assertEquals(count(), 1, "the loop holds, whatever the program allows");
  wsi.rxFlowControl(false);
  assertEquals(await next(messages), "a");
  const second = next(messages);
  await settle();
  assertEquals(count(), 1, "the program holds, whatever the loop wants");
  wsi.rxFlowControl(true);
  assertEquals(await second, "b");
});

Deno.test("a close frame behind messages that wait comes behind them", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  const messages = wsi.messages();
  peer.send(text("a"));
  await settle();
  peer.send(text("b"), closing(1000));
  peer.peer.end();
  await settle();
  assertEquals(await all(messages), ["a", "b"]);
});

Deno.test("a loop answers what came in one read with the close frame, and nothing behind that", async () => {
  for (const hasEnd of [false, true]) {
    await using looped = await connected();
    const { peer, wsi } = looped;
    const ending = (async () => {
      for await (const message of wsi.messages()) await wsi.send(`re: ${message}`);
    })();
    peer.send(text("one"), text("two"), closing(1000), text("late"));
    if (hasEnd) peer.peer.end();
    const frames = [];
    for (let i = 0; i < 3; i++) {
      const { opcode, payload } = await peer.receive();
      frames.push(opcode === 8 ? `closed ${payload.length}` : new TextDecoder().decode(payload));
    }
    assertEquals(frames, ["re: one", "re: two", "closed 2"]);
    if (!hasEnd) peer.peer.end();
    await ending;
  }
});

Deno.test("a close frame that waits for a loop is the answer to a close of this end", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  const messages = wsi.messages();
  const first = messages.next();
  peer.send(text("one"), closing(1000));
  assertEquals((await first).value, "one");
  assertEquals(wsi.close(4000, "enough"), 0);
  assertEquals((await peer.receive()).payload.subarray(0, 2), Uint8Array.of(0x0f, 0xa0));
  peer.peer.end();
  assertEquals((await messages.next()).done, true);
});

Deno.test("a close of this end takes the peer's answer at once, and the loop has what it had", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), text("b"));
  await settle();
  peer.send(text("held back"));
  await settle();
  wsi.close(1000);
  peer.send(closing(1000));
  peer.peer.end();
  await settle();
  assertEquals(wsi.close(), -1);
  assertEquals(await all(messages), ["a", "b"]);
});

Deno.test("a peer that waits for the loop is not found silent", async () => {
  await using looped = await connected({ kaTime: 60, kaProbes: 3, kaInterval: 10 });
  const { peer, wsi, served } = looped;
  const messages = wsi.messages();
  peer.send(text("a"));
  await settle();
  for (let i = 0; i < 20; i++) await served.pass(10_000);
  assertEquals(await next(messages), "a");
  const second = next(messages);
  peer.send(text("b"));
  assertEquals(await second, "b");
});

Deno.test("what a peer sends before it vanishes is there for the loop", async () => {
  await using looped = await connected();
  const { peer, wsi } = looped;
  const messages = wsi.messages();
  peer.send(text("a"), text("b"));
  await settle();
  peer.peer.reset();
  await settle();
  assertEquals(await next(messages), "a");
  assertEquals(await next(messages), "b");
  assertEquals(await messages.next().catch((error) => error.code), "connection-closed");
});
