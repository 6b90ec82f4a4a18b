/** RFC 6455 sections 5.1 and 5.3: who masks, and how. */

import { assert, assertEquals } from "@std/assert";
import { frame, KEY } from "../support/frames.ts";
import { readFrame } from "../support/serve.ts";
import { assertSameBytes, patternOf } from "./payloads.ts";
import { rule } from "./rule.ts";
import { assertBreaks, CLIENT, type Link, type Offence, SERVER } from "./sides.ts";

/** One frame of every kind that an end can be made to send. */
async function everyKindFrom(link: Link) {
  link.wsi.write("text");
  link.wsi.write(patternOf(70_000), "binary");
  link.wsi.write("", "text");
  link.wsi.write("first", "text", { fin: false });
  link.wsi.write("last", "continuation");
  link.wsi.write("ping", "ping");
  link.wsi.write("pong", "pong");
  link.send({ opcode: 9, payload: "to be answered" });
  const frames = [];
  for (let i = 0; i < 8; i++) frames.push(await readFrame(link.peer));
  link.wsi.close(1000, "close");
  frames.push(await readFrame(link.peer));
  return frames;
}

rule("5.1", "a client masks all frames that it sends, of every kind", async () => {
  await using house = CLIENT.setUp();
  const frames = await everyKindFrom(await house.open());
  assertEquals(frames.map(({ opcode }) => opcode), [1, 2, 1, 1, 0, 9, 10, 10, 8]);
  assert(frames.every(({ masked }) => masked));
  assertEquals(new TextDecoder().decode(frames[0]!.payload), "text");
  assertSameBytes(frames[1]!.payload, patternOf(70_000));
});

rule("5.1", "a server masks no frame that it sends, of any kind", async () => {
  await using house = SERVER.setUp();
  const frames = await everyKindFrom(await house.open());
  assertEquals(frames.map(({ opcode }) => opcode), [1, 2, 1, 1, 0, 9, 10, 10, 8]);
  assert(frames.every(({ masked }) => !masked));
});

/** One frame of every opcode, with and without payload, as `key` masks it. */
function* everyOpcode(key?: typeof KEY): Generator<Offence> {
  const masking = key === undefined ? {} : { key };
  for (const opcode of [1, 2, 8, 9, 10]) {
    for (const payload of opcode === 8 ? [new Uint8Array(0)] : ["", "x", "x".repeat(125)]) {
      yield [`opcode ${opcode}, ${payload.length} bytes`, frame({ opcode, payload, ...masking })];
    }
  }
  yield ["a longer frame", frame({ opcode: 2, payload: new Uint8Array(70_000), ...masking })];
}

rule("5.1", "a server closes the connection upon a frame that is not masked", async () => {
  await assertBreaks(SERVER, 1002, everyOpcode());
  await assertBreaks(SERVER, 1002, [[
    "behind a masked fragment",
    frame({ opcode: 1, fin: false, payload: "x", key: KEY }),
    frame({ opcode: 0, payload: "y" }),
  ]]);
});

rule("5.1", "a client closes the connection upon a frame that is masked", async () => {
  await assertBreaks(CLIENT, 1002, everyOpcode(KEY));
  // A key of zeros changes nothing, but the frame is masked.
  await assertBreaks(CLIENT, 1002, everyOpcode([0, 0, 0, 0]));
  await assertBreaks(CLIENT, 1002, [[
    "behind an unmasked fragment",
    frame({ opcode: 1, fin: false, payload: "x" }),
    frame({ opcode: 0, payload: "y", key: KEY }),
  ]]);
});

/** The next frame's masking key as a number, and its payload as it is on the wire. */
async function readMasked(link: Link, length: number): Promise<{ key: number; wire: Uint8Array }> {
  const header = await link.peer.readBytes(length < 126 ? 2 : length <= 0xffff ? 4 : 10);
  assert(header[1]! >= 128, "not masked");
  const key = new DataView((await link.peer.readBytes(4)).buffer).getUint32(0);
  return { key, wire: await link.peer.readBytes(length) };
}

rule("5.3", "byte i of the payload is XORed with byte i mod 4 of the key", async () => {
  await using link = await CLIENT.open();
  for (const length of [1, 2, 3, 4, 5, 31, 32, 33, 125, 126, 1000, 65_535, 65_536, 100_003]) {
    const payload = patternOf(length);
    link.wsi.write(payload, "binary");
    const { key, wire } = await readMasked(link, length);
    const expected = payload.map((byte, i) => byte ^ (key >>> (24 - i % 4 * 8)));
    assertSameBytes(wire, expected);
  }
});

rule("5.3", "the payload length does not count the masking key", async () => {
  await using server = SERVER.setUp();
  const link = await server.open();
  for (const length of [0, 1, 121, 122, 125, 126, 65_532, 65_535, 65_536]) {
    link.send({ opcode: 2, payload: patternOf(length) });
    assertSameBytes((await link.messages(1))[0], patternOf(length));
    link.heard.messages.length = 0;
  }
  // That our client does not count it either, every frame shows which `receive` reads of it.
  await using client = CLIENT.setUp();
  const other = await client.open();
  for (const length of [0, 121, 125, 126, 65_535, 65_536]) {
    other.wsi.write(patternOf(length), "binary");
    assertSameBytes((await other.receive()).payload, patternOf(length));
  }
});

rule("5.3", "a client picks a fresh key for each frame", async () => {
  await using link = await CLIENT.open();
  const keys = new Set<number>();
  const count = 4_000;
  for (let i = 0; i < count; i++) {
    link.wsi.write("same", "text");
    keys.add((await readMasked(link, 4)).key);
  }
  // Of so few random ones two are equal in one run of five hundred; three pairs never.
  assert(keys.size >= count - 2, `${count - keys.size} keys came twice`);
});

rule("5.3", "equal frames of one message have different keys, too", async () => {
  await using link = await CLIENT.open();
  const keys = new Set<number>();
  link.wsi.write("same", "text", { fin: false });
  for (let i = 0; i < 50; i++) link.wsi.write("same", "continuation", { fin: i === 49 });
  for (let i = 0; i < 50; i++) link.wsi.write("same", "ping");
  for (let i = 0; i < 101; i++) keys.add((await readMasked(link, 4)).key);
  assertEquals(keys.size, 101);
});

rule("5.3", "masking keys come from a strong source of entropy, used once", async () => {
  await using link = await CLIENT.open();
  const drawn: number[] = [];
  const draw = crypto.getRandomValues;
  crypto.getRandomValues = ((array: Uint8Array) => {
    draw.call(crypto, array);
    const view = new DataView(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < array.length; i += 4) drawn.push(view.getUint32(i));
    return array;
  }) as typeof draw;
  try {
    const keys: number[] = [];
    // Some may be left of what was drawn before.
    for (let i = 0; i < 1_000; i++) {
      link.wsi.write("x");
      keys.push((await readMasked(link, 1)).key);
    }
    assert(drawn.length > 0, "nothing was drawn");
    const first = keys.indexOf(drawn[0]!);
    assert(first >= 0, "the keys are not what was drawn");
    assertEquals(keys.slice(first), drawn.slice(0, keys.length - first));
  } finally {
    crypto.getRandomValues = draw;
  }
});

rule("5.3", "every key that a client may pick is unmasked by a server", async () => {
  await using link = await SERVER.open();
  const bytes = [0x00, 0x01, 0x7f, 0x80, 0xff];
  let sent = 0;
  for (const a of bytes) {
    for (const b of bytes) {
      for (const [c, d] of [[0, 0], [0xff, 0x80], [1, 2]] as const) {
        link.send({ opcode: 1, payload: "masked with it", key: [a, b, c, d] });
        sent++;
      }
    }
  }
  assertEquals(new Set(await link.messages(sent)), new Set(["masked with it"]));
});

rule("10.3", "a program can't change a payload once its frame has begun", async () => {
  await using link = await CLIENT.open();
  link.peer.transport.stopReading();
  for (const size of [1, 1_000, 100_000]) {
    const payload = patternOf(size);
    link.wsi.write(payload, "binary");
    payload.fill(0x41);
  }
  link.peer.transport.startReading();
  for (const size of [1, 1_000, 100_000]) {
    assertSameBytes((await link.receive()).payload, patternOf(size));
  }
});
