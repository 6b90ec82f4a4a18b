/** RFC 6455 section 5.4: messages in fragments. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError, prepareMessage } from "../../mod.ts";
import type { FrameOptions } from "../support/frames.ts";
import { settle } from "../support/serve.ts";
import { assertSameBytes, partsOf, patternOf } from "./payloads.ts";
import { ruleOfBoth, ruleOfServer } from "./rule.ts";
import { assertBreaks, type Link, type Offence } from "./sides.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** A message as the frames of its parts. */
function* fragmentsOf(opcode: number, payload: Uint8Array, size: number): Generator<FrameOptions> {
  const count = Math.max(1, Math.ceil(payload.length / size));
  let index = 0;
  for (const part of partsOf(payload, size)) {
    yield { opcode: index === 0 ? opcode : 0, fin: ++index === count, payload: part };
  }
}

/** Sends frames a thousand a write. */
function sendAll(link: Link, frames: Iterable<FrameOptions>): void {
  let batch: FrameOptions[] = [];
  for (const each of frames) {
    if (batch.push(each) < 1_000) continue;
    link.send(...batch);
    batch = [];
  }
  link.send(...batch);
}

ruleOfBoth("5.4", "an unfragmented message is one frame with FIN", async (side) => {
  await using link = await side.open();
  link.send({ opcode: 1, payload: "one" }, { opcode: 2, payload: "two" }, { opcode: 1 });
  assertEquals(await link.messages(3), ["one", new TextEncoder().encode("two"), ""]);
  link.wsi.write("three");
  link.wsi.write("four", "binary");
  const sent = [await link.receive(), await link.receive()];
  assertEquals(sent.map(({ fin, opcode }) => [fin, opcode]), [[true, 1], [true, 2]]);
});

ruleOfBoth("5.4", "fragments in order are one message, wherever it is cut", async (side) => {
  await using link = await side.open();
  const text = "fragments";
  let count = 0;
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      link.send(
        { opcode: 1, fin: false, payload: text.slice(0, first) },
        { opcode: 0, fin: false, payload: text.slice(first, second) },
        { opcode: 0, payload: text.slice(second) },
      );
      count++;
    }
  }
  assertEquals(new Set(await link.messages(count)), new Set([text]));
});

ruleOfBoth(
  "5.4",
  "fragments may be empty: the first, some between, the last, all",
  async (side) => {
    await using link = await side.open();
    for (const parts of [["", ""], ["", "a"], ["a", ""], ["a", "", "", "b"], ["", "", "", ""]]) {
      const last = parts.length - 1;
      link.send(
        ...parts.map((payload, i) => ({ opcode: i === 0 ? 1 : 0, fin: i === last, payload })),
      );
      assertEquals(await link.messages(1), [parts.join("")]);
      link.heard.messages.length = 0;
    }
  },
);

ruleOfBoth("5.4", "fragments are delivered in the order sent, each as it comes", async (side) => {
  await using link = await side.open();
  const lengths = [5, 0, 70_000, 1, 126];
  for (const [i, length] of lengths.entries()) {
    link.send({ opcode: i === 0 ? 2 : 0, fin: i === 4, payload: patternOf(length) });
    await settle();
    const heard = link.heard.pieces.reduce((sum, piece) => sum + piece.length, 0);
    assertEquals(heard, lengths.slice(0, i + 1).reduce((sum, each) => sum + each, 0));
    assertEquals(link.heard.messages.length, i === 4 ? 1 : 0);
  }
  assertEquals(link.heard.pieces.map(({ isFirst, isFinal }) => [isFirst, isFinal]), [
    [true, false],
    [false, false],
    // A frame longer than a piece.
    [false, false],
    [false, false],
    [false, false],
    [false, true],
  ]);
});

ruleOfBoth("5.4", "the type of all fragments is that of the first", async (side) => {
  await using link = await side.open();
  for (const opcode of [1, 2, 1, 2]) {
    sendAll(link, fragmentsOf(opcode, patternOf(100).fill(0x61), 30));
  }
  const messages = await link.messages(4);
  const text = "a".repeat(100);
  const binary = new TextEncoder().encode(text);
  assertEquals(messages, [text, binary, text, binary]);
  const kinds = link.heard.pieces.map((piece) => piece.isBinary ? "b" : "t").join("");
  assertEquals(kinds, "ttttbbbbttttbbbb");
});

ruleOfBoth("5.4", "control frames may come between any two fragments", async (side) => {
  await using house = side.setUp();
  for (const chop of [Infinity, 1]) {
    const link = await house.open();
    link.chop(chop);
    const frames: FrameOptions[] = [];
    for (const [i, payload] of ["con", "tr", "", "ol"].entries()) {
      frames.push({ opcode: i === 0 ? 1 : 0, fin: i === 3, payload });
      frames.push({ opcode: 9, payload: `ping ${i}` }, { opcode: 10, payload: `pong ${i}` });
    }
    link.send(...frames);
    assertEquals(await link.messages(1), ["control"]);
    for (let i = 0; i < 4; i++) {
      const { opcode, payload } = await link.receive();
      assertEquals([opcode, new TextDecoder().decode(payload)], [10, `ping ${i}`]);
    }
    assertEquals(link.heard.pongs, ["pong 0", "pong 1", "pong 2", "pong 3"]);
    // Each when it comes, not behind the message.
    const unit = ["piece", "ping", "pong"];
    const last = ["piece", "message", "ping", "pong"];
    assertEquals(link.heard.order, ["established", ...unit, ...unit, ...unit, ...last]);
  }
});

ruleOfBoth("5.4", "a close frame between fragments ends the connection in order", async (side) => {
  await using link = await side.open();
  link.send(
    { opcode: 1, fin: false, payload: "never" },
    { opcode: 8, payload: Uint8Array.of(3, 0xe8) },
    { opcode: 0, payload: "finished" },
  );
  assertEquals(await link.receiveClose(), link.said(1000));
  await link.assertClosed();
  assertEquals(link.heard.messages, []);
});

ruleOfBoth("5.4", "a message inside another's fragments fails with 1002", async (side) => {
  const offences: Offence[] = [];
  for (const outer of [1, 2]) {
    for (const inner of [1, 2]) {
      for (const fin of [true, false]) {
        const opening = { opcode: outer, fin: false, payload: "a" };
        const intruder = { opcode: inner, fin, payload: "b" };
        const what = `${inner} inside ${outer}`;
        offences.push([what, opening, intruder]);
        offences.push([what, opening, { opcode: 0, fin: false, payload: "c" }, intruder]);
        offences.push([what, opening, { opcode: 10 }, intruder]);
        offences.push([what, { opcode: outer, fin: false }, { opcode: inner, fin }]);
      }
    }
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.4", "a continuation of nothing fails with 1002", async (side) => {
  const offences: Offence[] = [];
  for (const fin of [true, false]) {
    const continuation = { opcode: 0, fin, payload: "x" };
    offences.push(["as the first frame", continuation]);
    offences.push(["an empty one", { opcode: 0, fin }]);
    offences.push(["behind a message", { opcode: 1, payload: "whole" }, continuation]);
    offences.push(["behind a binary one", { opcode: 2, payload: "whole" }, continuation]);
    offences.push(["behind a pong", { opcode: 10 }, continuation]);
    offences.push([
      "behind the last fragment",
      { opcode: 1, fin: false, payload: "a" },
      { opcode: 0, payload: "b" },
      continuation,
    ]);
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.4", "what is sent in fragments has opcode and FIN in their places", async (side) => {
  await using link = await side.open();
  for (const [kind, opcode] of [["text", 1], ["binary", 2]] as const) {
    link.wsi.write("a", kind, { fin: false });
    link.wsi.write("", "continuation", { fin: false });
    link.wsi.write("between", "ping");
    link.wsi.write("b", "continuation", { fin: false });
    link.wsi.write("c", "continuation");
    const sent = [];
    for (let i = 0; i < 5; i++) {
      const { fin, opcode, payload } = await link.receive();
      sent.push([fin, opcode, new TextDecoder().decode(payload)]);
    }
    assertEquals(sent, [
      [false, opcode, "a"],
      [false, 0, ""],
      [true, 9, "between"],
      [false, 0, "b"],
      [true, 0, "c"],
    ]);
  }
});

ruleOfBoth("5.4", "fragments of two messages can't be interleaved when sent", async (side) => {
  await using link = await side.open();
  assertThrows(() => link.wsi.write("x", "continuation"), LwsError, "continue");
  for (const kind of ["text", "binary"] as const) {
    link.wsi.write("open", kind, { fin: false });
    for (const intruder of ["text", "binary"] as const) {
      for (const fin of [true, false]) {
        assertThrows(() => link.wsi.write("x", intruder, { fin }), LwsError, "continuation");
      }
    }
    assertThrows(() => link.wsi.write(prepareMessage("x")), LwsError, "continuation");
    link.wsi.write("closed", "continuation");
    assertThrows(() => link.wsi.write("x", "continuation"), LwsError, "continue");
    assertEquals([(await link.receive()).fin, (await link.receive()).fin], [false, true]);
  }
  await link.assertAlive();
});

/** Lengths of messages, and of the fragments that they come in. */
const LENGTHS = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 65_537, MiB, 16 * MiB] as const;
const FRAGMENTS = [1, 126, 1_000, 65_536, MiB] as const;
/** Of `maxFragments`. */
const MOST_FRAGMENTS = 131_072;

ruleOfBoth("5.4", "messages of up to 16 MiB come in fragments of any size", async (side) => {
  await using link = await side.open({ limits: { maxMessageSize: 16 * MiB } });
  for (const length of LENGTHS) {
    const payload = patternOf(length);
    for (const size of FRAGMENTS) {
      if (length / size > MOST_FRAGMENTS || (size > length && size > 1)) continue;
      sendAll(link, fragmentsOf(2, payload, size));
      assertSameBytes((await link.messages(1))[0], payload);
      link.heard.messages.length = 0;
      link.heard.pieces.length = 0;
      link.heard.order.length = 0;
    }
  }
});

ruleOfBoth("5.4", "as many fragments as are allowed make one message", async (side) => {
  await using link = await side.open();
  const payload = patternOf(MOST_FRAGMENTS);
  sendAll(link, fragmentsOf(2, payload, 1));
  assertSameBytes((await link.messages(1))[0], payload);
});

ruleOfServer(
  "5.4",
  "a message of 64 MiB comes in fragments when the limits allow it",
  async (side) => {
    const limits = { maxFramePayload: 64 * MiB, maxMessageSize: 64 * MiB };
    await using link = await side.open({ limits });
    const payload = patternOf(64 * MiB);
    for (const each of fragmentsOf(2, payload, MiB)) link.send(each);
    assertSameBytes((await link.messages(1))[0], payload);
  },
);

ruleOfBoth("5.4", "fragments are put together whatever reads they come in", async (side) => {
  await using house = side.setUp();
  for (
    const [chop, length, size] of [
      [1, 3_000, 1],
      [1, 3_000, 100],
      [1, 40_000, 40_000],
      [2, 20_000, 127],
      [7, 70_000, 65_536],
      [1_000, 1_000_000, 65_535],
      [65_537, 1_000_000, 300_000],
    ] as const
  ) {
    const link = await house.open();
    link.chop(chop);
    const payload = patternOf(length);
    sendAll(link, fragmentsOf(2, payload, size));
    assertSameBytes((await link.messages(1))[0], payload);
  }
});

ruleOfBoth("5.4", "pieces of every size put frames together", async (side) => {
  const payload = patternOf(10_000);
  for (const rxBufferSize of [1, 3, 127, 4096, 9_999, 10_000, 10_001]) {
    await using house = side.setUp({ rxBufferSize });
    for (const chop of [Infinity, 777, 1]) {
      const link = await house.open();
      link.chop(chop);
      sendAll(link, fragmentsOf(2, payload, 3_333));
      assertSameBytes((await link.messages(1))[0], payload);
    }
  }
});

ruleOfBoth("5.4", "a message of 16 MiB can be sent, whole or in fragments", async (side) => {
  await using link = await side.open({ limits: { maxUnsentBytes: Infinity } });
  const payload = patternOf(16 * MiB);
  for (const size of [16 * MiB, 65_535]) {
    for (const { opcode, fin = true, payload: part } of fragmentsOf(2, payload, size)) {
      link.wsi.write(part as Uint8Array, opcode === 2 ? "binary" : "continuation", { fin });
    }
    const received = new Uint8Array(payload.length);
    let position = 0;
    for (let fin = false; !fin;) {
      const next = await link.receive();
      assertEquals(next.opcode, position === 0 ? 2 : 0);
      received.set(next.payload, position);
      position += next.payload.length;
      ({ fin } = next);
    }
    assertSameBytes(received.subarray(0, position), payload);
  }
});
