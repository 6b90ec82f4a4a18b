/** Connections over drafts 04, 05 and 06: what the program sees is what it sees over RFC 6455. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CloseInfo, ContextCreationInfo, Wsi } from "../../../mod.ts";
import { deflateStream, prepareMessage } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { concat, draftFrame } from "../../support/frames.ts";
import { fieldOf } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog, record, type Recorder } from "../../support/recorder.ts";
import {
  acceptOf,
  playServer,
  readHead,
  type ReceivedFrame,
  serve,
  settle,
  TARGET,
} from "../../support/serve.ts";
import { DRAFT, draft04Key, DraftPeer, openDraft } from "./old_peers.ts";

const DRAFTS = [4, 5, 6] as const;
type Draft = typeof DRAFTS[number];

const decoder = new TextDecoder();
/** The grain of timeouts, in milliseconds. */
const TICK = 16;

interface Session extends AsyncDisposable {
  readonly socket: DraftPeer;
  readonly recorder: Recorder;
  readonly wsi: Wsi;
  readonly pieces: [text: string, remaining: number, isFirst: boolean, isBinary: boolean][];
  readonly controls: string[];
  readonly closed: Promise<CloseInfo>;
  pass(ms: number): Promise<void>;
}

/** A server of one draft, and a client that is played by hand. */
async function open(version: Draft, info: Partial<ContextCreationInfo> = {}, rx = 65_536) {
  const pieces: Session["pieces"] = [];
  const controls: string[] = [];
  const closed = Promise.withResolvers<CloseInfo>();
  let wsi: Wsi | undefined;
  const recorder = record("echo", {
    established: (one) => void (wsi = one),
    receive(one, _user, data) {
      const facts = [one.remainingPacketPayload, one.isFirstFragment, one.frameIsBinary] as const;
      pieces.push([decoder.decode(data), ...facts]);
    },
    receivePing: (_wsi, _user, data) => void controls.push(`ping ${decoder.decode(data)}`),
    receivePong: (_wsi, _user, data) => void controls.push(`pong ${decoder.decode(data)}`),
    closed: (_wsi, _user, how) => closed.resolve(how),
  });
  const protocol = { ...recorder.protocol, rxBufferSize: rx };
  const served = serve([protocol], { versions: [version], ...info });
  const socket = await openDraft(served, version);
  const session: Session = {
    socket,
    recorder,
    wsi: wsi!,
    pieces,
    controls,
    closed: closed.promise,
    pass: served.pass,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
  return session;
}

/** A close frame's payload: what each draft has in it for 4000 "over", of a server. */
const SAID_BY_SERVER: Record<Draft, string> = { 4: "", 5: "S", 6: "\x0f\xa0over" };
const SAID_BY_CLIENT: Record<Draft, string> = { ...SAID_BY_SERVER, 5: "C" };

function latin1({ payload }: ReceivedFrame): string {
  return new TextDecoder("latin1").decode(payload);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

for (const version of DRAFTS) {
  Deno.test(`version ${version}: fragments, a ping between them, binary, pieces of a long frame`, async () => {
    await using session = await open(version, {}, 4096);
    session.socket.send(
      { opcode: DRAFT.text, fin: false, payload: "Hel" },
      { opcode: DRAFT.ping, payload: "there?" },
      { opcode: DRAFT.continuation, payload: "lo" },
      { opcode: DRAFT.pong, payload: "unasked" },
      { opcode: DRAFT.binary, payload: "b" },
      { opcode: DRAFT.text, payload: "x".repeat(10_000) },
    );
    const pong = await session.socket.receive();
    assertEquals([pong.opcode, latin1(pong), pong.masked], [DRAFT.pong, "there?", false]);
    await settle();
    assertEquals(session.controls, ["ping there?", "pong unasked"]);
    assertEquals(session.pieces, [
      ["Hel", 0, true, false],
      ["lo", 0, false, false],
      ["b", 0, true, true],
      ["x".repeat(4096), 5904, true, false],
      ["x".repeat(4096), 1808, false, false],
      ["x".repeat(1808), 0, false, false],
    ]);
  });

  Deno.test(`version ${version}: what is written has the draft's opcodes, prepared messages too`, async () => {
    await using session = await open(version);
    const { wsi, socket } = session;
    assertEquals(wsi.write("text"), 4);
    assertEquals(wsi.write(Uint8Array.of(0x62)), 1);
    assertEquals(wsi.write("a", "text", { fin: false }), 1);
    assertEquals(wsi.write("?", "ping"), 1);
    assertEquals(wsi.write("b", "continuation"), 1);
    assertEquals(wsi.write("!", "pong"), 1);
    assertEquals(wsi.write(prepareMessage("prepared")), 8);
    assertEquals(wsi.write(prepareMessage(Uint8Array.of(0x70))), 1);
    assertEquals(wsi.write("y".repeat(70_000)), 70_000);
    const got: unknown[] = [];
    for (let i = 0; i < 9; i++) {
      const frame = await socket.receive();
      const text = latin1(frame);
      got.push([frame.opcode, frame.fin, text.length > 10 ? text.length : text]);
    }
    assertEquals(got, [
      [DRAFT.text, true, "text"],
      [DRAFT.binary, true, "b"],
      [DRAFT.text, false, "a"],
      [DRAFT.ping, true, "?"],
      [DRAFT.continuation, true, "b"],
      [DRAFT.pong, true, "!"],
      [DRAFT.text, true, "prepared"],
      [DRAFT.binary, true, "p"],
      [DRAFT.text, true, 70_000],
    ]);
  });

  Deno.test(`version ${version}: the program closes, with as much as the draft can say`, async () => {
    using log = captureLog(["info"]);
    await using session = await open(version);
    const { wsi, socket, closed } = session;
    assertEquals(wsi.close(4000, "over"), 0);
    const close = await socket.receive();
    assertEquals([close.opcode, latin1(close)], [DRAFT.close, SAID_BY_SERVER[version]]);
    const lines = log.lines.filter((line) => line.includes("no close codes"));
    assertEquals(lines.length, version === 6 ? 0 : 1);
    if (version < 6) assertStringIncludes(lines[0]!, `4000 is not sent, as version ${version}`);
    assertEquals(session.recorder.reasons.includes("closed"), false, "the answer is waited for");
    socket.send({ opcode: DRAFT.close, payload: bytesOf(SAID_BY_CLIENT[version]) });
    await socket.peer.readToEnd();
    socket.peer.close();
    const { code, reason, wasClean, cause } = await closed;
    const said = version === 6 ? [4000, "over"] : [1005, ""];
    assertEquals([code, reason, wasClean, cause], [...said, true, "self"]);
  });

  Deno.test(`version ${version}: the peer's close frame is answered as the draft has it`, async () => {
    await using session = await open(version);
    const { socket, closed } = session;
    // Draft 04 takes for an answer what repeats the body.
    const sent = version === 4 ? "my body" : SAID_BY_CLIENT[version];
    socket.send({ opcode: DRAFT.close, payload: bytesOf(sent) });
    const close = await socket.receive();
    const answer = version === 5 ? "S" : sent;
    assertEquals([close.opcode, latin1(close)], [DRAFT.close, answer]);
    await socket.peer.readToEnd();
    socket.peer.close();
    const { code, reason, wasClean, cause } = await closed;
    const said = version === 6 ? [4000, "over"] : [1005, ""];
    assertEquals([code, reason, wasClean, cause], [...said, true, "peer"]);
  });

  Deno.test(`version ${version}: what is no UTF-8 and what is too long fail the connection`, async () => {
    const faults = [
      [{ opcode: DRAFT.text, payload: Uint8Array.of(0xff) }, 1007, "protocol"],
      [{ opcode: DRAFT.text, payload: "x".repeat(101) }, 1009, "limit"],
      [{ opcode: DRAFT.text, rsv4: true }, 1002, "protocol"],
      [{ opcode: 9 }, 1002, "protocol"],
      [{ opcode: DRAFT.continuation }, 1002, "protocol"],
    ] as const;
    for (const [frame, expected, why] of faults) {
      await using session = await open(version, { maxFramePayload: 100 });
      session.socket.send({ opcode: DRAFT.text, payload: "before" }, frame);
      const close = await session.socket.receive();
      assertEquals(close.opcode, DRAFT.close);
      if (version === 6) {
        const onWire = close.payload[0]! << 8 | close.payload[1]!;
        assertEquals(onWire, expected === 1009 ? 1004 : expected);
      } else assertEquals(latin1(close), SAID_BY_SERVER[version]);
      await session.socket.peer.readToEnd();
      session.socket.peer.close();
      const { code, cause, wasClean } = await session.closed;
      assertEquals([code, cause, wasClean], [expected, why, false]);
      assertEquals(session.pieces, [["before", 0, true, false]]);
    }
  });

  Deno.test(`version ${version}: receiving stops and goes on between any two frames of a read`, async () => {
    await using session = await open(version, {}, 3);
    const { wsi, socket } = session;
    wsi.rxFlowControl(false);
    const frames = ["abcdefg", "h", "ijk"].map((payload) =>
      socket.frame({ opcode: DRAFT.text, payload })
    );
    socket.peer.send(concat(...frames));
    await settle();
    assertEquals(session.pieces, []);
    for (let i = 0; i < 10 && session.pieces.length < 5; i++) {
      wsi.rxFlowControl(true);
      await settle();
      wsi.rxFlowControl(false);
    }
    assertEquals(session.pieces.map(([text]) => text), ["abc", "def", "g", "h", "ijk"]);
  });

  Deno.test(`version ${version}: an idle connection is probed by pings, and their pongs are no news`, async () => {
    await using session = await open(version, { kaTime: 60, kaProbes: 2, kaInterval: 10 });
    for (let i = 0; i < 3; i++) {
      await session.pass(60_000 + TICK);
      const { opcode, payload } = await session.socket.receive();
      assertEquals(opcode, DRAFT.ping);
      session.socket.send({ opcode: DRAFT.pong, payload });
      await settle();
    }
    assertEquals(session.controls, []);
    await session.pass(60_000 + TICK);
    await session.pass(10_000 + TICK);
    await session.pass(10_000 + TICK);
    assertEquals((await session.closed).cause, "keepAlive");
  });
}

// Clients.

/** What a client of ours has sent, unmasked. */
async function readMasked(peer: MemoryPeer, keyOf: (nonce: Uint8Array) => Uint8Array) {
  const nonce = await peer.readBytes(4);
  const key = keyOf(nonce);
  const header = await peer.readBytes(2);
  const open = (bytes: Uint8Array, at: number) =>
    bytes.map((byte, i) => byte ^ key[(at + i) % key.length]!);
  const [first, length] = open(header, 0) as Uint8Array & [number, number];
  const payload = open(await peer.readBytes(length), 2);
  return { nonce, opcode: first & 15, text: new TextDecoder("latin1").decode(payload) };
}

/** A client of ours, and a server that is played by hand. */
async function connect(version: Draft, info: Partial<ContextCreationInfo> = {}) {
  const established = Promise.withResolvers<Wsi>();
  const closed = Promise.withResolvers<CloseInfo>();
  const messages: unknown[] = [];
  const side = playServer([named("chat", {
    clientEstablished: (wsi) => established.resolve(wsi),
    message: (_wsi, _user, message) => void messages.push(message),
    closed: (_wsi, _user, how) => closed.resolve(how),
  })], info);
  side.context.clientConnect({ ...TARGET, version });
  const peer = await side.accept();
  const request = await readHead(peer);
  const key = fieldOf(request, "sec-websocket-key")!;
  const nonceOfServer = "c2VydmVyJ3Mgbm9uY2UgIQ==";
  peer.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n` +
      (version === 4 ? `Sec-WebSocket-Nonce: ${nonceOfServer}\r\n` : "") + "\r\n",
  );
  const keyOf = version === 4
    ? (nonce: Uint8Array) => draft04Key(key, nonceOfServer, nonce)
    : (nonce: Uint8Array) => nonce;
  const wsi = await established.promise;
  const receive = (keys = keyOf) => readMasked(peer, keys);
  return { ...side, wsi, peer, messages, closed: closed.promise, receive };
}

for (const version of DRAFTS) {
  Deno.test(`version ${version}: a client masks whole frames, and takes those that are not`, async () => {
    await using client = await connect(version);
    const { wsi, peer } = client;
    wsi.write("one");
    wsi.write("two");
    wsi.write(prepareMessage("three"));
    const [one, two, three] = [
      await client.receive(),
      await client.receive(),
      await client.receive(),
    ];
    assertEquals([one.opcode, one.text], [DRAFT.text, "one"]);
    assertEquals([two.text, three.text], ["two", "three"]);
    assertEquals(
      one.nonce.every((byte, i) => byte === two.nonce[i]),
      false,
      "each has its own nonce",
    );
    peer.send(draftFrame({ opcode: DRAFT.text, payload: "answer" }));
    peer.send(draftFrame({ opcode: DRAFT.ping, payload: "?" }));
    const pong = await client.receive();
    assertEquals([pong.opcode, pong.text], [DRAFT.pong, "?"]);
    assertEquals(client.messages, ["answer"]);
    wsi.close(4000, "over");
    const close = await client.receive();
    assertEquals([close.opcode, close.text], [DRAFT.close, SAID_BY_CLIENT[version]]);
    peer.send(draftFrame({ opcode: DRAFT.close, payload: bytesOf(SAID_BY_SERVER[version]) }));
    await settle();
    peer.close();
    assertEquals((await client.closed).wasClean, true);
  });

  Deno.test(`version ${version}: a frame with ignoreXorMask lies open behind four zeros`, async () => {
    await using client = await connect(version);
    client.wsi.write("readable", "text", { ignoreXorMask: true });
    const { nonce, text } = await client.receive(() => new Uint8Array(1));
    assertEquals([[...nonce], text], [[0, 0, 0, 0], "readable"]);
  });

  Deno.test(`version ${version}: with defeatClientMask clients don't mask, and servers take both`, async () => {
    const info = { options: { defeatClientMask: true } };
    await using client = await connect(version, info);
    client.wsi.write("readable");
    const { nonce, text } = await client.receive(() => new Uint8Array(1));
    assertEquals([[...nonce], text], [[0, 0, 0, 0], "readable"]);
    await using session = await open(version, info);
    session.socket.peer.send(
      concat(new Uint8Array(4), draftFrame({ opcode: DRAFT.text, payload: "open" })),
    );
    session.socket.send({ opcode: DRAFT.text, payload: "masked" });
    await settle();
    assertEquals(session.pieces.map(([text]) => text), ["open", "masked"]);
  });

  Deno.test(`version ${version}: a frame that is masked where it must not be makes no sense`, async () => {
    await using client = await connect(version);
    client.peer.send(
      new DraftPeer(client.peer, undefined).frame({ opcode: DRAFT.text, payload: "x" }),
    );
    await settle();
    assertEquals(client.messages, []);
  });
}

for (const version of DRAFTS) {
  Deno.test(`version ${version}: what transforms all bytes does so behind the masks, and in front of them`, async () => {
    const heard: unknown[] = [];
    const done = Promise.withResolvers<void>();
    const info = { extensions: [deflateStream()] };
    await using served = serve([named("chat", {
      message: (wsi, _user, message) => void wsi.write(message),
    })], { versions: [version], ...info });
    const client = served.client([named("chat", {
      clientEstablished(wsi) {
        heard.push(wsi.extensions.join());
        for (const text of ["one", "x".repeat(70_000), "three"]) wsi.write(text);
      },
      message(wsi, _user, message) {
        heard.push(String(message).length);
        if (heard.length === 4) wsi.close();
      },
      closed(_wsi, _user, { wasClean }) {
        heard.push(wasClean);
        done.resolve();
      },
    })], info);
    client.clientConnect({ address: "127.0.0.1", port: 80, version });
    await done.promise;
    assertEquals(heard, ["deflate-stream", 3, 70_000, 5, true]);
  });
}
