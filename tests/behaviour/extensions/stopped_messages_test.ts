/**
 * Transformed messages that are stopped in their middle, by the program or because the time of the turn
 * is used up: they go on where they were, in front of all that was behind them, and nobody decodes ahead.
 */

import { assert, assertEquals } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import type { Context, Extension, PollFd, Protocol, Reason, Wsi } from "../../../mod.ts";
import {
  deflateFrame,
  deflateStream,
  handlers,
  permessageDeflate,
  xWebkitDeflateFrame,
} from "../../../mod.ts";
import { adder, flip, withoutKeep } from "../../support/extensions.ts";
import { concat, frame, type FrameOptions, KEY } from "../../support/frames.ts";
import { LoopClock } from "../../support/clocks/loop_clock.ts";
import { serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const PIECE = 100;
/** Pieces before it is noticed that they take long. */
const MOST_A_TURN = 5;
const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false };

const STACKS: Record<string, () => Extension[]> = {
  "permessage-deflate": () => [permessageDeflate()],
  "permessage-deflate with takeover": () => [permessageDeflate(TAKEOVER)],
  "deflate-frame": () => [deflateFrame()],
  "x-webkit-deflate-frame": () => [xWebkitDeflateFrame()],
  "deflate-stream": () => [deflateStream()],
  "a callback extension": () => [flip()],
  "a callback extension, then permessage-deflate": () => [flip(), permessageDeflate()],
  "permessage-deflate, then a callback extension": () => [permessageDeflate(), flip()],
  "an extension without keep": () => [withoutKeep(permessageDeflate())],
  "an extension for frames without keep": () => [withoutKeep(deflateFrame())],
  "an extension for streams without keep": () => [withoutKeep(deflateStream())],
  "a chain": () => [adder({ unit: "message", reservedBits: 2 }), permessageDeflate()],
  "permessage-deflate over a stream": () => [
    permessageDeflate(),
    adder({ unit: "stream", reservedBits: 0 }),
  ],
};

/** Text that is a few bytes when compressed, so that one piece that comes stands for many. */
const runs = (length: number) =>
  Array.from({ length }, (_, i) => String.fromCharCode(97 + Math.floor(i / 70) % 26)).join("");
const SIZES = [1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 20 * PIECE, 20 * PIECE + 1];

/** What is written at once: messages, in one frame and in two, between pings, and a close frame. */
function writeAll(wsi: Wsi): void {
  for (const size of SIZES) {
    wsi.write(runs(size));
    wsi.write(`behind ${size}`, "ping");
  }
  wsi.write(runs(7 * PIECE), "text", { fin: false });
  wsi.write(runs(3 * PIECE), "continuation");
  wsi.write(new Uint8Array(5 * PIECE), "binary");
  wsi.close(4000, "all");
}

/** Where something is told, a piece with all that is known of it. */
function factsOf(wsi: Wsi, reason: Reason, data: unknown): string | undefined {
  if (reason === "receive" || reason === "clientReceive") {
    const { isFirstFragment, isFinalFragment, remainingPacketPayload, frameIsBinary } = wsi;
    const isLast = isFinalFragment && remainingPacketPayload === 0;
    const text = new TextDecoder().decode(data as Uint8Array);
    return `${frameIsBinary ? "b" : ""}${isFirstFragment ? "<" : ""}${text}${isLast ? ">" : ""}`;
  }
  if (reason === "receivePing" || reason === "clientReceivePing") {
    return `ping ${new TextDecoder().decode(data as Uint8Array)}`;
  }
  if (reason !== "closed") return undefined;
  const { code, wasClean } = data as { code: number; wasClean: boolean };
  return `closed ${code} ${wasClean}`;
}

type How = "never" | "time" | "flow" | "flow, manual" | "flow, external";

/** What the receiver hears that is stopped behind each piece. */
async function hearing(side: "server" | "client", how: How, make: () => Extension[]) {
  const heard: string[] = [];
  const clock = new LoopClock();
  const table: PollFd[] = [];
  let stopped: Wsi | undefined;
  let stops = 0;
  const receiver: Protocol = {
    name: "x",
    rxBufferSize: PIECE,
    callback(wsi, reason, _user, data) {
      if (reason === "addPollFd") table.push({ ...data, revents: 0 });
      if (reason === "changeModePollFd") {
        const { fd, events } = data;
        table.find((each) => each.fd === fd)!.events = events;
      }
      if (reason === "delPollFd") {
        table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
      }
      const facts = factsOf(wsi, reason, data);
      if (facts === undefined) return;
      heard.push(facts);
      assertEquals(stopped, undefined, `${facts} came while receiving was stopped`);
      if (!reason.toLowerCase().endsWith("receive")) return;
      if (how === "time") clock.time += 100;
      if (!how.startsWith("flow")) return;
      stopped = wsi;
      stops++;
      wsi.rxFlowControl(false);
    },
  };
  let writer: Wsi | undefined;
  const sender = named("x", {
    established: (wsi) => void (writer = wsi),
    clientEstablished: (wsi) => void (writer = wsi),
  });
  const service = how === "flow, manual"
    ? "manual" as const
    : how === "flow, external"
    ? "external" as const
    : "automatic" as const;
  const own = { extensions: make(), service, kaTime: 0, ...(how === "time" ? { clock } : {}) };
  const other = { extensions: make(), kaTime: 0 };
  const isServer = side === "server";
  const served = serve([isServer ? receiver : sender], isServer ? own : other);
  const clients = served.client([isServer ? sender : receiver], isServer ? other : own);
  clients.clientConnect({ address: "memory", port: 80 });
  const driven: Context = isServer ? served.context : clients;
  const drive = async () => {
    await settle();
    if (service === "manual") await driven.service(0);
    if (service === "external") {
      for (const each of [...table]) driven.serviceFd({ ...each, revents: each.events });
    }
    await clock.comeRound();
  };
  while (writer === undefined) await drive();
  for (let i = 0; i < 3; i++) await drive();
  writeAll(writer);
  let turns = 0;
  for (; turns < 1000 && !heard.at(-1)?.startsWith("closed"); turns++) {
    const before = heard.length;
    await drive();
    if (how === "time") {
      const pieces = heard.slice(before).filter((each) => !/^(ping|closed)/.test(each));
      assert(pieces.length <= MOST_A_TURN, `in one turn ${pieces.length} pieces`);
    }
    const wsi = stopped;
    stopped = undefined;
    wsi?.rxFlowControl(true);
    served.clock.advance(0);
  }
  const ends = Promise.all([served.context.destroy(), clients.destroy()]);
  for (let i = 0; i < 20; i++) {
    await drive();
    clock.time += 10_000;
    served.clock.advance(10_000);
  }
  await ends;
  return { heard, stops, turns };
}

for (const [name, make] of Object.entries(STACKS)) {
  for (const side of ["server", "client"] as const) {
    Deno.test(`a ${side} that is stopped at each piece hears the same in the same order: ${name}`, async () => {
      const { heard } = await hearing(side, "never", make);
      assertEquals(heard.filter((each) => each.startsWith("ping")).length, SIZES.length);
      const pieces = heard.filter((each) => !/^(ping|closed)/.test(each));
      const texts = pieces.join("").split(">").map((each) => each.replace("<", ""));
      const sent = [...SIZES.map(runs), runs(7 * PIECE) + runs(3 * PIECE)];
      assertEquals(texts.slice(0, sent.length), sent);
      assertEquals(heard.at(-1), "closed 4000 true");
      for (const how of ["time", "flow", "flow, manual", "flow, external"] as const) {
        const run = await hearing(side, how, make);
        assertEquals(run.heard, heard, how);
        if (how.startsWith("flow")) assertEquals(run.stops, pieces.length);
        assert(run.turns >= pieces.length / MOST_A_TURN, how);
      }
    });
  }
}

const flushed = (data: string | Uint8Array) =>
  new Uint8Array(deflateRawSync(data, { finishFlush: 2 }).subarray(0, -4));
/** Five pieces of a few bytes each. */
const LONG = [..."abcde"].map((letter) => letter.repeat(PIECE)).join("");
const compressed = (payload: string | Uint8Array, options: Partial<FrameOptions> = {}) => ({
  opcode: 1,
  rsv: 4,
  payload: flushed(payload),
  ...options,
});

/** A server that stops after the first piece, or lets `onPiece` say what to do. */
async function stopping(
  {
    make = () => [permessageDeflate()],
    onPiece,
    name = "permessage-deflate",
    limit,
    pieceSize = PIECE,
  }: {
    pieceSize?: number;
    make?: () => Extension[];
    name?: string;
    onPiece?: (wsi: Wsi, count: number) => void | -1;
    limit?: number;
  } = {},
) {
  const heard: string[] = [];
  let wsi: Wsi | undefined;
  const callback: Protocol["callback"] = (...[each, reason, , data]) => {
    if (reason === "receive") {
      wsi = each;
      heard.push(new TextDecoder().decode(data));
      if (onPiece !== undefined) return onPiece(each, heard.length);
      each.rxFlowControl(false);
    }
    if (reason === "receivePing") heard.push("ping");
    if (reason === "closed") heard.push(`${data.code} ${data.cause}`);
    return;
  };
  const served = serve([{ name: "x", rxBufferSize: pieceSize, callback }], {
    extensions: make(),
    kaTime: 0,
    ...(limit === undefined ? {} : { maxMessageSize: limit }),
  });
  const socket = await served.open({ headers: [`Sec-WebSocket-Extensions: ${name}`] });
  /** Lets it go on, piece by piece, until that brings nothing more. */
  const goOn = async () => {
    for (let before = -1; before < heard.length;) {
      before = heard.length;
      wsi!.rxFlowControl(true);
      await settle();
    }
  };
  return { served, socket, heard, goOn, wsi: () => wsi! };
}

const piecesOf = (text: string) => text.match(new RegExp(`[^]{1,${PIECE}}`, "g"))!;

Deno.test("who is stopped decodes one piece ahead, however long the message is", async () => {
  let read = 0;
  const counted = adder({ unit: "message", reservedBits: 0 });
  const { accept } = counted;
  counted.accept = (offers) => {
    const accepted = accept(offers)!;
    const session = accepted.session;
    let left = 0;
    // A byte stands for a hundred pieces.
    return {
      ...accepted,
      session: {
        ...session,
        push: (piece) => void (left += piece.length * 100 * PIECE),
        read(target) {
          const count = Math.min(target.length, left);
          left -= count;
          read += count;
          return count;
        },
      },
    };
  };
  const { served, socket, heard, wsi } = await stopping({ make: () => [counted], name: "x-adder" });
  await using _ = served;
  socket.send({ opcode: 2, payload: "x" }, { opcode: 9, payload: "" });
  for (let pieces = 1; pieces <= 50; pieces++) {
    await settle();
    assertEquals([heard.length, read], [pieces, (pieces + 1) * PIECE]);
    wsi().rxFlowControl(true);
  }
});

Deno.test("what is stopped does not depend on the bytes that it came in, nor do later ones", async () => {
  for (const [codecName, make] of Object.entries(STACKS).slice(0, 2)) {
    const name = "permessage-deflate";
    const { served, socket, heard, goOn } = await stopping({ make, name });
    await using _ = served;
    // A final block ends each, with the byte that is wanted behind it and without.
    const ended = [deflateRawSync(LONG), concat(deflateRawSync(LONG), Uint8Array.of(0))];
    for (const payload of [...ended, flushed(LONG), ...ended]) {
      const bytes = new Uint8Array(payload);
      socket.send({ opcode: 1, rsv: 4, fin: false, payload: bytes.subarray(0, 10) });
      socket.send({ opcode: 0, payload: bytes.subarray(10) });
    }
    await settle();
    await goOn();
    assertEquals(heard.join(""), LONG.repeat(5), codecName);
  }
});

Deno.test("what waits in a chain of extensions does not depend on the bytes that it came in", async () => {
  const text = LONG.repeat(400);
  for (const hide of [(each: Extension) => each, withoutKeep]) {
    const make = () => [adder({ unit: "message", reservedBits: 2 }), hide(permessageDeflate())];
    const name = "permessage-deflate, x-adder";
    const { served, socket, heard, goOn } = await stopping({ make, name, pieceSize: 4096 });
    await using _ = served;
    const payload = flushed(new TextEncoder().encode(text).map((byte) => byte + 1));
    assert(payload.length < 4096);
    socket.send({ opcode: 1, rsv: 6, payload });
    await settle();
    await goOn();
    assertEquals(heard.join(""), text);
  }
});

Deno.test("what waits of a stream does not depend on the bytes that it came in", async () => {
  const text = LONG.repeat(400);
  for (const hide of [(each: Extension) => each, withoutKeep]) {
    const make = () => [hide(deflateStream())];
    const { served, socket, heard, goOn } = await stopping({
      make,
      name: "deflate-stream",
      pieceSize: 4096,
    });
    await using _ = served;
    const plain = frame({ opcode: 1, payload: text, key: [0, 0, 0, 0] });
    socket.peer.send(new Uint8Array(deflateRawSync(plain, { finishFlush: 2 })));
    await settle();
    await goOn();
    assertEquals(heard.join(""), text);
  }
});

Deno.test("the peer's end comes behind what was stopped", async () => {
  for (const make of [() => [permessageDeflate()], () => [deflateStream()]]) {
    const isStream = make()[0]!.name === "deflate-stream";
    const name = isStream ? "deflate-stream" : "permessage-deflate";
    const { served, socket, heard, wsi } = await stopping({ make, name });
    await using _ = served;
    const plain = frame({ opcode: 1, payload: LONG, key: KEY });
    if (isStream) socket.peer.send(new Uint8Array(deflateRawSync(plain, { finishFlush: 2 })));
    else socket.send(compressed(LONG));
    await settle();
    socket.peer.end();
    await settle();
    const pieces = piecesOf(LONG);
    for (let count = 1; count <= pieces.length; count++) {
      assertEquals(heard, pieces.slice(0, count), name);
      wsi().rxFlowControl(true);
      await settle();
    }
    assertEquals(heard, [...pieces, "1006 peer"], name);
  }
});

Deno.test("the peer's end waits for the turns of what came before it", async () => {
  for (const name of ["permessage-deflate", "deflate-stream"]) {
    const clock = new LoopClock();
    const heard: string[] = [];
    const served = serve([{
      name: "x",
      rxBufferSize: PIECE,
      callback(...[wsi, reason, , data]) {
        if (reason === "closed") heard.push(data.cause);
        if (reason !== "receive") return;
        heard.push(new TextDecoder().decode(data));
        clock.time += 100;
        // The end of the stop and that of the peer come together.
        if (heard.length > 1) return;
        wsi.rxFlowControl(false);
        setTimeout(() => wsi.rxFlowControl(true), 0);
      },
    }], { clock, kaTime: 0, extensions: [permessageDeflate(), deflateStream()] });
    const socket = await served.open({ headers: [`Sec-WebSocket-Extensions: ${name}`] });
    const plain = frame({ opcode: 1, payload: LONG, key: KEY });
    if (name === "permessage-deflate") socket.send(compressed(LONG));
    else socket.peer.send(new Uint8Array(deflateRawSync(plain, { finishFlush: 2 })));
    socket.peer.end();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (let turns = 0; turns < 100 && heard.at(-1) !== "peer"; turns++) await clock.comeRound();
    assertEquals(heard, [...piecesOf(LONG), "peer"], name);
    const ended = served.context.destroy();
    for (let i = 0; i < 5; i++) await clock.comeRound();
    await ended;
  }
});

Deno.test("a program that closes while it is stopped hears nothing more, and sees the answer", async () => {
  const { served, socket, heard, wsi } = await stopping();
  await using _ = served;
  socket.send(compressed(LONG), { opcode: 1, payload: "behind" }, {
    opcode: 8,
    payload: Uint8Array.of(15, 160),
  });
  await settle();
  wsi().close(4001);
  await settle();
  assertEquals(await socket.receiveClose(), { code: 4001, reason: "" });
  assertEquals(heard, [piecesOf(LONG)[0]]);
  socket.peer.close();
  await settle();
  assertEquals(heard, [piecesOf(LONG)[0], "4000 self"]);
});

Deno.test("behind a callback's -1 nothing of the same frame is told", async () => {
  const text = LONG.slice(0, -1);
  for (const at of [1, 4]) {
    const { served, socket, heard } = await stopping({
      onPiece: (_wsi, count) => count === at ? -1 : undefined,
    });
    await using _ = served;
    socket.send(compressed(text), compressed("behind"));
    await settle();
    assertEquals(heard, [...piecesOf(text).slice(0, at), "1006 callback"]);
  }
});

Deno.test("behind a stop a message is held to the same rules", async () => {
  const bytes = new TextEncoder().encode(LONG);
  const cases: readonly [string, Uint8Array, number][] = [
    ["not UTF-8", concat(bytes, Uint8Array.of(0xff), bytes), 1007],
    ["cut in a character", concat(bytes, Uint8Array.of(0xc3)), 1007],
    ["too long", new Uint8Array(10 * PIECE + 1), 1009],
  ];
  for (const [what, payload, code] of cases) {
    const { served, socket, heard, goOn } = await stopping({ limit: 10 * PIECE });
    await using _ = served;
    socket.send(compressed(payload));
    await settle();
    await goOn();
    assertEquals((await socket.receiveClose()).code, code, what);
    assert(heard.length >= 4, what);
  }
  const broken = concat(flushed(bytes), Uint8Array.of(0, 0, 0, 0xff, 0xff, 0x07));
  const { served, socket, goOn } = await stopping();
  await using _ = served;
  socket.send({ opcode: 1, rsv: 4, payload: broken });
  await settle();
  await goOn();
  assertEquals((await socket.receiveClose()).code, 1007);
});

Deno.test("a callback may stop and resume at once, and is told each piece once", async () => {
  const { served, socket, heard } = await stopping({
    onPiece(wsi) {
      wsi.rxFlowControl(false);
      wsi.rxFlowControl(true);
    },
  });
  await using _ = served;
  socket.send(compressed(LONG), { opcode: 9, payload: "" }, compressed(LONG));
  await settle();
  assertEquals(heard, [...piecesOf(LONG), "ping", ...piecesOf(LONG)]);
});

Deno.test("input that stands for nothing takes time as well", async () => {
  const clock = new LoopClock();
  let reads = 0;
  const slow = adder({ unit: "message", reservedBits: 0 });
  const { accept } = slow;
  slow.accept = (offers) => {
    const accepted = accept(offers)!;
    const session = { ...accepted.session, push() {}, read: () => (clock.time += 100, reads++, 0) };
    return { ...accepted, session };
  };
  const callback = handlers({});
  const served = serve([{ name: "x", callback }], { clock, kaTime: 0, extensions: [slow] });
  const socket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-adder"] });
  socket.send(...Array.from({ length: 20 }, (_, i) => ({
    opcode: i === 0 ? 2 : 0,
    fin: false,
    payload: "x",
  })));
  await settle();
  const steps = [reads];
  while (reads < 20 && steps.length < 100) {
    const before = reads;
    await clock.comeRound();
    steps.push(reads - before);
  }
  assertEquals([reads, steps.every((step) => step <= MOST_A_TURN)], [20, true], steps.join(" "));
  const ended = served.context.destroy();
  for (let i = 0; i < 20; i++) {
    clock.time += 10_000;
    await clock.comeRound();
  }
  await ended;
});
