/** Broadcasts inside one context, and what a context makes known of its protocols. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ActiveProtocol, Protocol, Wsi } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers, LwsError } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const ignore: Protocol = { name: "http", callback: handlers({}) };

/** A protocol that notes who was called with what, and then does as it is told. */
function news(answer: (wsi: Wsi) => number | void = () => {}) {
  const heard: string[] = [];
  const protocol: Protocol = {
    name: "news",
    callback(wsi, reason, _user, data) {
      if (reason !== "broadcast") return;
      heard.push(`${wsi.socketFd} ${new TextDecoder().decode(data)}`);
      return answer(wsi);
    },
  };
  return { protocol, heard };
}

const refusal = (work: () => unknown): LwsError => assertThrows(work, LwsError);

Deno.test("contract 7: a broadcast is a callback to every established server connection of the protocol, before the call returns", async () => {
  const { protocol, heard } = news();
  await using served = serve([ignore, protocol]);
  const first = await served.open({ protocol: "news" });
  await served.open();
  await served.open({ protocol: "news" });
  const before = first.peer.received.length;
  assertEquals(served.context.broadcast(protocol, "one"), 0);
  assertEquals(heard, ["1 one", "3 one"]);
  assertEquals(served.context.broadcast("news", new Uint8Array([50])), 0);
  assertEquals(heard.slice(2), ["1 2", "3 2"]);
  // Nothing is sent unless the callback does.
  await settle();
  assertEquals(first.peer.received.length, before);
});

Deno.test("broadcasts go in the order in which connections were accepted, not that of their handshakes", async () => {
  const { protocol, heard } = news();
  await using served = serve([ignore, protocol]);
  const slow = await served.dial();
  await served.open({ protocol: "news" });
  slow.send(
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Protocol: news\r\n\r\n",
  );
  await slow.readUntil((unread) => unread.length > 0);
  served.context.broadcast("news", "x");
  assertEquals(heard, ["1 x", "2 x"]);
});

Deno.test("clients, connections in their HTTP phase and those that are closing hear no broadcast", async () => {
  const { protocol, heard } = news();
  await using served = serve([protocol]);
  await served.dial();
  const leaving = await served.open();
  const left = await served.open();
  await served.open();
  served.context.clientConnect({ address: "server", port: 80, protocol: "news" });
  await settle();
  served.context.broadcast(protocol, "all");
  // The fifth is the client, the sixth its server.
  assertEquals(heard, ["2 all", "3 all", "4 all", "6 all"]);
  leaving.send({ opcode: 8 });
  await leaving.receiveClose();
  left.peer.close();
  await settle();
  heard.length = 0;
  served.context.broadcast(protocol, "the rest");
  assertEquals(heard, ["4 the rest", "6 the rest"]);
});

Deno.test("a connection that began to close hears no broadcast while it waits for the peer's answer", async () => {
  let opened: Wsi | undefined;
  const recorder = record("p", { established: (wsi) => void (opened = wsi) });
  await using served = serve([recorder.protocol]);
  await served.open();
  opened!.close(1000);
  served.context.broadcast("p", "x");
  assertEquals(recorder.reasons.includes("broadcast"), false);
});

Deno.test("a broadcast's callback may write to its connection and close any", async () => {
  const all: Wsi[] = [];
  const { protocol, heard } = news((wsi) => {
    all.push(wsi);
    wsi.write(`to ${wsi.socketFd}`);
    if (wsi.socketFd === 1) third!.close(1000);
  });
  let third: Wsi | undefined;
  const { callback } = protocol;
  protocol.callback = (...args) => {
    if (args[1] === "established") third = args[0];
    return callback(...args);
  };
  await using served = serve([protocol]);
  const sockets = [await served.open(), await served.open(), await served.open()];
  served.context.broadcast(protocol, "x");
  assertEquals(heard, ["1 x", "2 x"]);
  assertEquals(await sockets[0]!.receiveText(), "to 1");
  assertEquals(await sockets[1]!.receiveText(), "to 2");
  assertEquals(await sockets[2]!.receiveClose(), { code: 1000, reason: "" });
});

Deno.test("what a broadcast's callback returns is ignored, and one that throws costs its own connection", async () => {
  using log = captureLog();
  const { protocol, heard } = news((wsi) => {
    if (wsi.socketFd === 2) throw new Error("not today");
    return -1;
  });
  await using served = serve([protocol]);
  const sockets = [await served.open(), await served.open(), await served.open()];
  assertEquals(served.context.broadcast(protocol, "x"), 0);
  assertEquals(heard, ["1 x", "2 x", "3 x"]);
  assertEquals((await sockets[1]!.receiveClose()).code, 1011);
  assert(log.lines.some((line) => line.includes("news: broadcast threw: Error: not today")));
  sockets[0]!.send({ opcode: 9, payload: "still there?" });
  assertEquals(await sockets[0]!.receiveText(), "still there?");
});

Deno.test("a callback that destroys the context ends the broadcast", async () => {
  const { protocol, heard } = news((wsi) => void wsi.context.destroy());
  await using served = serve([protocol]);
  await served.open();
  await served.open();
  assertEquals(served.context.broadcast(protocol, "x"), 0);
  assertEquals(heard, ["1 x"]);
});

Deno.test("an empty broadcast is one, and text is given as UTF-8", async () => {
  const pieces: Uint8Array[] = [];
  const protocol = named("p", { broadcast: (_wsi, _user, data) => void pieces.push(data) });
  await using served = serve([protocol]);
  await served.open();
  for (const data of ["", new Uint8Array(0), "é"]) served.context.broadcast(protocol, data);
  assertEquals(pieces, [new Uint8Array(0), new Uint8Array(0), new Uint8Array([0xc3, 0xa9])]);
});

Deno.test("a broadcast refuses other protocols and other data, and a destroyed context has no listeners", async () => {
  const { protocol } = news();
  const served = serve([protocol]);
  const { context } = served;
  const stranger = { ...protocol };
  for (const wrong of ["other", stranger]) {
    assertEquals(refusal(() => context.broadcast(wrong, "x")).code, "invalid-argument");
  }
  for (const wrong of [1, null, undefined, [1], { length: 1 }]) {
    const error = refusal(() => context.broadcast(protocol, wrong as unknown as string));
    assertEquals(error.code, "invalid-argument");
    assert(error.message.startsWith("broadcast: data is "), error.message);
  }
  await served[Symbol.asyncDispose]();
  assertEquals(context.broadcast(protocol, "x"), -1);
});

Deno.test("an active protocol has all that the program's own has, and what the context knows of it", async () => {
  class News {
    readonly name = "news";
    readonly id = 7;
    readonly mine = "extra";
    callback() {}
  }
  const given = Object.freeze(new News());
  await using served = serve([ignore, given]);
  const [first, second] = served.context.protocols as [ActiveProtocol, ActiveProtocol];
  assertEquals([first.protocolIndex, second.protocolIndex], [0, 1]);
  assertEquals([second.name, second.id, (second as unknown as typeof given).mine], [
    "news",
    7,
    "extra",
  ]);
  assertEquals(second.callback, given.callback);
  assert(second.owningServer === served.context);
  assertEquals([
    second.broadcastSocketPort,
    second.broadcastSocketUserFd,
    second.broadcastToken,
  ], [0, -1, ""]);
  assertEquals(Object.keys(given).includes("protocolIndex"), false);
  assertThrows(() => (second as { protocolIndex: number }).protocolIndex = 3, TypeError);
});

Deno.test("one protocol object serves several contexts, each with an active protocol of its own", async () => {
  const { protocol } = news();
  await using one = serve([protocol]);
  await using two = serve([ignore, protocol]);
  const [ofOne, ofTwo] = [one.context.protocols[0]!, two.context.protocols[1]!];
  assert(ofOne.owningServer === one.context && ofTwo.owningServer === two.context);
  assertEquals([ofOne.protocolIndex, ofTwo.protocolIndex], [0, 1]);
  assertEquals(refusal(() => one.context.broadcast(ofTwo, "x")).code, "invalid-argument");
});

Deno.test("the program's own object, the active protocol and the name all name a protocol", async () => {
  const recorder = record("p");
  await using served = serve([ignore, recorder.protocol]);
  await served.open({ protocol: "p" });
  const { context } = served;
  for (const protocol of [recorder.protocol, context.protocols[1]!, "p"]) {
    assertEquals(context.broadcast(protocol, "x"), 0);
    assertEquals(context.callbackAllProtocol(protocol, "user:hello"), 0);
    assertEquals(context.callbackOnWritableAllProtocol(protocol), 0);
    await settle();
  }
  for (const reason of ["broadcast", "user:hello", "serverWriteable"]) {
    assertEquals(recorder.reasons.filter((each) => each === reason).length, 3, reason);
  }
});

Deno.test("a callback's this is the program's own object", async () => {
  const seen: unknown[] = [];
  const protocol: Protocol = {
    name: "p",
    callback() {
      seen.push(this);
    },
  };
  await using _served = serve([protocol]);
  assert(seen.length > 0 && seen.every((each) => each === protocol));
});

Deno.test("a client's wsi.protocol is the context's, too", async () => {
  await using context = createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [ignore] });
  const wsi = context.clientConnect({ address: "127.0.0.1", port: 1 });
  assert(wsi.protocol === context.protocols[0]);
});
