/** Several extensions on one connection (RFC 6455 section 9.1), as programs and peers see them. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Extension, Protocol, Wsi } from "../../../mod.ts";
import {
  CONTEXT_PORT_NO_LISTEN,
  deflateFrame,
  deflateStream,
  handlers,
  permessageDeflate,
  prepareMessage,
} from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { adder, doubled, flip, flipped, twice } from "../../support/extensions.ts";
import { concat, frame, type FrameOptions, KEY } from "../../support/frames.ts";
import { captureLog, record } from "../../support/recorder.ts";
import type { Served, WebSocketPeer } from "../../support/serve.ts";
import { acceptOf, openAlone, readHead, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
/** Node's constant for a flush to a byte boundary. */
const SYNC_FLUSH = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const deflate = (data: string | Uint8Array) =>
  new Uint8Array(deflateRawSync(data, { finishFlush: SYNC_FLUSH }).subarray(0, -4));
const inflate = (data: Uint8Array) =>
  new Uint8Array(inflateRawSync(concat(data, TAIL), { finishFlush: SYNC_FLUSH }));
const compressing = () => permessageDeflate({ threshold: 0 });

const echo = named("echo", {
  message: (wsi, _user, message) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary"),
});

/** A protocol that hands out its connections. */
function opening(): { protocol: Protocol; wsi: Promise<Wsi> } {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const callback = handlers({ established: (wsi) => resolve(wsi) });
  return { protocol: { name: "opening", callback }, wsi: promise };
}

const offering = (offer: string) => ({ headers: [`Sec-WebSocket-Extensions: ${offer}`] });

function agreed(socket: WebSocketPeer): string | undefined {
  return /^sec-websocket-extensions: (.*)$/im.exec(socket.answer)?.[1]?.trimEnd();
}

/** The names of an answer, in its order. */
const namesOf = (answer: string | undefined) =>
  answer?.split(", ").map((element) => element.split(";")[0]);

// The order.

const LONG = "the same words, ".repeat(500);

Deno.test("the one that is listed first transforms first on its way out: flip, then deflate", async () => {
  const { protocol, wsi } = opening();
  await using served = serve([protocol], { extensions: [flip(), compressing()] });
  const socket = await served.open(offering("permessage-deflate, x-flip"));
  assertEquals(namesOf(agreed(socket)), ["x-flip", "permessage-deflate"]);
  (await wsi).write(LONG);
  const { rsv, payload } = await socket.receive();
  assertEquals(rsv, 4);
  assertEquals(decoder.decode(flipped(inflate(payload))), LONG);
});

Deno.test("the one that is listed first transforms first on its way out: deflate, then flip", async () => {
  const { protocol, wsi } = opening();
  await using served = serve([protocol], { extensions: [compressing(), flip()] });
  const socket = await served.open(offering("x-flip, permessage-deflate"));
  assertEquals(namesOf(agreed(socket)), ["permessage-deflate", "x-flip"]);
  (await wsi).write(LONG);
  const { rsv, payload } = await socket.receive();
  assertEquals(rsv, 4);
  assertEquals(decoder.decode(inflate(flipped(payload))), LONG);
});

Deno.test("what a client sends is taken back in the reverse order, whatever bits it has", async () => {
  const cases: readonly [Extension[], (text: string) => Uint8Array][] = [
    [[flip(), compressing()], (text) => deflate(flipped(encoder.encode(text)))],
    [[compressing(), flip()], (text) => flipped(deflate(text))],
    [[twice(), compressing(), flip()], (text) => flipped(deflate(doubled(encoder.encode(text))))],
  ];
  for (const [extensions, encode] of cases) {
    const got: unknown[] = [];
    const callback = handlers({ message: (_wsi, _user, message) => void got.push(message) });
    await using served = serve([{ name: "p", callback }], { extensions });
    const socket = await served.open(offering("permessage-deflate, x-flip, x-twice"));
    const plain = flipped(encoder.encode("plain"));
    const isTwice = extensions.length === 3;
    socket.send(
      { opcode: 1, rsv: 4, payload: encode("one") },
      { opcode: 1, payload: isTwice ? doubled(plain) : plain },
      { opcode: 1, rsv: 4, payload: encode(LONG) },
      { opcode: 1, payload: "" },
    );
    await settle();
    assertEquals(got, ["one", "plain", LONG, ""]);
  }
});

Deno.test("what does not shrink, or is to stay plain, is still transformed by the others", async () => {
  const { protocol, wsi } = opening();
  await using served = serve([protocol], { extensions: [flip(), permessageDeflate()] });
  const socket = await served.open(offering("permessage-deflate, x-flip"));
  (await wsi).write("short");
  (await wsi).write(LONG, "text", { compress: false });
  for (const text of ["short", LONG]) {
    const { rsv, payload } = await socket.receive();
    assertEquals([rsv, decoder.decode(flipped(payload))], [0, text]);
  }
});

Deno.test("members of a chain may return the same memory, as long as that lasts", async () => {
  const memory = new Uint8Array(100);
  const reversing = (name: string): Extension => {
    const extension = adder({ name, unit: "message", reservedBits: 0 });
    const { accept } = extension;
    extension.accept = (offers) => {
      const accepted = accept(offers)!;
      const encode = ({ payload }: { payload: Uint8Array }) => {
        for (const [i, byte] of payload.entries()) memory[payload.length - 1 - i] = byte;
        return memory.subarray(0, payload.length);
      };
      return { ...accepted, session: { ...accepted.session, encode } };
    };
    return extension;
  };
  const { protocol, wsi } = opening();
  await using served = serve([protocol], { extensions: ["x-1", "x-2", "x-3"].map(reversing) });
  const socket = await served.open(offering("x-1, x-2, x-3"));
  (await wsi).write("forth and back and forth");
  assertEquals(await socket.receiveText(), "htrof dna kcab dna htrof");
});

// Between our server and our client.

interface Exchange {
  readonly received: (string | Uint8Array)[];
  /** Resolves when so many messages have come back. */
  until(count: number): Promise<void>;
}

/** Lets a client of ours send by `begin`, and gathers what the echo sends back. */
function exchange(
  served: Served,
  extensions: readonly Extension[],
  begin: (wsi: Wsi) => void,
): Exchange {
  const received: (string | Uint8Array)[] = [];
  const client = served.client([named("client", {
    clientEstablished: begin,
    message: (_wsi, _user, message) => void received.push(message),
  })], { extensions });
  client.clientConnect({ address: "memory", port: 80 });
  return {
    received,
    async until(count) {
      for (let i = 0; i < 300 && received.length < count; i++) await settle();
    },
  };
}

const bits = (reservedBits: number, unit: "message" | "frame") => adder({ unit, reservedBits });

const STACKS: readonly (readonly [string, () => Extension[]])[] = [
  ["flip, permessage-deflate", () => [flip(), compressing()]],
  ["permessage-deflate, flip", () => [compressing(), flip()]],
  ["two that always apply", () => [flip(), twice()]],
  ["twice, permessage-deflate, flip", () => [twice(), compressing(), flip()]],
  ["permessage-deflate and an adder of frames", () => [compressing(), bits(2, "frame")]],
  ["permessage-deflate and an adder of messages", () => [bits(1, "message"), compressing()]],
  ["flip, deflate-frame", () => [flip(), deflateFrame({ threshold: 0 })]],
  ["with windows that outlive messages", () => [
    flip(),
    permessageDeflate({
      threshold: 0,
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
    }),
  ]],
  ["flip, deflate-stream", () => [flip(), deflateStream()]],
  ["deflate-stream, flip", () => [deflateStream(), flip()]],
  ["streams only", () => [deflateStream(), adder({ unit: "stream", reservedBits: 0 })]],
];

for (const [name, make] of STACKS) {
  Deno.test(`our client and our server exchange every kind of message by: ${name}`, async () => {
    await using served = serve([echo], { extensions: make() });
    const sent: (string | Uint8Array)[] = ["", "a", "grün ".repeat(30), new Uint8Array(0)];
    // Around the steps in which one hands over to the next.
    for (const length of [16_383, 16_384, 16_385, 32_768, 65_536, 200_000]) {
      sent.push("x".repeat(length), new Uint8Array(length).map((_, i) => i * 31 >> 3));
    }
    for (let n = 0; n < 10; n++) sent.push(`{"number": ${n}, "text": "the same"}`);
    const { received, until } = exchange(served, make(), (wsi) => {
      assertEquals(wsi.extensions, make().map((each) => each.name));
      for (const each of sent) wsi.write(each, typeof each === "string" ? "text" : "binary");
      wsi.write("in ", "text", { fin: false });
      wsi.write("between", "ping");
      wsi.write("", "continuation", { fin: false });
      wsi.write("three long enough frames", "continuation", { fin: false });
      wsi.write("", "continuation");
      wsi.write(prepareMessage("prepared once"));
    });
    const expected = [...sent, "in three long enough frames", "prepared once"];
    await until(expected.length);
    assertEquals(received.length, expected.length);
    for (const [i, message] of expected.entries()) assertEquals(received[i], message);
  });
}

Deno.test("random bytes in random frames arrive as they were sent", async () => {
  const make = () => [twice(), compressing(), flip(), bits(2, "frame")];
  await using served = serve([echo], { extensions: make() });
  const sent: Uint8Array[] = [];
  for (let n = 0; n < 20; n++) {
    const random = crypto.getRandomValues(new Uint8Array(1 + n * 1237));
    sent.push(random.map((byte) => n % 2 === 0 ? byte : byte & 3));
  }
  const { received, until } = exchange(served, make(), (wsi) => {
    for (const message of sent) {
      for (let at = 0; at < message.length;) {
        const end = Math.min(message.length, at + 1 + Math.floor(Math.random() * message.length));
        const kind = at === 0 ? "binary" : "continuation";
        wsi.write(message.subarray(at, end), kind, { fin: end === message.length });
        at = end;
      }
    }
  });
  await until(sent.length);
  assertEquals(received, sent);
});

// Single frames and pieces.

Deno.test("control frames between fragments are answered at once, and not transformed", async () => {
  await using served = serve([echo], { extensions: [flip(), compressing()] });
  const socket = await served.open(offering("x-flip, permessage-deflate"));
  const bytes = deflate(flipped(encoder.encode(LONG)));
  for (let at = 0; at < bytes.length; at += 7) {
    socket.send(
      {
        opcode: at === 0 ? 1 : 0,
        rsv: at === 0 ? 4 : 0,
        fin: at + 7 >= bytes.length,
        payload: bytes.slice(at, at + 7),
      },
      ...(at === 0 ? [{ opcode: 9, payload: "ping" }] : []),
    );
  }
  const pong = await socket.receive();
  assertEquals([pong.opcode, pong.rsv, decoder.decode(pong.payload)], [10, 0, "ping"]);
  const { payload } = await socket.receive();
  assertEquals(decoder.decode(flipped(inflate(payload))), LONG);
  socket.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
  assertEquals(await socket.receiveClose(), { code: 1000, reason: "" });
});

Deno.test("pieces tell where a message begins and ends, and which bits its frame has", async () => {
  const pieces: [number, boolean, boolean, number][] = [];
  const recorder = record("p", (wsi, reason, _user, data) => {
    if (reason !== "receive") return;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    pieces.push([(data as Uint8Array).length, wsi.isFirstFragment, isLast, wsi.reservedBits]);
  });
  await using socket = await openAlone([{ ...recorder.protocol, rxBufferSize: 1000 }], {
    extensions: [flip(), compressing()],
  }, offering("x-flip, permessage-deflate"));
  socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(2500)) });
  socket.send({ opcode: 2, payload: new Uint8Array(1500) });
  await settle();
  assertEquals(pieces, [
    [1000, true, false, 4],
    [1000, false, false, 4],
    [500, false, true, 4],
    [1000, true, false, 0],
    [500, false, true, 0],
  ]);
});

Deno.test("text is checked where it is plain again, and not before", async () => {
  await using socket = await openAlone([echo], { extensions: [flip()] }, offering("x-flip"));
  // Flipped, hardly any text is UTF-8, be it in one frame or with a character cut in two.
  socket.send({ opcode: 1, payload: flipped(encoder.encode("grün")) });
  assertEquals(decoder.decode(flipped((await socket.receive()).payload)), "grün");
  const cut = flipped(encoder.encode("€"));
  socket.send(
    { opcode: 1, fin: false, payload: cut.subarray(0, 1) },
    { opcode: 0, payload: cut.subarray(1) },
  );
  assertEquals(decoder.decode(flipped((await socket.receive()).payload)), "€");
  socket.send({ opcode: 1, payload: "plain ASCII is no text when it is flipped" });
  assertEquals((await socket.receiveClose()).code, 1007);
});

Deno.test("a bit of a message on a continuation, or one that nobody uses, fails with 1002", async () => {
  await using served = serve([echo], { extensions: [compressing(), bits(2, "frame")] });
  const start = { opcode: 2, rsv: 4, fin: false, payload: deflate("begin") };
  for (const rsv of [4, 6, 1, 3]) {
    const socket = await served.open(offering("permessage-deflate, x-adder"));
    socket.send(start, { opcode: 0, rsv, payload: "" });
    assertEquals((await socket.receiveClose()).code, 1002);
  }
  for (const rsv of [1, 5, 7]) {
    const socket = await served.open(offering("permessage-deflate, x-adder"));
    socket.send({ opcode: 2, rsv, payload: "" });
    assertEquals((await socket.receiveClose()).code, 1002);
  }
});

Deno.test("each frame of a message says for itself whether an extension for frames was at it", async () => {
  await using served = serve([echo], { extensions: [compressing(), bits(2, "frame")] });
  const socket = await served.open(offering("permessage-deflate, x-adder"));
  const bytes = deflate(LONG);
  const added = (part: Uint8Array) => part.map((byte) => byte + 1);
  socket.send(
    { opcode: 1, rsv: 6, fin: false, payload: added(bytes.slice(0, 9)) },
    { opcode: 0, fin: false, payload: bytes.slice(9, 20) },
    { opcode: 0, rsv: 2, payload: added(bytes.slice(20)) },
  );
  const { rsv, payload } = await socket.receive();
  assertEquals(rsv, 6);
  assertEquals(decoder.decode(inflate(payload.map((byte) => byte - 1))), LONG);
});

for (const name of ["flip behind permessage-deflate", "all by a stream, too"]) {
  Deno.test(`rxFlowControl in the middle holds what came, and loses no order: ${name}`, async () => {
    const got: string[] = [];
    const recorder = record("p", (wsi, reason, _user, data) => {
      if (reason !== "receive") return;
      got.push(decoder.decode(data as Uint8Array));
      wsi.rxFlowControl(false);
      setImmediate(() => wsi.rxFlowControl(true));
    });
    const make = () =>
      name.startsWith("flip")
        ? [compressing(), flip()]
        : [compressing(), adder({ unit: "stream", reservedBits: 0 })];
    await using served = serve([{ ...recorder.protocol, rxBufferSize: 4 }], { extensions: make() });
    exchange(served, make(), (wsi) => {
      wsi.write("aaaabbbbccccaaaabbbbcccc");
      wsi.write("dddd", "text", { compress: false });
      wsi.write("eeeef");
    });
    const all = "aaaabbbbccccaaaabbbbccccddddeeeef";
    for (let i = 0; i < 40 && got.join("").length < all.length; i++) await settle();
    assertEquals(got.join(""), all);
    assert(got.length >= 9);
  });
}

Deno.test("what comes right after receiving goes on waits for what was held before", async () => {
  // One piece as it comes, three of what it stands for.
  const letters = ["a", "b", "c"].map((letter) => letter.repeat(100));
  const got: string[] = [];
  let wsi: Wsi | undefined;
  const recorder = record("p", (...[each, reason, , data]) => {
    if (reason !== "receive") return;
    got.push(decoder.decode(data));
    if (got.length > 1) return;
    wsi = each;
    each.rxFlowControl(false);
  });
  await using socket = await openAlone([{ ...recorder.protocol, rxBufferSize: 100 }], {
    extensions: [compressing(), adder({ unit: "stream", reservedBits: 0 })],
  }, offering("permessage-deflate, x-adder"));
  const send = (options: FrameOptions) =>
    socket.peer.send(frame({ key: KEY, ...options }).map((byte) => byte + 1));
  send({ opcode: 1, rsv: 4, payload: deflate(letters.join("")) });
  await settle();
  assertEquals(got, letters.slice(0, 1));
  wsi!.rxFlowControl(true);
  send({ opcode: 1, payload: "dddd" });
  await settle();
  assertEquals(got, [...letters, "dddd"]);
});

Deno.test("a message that becomes maxMessageSize passes, and one byte more is 1009", async () => {
  const make = () => [flip(), compressing()];
  await using served = serve([echo], { extensions: make(), maxMessageSize: 100_000 });
  const socket = await served.open(offering("x-flip, permessage-deflate"));
  socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(100_000)) });
  assertEquals(inflate((await socket.receive()).payload).length, 100_000);
  socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(100_001)) });
  assertEquals((await socket.receiveClose()).code, 1009);
  const plain = await served.open(offering("x-flip"));
  plain.send({ opcode: 2, payload: new Uint8Array(100_001) });
  assertEquals((await plain.receiveClose()).code, 1009);
});

Deno.test("a stream that is broken behind others costs its own connection, with 1007", async () => {
  await using served = serve([echo], { extensions: [compressing(), flip()] });
  const socket = await served.open(offering("x-flip, permessage-deflate"));
  socket.send({ opcode: 2, rsv: 4, payload: flipped(Uint8Array.of(0xff, 0xff, 0xff)) });
  assertEquals((await socket.receiveClose()).code, 1007);
});

Deno.test("a prepared message is made anew for connections that can share nothing", async () => {
  const { protocol, wsi } = opening();
  await using served = serve([protocol], { extensions: [flip(), compressing()] });
  const socket = await served.open(offering("x-flip, permessage-deflate"));
  const message = prepareMessage(LONG);
  for (let i = 0; i < 2; i++) {
    assertEquals((await wsi).write(message), LONG.length);
    const { rsv, payload } = await socket.receive();
    assertEquals([rsv, decoder.decode(flipped(inflate(payload)))], [4, LONG]);
  }
});

// What a server chooses.

Deno.test("wsi.extensions has the names in use, in the order of the answer", async () => {
  const seen: (readonly string[])[] = [];
  const callback = handlers({
    filterProtocolConnection: (wsi) => void seen.push(wsi.extensions),
    established: (wsi) => void seen.push(wsi.extensions),
    closed: (wsi) => void seen.push(wsi.extensions),
  });
  await using served = serve([{ name: "p", callback }], {
    extensions: [flip(), compressing(), twice()],
  });
  (await served.open(offering("permessage-deflate, x-flip"))).peer.close();
  await settle();
  assertEquals(seen, [[], ["x-flip", "permessage-deflate"], ["x-flip", "permessage-deflate"]]);
  seen.length = 0;
  (await served.open()).peer.close();
  await settle();
  assertEquals(seen, [[], [], []]);
});

const CHOICES: readonly (readonly [string, () => Extension[], string[] | undefined])[] = [
  ["takes one compression, its first", () => [deflateFrame(), compressing(), deflateStream()], [
    "deflate-frame",
  ]],
  ["takes one of a group", () => [
    adder({ name: "x-1", group: "g", unit: "message", reservedBits: 0 }),
    adder({ name: "x-2", group: "g", unit: "message", reservedBits: 0 }),
    adder({ name: "x-3", group: "h", unit: "message", reservedBits: 0 }),
  ], ["x-1", "x-3"]],
  ["takes none with a bit of one before", () => [
    adder({ name: "x-1", unit: "message", reservedBits: 3 }),
    adder({ name: "x-2", unit: "message", reservedBits: 2 }),
    adder({ name: "x-3", unit: "frame", reservedBits: 4 }),
  ], ["x-1", "x-3"]],
  ["takes none for messages behind one for frames", () => [
    adder({ name: "x-1", unit: "frame", reservedBits: 1 }),
    adder({ name: "x-2", unit: "message", reservedBits: 2 }),
    adder({ name: "x-3", unit: "frame", reservedBits: 4 }),
    adder({ name: "x-4", unit: "stream", reservedBits: 0 }),
  ], ["x-1", "x-3", "x-4"]],
  ["takes a stream in front of all, as it is behind them anyway", () => [
    adder({ name: "x-1", unit: "stream", reservedBits: 0 }),
    adder({ name: "x-2", unit: "message", reservedBits: 2 }),
  ], ["x-1", "x-2"]],
  ["answers nothing without one", () => [], undefined],
];

for (const [what, make, names] of CHOICES) {
  Deno.test(`a server ${what}, and closes what it does not take`, async () => {
    const extensions = make();
    await using served = serve([echo], { extensions });
    const offer = ["x-9", ...extensions.map((each) => each.name).reverse()].join(", ");
    assertEquals(namesOf(agreed(await served.open(offering(offer)))), names);
    for (const each of extensions) {
      if (!("made" in each)) continue;
      const { made, open } = each as ReturnType<typeof adder>;
      assertEquals(open, names!.includes(each.name) ? 1 : 0);
      // A session may be dear, so that it is not made when its group is taken.
      if (each.group !== undefined) assertEquals(made, open);
    }
  });
}

Deno.test("a server answers by its own order, whatever the client's is", async () => {
  await using served = serve([echo], { extensions: [flip("x-1"), flip("x-2"), flip("x-3")] });
  for (const offer of ["x-1, x-2, x-3", "x-3, x-1, x-2", "x-2,x-3 , x-1, x-1"]) {
    assertEquals(agreed(await served.open(offering(offer))), "x-1, x-2, x-3");
  }
  assertEquals(agreed(await served.open(offering("x-3, x-2"))), "x-2, x-3");
});

// What a client takes.

/** What becomes of a client of ours whose server answers so. */
async function answered(
  extensions: readonly Extension[],
  answer: string,
  isLeftOut: (name: unknown) => boolean = () => false,
): Promise<{ failure: string | undefined; names: readonly string[]; request: string }> {
  await using served = serve([echo]);
  let failure: string | undefined;
  let names: readonly string[] = [];
  const recorder = record("client", (wsi, reason, _user, data) => {
    if (reason === "clientConnectionError") failure = data as string;
    if (reason === "clientEstablished") names = wsi.extensions;
    if (reason === "clientConfirmExtensionSupported" && isLeftOut(data)) return 1;
  });
  const client = served.client([recorder.protocol], { port: CONTEXT_PORT_NO_LISTEN, extensions });
  const listener = served.network.listen({ hostname: "other", port: 81 });
  client.clientConnect({ address: "other", port: 81 });
  const peer = new MemoryPeer(await listener.accept() as never);
  const request = await readHead(peer);
  const key = /^sec-websocket-key: (.*)$/im.exec(request)![1]!.trim();
  peer.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n` +
      (answer === "" ? "" : `Sec-WebSocket-Extensions: ${answer}\r\n`) + "\r\n",
  );
  await settle();
  peer.close();
  listener.close();
  return { failure, names, request };
}

Deno.test("a client offers all that are listed, and takes what goes together, in the answer's order", async () => {
  const make = () => [
    adder({ name: "x-1", group: "g", unit: "message", reservedBits: 1 }),
    adder({ name: "x-2", group: "g", unit: "message", reservedBits: 2 }),
    adder({ name: "x-3", unit: "message", reservedBits: 1 }),
    adder({ name: "x-4", unit: "frame", reservedBits: 4 }),
    adder({ name: "x-5", unit: "stream", reservedBits: 0 }),
  ];
  for (
    const answer of ["", "x-5", "x-3, x-2", "x-1, x-4, x-5", "x-5, x-2, x-4", "x-2, x-5, x-3, x-4"]
  ) {
    const extensions = make();
    const { failure, names, request } = await answered(extensions, answer);
    assertStringIncludes(request, "Sec-WebSocket-Extensions: x-1, x-2, x-3, x-4, x-5\r\n");
    assertEquals(failure, undefined);
    assertEquals(names.join(", "), answer);
    assertEquals(extensions.map((each) => each.open), [0, 0, 0, 0, 0]);
  }
  for (
    const [answer, complaint] of [
      ["x-1, x-1", '"x-1" twice'],
      ["x-2, x-9", '"x-9", which was not offered'],
      ["x-9, x-2", '"x-9", which was not offered'],
      ["x-1, x-2", '"x-2" beside another one for g'],
      ["x-1, x-3", '"x-3" beside another one with the same reserved bit'],
      ["x-4, x-1", '"x-1" for messages behind one for frames'],
      ["x-4, x-5, x-2", '"x-2" for messages behind one for frames'],
    ] as const
  ) {
    const extensions = make();
    const { failure } = await answered(extensions, answer);
    assertStringIncludes(failure ?? "", complaint);
    assertEquals(extensions.map((each) => each.open), [0, 0, 0, 0, 0]);
  }
});

Deno.test("an answer that names what the program left out of the offer fails the connection", async () => {
  const make = () => [flip("x-1"), flip("x-2")];
  const leavesOut = (...names: unknown[]) => (name: unknown) => names.includes(name);
  const one = await answered(make(), "x-2", leavesOut("x-1"));
  assertEquals([one.failure, one.names], [undefined, ["x-2"]]);
  assertStringIncludes(one.request, "Sec-WebSocket-Extensions: x-2\r\n");
  const other = await answered(make(), "x-1", leavesOut("x-1"));
  assertStringIncludes(other.failure ?? "", '"x-1", which was not offered');
  const none = await answered(make(), "x-1", leavesOut("x-1", "x-2"));
  assertEquals(none.request.includes("Sec-WebSocket-Extensions"), false);
  assertStringIncludes(none.failure ?? "", "none was offered");
});

// What extensions without a callback may throw.

for (const hook of ["anyEstablished", "eachSecond", "flush", "encode"] as const) {
  Deno.test(`an error of ${hook} costs its own connection, and is logged`, async () => {
    using log = captureLog(["err", "warn"]);
    const fail = () => {
      throw new Error("a fault of the extension's");
    };
    const failing = adder({ unit: "message", reservedBits: 0 });
    const { accept } = failing;
    if (hook === "anyEstablished") failing.anyEstablished = fail;
    else {
      failing.accept = (offers) => {
        const accepted = accept(offers)!;
        return { ...accepted, session: { ...accepted.session, [hook]: fail } };
      };
    }
    await using served = serve([echo], { extensions: [failing] });
    const socket = await served.open(offering("x-adder"));
    if (hook === "eachSecond") served.clock.advance(1016);
    if (hook === "flush") socket.send({ opcode: 8 });
    if (hook === "encode") socket.send({ opcode: 1, payload: "abc" });
    if (hook === "flush") assertEquals((await socket.peer.readToEnd()).length, 0);
    else assertEquals((await socket.receiveClose()).code, 1011);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "a fault of the extension's");
    socket.peer.close();
    await settle();
    assertEquals(failing.open, 0);
  });
}

Deno.test("an error of begin refuses the handshake, and closes what was begun", async () => {
  const [one, two] = [flip("x-1"), adder({ unit: "message", reservedBits: 0 })];
  const { accept } = two;
  two.accept = (offers) => {
    const accepted = accept(offers)!;
    const begin = () => {
      throw new Error("not here");
    };
    return { ...accepted, session: { ...accepted.session, begin } };
  };
  await using served = serve([echo], { extensions: [one, two] });
  let answer = "";
  await served.open(offering("x-1, x-adder")).catch((error) => answer = String(error));
  assertStringIncludes(answer, "500");
  assertEquals(two.open, 0);
});
