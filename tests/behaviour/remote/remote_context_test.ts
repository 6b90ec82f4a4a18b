/** A context's ports, and what is done through them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError, remoteContext } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

/** A protocol that notes what was broadcast to it. */
function news() {
  const heard: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const protocol = named("news", {
    broadcast(_wsi, _user, data) {
      heard.push(new TextDecoder().decode(data));
      for (const each of waiting) if (heard.length >= each.count) each.resolve();
    },
  });
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      waiting.push({ count, resolve });
      if (heard.length >= count) resolve();
    });
  return { protocol, heard, until };
}

Deno.test("broadcasts through a port keep their order and boundaries, in bursts too", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol]);
  await served.open();
  using remote = remoteContext(served.context.openPort());
  const contents = Array.from({ length: 5_000 }, (_, i) => i % 7 === 0 ? "" : `message ${i}`);
  contents.forEach((content, i) => {
    const data = i % 2 === 0 ? content : new TextEncoder().encode(content);
    assertEquals(remote.broadcast("news", data), 0);
  });
  await until(contents.length);
  assertEquals(heard, contents);
});

Deno.test("a port takes the data when it is called, and only the view's part of a buffer", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol]);
  await served.open();
  using remote = remoteContext(served.context.openPort());
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  shared.set([97, 98, 99, 100]);
  const buffer = shared.slice();
  remote.broadcast("news", buffer.subarray(1, 3));
  remote.broadcast("news", shared.subarray(0, 2));
  buffer.fill(0x78);
  shared.fill(0x78);
  await until(2);
  assertEquals(heard, ["bc", "ab"]);
  assertEquals(buffer.length, 4);
});

Deno.test("writeable callbacks can be asked for through a port", async () => {
  const recorder = record("p");
  await using served = serve([recorder.protocol]);
  await served.open();
  using remote = remoteContext(served.context.openPort());
  assertEquals(remote.callbackOnWritableAllProtocol("p"), 0);
  await recorder.until("serverWriteable");
});

Deno.test("what is called before close is still done, and nothing after it", async () => {
  const { protocol, heard, until } = news();
  await using served = serve([protocol]);
  await served.open();
  const remote = remoteContext(served.context.openPort());
  remote.broadcast("news", "before");
  remote.cancelService();
  remote.close();
  assertEquals([remote.isClosed, remote.broadcast("news", "after")], [true, -1]);
  assertEquals(remote.callbackOnWritableAllProtocol("news"), -1);
  remote.destroy();
  remote.close();
  await until(1);
  await settle();
  assertEquals([heard, served.context.isDestroyed], [["before"], false]);
});

Deno.test("a port destroys its context, and hears of its end", async () => {
  const { protocol } = news();
  await using served = serve([protocol]);
  const [one, other] = [served.context.openPort(), served.context.openPort()].map(remoteContext);
  one!.destroy();
  await served.context.closed;
  while (!one!.isClosed || !other!.isClosed) await settle();
  assertEquals(other!.broadcast("news", "x"), -1);
  assertEquals(assertThrows(() => served.context.openPort(), LwsError).code, "destroyed");
});

Deno.test("malformed messages and unknown protocols are logged and cost nothing", async () => {
  using log = captureLog();
  const { protocol, heard, until } = news();
  await using served = serve([protocol]);
  await served.open();
  const port = served.context.openPort();
  const malformed = [
    null,
    1,
    "destroyed",
    {},
    { call: "constructor" },
    { call: "broadcast", protocol: "news" },
    { call: "broadcast", protocol: 1, data: "x" },
    { call: "broadcast", protocol: "news", data: [1] },
    { call: "callbackOnWritableAllProtocol" },
  ];
  for (const each of malformed) port.postMessage(each);
  using remote = remoteContext(port);
  remote.broadcast("toString", "x");
  remote.broadcast("news", "fine");
  await until(1);
  assertEquals(heard, ["fine"]);
  assertEquals(log.lines, [
    ...malformed.slice(0, 5).map(() =>
      "warn: port of a context: a message that no RemoteContext sends is ignored"
    ),
    'warn: port of a context: broadcast: the context has no protocol "toString"',
  ]);
});

Deno.test("a remote context refuses what is no port, no name and no data", async () => {
  const { protocol } = news();
  await using served = serve([protocol]);
  using remote = remoteContext(served.context.openPort());
  const wrong: [() => unknown, string][] = [
    [() => remoteContext({} as MessagePort), "remoteContext: port is no MessagePort"],
    [
      () => remote.broadcast(protocol as unknown as string, "x"),
      "broadcast: protocol is object; allowed: a name",
    ],
    [
      () => remote.callbackOnWritableAllProtocol(1 as unknown as string),
      "callbackOnWritableAllProtocol: protocol is number; allowed: a name",
    ],
    [
      () => remote.broadcast("news", null as unknown as string),
      "broadcast: data is null; allowed: a string, a Uint8Array or another view, or a buffer",
    ],
  ];
  for (const [work, message] of wrong) {
    const error = assertThrows(work, LwsError);
    assertEquals([error.code, error.message], ["invalid-argument", message]);
  }
});

Deno.test("a port that nobody took over keeps nothing alive once the context is destroyed", async () => {
  const { protocol } = news();
  const served = serve([protocol]);
  const port = served.context.openPort();
  await served[Symbol.asyncDispose]();
  assert(port instanceof MessagePort);
  port.close();
});
