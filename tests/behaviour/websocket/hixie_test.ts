/** Connections over version 0 (hixie-76) and hixie-75: text alone, and the least of a closing handshake. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { CloseInfo, ContextCreationInfo, WriteKind, Wsi } from "../../../mod.ts";
import { LwsError, prepareMessage } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { captureLog, record, type Recorder } from "../../support/recorder.ts";
import { serve, type Served, settle } from "../../support/serve.ts";
import { openHixie } from "./old_peers.ts";

const VERSIONS = [0, "hixie-75"] as const;
type Version = typeof VERSIONS[number];

const decoder = new TextDecoder();
/** The grain of timeouts, in milliseconds. */
const TICK = 16;

interface Session extends AsyncDisposable {
  readonly peer: MemoryPeer;
  readonly served: Served;
  readonly recorder: Recorder;
  readonly wsi: Wsi;
  readonly pieces: [text: string, remaining: number, isFirst: boolean, isFinal: boolean][];
  readonly closed: Promise<CloseInfo>;
  /** What comes next, in Latin-1. */
  read(count: number): Promise<string>;
}

/** A server of one version, and a client that is played by hand. */
async function open(version: Version, info: Partial<ContextCreationInfo> = {}, rx = 65_536) {
  const pieces: Session["pieces"] = [];
  const closed = Promise.withResolvers<CloseInfo>();
  let wsi: Wsi | undefined;
  const recorder = record("echo", {
    established: (one) => void (wsi = one),
    receive(one, _user, data) {
      const facts = [one.remainingPacketPayload, one.isFirstFragment, one.isFinalFragment] as const;
      pieces.push([decoder.decode(data), ...facts]);
      assertEquals(one.frameIsBinary, false);
    },
    closed: (_wsi, _user, how) => closed.resolve(how),
  });
  const protocol = { ...recorder.protocol, rxBufferSize: rx };
  const served = serve([protocol], { versions: [version], ...info });
  const peer = await openHixie(served, version);
  const session: Session = {
    peer,
    served,
    recorder,
    wsi: wsi!,
    pieces,
    closed: closed.promise,
    read: async (count) => new TextDecoder("latin1").decode(await peer.readBytes(count)),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
  return session;
}

/** Bytes as they are told: numbers, and texts in UTF-8. */
function wire(...parts: readonly (number | string)[]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...encoder.encode(part)]),
  );
}

/** What the peer sees from now on until the end of the stream. */
async function rest(peer: MemoryPeer): Promise<string> {
  const bytes = await peer.readToEnd();
  peer.close();
  return bytes.toHex();
}

/** How it was, without the reason. */
async function ending(session: Session) {
  const { code, wasClean, cause } = await session.closed;
  return [code, wasClean, cause];
}

for (const version of VERSIONS) {
  Deno.test(`version ${version}: texts come in, in pieces that say whether more of them follows`, async () => {
    await using session = await open(version, {}, 4);
    session.peer.send(wire(0, "abcd", 0xff, 0, "abcdefghi", 0xff, 0, 0xff, 0x80, 2, "no", 0));
    session.peer.send("zz");
    session.peer.send(wire(0xff));
    await settle();
    assertEquals(session.pieces, [
      ["abcd", 0, true, true],
      ["abcd", 1, true, true],
      ["efgh", 1, false, true],
      ["i", 0, false, true],
      ["", 0, true, true],
      ["zz", 0, true, true],
    ]);
  });

  Deno.test(`version ${version}: texts go out between 0x00 and 0xff, fragments as one`, async () => {
    await using session = await open(version);
    const { wsi } = session;
    assertEquals(wsi.write("plain"), 5);
    assertEquals(wsi.write(wire("bytes"), "text"), 5);
    assertEquals(wsi.write(""), 0);
    assertEquals(wsi.write("one ", "text", { fin: false }), 4);
    assertThrows(() => wsi.write("inside"), LwsError, "a fragmented message is open");
    assertEquals(wsi.write("two ", "continuation", { fin: false }), 4);
    assertEquals(wsi.write(wire("three"), "continuation"), 5);
    assertEquals(wsi.write(prepareMessage("prepared")), 8);
    assertEquals(wsi.write("é".repeat(40_000)), 80_000);
    const small = "\0plain\xff\0bytes\xff\0\xff\0one two three\xff\0prepared\xff";
    assertEquals(await session.read(small.length), small);
    const long = await session.peer.readBytes(80_002);
    assertEquals([long[0], long.at(-1)], [0, 0xff]);
    assertEquals(decoder.decode(long.subarray(1, -1)), "é".repeat(40_000));
  });

  Deno.test(`version ${version}: what it can't carry is refused by name, and nothing of it is sent`, async () => {
    await using session = await open(version);
    const { wsi } = session;
    const refused: [unknown, WriteKind | undefined, string][] = [
      [wire("b"), "binary", "binary message"],
      [wire("b"), undefined, "binary message"],
      [new ArrayBuffer(3), undefined, "binary message"],
      [prepareMessage(wire("b")), undefined, "binary message"],
      [prepareMessage("b", "binary"), undefined, "binary message"],
      ["?", "ping", "ping"],
      ["!", "pong", "pong"],
    ];
    for (const [data, kind, name] of refused) {
      const error = assertThrows(() => wsi.write(data as Uint8Array, kind), LwsError);
      assertEquals(error.code, "unsupported");
      assertStringIncludes(error.message, `version ${version} of the protocol has no ${name}`);
    }
    const error = assertThrows(() => wsi.write(wire("a", 0xff), "text"), LwsError, "0xff");
    assertEquals(error.code, "invalid-argument");
    assertThrows(() => wsi.write("a", "text", { ignoreXorMask: true }), LwsError, "ignoreXorMask");
    assertThrows(() => wsi.write("a", "continuation"), LwsError, "no fragmented message");
    wsi.write("still here");
    assertEquals(await session.read(12), "\0still here\xff");
  });

  Deno.test(`version ${version}: a connection without pings is not probed by them`, async () => {
    await using session = await open(version, { kaTime: 60, kaProbes: 2, kaInterval: 10 });
    const before = session.peer.received.length;
    for (let i = 0; i < 10; i++) await session.served.pass(60_000 + TICK);
    assertEquals(session.peer.received.length, before);
    assertEquals(session.recorder.reasons.includes("closed"), false);
    session.wsi.rxFlowControl(false);
    session.wsi.rxFlowControl(true);
    await session.served.pass(60_000 + TICK);
    assertEquals(session.wsi.write("still here"), 10);
  });

  Deno.test(`version ${version}: faults of the peer close, with what close frame there is`, async () => {
    using log = captureLog(["info"]);
    const faults = [
      [wire(0, "a", 0xc3, 0x28), 1007, "protocol"],
      [wire(0, 0xc3, 0xff), 1007, "protocol"],
      [wire(0, "x".repeat(101)), 1009, "limit"],
      [wire(0x80, 101), 1009, "limit"],
    ] as const;
    for (const [bytes, code, cause] of faults) {
      await using session = await open(version, { maxFramePayload: 100 });
      session.peer.send(bytes);
      assertEquals(await rest(session.peer), version === 0 ? "ff00" : "");
      assertEquals(await ending(session), [code, false, cause]);
      assertEquals(session.pieces, []);
      const line = log.lines.find((each) => each.includes(`${code} is not sent`));
      assertStringIncludes(line!, `version ${version} of the protocol has no close codes`);
    }
  });

  Deno.test(`version ${version}: receiving stops and goes on between any two pieces of a read`, async () => {
    await using session = await open(version, {}, 3);
    session.wsi.rxFlowControl(false);
    session.peer.send(wire(0, "abcdefg", 0xff, 0, "h", 0xff, 1, "dropped", 0xff, 0, "ijk", 0xff));
    await settle();
    assertEquals(session.pieces, []);
    for (let i = 0; i < 10 && session.pieces.length < 5; i++) {
      session.wsi.rxFlowControl(true);
      await settle();
      session.wsi.rxFlowControl(false);
    }
    assertEquals(session.pieces.map(([text]) => text), ["abc", "def", "g", "h", "ijk"]);
  });

  Deno.test(`version ${version}: inside a text of its own a close ends the stream, and isn't clean`, async () => {
    for (const byPeer of [false, true]) {
      await using session = await open(version);
      session.wsi.write("cut", "text", { fin: false });
      if (!byPeer) session.wsi.close(1000);
      else if (version === 0) session.peer.send(wire(0xff, 0));
      else session.peer.end();
      // No 0xff, which the peer would take for the end of a whole text.
      const bytes = await session.peer.readToEnd();
      assertEquals(decoder.decode(bytes), "\0cut");
      session.peer.close();
      const { wasClean, cause } = await session.closed;
      assertEquals([wasClean, cause], [false, byPeer ? "peer" : "self"]);
    }
  });
}

// Closing of version 0.

Deno.test("version 0: the program closes, the peer answers, and no code has been said", async () => {
  await using session = await open(0);
  assertEquals(session.wsi.close(4000, "over"), 0);
  assertEquals(session.wsi.close(), -1);
  assertEquals(session.wsi.write("late"), -1);
  assertEquals(await session.read(2), "\xff\0");
  await settle();
  assertEquals(session.recorder.reasons.includes("closed"), false, "the answer is waited for");
  session.peer.send(wire(0, "on its way", 0xff, 0xff, 0));
  assertEquals(await rest(session.peer), "");
  assertEquals(await ending(session), [1005, true, "self"]);
  assertEquals(session.pieces, []);
});

Deno.test("version 0: a close that is never answered times out", async () => {
  await using session = await open(0, { closeTimeoutMs: 1000 });
  assertEquals(session.wsi.write(wire(0x0f, 0xa0), "close"), 2);
  await session.read(2);
  await session.served.pass(1000 + TICK);
  assertEquals(await ending(session), [4000, false, "self"]);
});

Deno.test("version 0: the peer closes, and is answered the same; what comes behind is dropped", async () => {
  await using session = await open(0);
  session.peer.send(wire(0, "last", 0xff, 0xff, 0, 0, "behind", 0xff));
  assertEquals(await rest(session.peer), "ff00");
  assertEquals(await ending(session), [1005, true, "peer"]);
  assertEquals(session.pieces, [["last", 0, true, true]]);
});

Deno.test("version 0: a stream that just ends was no closing handshake", async () => {
  await using session = await open(0);
  session.peer.end();
  assertEquals(await rest(session.peer), "");
  assertEquals(await ending(session), [1006, false, "peer"]);
});

Deno.test("version 0: a context that leaves closes", async () => {
  const session = await open(0);
  const gone = session.served.context.destroy();
  assertEquals(await session.read(2), "\xff\0");
  session.peer.send(wire(0xff, 0));
  await session.peer.readToEnd();
  session.peer.close();
  await gone;
  assertEquals(await ending(session), [1005, true, "destroy"]);
  await session[Symbol.asyncDispose]();
});

// Closing of hixie-75.

Deno.test("hixie-75: the program closes by the end of the stream, and the peer's is waited for", async () => {
  await using session = await open("hixie-75");
  session.wsi.write("last");
  assertEquals(session.wsi.close(4000, "over"), 0);
  assertEquals((await session.peer.readToEnd()).toHex(), "006c617374ff");
  await settle();
  assertEquals(session.recorder.reasons.includes("closed"), false);
  session.peer.send(wire(0, "on its way", 0xff));
  session.peer.end();
  assertEquals(await ending(session), [1005, true, "self"]);
  assertEquals(session.pieces, []);
});

Deno.test("hixie-75: a peer that never ends its stream is let go, which is not clean", async () => {
  await using session = await open("hixie-75", { closeTimeoutMs: 1000 });
  session.wsi.close(4000);
  await session.peer.readToEnd();
  await session.served.pass(1000 + TICK);
  assertEquals(await ending(session), [4000, false, "self"]);
});

Deno.test("hixie-75: the peer closes by the end of its stream, but not inside a frame", async () => {
  for (const open75 of [wire(0, "whole", 0xff), wire(0x80, 1, 0), wire(0xff, 0)]) {
    await using session = await open("hixie-75");
    session.peer.send(open75);
    session.peer.end();
    assertEquals(await rest(session.peer), "");
    assertEquals(await ending(session), [1005, true, "peer"]);
  }
  for (const cut of [wire(0), wire(0, "cut"), wire(1, "cut"), wire(0x80), wire(0x80, 2, 0)]) {
    await using session = await open("hixie-75");
    session.peer.send(cut);
    session.peer.end();
    assertEquals(await rest(session.peer), "");
    assertEquals(await ending(session), [1006, false, "peer"]);
  }
});

Deno.test("hixie-75: a reset is no close", async () => {
  await using session = await open("hixie-75");
  session.peer.reset();
  assertEquals(await ending(session), [1006, false, "reset"]);
});
