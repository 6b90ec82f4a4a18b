/** RFC 6455 section 7: how connections end, in order and otherwise. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type CloseCause, type CloseInfo, LwsError, type Wsi } from "../../mod.ts";
import type { FrameOptions } from "../support/frames.ts";
import { captureLog } from "../support/recorder.ts";
import { playServer, serve, settle, TARGET } from "../support/serve.ts";
import { patternOf } from "./payloads.ts";
import { rule, ruleOfBoth, ruleOfClient } from "./rule.ts";
import { assertBreaks, type Link, type Offence } from "./sides.ts";
import { named } from "../support/named.ts";

/** A close frame of the peer. */
function close(code: number, reason = ""): FrameOptions {
  const text = new TextEncoder().encode(reason);
  return { opcode: 8, payload: Uint8Array.of(code >> 8, code & 255, ...text) };
}

/** The codes that may stand in a close frame: sections 7.4.1 and 7.4.2, and IANA's registry. */
function isCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
    (code >= 3000 && code <= 4999);
}

/** What is wrong in a frame of any kind, and text that is none. */
const GARBAGE: FrameOptions = { opcode: 3, rsv: 7, payload: "garbage" };
const NO_TEXT: FrameOptions = { opcode: 1, payload: Uint8Array.of(0xc0) };

// Closing.

ruleOfBoth("7.1.1", "a closed connection takes trailing bytes without a reset", async (side) => {
  await using house = side.setUp();
  for (const ending of [close(1000), GARBAGE]) {
    const link = await house.open();
    link.send(ending);
    await link.receiveClose();
    // Behind both close frames it is the server that closes first.
    if (side.name === "server" || ending === GARBAGE) {
      assertEquals((await link.peer.readToEnd()).length, 0);
    }
    for (let i = 0; i < 5; i++) {
      link.peer.send(new Uint8Array(50_000));
      await settle();
    }
    // A reset would end the peer with an error, and could take our close frame with it.
    link.peer.close();
    assertEquals(await link.peer.closed, undefined);
    await settle();
    assertEquals(link.heard.order, ["established", "closed"]);
  }
});

ruleOfBoth("7.1.1", "a peer that never closes its half is let go in the end", async (side) => {
  await using house = side.setUp({ limits: { closeTimeoutMs: 3_000 } });
  for (const ending of [close(1000), GARBAGE, undefined]) {
    const link = await house.open();
    if (ending === undefined) link.wsi.close(1000);
    else link.send(ending);
    await link.receiveClose();
    house.clock.advance(2_900);
    await settle();
    assertEquals(link.heard.closes.length, 0);
    house.clock.advance(200);
    await settle();
    assertEquals(link.heard.closes.length, 1);
  }
});

ruleOfClient("7.1.1", "a client waits for the server to close, and closes then", async (side) => {
  await using house = side.setUp();
  for (const first of ["we", "the server"]) {
    for (const end of ["end", "close", "reset"] as const) {
      const link = await house.open();
      if (first === "we") link.wsi.close(3000, "ours");
      link.send(close(3000, "ours"));
      const said = link.said(3000, "ours");
      assertEquals(await link.receiveClose(), said);
      await settle();
      house.clock.advance(4_900);
      await settle();
      assertEquals([link.peer.ended, link.heard.closes.length], [false, 0]);
      link.peer[end]();
      await settle();
      const cause = first === "we" ? "self" : "peer";
      assertEquals(link.heard.closes, [{ ...said, wasClean: true, cause }]);
      if (end === "end") assertEquals((await link.peer.readToEnd()).length, 0);
    }
  }
});

ruleOfClient(
  "7.1.1",
  "a client closes a connection that its server leaves open too long",
  async (side) => {
    await using house = side.setUp({ limits: { closeTimeoutMs: 3_000 } });
    for (const first of ["we", "the server"]) {
      const link = await house.open();
      if (first === "we") link.wsi.close(1000);
      link.send(close(1000));
      await link.receiveClose();
      await settle();
      house.clock.advance(2_990);
      await settle();
      // What else comes neither counts nor gives more time.
      link.send({ opcode: 9, payload: "late" }, { opcode: 1, payload: "late" });
      await settle();
      assertEquals([link.peer.ended, link.heard.closes.length], [false, 0]);
      house.clock.advance(10 + 16);
      assertEquals((await link.peer.readToEnd()).length, 0);
      const cause = first === "we" ? "self" : "peer";
      assertEquals(link.heard.closes, [{ ...link.said(1000), wasClean: true, cause }]);
    }
  },
);

ruleOfClient(
  "7.1.1",
  "a client whose program receives nothing sees the server's end",
  async (side) => {
    await using link = await side.open();
    link.wsi.rxFlowControl(false);
    link.wsi.close(1000);
    await link.receiveClose();
    link.send(close(1000));
    await settle();
    link.peer.end();
    await settle();
    assertEquals(link.heard.closes.length, 1);
  },
);

ruleOfClient(
  "7.1.1",
  "a context waits for the clients that wait for their servers",
  async (side) => {
    for (const serverEnds of [true, false]) {
      await using each = side.setUp({ limits: { closeTimeoutMs: 2_000 } });
      const link = await each.open();
      let isGone = false;
      void link.wsi.context.destroy().then(() => isGone = true);
      assertEquals(await link.receiveClose(), link.said(1001));
      link.send(close(1001));
      await settle();
      assertEquals([isGone, link.heard.closes.length], [false, 0]);
      if (serverEnds) link.peer.end();
      else each.clock.advance(2_000 + 16);
      await settle();
      assertEquals([isGone, link.heard.closes[0]?.cause], [true, "destroy"]);
    }
  },
);

ruleOfBoth("7.1.2", "closing sends a close frame of that code and reason", async (side) => {
  await using house = side.setUp();
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4999]) {
    for (const reason of ["", "because", "ÿ€😀"]) {
      const link = await house.open();
      assertEquals(link.wsi.close(code, reason), 0);
      assertEquals(await link.receiveClose(), link.said(code, reason));
      link.send(close(code));
      await link.assertClosed();
    }
  }
  const link = await house.open();
  link.wsi.close();
  assertEquals(await link.receiveClose(), { code: 1005, reason: "" });
});

ruleOfBoth(
  "7.1.2",
  "the connection is open until the peer's close frame has come",
  async (side) => {
    await using house = side.setUp();
    for (const chop of [Infinity, 1]) {
      const link = await house.open();
      link.chop(chop);
      link.wsi.close(1000);
      assertEquals(await link.receiveClose(), link.said(1000));
      // What the peer had on its way, be it half a message, does not end the handshake.
      link.send(
        { opcode: 1, payload: "on its way" },
        { opcode: 2, fin: false, payload: patternOf(10_000) },
        { opcode: 10 },
      );
      await settle();
      assert(!link.peer.ended);
      link.send(close(1001, "the answer"));
      await link.assertClosed();
      const said = link.said(1001, "the answer");
      assertEquals(link.heard.closes, [{ ...said, wasClean: true, cause: "self" }]);
    }
  },
);

ruleOfBoth("7.1.2", "closing is heard of in the callback that closes, too", async (side) => {
  await using house = side.setUp({
    on(wsi, reason) {
      if (!reason.toLowerCase().endsWith("receive")) return;
      wsi.close(3000, "enough");
      assertEquals(wsi.write("more"), -1);
    },
  });
  const link = await house.open();
  link.send({ opcode: 1, payload: "close" }, { opcode: 1, payload: "on its way" }, close(3001));
  assertEquals(await link.receiveClose(), link.said(3000, "enough"));
  await link.assertClosed();
  assertEquals(link.heard.messages, ["close"]);
  assertEquals(link.heard.closes, [{ ...link.said(3001), wasClean: true, cause: "self" }]);
});

ruleOfBoth("7.1.3", "sending or receiving a close frame begins the closing", async (side) => {
  await using house = side.setUp();
  const sending = await house.open();
  sending.wsi.close(1000);
  const receiving = await house.open();
  receiving.send(close(1000));
  await settle();
  for (const { wsi } of [sending, receiving]) {
    assertEquals([wsi.write("x"), wsi.close(1000), wsi.callbackOnWritable()].at(0), -1);
    assertEquals(wsi.close(1000), -1);
  }
});

ruleOfBoth("7.1.4", "a close is clean after both close frames only", async (side) => {
  await using house = side.setUp();
  const ends: [what: string, wasClean: boolean, end: (link: Link) => void][] = [
    ["both, the peer first", true, (link) => link.send(close(1000))],
    ["both, we first", true, (link) => {
      link.wsi.close(1000);
      link.send(close(1000));
    }],
    ["ours only", false, (link) => link.wsi.close(1000)],
    ["none", false, () => {}],
    ["failed", false, (link) => link.send(GARBAGE)],
    ["half the peer's", false, (link) => link.peer.send(link.bytesOf(close(1000)).slice(0, -1))],
  ];
  for (const [what, wasClean, end] of ends) {
    const link = await house.open();
    end(link);
    await settle();
    link.peer.close();
    await settle();
    assertEquals(link.heard.closes.map((info) => info.wasClean), [wasClean], what);
  }
});

ruleOfBoth("7.1.5", "the close code is that of the first close frame received", async (side) => {
  await using house = side.setUp();
  const first = await house.open();
  first.send(close(3001), close(3002));
  await settle();
  first.peer.close();
  const crossing = await house.open();
  crossing.wsi.close(3003);
  crossing.send(close(3004), close(3005));
  await settle();
  crossing.peer.close();
  await settle();
  assertEquals([first.heard.closes[0]?.code, crossing.heard.closes[0]?.code], [3001, 3004]);
});

ruleOfBoth("7.1.5", "the close code is 1005 when the close frame has none", async (side) => {
  await using house = side.setUp();
  for (const ours of [undefined, 1000]) {
    const link = await house.open();
    if (ours !== undefined) link.wsi.close(ours);
    link.send({ opcode: 8 });
    await link.receiveClose();
    await link.assertClosed();
    const cause = ours === undefined ? "peer" : "self";
    assertEquals(link.heard.closes, [{ code: 1005, reason: "", wasClean: true, cause }]);
  }
});

ruleOfBoth("7.1.5", "the close code is 1006 when there was no close frame", async (side) => {
  await using house = side.setUp();
  const ends: [cause: CloseCause, end: (link: Link) => void][] = [
    ["peer", (link) => link.peer.close()],
    ["peer", (link) => link.peer.end()],
    ["reset", (link) => link.peer.reset()],
    ["reset", (link) => link.peer.reset(new Error("the network is down"))],
    ["peer", (link) => {
      link.send({ opcode: 1, fin: false, payload: "half a message" });
      link.peer.end();
    }],
    ["peer", (link) => {
      link.peer.send(link.bytesOf({ opcode: 1, payload: "half a frame" }).subarray(0, 7));
      link.peer.end();
    }],
    ["peer", (link) => {
      link.peer.send(link.bytesOf(close(1000)).subarray(0, 1));
      link.peer.close();
    }],
  ];
  for (const [cause, end] of ends) {
    const link = await house.open();
    end(link);
    await settle();
    assertEquals(link.heard.closes, [{ code: 1006, reason: "", wasClean: false, cause }]);
  }
});

ruleOfBoth("7.1.6", "the close reason is what stands behind the first code", async (side) => {
  await using house = side.setUp();
  for (const reason of ["", "a reason", "\ufeffÿ€😀", "r".repeat(123)]) {
    const link = await house.open();
    link.send(close(4000, reason), close(4001, "another"));
    await link.receiveClose();
    await link.assertClosed();
    assertEquals(link.heard.closes, [{ code: 4000, reason, wasClean: true, cause: "peer" }]);
  }
});

// Both at once.

ruleOfBoth("7.1.5", "when both close at once each hears the other's code", async (side) => {
  await using house = side.setUp();
  const ours = { code: 3001, reason: "ours" };
  const peers = close(3002, "theirs");
  const races: [what: string, run: (link: Link) => Promise<void> | void][] = [
    ["ours first", (link) => {
      link.wsi.close(ours.code, ours.reason);
      link.send(peers);
    }],
    ["theirs sent, not read", (link) => {
      link.send(peers);
      link.wsi.close(ours.code, ours.reason);
    }],
    ["theirs held back", async (link) => {
      link.peer.transport.peer.hold();
      link.send(peers);
      await settle();
      link.wsi.close(ours.code, ours.reason);
      await settle();
      link.peer.transport.peer.release();
    }],
    ["half of theirs read", async (link) => {
      const bytes = link.bytesOf(peers);
      link.peer.send(bytes.subarray(0, -1));
      await settle();
      link.wsi.close(ours.code, ours.reason);
      link.peer.send(bytes.subarray(-1));
    }],
    ["ours unread", async (link) => {
      link.peer.transport.stopReading();
      link.wsi.close(ours.code, ours.reason);
      link.send(peers);
      await settle();
      link.peer.transport.startReading();
    }],
  ];
  for (const [what, run] of races) {
    const link = await house.open();
    await run(link);
    assertEquals(await link.receiveClose(), link.said(ours.code, ours.reason), what);
    await link.assertClosed();
    const heard = { ...link.said(3002, "theirs"), wasClean: true, cause: "self" };
    assertEquals(link.heard.closes, [heard], what);
  }
});

rule("7.1.5", "our server and our client close at once, and both are clean", async () => {
  const closes: Record<string, CloseInfo> = {};
  const ends: Wsi[] = [];
  const both = Promise.withResolvers<void>();
  const protocol = named("racing", {
    established: (wsi) => void (ends.push(wsi) === 2 && both.resolve()),
    clientEstablished: (wsi) => void (ends.push(wsi) === 2 && both.resolve()),
    closed: (wsi, _user, info) => void (closes[wsi.isClient ? "client" : "server"] = info),
  });
  for (const firstIsClient of [true, false]) {
    ends.length = 0;
    await using served = serve([protocol]);
    served.client([protocol]).clientConnect(TARGET);
    await both.promise;
    await settle();
    if (ends[0]!.isClient !== firstIsClient) ends.reverse();
    for (const wsi of ends) wsi.close(wsi.isClient ? 3001 : 3002, wsi.isClient ? "c" : "s");
    await settle();
    assertEquals(closes, {
      client: { code: 3002, reason: "s", wasClean: true, cause: "self" },
      server: { code: 3001, reason: "c", wasClean: true, cause: "self" },
    });
  }
});

// Failing.

ruleOfBoth("7.1.7", "failing sends a close frame of a fitting code, then closes", async (side) => {
  await assertBreaks(side, 1002, [["a broken header", GARBAGE]]);
  await assertBreaks(side, 1007, [["broken text", { opcode: 1, payload: Uint8Array.of(0xff) }]]);
  const limits = { maxFramePayload: 100 };
  await assertBreaks(side, 1009, [["a long frame", { opcode: 1, payload: "x".repeat(101) }]], {
    limits,
  });
});

ruleOfBoth("7.1.7", "nothing is processed after failing, not even a close frame", async (side) => {
  await using house = side.setUp();
  const behind = [
    { opcode: 1, payload: "data" },
    { opcode: 9, payload: "ping" },
    { opcode: 10, payload: "pong" },
    close(3000, "an answer"),
  ];
  for (const way of ["in one read", "in reads of their own", "byte by byte"]) {
    const link = await house.open();
    if (way === "byte by byte") link.chop(1);
    link.send(GARBAGE, ...way === "in reads of their own" ? [] : behind);
    await settle();
    if (way === "in reads of their own") link.send(...behind);
    await link.assertFailed(1002, way);
    assertEquals(link.heard.order, ["established", "closed"], way);
  }
});

ruleOfBoth("7.1.7", "failing after our close frame closes without a second one", async (side) => {
  await using house = side.setUp();
  const closes = side.dialect.hasCloseCode
    ? [close(1005), { opcode: 8, payload: Uint8Array.of(3) }]
    : [];
  const faults = [GARBAGE, ...closes];
  for (const fault of faults) {
    const link = await house.open();
    link.wsi.close(3000);
    assertEquals(await link.receiveClose(), link.said(3000));
    link.send(fault);
    await link.assertEnded();
    assertEquals(link.heard.closes[0]!.wasClean, false);
  }
});

ruleOfBoth("7.1.7", "failing is logged, with the reason for it", async (side) => {
  await using link = await side.open();
  using log = captureLog(["info"]);
  link.send(GARBAGE);
  await link.assertFailed(1002);
  assert(log.lines.some((line) => line.includes("1002 a reserved bit is set")), `${log.lines}`);
});

ruleOfBoth("7.1.7", "one connection's failure leaves all others as they were", async (side) => {
  await using house = side.setUp();
  const others = await Promise.all([1, 2, 3].map(() => house.open()));
  others[1]!.send({ opcode: 1, fin: false, payload: "in the middle " });
  const failing = await house.open();
  if (side.dialect.hasAllKinds) {
    failing.send({ opcode: 1, fin: false, payload: "too" }, GARBAGE);
    await failing.assertFailed(1002);
  } else {
    failing.send(NO_TEXT);
    await failing.assertFailed(1007);
  }
  others[1]!.send({ opcode: 0, payload: "of a message" });
  assertEquals(await others[1]!.messages(1), ["in the middle of a message"]);
  for (const other of others) await other.assertAlive();
});

// Abnormal closures.

rule("7.2.1", "a client fails when the connection is lost in its handshake", async () => {
  const errors: string[] = [];
  const protocol = named("p", {
    clientConnectionError: (_wsi, _user, text) => void errors.push(text),
    clientEstablished: () => void errors.push("established"),
    closed: () => void errors.push("closed"),
  });
  await using played = playServer([protocol]);
  for (const how of ["close", "end", "reset"] as const) {
    for (const sent of ["", "HTTP/1.1 101 Switching Protocols\r\nUpg"]) {
      errors.length = 0;
      played.context.clientConnect(TARGET);
      const peer = await played.accept();
      peer.send(sent);
      await settle();
      peer[how]();
      await settle();
      assertEquals(errors.length, 1, how);
      assert(errors[0]!.length > 10);
    }
  }
});

ruleOfBoth("7.2.1", "a connection that is lost in a write or a read is closed", async (side) => {
  await using house = side.setUp();
  const reading = await house.open();
  reading.peer.send(reading.bytesOf({ opcode: 2, payload: patternOf(1_000) }).subarray(0, 500));
  await settle();
  reading.peer.reset(new Error("lost"));
  const writing = await house.open();
  writing.peer.transport.stopReading();
  writing.wsi.write(patternOf(200_000), "binary");
  await settle();
  writing.peer.reset(new Error("lost"));
  await settle();
  for (const { heard, wsi } of [reading, writing]) {
    assertEquals(heard.closes, [{ code: 1006, reason: "", wasClean: false, cause: "reset" }]);
    assertEquals(wsi.write("x"), -1);
  }
});

// Half-closed connections.

ruleOfBoth("7.2", "a peer that ends its half still gets what was written", async (side) => {
  await using link = await side.open();
  link.peer.transport.stopReading();
  link.wsi.write(patternOf(150_000), "binary");
  await settle();
  link.wsi.write("last words");
  link.send({ opcode: 1, payload: "over" });
  link.peer.end();
  await settle();
  assertEquals(link.heard.messages, ["over"]);
  link.peer.transport.startReading();
  assertEquals((await link.receive()).payload.length, 150_000);
  assertEquals(await link.receiveText(), "last words");
  await link.assertEnded();
  assertEquals(link.heard.closes, [{ code: 1006, reason: "", wasClean: false, cause: "peer" }]);
});

ruleOfBoth("7.2", "a peer that ends its half behind a close frame is answered", async (side) => {
  await using link = await side.open();
  link.send({ opcode: 1, payload: "over" }, close(1000, "and out"));
  link.peer.end();
  const said = link.said(1000, "and out");
  assertEquals(await link.receiveClose(), said);
  assertEquals((await link.peer.readToEnd()).length, 0);
  await settle();
  assertEquals(link.heard.messages, ["over"]);
  assertEquals(link.heard.closes, [{ ...said, wasClean: true, cause: "peer" }]);
});

ruleOfBoth("7.2", "a peer that ends its half in place of an answer ends it all", async (side) => {
  await using link = await side.open();
  link.wsi.close(1000, "bye");
  await link.receiveClose();
  link.peer.end();
  await link.assertEnded();
  assertEquals(link.heard.closes[0]!.wasClean, false);
});

// Status codes.

ruleOfBoth("7.4.1", "1005, 1006 and 1015 are never sent, nor what is not defined", async (side) => {
  await using link = await side.open();
  const codes = [1004, 1005, 1006, 1015, 1016, 2999, 0, 1, 999, 5000, 65_535, 65_536, -1, 1000.5];
  for (const code of [...codes, NaN]) {
    assertThrows(() => link.wsi.close(code), LwsError, "code");
    assertThrows(() => link.wsi.close(code, "because"), LwsError, "code");
    if (!(code >= 0 && code <= 65_535) || !Number.isInteger(code)) continue;
    const payload = Uint8Array.of(code >> 8, code & 255);
    assertThrows(() => link.wsi.write(payload, "close"), LwsError);
  }
  await link.assertAlive();
});

ruleOfBoth("7.4.1", "1005, 1006 and 1015 in a close frame fail with 1002", async (side) => {
  // In draft 06 the first has a meaning.
  const codes = [1004, 1005, 1006, 1015].slice(side.dialect.version === 6 ? 1 : 0);
  const offences = codes.flatMap((code): Offence[] => [
    [`${code}`, close(code)],
    [`${code} and a reason`, close(code, "because")],
    [`${code} inside a message`, { opcode: 1, fin: false }, close(code)],
  ]);
  await assertBreaks(side, 1002, offences);
});

ruleOfBoth("7.4.2", "of all codes those of the ranges in use are answered", async (side) => {
  await using house = side.setUp();
  const AT_ONCE = 512;
  const wrong: string[] = [];
  // Above the last range that has a use each 61st, and the last one.
  const codes = Array.from({ length: 0x10000 }, (_, code) => code)
    .filter((code) => code < 5_200 || code % 61 === 0 || code === 0xffff);
  for (let start = 0; start < codes.length; start += AT_ONCE) {
    const links: [number, Link][] = [];
    for (const code of codes.slice(start, start + AT_ONCE)) {
      links.push([code, await house.open(close(code))]);
    }
    for (const [code, link] of links) {
      const answer = await link.receiveClose();
      const expected = isCode(code) ? code : 1002;
      if (answer.code !== expected) wrong.push(`${code} is answered with ${answer.code}`);
      link.peer.close();
    }
    await settle();
    for (const [code, { heard }] of links) {
      const [info] = heard.closes;
      const expected = isCode(code) ? code : 1002;
      if (info?.code !== expected || info.wasClean !== isCode(code) || heard.closes.length !== 1) {
        wrong.push(`${code} is heard as ${info?.code}`);
      }
    }
  }
  assertEquals(wrong, []);
});

ruleOfClient(
  "7.3",
  "a client closes for nothing but its program, its peer or its limits",
  async (side) => {
    await using house = side.setUp({ info: { kaTime: 0 } });
    const link = await house.open();
    for (let day = 0; day < 30; day++) {
      house.clock.advance(86_400_000);
      await settle();
    }
    await link.assertAlive();
  },
);
