/** permessage-deflate in contexts, as peers see it on the wire (RFC 7692). */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { CloseInfo, PermessageDeflateOptions, Protocol, Wsi } from "../../../mod.ts";
import { handlers, permessageDeflate, prepareMessage } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { acceptOf, openAlone, serve, settle, type WebSocketPeer } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
/** An answer that our client can agree to. */
const AGREED = "permessage-deflate; server_no_context_takeover";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Node's constant for a flush to a byte boundary. */
const SYNC_FLUSH = 2;

function deflate(data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  return new Uint8Array(deflateRawSync(bytes, { finishFlush: SYNC_FLUSH }).subarray(0, -4));
}

function inflate(payload: Uint8Array): Uint8Array {
  const whole = new Uint8Array(payload.length + 4);
  whole.set(payload);
  whole.set(TAIL, payload.length);
  return new Uint8Array(inflateRawSync(whole, { finishFlush: SYNC_FLUSH }));
}

const echo = named("echo", {
  message: (wsi, _user, message) =>
    void wsi.write(message, typeof message === "string" ? "text" : "binary"),
});

function offering(offer = "permessage-deflate"): { headers: string[] } {
  return { headers: [`Sec-WebSocket-Extensions: ${offer}`] };
}

function compressing(protocols: readonly Protocol[], options: PermessageDeflateOptions = {}) {
  return serve(protocols, { extensions: [permessageDeflate({ threshold: 0, ...options })] });
}

function agreed(socket: WebSocketPeer): string | undefined {
  return /^sec-websocket-extensions: (.*)$/im.exec(socket.answer)?.[1]?.trimEnd();
}

Deno.test("a compressed message is answered by a compressed one, with RSV1 on its first frame", async () => {
  await using served = compressing([echo]);
  const socket = await served.open(offering());
  assertMatch(agreed(socket) ?? "", /^permessage-deflate/);
  for (const text of ["", "a", "Hello", "ab".repeat(5000), "ß→😀".repeat(30_000)]) {
    socket.send({ opcode: 1, rsv: 4, payload: deflate(text) });
    const { fin, opcode, rsv, payload } = await socket.receive();
    assertEquals([fin, opcode], [true, 1]);
    const plain = rsv === 4 ? inflate(payload) : payload;
    assertEquals(decoder.decode(plain), text);
    if (text.length > 100) assert(rsv === 4 && payload.length < text.length / 10);
  }
});

Deno.test("without an offer, or without the extension listed, nothing is compressed", async () => {
  await using served = compressing([echo]);
  const plain = await served.open();
  assertEquals(agreed(plain), undefined);
  plain.send({ opcode: 1, payload: "x".repeat(5000) });
  const { rsv, payload } = await plain.receive();
  assertEquals([rsv, payload.length], [0, 5000]);

  await using without = serve([echo]);
  const refused = await without.open(offering());
  assertEquals(agreed(refused), undefined);
  refused.send({ opcode: 1, rsv: 4, payload: deflate("x") });
  assertEquals((await refused.receiveClose()).code, 1002);
});

Deno.test("a malformed Sec-WebSocket-Extensions is answered 400", async () => {
  await using served = compressing([echo]);
  let answer = "";
  await served.open(offering("permessage-deflate; =")).catch((error) => answer = String(error));
  assertStringIncludes(answer, "400");
});

Deno.test("fragments of a compressed message arrive as one, with control frames between them", async () => {
  await using served = compressing([echo]);
  const socket = await served.open(offering());
  const text = "fragments of one message ".repeat(2000);
  const bytes = deflate(text);
  for (const size of [1, 7, 100, bytes.length]) {
    for (let at = 0; at < bytes.length; at += size) {
      socket.send({
        opcode: at === 0 ? 1 : 0,
        rsv: at === 0 ? 4 : 0,
        fin: at + size >= bytes.length,
        payload: bytes.slice(at, at + size),
      }, ...(at === 0 && size < bytes.length ? [{ opcode: 9, payload: "p" }] : []));
    }
    if (size < bytes.length) assertEquals((await socket.receive()).opcode, 10);
    assertEquals(decoder.decode(inflate((await socket.receive()).payload)), text);
  }
});

Deno.test("pieces of a compressed message tell where it begins and ends", async () => {
  const pieces: [number, boolean, boolean, boolean][] = [];
  const recorder = record("pieces", (wsi, reason, _user, data) => {
    if (reason !== "receive") return;
    const length = (data as Uint8Array).length;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    pieces.push([length, wsi.isFirstFragment, isLast, wsi.frameIsBinary]);
  });
  await using served = compressing([{ ...recorder.protocol, rxBufferSize: 1000 }]);
  const socket = await served.open(offering());
  for (const length of [0, 1, 1000, 2000, 2500]) {
    pieces.length = 0;
    socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(length)) });
    await settle();
    const full = Math.floor(length / 1000);
    const lengths = Array.from({ length: full }, () => 1000);
    if (length % 1000 > 0 || length === 0) lengths.push(length % 1000);
    const last = lengths.length - 1;
    assertEquals(pieces, lengths.map((each, i) => [each, i === 0, i === last, true]));
  }
  socket.send({ opcode: 2, payload: "plain" });
  await settle();
  assertEquals(pieces.at(-1), [5, true, true, true]);
});

Deno.test("RSV1 on a continuation or a control frame fails with 1002, also with the extension", async () => {
  await using served = compressing([echo]);
  for (
    const frames of [
      [{ opcode: 1, fin: false, payload: "a" }, { opcode: 0, rsv: 4, payload: "b" }],
      [{ opcode: 1, fin: false, rsv: 4, payload: "a" }, { opcode: 0, rsv: 4, payload: "b" }],
      [{ opcode: 9, rsv: 4, payload: "" }],
      [{ opcode: 8, rsv: 4, payload: "" }],
      [{ opcode: 1, rsv: 2, payload: "" }],
      [{ opcode: 1, rsv: 5, payload: "" }],
    ]
  ) {
    const socket = await served.open(offering());
    socket.send(...frames);
    assertEquals((await socket.receiveClose()).code, 1002);
  }
});

Deno.test("a stream that is broken, cut or not UTF-8 costs its own connection, with 1007", async () => {
  const closes: CloseInfo[] = [];
  await using served = compressing([named("echo", {
    message: (wsi, _user, message) => void wsi.write(message),
    closed: (_wsi, _user, info) => void closes.push(info),
  })]);
  const bystander = await served.open(offering());
  const good = deflate("a text that is long enough to have codes in it, ".repeat(20));
  const broken = good.slice();
  broken[0] = 0xff;
  for (const payload of [broken, Uint8Array.of(0xff, 0xff), deflate(Uint8Array.of(0x61, 0xff))]) {
    const socket = await served.open(offering());
    socket.send({ opcode: 1, rsv: 4, payload });
    assertEquals((await socket.receiveClose()).code, 1007);
  }
  bystander.send({ opcode: 1, payload: "still here" });
  const { rsv, payload } = await bystander.receive();
  assertEquals(decoder.decode(rsv === 4 ? inflate(payload) : payload), "still here");
});

Deno.test("a message that inflates to maxMessageSize passes, and one byte more is 1009", async () => {
  await using socket = await openAlone([echo], {
    extensions: [permessageDeflate()],
    maxMessageSize: 100_000,
  }, offering());
  socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(100_000)) });
  assertEquals(inflate((await socket.receive()).payload).length, 100_000);
  socket.send({ opcode: 2, rsv: 4, payload: deflate(new Uint8Array(100_001)) });
  assertEquals((await socket.receiveClose()).code, 1009);
});

Deno.test("data that does not shrink is sent plain, as is what a program wants plain or is short", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const callback = handlers({ established: (wsi) => resolve(wsi) });
  for (const takeover of [false, true]) {
    await using served = compressing([{ name: "w", callback }], {
      threshold: 1024,
      serverNoContextTakeover: !takeover,
    });
    const socket = await served.open(offering());
    const wsi = takeover ? undefined : await promise;
    if (wsi === undefined) continue;
    const random = crypto.getRandomValues(new Uint8Array(5000));
    wsi.write(random, "binary");
    wsi.write("x".repeat(1023));
    wsi.write("x".repeat(1024));
    wsi.write("x".repeat(5000), "text", { compress: false });
    wsi.write("x".repeat(100), "text", { compress: true });
    const frames = [];
    for (let i = 0; i < 5; i++) frames.push(await socket.receive());
    assertEquals(frames.map(({ rsv }) => rsv), [0, 0, 4, 0, 4]);
    assertEquals(frames[0]!.payload, random);
    assertEquals(decoder.decode(inflate(frames[2]!.payload)), "x".repeat(1024));
  }
});

Deno.test("a message that is written in fragments is compressed as one", async () => {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  await using served = compressing([named("w", { established: (wsi) => resolve(wsi) })]);
  const socket = await served.open(offering());
  const wsi = await promise;
  const parts = ["one ".repeat(500), "", "two ".repeat(500), "three"];
  for (const [i, part] of parts.entries()) {
    wsi.write(part, i === 0 ? "text" : "continuation", { fin: i === parts.length - 1 });
  }
  const payloads: Uint8Array[] = [];
  for (let i = 0; i < parts.length; i++) {
    const { rsv, fin, payload } = await socket.receive();
    assertEquals([rsv, fin], [i === 0 ? 4 : 0, i === parts.length - 1]);
    payloads.push(payload);
  }
  const whole = new Uint8Array(payloads.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of payloads) {
    whole.set(each, at);
    at += each.length;
  }
  assertEquals(decoder.decode(inflate(whole)), parts.join(""));
});

for (const takeover of [false, true]) {
  const name = takeover ? "with context takeover" : "without context takeover";
  Deno.test(`our client and our server compress both ways ${name}`, async () => {
    const received: string[] = [];
    const options = {
      threshold: 0,
      serverNoContextTakeover: !takeover,
      clientNoContextTakeover: !takeover,
    };
    await using served = compressing([echo], options);
    const texts = Array.from({ length: 20 }, (_, i) => `{"number": ${i}, "text": "the same"}`);
    texts.push("x".repeat(200_000));
    const client = served.client([named("client", {
      clientEstablished(wsi) {
        for (const text of texts) wsi.write(text);
      },
      message: (_wsi, _user, message) => void received.push(message as string),
    })], { extensions: [permessageDeflate(options)] });
    client.clientConnect({ address: "memory", port: 80 });
    for (let i = 0; i < 100 && received.length < texts.length; i++) await settle();
    assertEquals(received, texts);
  });
}

Deno.test("a prepared message is compressed once, plain for those without the extension", async () => {
  const all: Wsi[] = [];
  await using served = compressing([named("w", { established: (wsi) => void all.push(wsi) })], {
    serverNoContextTakeover: false,
  });
  const sockets = [
    await served.open(offering()),
    await served.open(offering()),
    await served.open(),
  ];
  const text = "the news ".repeat(500);
  const message = prepareMessage(text);
  for (const wsi of all) {
    wsi.write("own ".repeat(100));
    assertEquals(wsi.write(message), text.length);
    wsi.write("own ".repeat(100));
  }
  for (const [i, socket] of sockets.entries()) {
    await socket.receive();
    const { rsv, payload } = await socket.receive();
    assertEquals(rsv, i < 2 ? 4 : 0);
    assertEquals(decoder.decode(rsv === 4 ? inflate(payload) : payload), text);
  }
});

Deno.test("rxFlowControl holds what compressed pieces stand for, and delivers it in order", async () => {
  const got: string[] = [];
  const recorder = record("w", (wsi, reason, _user, data) => {
    if (reason !== "receive") return;
    got.push(decoder.decode(data as Uint8Array));
    wsi.rxFlowControl(false);
    setImmediate(() => wsi.rxFlowControl(true));
  });
  await using served = compressing([{ ...recorder.protocol, rxBufferSize: 4 }]);
  const socket = await served.open(offering());
  socket.send(
    { opcode: 1, rsv: 4, payload: deflate("aaaabbbbcccc") },
    { opcode: 1, payload: "dddd" },
    { opcode: 1, rsv: 4, payload: deflate("eeeef") },
  );
  const all = "aaaabbbbccccddddeeeef";
  for (let i = 0; i < 20 && got.join("").length < all.length; i++) await settle();
  assertEquals(got.join(""), all);
  assert(got.length >= 6);
});

for (
  const [name, answer, complaint] of [
    ["an extension that was not offered", "x-other", "x-other"],
    ["the same extension twice", `${AGREED}, ${AGREED}`, "twice"],
    ["an unknown parameter", `${AGREED}; x=1`, "no parameter"],
    ["a malformed header", "permessage-deflate; =", "malformed"],
  ] as const
) {
  Deno.test(`a server that answers with ${name} fails the client's connection`, async () => {
    await using served = serve([echo]);
    let text = "";
    const recorder = record("client", (_wsi, reason, _user, data) => {
      if (reason === "clientConnectionError") text = data as string;
    });
    const client = served.client([recorder.protocol], {
      port: -1,
      extensions: [permessageDeflate()],
    });
    const listener = served.network.listen({ hostname: "other", port: 81 });
    client.clientConnect({ address: "other", port: 81 });
    const { MemoryPeer } = await import("../../../src/testing/mod.ts");
    const peer = new MemoryPeer(await listener.accept() as never);
    const request = decoder.decode(
      await peer.readUntil((bytes) => decoder.decode(bytes).endsWith("\r\n\r\n")),
    );
    const key = /^sec-websocket-key: (.*)$/im.exec(request)![1]!.trim();
    peer.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptOf(key)}\r\nSec-WebSocket-Extensions: ${answer}\r\n\r\n`,
    );
    await recorder.until("clientConnectionError");
    assertStringIncludes(text, complaint);
    peer.close();
    listener.close();
  });
}

Deno.test("a message of nothing but empty blocks is an empty message, however many there are", async () => {
  await using served = compressing([echo]);
  const socket = await served.open(offering());
  const blocks = new Uint8Array(5 * 100_000);
  for (let at = 0; at < blocks.length; at += 5) blocks.set([0, 0, 0, 0xff, 0xff], at);
  socket.send({ opcode: 2, rsv: 4, payload: blocks.subarray(0, -4) });
  const { rsv, payload } = await socket.receive();
  assertEquals((rsv === 4 ? inflate(payload) : payload).length, 0);
});

Deno.test("a peer that refers to an earlier message without takeover fails with 1007", async () => {
  await using served = compressing([echo]);
  const socket = await served.open(offering());
  const message = encoder.encode("the same words again and again, the same words");
  // What a compressor with takeover makes of the second message is all reference.
  const both = new Uint8Array(deflateRawSync(message, { finishFlush: SYNC_FLUSH }));
  const reference = Uint8Array.of(0x03, 0x59, 0x00);
  socket.send({ opcode: 1, rsv: 4, payload: both.subarray(0, -4) });
  await socket.receive();
  socket.send({ opcode: 1, rsv: 4, payload: reference });
  assertEquals((await socket.receiveClose()).code, 1007);
});

Deno.test("a bomb of 1 GiB in 1 MiB ends with 1009 and costs no more than the limit", async () => {
  await using served = compressing([echo]);
  const socket = await served.open(offering());
  // One kilobyte that inflates to a megabyte, a thousand times.
  const part = new Uint8Array(
    deflateRawSync(new Uint8Array(1024 * 1024), { level: 9, finishFlush: SYNC_FLUSH }),
  );
  const before = Deno.memoryUsage().external;
  const bomb = new Uint8Array(part.length * 1000);
  for (let i = 0; i < 1000; i++) bomb.set(part, i * part.length);
  socket.send({ opcode: 2, rsv: 4, payload: bomb.subarray(0, -4) });
  assertEquals((await socket.receiveClose()).code, 1009);
  assert(Deno.memoryUsage().external - before < 64 * 1024 * 1024);
});
