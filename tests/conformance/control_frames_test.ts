/** RFC 6455 section 5.5: close, ping and pong. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../mod.ts";
import type { FrameOptions } from "../support/frames.ts";
import { settle } from "../support/serve.ts";
import { patternOf } from "./payloads.ts";
import { rule, ruleOfBoth, ruleOfServer } from "./rule.ts";
import { assertBreaks, CLIENT, type Offence } from "./sides.ts";

const CLOSE = 8;
const PING = 9;
const PONG = 10;
const OPENING: FrameOptions = { opcode: 1, fin: false, payload: "a" };

/** The body of a close frame. */
function body(code: number, reason = ""): Uint8Array {
  return Uint8Array.of(code >> 8, code & 255, ...new TextEncoder().encode(reason));
}

// Every control frame.

ruleOfBoth("5.5", "control frames of up to 125 bytes are taken", async (side) => {
  await using house = side.setUp();
  const link = await house.open();
  for (let length = 0; length <= 125; length++) {
    const payload = "p".repeat(length);
    link.send({ opcode: PONG, payload }, { opcode: PING, payload });
    assertEquals((await link.receive()).payload.length, length);
    assertEquals([link.heard.pongs.pop(), link.heard.pings.pop()], [payload, payload]);
  }
  for (const length of [0, 2, 3, 124, 125]) {
    const other = await house.open();
    const reason = "r".repeat(Math.max(0, length - 2));
    other.send({ opcode: CLOSE, ...(length === 0 ? {} : { payload: body(1000, reason) }) });
    const said = length === 0 ? { code: 1005, reason } : other.said(1000, reason);
    assertEquals(await other.receiveClose(), said);
    await other.assertClosed();
    assertEquals(other.heard.closes[0]!.reason, said.reason);
  }
});

ruleOfBoth("5.5", "a control frame of more than 125 bytes fails with 1002", async (side) => {
  const offences: Offence[] = [];
  // Draft 05 has one close frame a side, which is short.
  const opcodes = side.dialect.version === 5 ? [PING, PONG] : [CLOSE, PING, PONG];
  for (const opcode of opcodes) {
    for (const length of [126, 127, 200, 1_000, 65_536]) {
      if (length > 1_000 && opcode !== PING) continue;
      const payload = new Uint8Array(length).fill(0x61);
      if (opcode === CLOSE) payload.set(body(1000));
      offences.push([`${opcode} of ${length}`, { opcode, payload }]);
      offences.push([`${opcode} of ${length} inside a message`, OPENING, { opcode, payload }]);
    }
    for (const lengthBytes of [2, 8] as const) {
      const what = `${opcode} with a longer length than it needs`;
      offences.push([what, { opcode, lengthBytes, payload: body(1000) }]);
    }
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.5", "a control frame in fragments fails with 1002", async (side) => {
  const offences: Offence[] = [];
  for (const opcode of [CLOSE, PING, PONG]) {
    const payload = body(1000);
    offences.push([`${opcode}`, { opcode, fin: false, payload }]);
    offences.push([`${opcode} and more`, { opcode, fin: false, payload }, { opcode: 0 }]);
    offences.push([`${opcode}, empty`, { opcode, fin: false }]);
    offences.push([`${opcode} inside a message`, OPENING, { opcode, fin: false, payload }]);
  }
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("5.5", "no long or fragmented control frame can be sent", async (side) => {
  await using link = await side.open();
  for (const kind of ["ping", "pong", "close"] as const) {
    const refuse = (data: Uint8Array | string, fin: boolean) =>
      assertThrows(() => link.wsi.write(data, kind, { fin }), LwsError);
    for (const length of [126, 127, 65_536]) {
      const data = new Uint8Array(length).fill(0x61);
      if (kind === "close") data.set(body(1000));
      refuse(data, true);
    }
    refuse("x".repeat(126), true);
    refuse("€".repeat(42), true);
    refuse(kind === "close" ? body(1000) : "", false);
  }
  assertThrows(() => link.wsi.close(1000, "r".repeat(124)), LwsError);
  assertThrows(() => link.wsi.close(1000, "€".repeat(42)), LwsError);
  link.wsi.write("p".repeat(125), "ping");
  assertEquals((await link.receive()).payload.length, 125);
  link.wsi.close(1000, "€".repeat(41));
  assertEquals((await link.receiveClose()).reason, link.said(1000, "€".repeat(41)).reason);
});

// Close.

ruleOfBoth(
  "5.5.1",
  "a close frame that is sent has its code in network byte order",
  async (side) => {
    await using house = side.setUp();
    const bodies: [code: number | undefined, reason: string | undefined, sent: Uint8Array][] = [
      [undefined, undefined, new Uint8Array(0)],
      [1000, undefined, Uint8Array.of(0x03, 0xe8)],
      [1000, "bye", Uint8Array.of(0x03, 0xe8, 0x62, 0x79, 0x65)],
      [4999, "€", Uint8Array.of(0x13, 0x87, 0xe2, 0x82, 0xac)],
      [3000, "\ud800", Uint8Array.of(0x0b, 0xb8, 0xef, 0xbf, 0xbd)],
    ];
    for (const [code, reason, sent] of bodies) {
      const link = await house.open();
      link.wsi.close(code, reason);
      const { fin, opcode, payload } = await link.receive();
      assertEquals([fin, opcode, payload], [true, CLOSE, sent]);
    }
  },
);

ruleOfBoth("5.5.1", "a close frame with half a code fails with 1002", async (side) => {
  await assertBreaks(side, 1002, [
    ["0x03", { opcode: CLOSE, payload: Uint8Array.of(3) }],
    ["0x00", { opcode: CLOSE, payload: Uint8Array.of(0) }],
    ["inside a message", OPENING, { opcode: CLOSE, payload: Uint8Array.of(3) }],
  ]);
});

ruleOfBoth("5.5.1", "no close frame with half a code can be sent", async (side) => {
  await using link = await side.open();
  assertThrows(() => link.wsi.write(Uint8Array.of(3), "close"), LwsError);
  assertThrows(() => link.wsi.write(Uint8Array.of(3, 0xe8, 0xff), "close"), LwsError);
  assertThrows(() => link.wsi.close(undefined, "a reason"), LwsError);
  await link.assertAlive();
});

rule("5.5.1", "a client masks its close frames, the answer to one, too", async () => {
  await using house = CLIENT.setUp();
  const closing = await house.open();
  closing.wsi.close(1000, "masked");
  // Its key is not zero, so that the payload can't be read without it.
  const [first, second] = await closing.peer.readBytes(2);
  assertEquals([first, second], [0x88, 0x80 | 8]);
  const answering = await house.open();
  answering.send({ opcode: CLOSE, payload: body(1000) });
  assertEquals([...await answering.peer.readBytes(2)], [0x88, 0x80 | 2]);
});

ruleOfBoth("5.5.1", "no data frame is sent after a close frame", async (side) => {
  await using house = side.setUp();
  const closing = await house.open();
  const answering = await house.open();
  closing.wsi.write("open", "text", { fin: false });
  closing.wsi.close(1000);
  answering.send({ opcode: CLOSE, payload: body(1000) });
  await settle();
  for (const { wsi } of [closing, answering]) {
    for (const kind of ["text", "binary", "continuation", "ping", "pong"] as const) {
      assertEquals(wsi.write("late", kind), -1, kind);
    }
    assertEquals(wsi.write("late"), -1);
    assertEquals(wsi.write(body(1000), "close"), -1);
    assertEquals(wsi.close(1000), -1);
  }
  assertEquals((await closing.receive()).opcode, 1);
  assertEquals(await closing.receiveClose(), closing.said(1000));
  closing.send({ opcode: CLOSE, payload: body(1000) });
  await closing.assertClosed();
  assertEquals(await answering.receiveClose(), answering.said(1000));
  await answering.assertClosed();
});

ruleOfBoth("5.5.1", "what was written before a close frame is sent before it", async (side) => {
  await using house = side.setUp();
  for (const close of ["ours", "the peer's"]) {
    const link = await house.open();
    link.peer.transport.stopReading();
    link.wsi.write(patternOf(100_000), "binary");
    await settle();
    link.wsi.write("unsent", "text");
    if (close === "ours") link.wsi.close(1000);
    else link.send({ opcode: CLOSE, payload: body(1000) });
    await settle();
    link.peer.transport.startReading();
    assertEquals((await link.receive()).payload.length, 100_000);
    assertEquals(await link.receiveText(), "unsent");
    assertEquals(await link.receiveClose(), link.said(1000));
  }
});

ruleOfBoth(
  "5.5.1",
  "a close frame is answered with one that echoes its code and reason",
  async (side) => {
    await using house = side.setUp();
    for (const code of [1000, 1001, 1003, 1007, 1010, 1011, 1014, 3000, 4999]) {
      for (const reason of ["", "a reason", "\ufeffÿ€😀", "r".repeat(123)]) {
        const link = await house.open();
        link.send({ opcode: CLOSE, payload: body(code, reason) });
        assertEquals(await link.receiveClose(), { code, reason });
        await link.assertClosed();
        assertEquals(link.heard.closes, [{ code, reason, wasClean: true, cause: "peer" }]);
      }
    }
    const link = await house.open();
    link.send({ opcode: CLOSE });
    assertEquals((await link.receive()).payload.length, 0);
    await link.assertClosed();
  },
);

ruleOfBoth("5.5.1", "a close frame is answered in the middle of either's message", async (side) => {
  await using link = await side.open();
  link.wsi.write("half of", "text", { fin: false });
  link.send({ opcode: 1, fin: false, payload: "half of" }, { opcode: CLOSE, payload: body(1001) });
  assertEquals((await link.receive()).fin, false);
  assertEquals(await link.receiveClose(), link.said(1001));
  await link.assertClosed();
  assertEquals([link.heard.messages, link.heard.closes[0]?.wasClean], [[], true]);
});

ruleOfBoth(
  "5.5.1",
  "a close frame that answers ours is not answered, nor a second",
  async (side) => {
    await using house = side.setUp();
    const asking = await house.open();
    asking.wsi.close(3000);
    assertEquals(await asking.receiveClose(), asking.said(3000));
    asking.send({ opcode: CLOSE, payload: body(3000) }, { opcode: CLOSE, payload: body(3001) });
    await asking.assertClosed();
    assertEquals(asking.heard.closes, [{ ...asking.said(3000), wasClean: true, cause: "self" }]);
    const asked = await house.open();
    asked.send({ opcode: CLOSE, payload: body(3002) }, { opcode: CLOSE, payload: body(3003) });
    assertEquals(await asked.receiveClose(), asked.said(3002));
    await asked.assertClosed();
    assertEquals(asked.heard.closes, [{ ...asked.said(3002), wasClean: true, cause: "peer" }]);
  },
);

ruleOfServer(
  "5.5.1",
  "a server closes the connection at once after both close frames",
  async (side) => {
    await using house = side.setUp();
    const before = house.clock.now();
    for (const first of ["we", "the peer"]) {
      const link = await house.open();
      if (first === "we") link.wsi.close(1000);
      link.send({ opcode: CLOSE, payload: body(1000) });
      assertEquals(await link.receiveClose(), link.said(1000));
      // The end of the connection comes with no time between.
      assertEquals((await link.peer.readToEnd()).length, 0);
      assertEquals(house.clock.now(), before);
    }
  },
);

ruleOfBoth("5.5.1", "nothing is read behind a close frame, whatever it is", async (side) => {
  await using house = side.setUp();
  const behind: FrameOptions[][] = [
    [{ opcode: 1, payload: "data" }],
    [{ opcode: 2, payload: patternOf(100_000) }],
    [{ opcode: PING, payload: "ping" }, { opcode: PONG, payload: "pong" }],
    [{ opcode: CLOSE, payload: body(1001) }],
    [{ opcode: 3, rsv: 7, payload: "garbage" }],
    [{ opcode: 0, payload: "of nothing" }],
  ];
  for (const frames of behind) {
    for (const way of ["in one read", "in reads of their own", "byte by byte"]) {
      const link = await house.open();
      if (way === "byte by byte") link.chop(1);
      const close = { opcode: CLOSE, payload: body(1000) };
      if (way === "in reads of their own") {
        link.send(close);
        await settle();
        link.send(...frames);
      } else link.send(close, ...frames);
      assertEquals(await link.receiveClose(), link.said(1000));
      await link.assertClosed();
      assertEquals(link.heard.order, ["established", "closed"], way);
      assertEquals(link.heard.closes[0], { ...link.said(1000), wasClean: true, cause: "peer" });
    }
  }
});

// Ping and pong.

ruleOfBoth("5.5.2", "a ping is answered with a pong of the same data", async (side) => {
  await using house = side.setUp();
  for (const chop of [Infinity, 1]) {
    const link = await house.open();
    link.chop(chop);
    for (let length = 0; length <= 125; length++) {
      const payload = patternOf(length).reverse();
      link.send({ opcode: PING, payload });
      const { fin, opcode, payload: answer } = await link.receive();
      assertEquals([fin, opcode, answer], [true, PONG, payload]);
    }
    assertEquals(link.heard.pings.length, 126);
  }
});

ruleOfBoth("5.5.2", "pings are answered in their order, each before what follows", async (side) => {
  await using house = side.setUp({
    on: (wsi, reason) => {
      if (reason.toLowerCase().endsWith("receive")) wsi.write("heard");
    },
  });
  const link = await house.open();
  link.send(
    { opcode: PING, payload: "1" },
    { opcode: PING, payload: "2" },
    { opcode: 1, payload: "x" },
    { opcode: PING, payload: "3" },
  );
  const answers = [];
  for (let i = 0; i < 4; i++) {
    const { opcode, payload } = await link.receive();
    answers.push([opcode, new TextDecoder().decode(payload)]);
  }
  assertEquals(answers, [[PONG, "1"], [PONG, "2"], [1, "heard"], [PONG, "3"]]);
});

ruleOfBoth(
  "5.5.2",
  "a ping is answered between the fragments that are being sent",
  async (side) => {
    await using link = await side.open();
    link.wsi.write("one", "text", { fin: false });
    assertEquals((await link.receive()).opcode, 1);
    link.send({ opcode: PING, payload: "between" });
    assertEquals((await link.receive()).opcode, PONG);
    link.wsi.write("two", "continuation");
    const { fin, opcode } = await link.receive();
    assertEquals([fin, opcode], [true, 0]);
  },
);

ruleOfBoth("5.5.2", "a ping is answered until the peer's close frame has come", async (side) => {
  await using link = await side.open();
  link.wsi.close(1000);
  assertEquals(await link.receiveClose(), link.said(1000));
  link.send({ opcode: PING, payload: "still there?" }, { opcode: CLOSE, payload: body(1000) });
  const { opcode, payload } = await link.receive();
  assertEquals([opcode, new TextDecoder().decode(payload)], [PONG, "still there?"]);
  await link.assertClosed();
  assertEquals(link.heard.closes, [{ ...link.said(1000), wasClean: true, cause: "self" }]);
});

ruleOfBoth("5.5.2", "a ping that comes behind a close frame is not answered", async (side) => {
  await using link = await side.open();
  link.send({ opcode: CLOSE, payload: body(1000) }, { opcode: PING, payload: "too late" });
  assertEquals(await link.receiveClose(), link.said(1000));
  await link.assertClosed();
  assertEquals(link.heard.pings, []);
});

ruleOfBoth("5.5.2", "a ping may be sent at any time of an open connection", async (side) => {
  await using house = side.setUp({
    on: (wsi, reason) => {
      if (reason === "established" || reason === "clientEstablished") wsi.write("first", "ping");
    },
  });
  const link = await house.open();
  link.wsi.write("a", "text", { fin: false });
  link.wsi.write(new Uint8Array(0), "ping");
  link.wsi.write("b", "continuation");
  link.wsi.write("last", "ping");
  link.wsi.close();
  const opcodes = [];
  for (let i = 0; i < 6; i++) opcodes.push((await link.receive()).opcode);
  assertEquals(opcodes, [PING, 1, PING, 0, PING, CLOSE]);
});

ruleOfBoth(
  "5.5.3",
  "of pings that the peer leaves unread the latest are answered",
  async (side) => {
    await using link = await side.open();
    link.peer.transport.stopReading();
    link.wsi.write(patternOf(100_000), "binary");
    await settle();
    for (let i = 1; i <= 5_000; i++) link.send({ opcode: PING, payload: `ping ${i}` });
    await settle();
    assertEquals(link.heard.pings.length, 5_000);
    link.peer.transport.startReading();
    assertEquals((await link.receive()).payload.length, 100_000);
    // As many as 4 KiB hold, with headers of 2 bytes or, masked, of 6.
    const held = Math.floor(4096 / ((link.wsi.isClient ? 6 : 2) + "ping 5000".length));
    for (let i = 5_001 - held; i <= 5_000; i++) {
      const { opcode, payload } = await link.receive();
      assertEquals([opcode, new TextDecoder().decode(payload)], [PONG, `ping ${i}`]);
    }
    await link.assertAlive();
  },
);

ruleOfBoth("5.5.3", "a pong that nobody asked for is taken and not answered", async (side) => {
  await using link = await side.open();
  link.send({ opcode: PONG }, { opcode: PONG, payload: "unsolicited" });
  await settle();
  assertEquals(link.heard.pongs, ["", "unsolicited"]);
  await link.assertAlive();
  assert(link.heard.messages.length === 0);
});
