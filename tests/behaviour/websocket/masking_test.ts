/** The switches that undo masking, for debugging and security tests. */

import { assertEquals, assertThrows } from "@std/assert";
import { type ContextCreationInfo, LwsError, permessageDeflate, type Wsi } from "../../../mod.ts";
import { FrameParser } from "../../../src/core/websocket/frame_parser.ts";
import { FrameRules } from "../../../src/core/websocket/frame_rules.ts";
import { DEFAULT_LIMITS } from "../../../src/api/limits.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { record } from "../../support/recorder.ts";
import { acceptOf, openAlone, readFrame, readHead, serve } from "../../support/serve.ts";

const OPTIONS = { options: { defeatClientMask: true } } as const;

/** An established client of the library's, and the server's end of it, played by hand. */
async function client(info: Partial<ContextCreationInfo> = {}) {
  const served = serve([record("x").protocol]);
  const listener = served.network.listen({ hostname: "server", port: 81 });
  let wsi: Wsi | undefined;
  const received: string[] = [];
  const recorder = record("x", (each, reason, _user, data) => {
    if (reason === "clientEstablished") wsi = each;
    if (reason === "clientReceive") received.push(new TextDecoder().decode(data));
  });
  served.client([recorder.protocol], info).clientConnect({ address: "server", port: 81 });
  const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
  const key = /^sec-websocket-key: (\S+)/im.exec(await readHead(peer))![1]!;
  peer.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  await recorder.until("clientEstablished");
  return {
    wsi: wsi!,
    peer,
    received,
    recorder,
    async [Symbol.asyncDispose]() {
      peer.close();
      listener.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

Deno.test("with defeatClientMask clients send unmasked frames, of every kind and length", async () => {
  await using it = await client(OPTIONS);
  for (const length of [0, 1, 125, 126, 70_000]) {
    it.wsi.write("a".repeat(length));
    const { masked, payload, opcode } = await readFrame(it.peer);
    assertEquals([masked, payload.length, opcode], [false, length, 1]);
  }
  it.wsi.write("p", "ping");
  assertEquals((await readFrame(it.peer)).masked, false);
  it.wsi.close(1000);
  assertEquals(await readFrame(it.peer).then(({ masked, opcode }) => [masked, opcode]), [false, 8]);
});

Deno.test("with defeatClientMask clients still refuse masked frames", async () => {
  await using it = await client(OPTIONS);
  it.peer.send(frame({ opcode: 1, payload: "x", key: KEY }));
  const { payload } = await readFrame(it.peer);
  assertEquals([payload[0]! << 8 | payload[1]!, it.received], [1002, []]);
});

Deno.test("with defeatClientMask servers take masked and unmasked frames, as they come", async () => {
  const texts: string[] = [];
  const echo = record("x", (wsi, reason, _user, data) => {
    if (reason !== "receive") return;
    texts.push(new TextDecoder().decode(data));
    wsi.write(data);
  });
  for (const chopped of [false, true]) {
    texts.length = 0;
    await using socket = await openAlone([echo.protocol], OPTIONS);
    if (chopped) socket.peer.transport.peer.chop(1);
    const plain = (payload: string, fin = true, opcode = 1) => frame({ opcode, payload, fin });
    const masked = (payload: string, fin = true, opcode = 1) =>
      frame({ opcode, payload, fin, key: KEY });
    socket.peer.send(concat(
      masked("one"),
      plain("two"),
      plain("two again"),
      masked("three"),
      plain("fo", false),
      plain("ping", true, 9),
      masked("ur", true, 0),
      plain("f".repeat(200)),
      masked("g".repeat(70_000)),
      plain("last"),
    ));
    for (const text of ["one", "two", "two again", "three", "fo"]) {
      assertEquals(await socket.receiveText(), text);
    }
    const pong = await socket.receive();
    assertEquals([pong.opcode, pong.masked], [10, false]);
    assertEquals(await socket.receiveText(), "ur");
    assertEquals(await socket.receiveText(), "f".repeat(200));
    let rest = "";
    while (!rest.endsWith("last")) rest += await socket.receiveText();
    assertEquals(rest, "g".repeat(70_000) + "last");
  }
});

Deno.test("without it servers refuse an unmasked frame", async () => {
  await using served = serve([record("x").protocol], { options: { defeatClientMask: false } });
  const socket = await served.open();
  socket.peer.send(frame({ opcode: 1, payload: "x" }));
  assertEquals((await socket.receiveClose()).code, 1002);
});

Deno.test("a client and a server with defeatClientMask understand each other, compressed too", async () => {
  const text = "compress me ".repeat(50);
  const echo = record("x", { receive: (wsi, _user, data) => void wsi.write(data) });
  const info = { ...OPTIONS, extensions: [permessageDeflate()] };
  await using served = serve([echo.protocol], info);
  const received: string[] = [];
  const recorder = record("x", (wsi, reason, _user, data) => {
    if (reason === "clientEstablished") wsi.write(text);
    if (reason === "clientReceive") received.push(new TextDecoder().decode(data));
  });
  served.client([recorder.protocol], { ...OPTIONS, extensions: [permessageDeflate()] })
    .clientConnect({ address: "localhost", port: 80 });
  await recorder.until("clientReceive");
  assertEquals(received, [text]);
});

Deno.test("ignoreXorMask sends the masking bit, a zero key and the payload in plain", async () => {
  await using it = await client();
  for (const length of [5, 200, 70_000]) {
    const text = "s".repeat(length);
    assertEquals(it.wsi.write(text, "text", { ignoreXorMask: true }), length);
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const bytes = await it.peer.readBytes(header + 4 + length);
    assertEquals(bytes[1]! & 0x80, 0x80);
    assertEquals([...bytes.subarray(header, header + 4)], [0, 0, 0, 0]);
    assertEquals(new TextDecoder().decode(bytes.subarray(header + 4)), text);
  }
});

Deno.test("ignoreXorMask counts for its own frame only, also when that frame fails", async () => {
  await using it = await client();
  it.wsi.write("abc", "text", { fin: false, ignoreXorMask: true });
  it.wsi.write("def", "continuation");
  const first = await it.peer.readBytes(9);
  assertEquals([first[0], ...first.subarray(2, 6)], [1, 0, 0, 0, 0]);
  const second = await it.peer.readBytes(9);
  assertEquals(second.subarray(2, 6).some((byte) => byte !== 0), true);
  assertThrows(
    () => it.wsi.write("x", "continuation", { ignoreXorMask: true }),
    LwsError,
    "there is no fragmented message to continue",
  );
  it.wsi.write("ghi", "text", { ignoreXorMask: false });
  assertEquals((await it.peer.readBytes(9)).subarray(2, 6).some((byte) => byte !== 0), true);
});

Deno.test("ignoreXorMask is refused by name where frames are not masked", async () => {
  let server: Wsi | undefined;
  const x = record("x", { established: (wsi) => void (server = wsi) });
  await using served = serve([x.protocol]);
  await served.open();
  await using it = await client(OPTIONS);
  for (const wsi of [server!, it.wsi]) {
    const call = () => wsi.write("x", "text", { ignoreXorMask: true });
    assertEquals(assertThrows(call, LwsError, "ignoreXorMask").code, "invalid-argument");
    assertEquals(wsi.write("x", "text", { ignoreXorMask: false }), 1);
  }
});

Deno.test("a parser that takes either finds its way at every split of the bytes", () => {
  const bytes = concat(
    frame({ opcode: 1, payload: "ab" }),
    frame({ opcode: 2, payload: "cd", key: KEY }),
    frame({ opcode: 1, payload: "ef" }),
    frame({ opcode: 9, payload: "gh", key: KEY }),
  );
  for (let split = 0; split <= bytes.length; split++) {
    const seen: string[] = [];
    const tell = (piece: Uint8Array) => void seen.push(new TextDecoder().decode(piece));
    const rules = new FrameRules({
      masked: true,
      acceptsEither: true,
      pieceSize: 100,
      limits: DEFAULT_LIMITS,
    });
    const parser = new FrameParser(rules, {
      onData: tell,
      onControl: (_opcode, payload) => tell(payload),
      onFail: (failure) => void seen.push(failure),
    });
    const first = bytes.slice(0, split);
    const taken = parser.parse(first);
    parser.parse(concat(first.slice(taken), bytes.slice(split)));
    assertEquals(seen, ["ab", "cd", "ef", "gh"], `split at ${split}`);
  }
});
