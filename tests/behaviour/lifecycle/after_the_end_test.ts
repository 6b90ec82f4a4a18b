/** Every call on what has ended: the documented failure, and nothing else. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Context, LwsError, prepareMessage, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readPage, request } from "../../support/http.ts";
import { dialAlone, serve, settle } from "../../support/serve.ts";

/** What each call on a connection that has ended returns. */
const ENDED: readonly (readonly [name: string, call: (wsi: Wsi) => unknown, returned: unknown])[] =
  [
    ["write", (wsi) => wsi.write("x"), -1],
    ["write ping", (wsi) => wsi.write("x", "ping"), -1],
    ["write close", (wsi) => wsi.write(new Uint8Array(0), "close"), -1],
    ["write http", (wsi) => wsi.write("x", "http"), -1],
    ["write prepared", (wsi) => wsi.write(prepareMessage("x")), -1],
    ["write fragment", (wsi) => wsi.write("x", "text", { fin: false }), -1],
    ["write readable", (wsi) => wsi.write("x", "text", { ignoreXorMask: true }), -1],
    ["callbackOnWritable", (wsi) => wsi.callbackOnWritable(), -1],
    ["rxFlowControl", (wsi) => wsi.rxFlowControl(false), -1],
    ["close", (wsi) => wsi.close(1000), -1],
    ["unsubscribe", (wsi) => wsi.unsubscribe("topic"), false],
    ["topics", (wsi) => wsi.topics.length, 0],
    ["setTimeout", (wsi) => wsi.setTimeout("userReason", 1), undefined],
    ["serveHttpFile", (wsi) => wsi.serveHttpFile("/x"), -1],
    ["returnHttpStatus", (wsi) => wsi.returnHttpStatus(200), 1],
    ["writeHttpHeaders", (wsi) => wsi.writeHttpHeaders(200, []), -1],
    ["httpTransactionCompleted", (wsi) => wsi.httpTransactionCompleted(), 1],
    ["hdrTotalLength", (wsi) => wsi.hdrTotalLength("host"), 0],
    ["hdrCopy", (wsi) => wsi.hdrCopy("host"), undefined],
    ["hdrCopyFragment", (wsi) => wsi.hdrCopyFragment("host", 0), undefined],
    ["hdrSnapshot", (wsi) => wsi.hdrSnapshot().size, 0],
    ["method", (wsi) => wsi.method, ""],
    ["partialBuffered", (wsi) => wsi.partialBuffered, false],
    ["sendPipeChoked", (wsi) => wsi.sendPipeChoked, false],
    ["unsentBytes", (wsi) => wsi.unsentBytes, 0],
    ["remainingPacketPayload", (wsi) => wsi.remainingPacketPayload, 0],
    ["isFinalFragment", (wsi) => wsi.isFinalFragment, false],
    ["isFirstFragment", (wsi) => wsi.isFirstFragment, false],
    ["frameIsBinary", (wsi) => wsi.frameIsBinary, false],
    ["reservedBits", (wsi) => wsi.reservedBits, 0],
  ];

async function checkEnded(wsi: Wsi, reasons: readonly string[]): Promise<void> {
  const before = reasons.length;
  for (const [name, call, returned] of ENDED) assertEquals(call(wsi), returned, name);
  await settle();
  assertEquals(reasons.length, before, "nothing more is delivered");
}

Deno.test("calls on a WebSocket that has ended fail as documented, and tell nobody", async () => {
  let wsi: Wsi | undefined;
  const x = record("x", { established: (each) => void (wsi = each) });
  await using served = serve([x.protocol]);
  (await served.open({ path: "/room" })).peer.close();
  await x.until("wsiDestroy");
  await checkEnded(wsi!, x.reasons);
  assertEquals([wsi!.uri, wsi!.protocol.name], ["/room", "x"]);
  assert(wsi!.context === served.context);
  assertEquals(wsi!.peerAddresses.ip, "127.0.0.1");
  served.clock.advance(10_000);
});

Deno.test("calls on an HTTP connection that has ended fail as documented", async () => {
  let wsi: Wsi | undefined;
  const http = record("http", (each, reason, _user, _data) => {
    if (reason !== "http") return;
    wsi = each;
    each.returnHttpStatus(200, "done");
    return 1;
  });
  await using peer = await dialAlone([http.protocol], request("GET", "/"));
  assertEquals(await readPage(peer), "done");
  await peer.readToEnd();
  peer.close();
  await http.until("wsiDestroy");
  await checkEnded(wsi!, http.reasons);
});

Deno.test("calls on a client that never connected fail as documented", async () => {
  await using served = serve([record("x").protocol]);
  const client = record("x");
  const wsi = served.client([client.protocol]).clientConnect({ address: "nobody", port: 99 });
  await client.until("wsiDestroy");
  await checkEnded(wsi, client.reasons);
});

Deno.test("inside closed and wsiDestroy the calls fail in the same way", async () => {
  const seen: string[] = [];
  const x = record("x", (wsi, reason, _user, _data) => {
    if (reason !== "closed" && reason !== "wsiDestroy") return;
    seen.push(reason);
    assertEquals(wsi.write("x"), -1);
    assertEquals(wsi.callbackOnWritable(), -1);
    assertEquals(wsi.rxFlowControl(true), -1);
    assertEquals(wsi.close(1000), -1);
    wsi.setTimeout("userReason", 1);
    assertEquals(wsi.context.hangupOnClient(wsi.socketFd), 0);
  });
  await using served = serve([x.protocol]);
  (await served.open()).peer.close();
  await x.until("wsiDestroy");
  await served.pass(10_000);
  assertEquals(seen, ["closed", "wsiDestroy"]);
});

Deno.test("a timeout of the program's can't keep a closing connection alive", async () => {
  let wsi: Wsi | undefined;
  const x = record("x", (each, reason, _user, _data) => {
    if (reason === "established") wsi = each;
    return reason === "receive" ? -1 : undefined;
  });
  await using served = serve([x.protocol], { closeTimeoutMs: 5_000 });
  const socket = await served.open();
  // What is unsent keeps it from closing before closeTimeoutMs.
  socket.peer.transport.pause();
  wsi!.write("a".repeat(200_000));
  socket.send({ opcode: 1, payload: "drop me" });
  await x.until("receive");
  wsi!.setTimeout("noPendingTimeout", 0);
  wsi!.setTimeout("userReason", 1_000);
  await settle();
  assert(!x.reasons.includes("closed"));
  served.clock.advance(6_000);
  await x.until("closed");
});

/** What each call on a destroyed context returns. */
const DESTROYED: readonly (readonly [string, (context: Context) => unknown, unknown])[] = [
  ["isDestroyed", (context) => context.isDestroyed, true],
  ["peerAddresses", (context) => context.peerAddresses(1).ip, ""],
  ["hangupOnClient", (context) => context.hangupOnClient(1), 0],
  ["connections", (context) => [...context.connections("x")].length, 0],
  ["subscriberCount", (context) => context.subscriberCount("topic"), 0],
  ["callbackOnWritableAllProtocol", (context) => context.callbackOnWritableAllProtocol("x"), 0],
  ["rxFlowAllowAllProtocol", (context) => context.rxFlowAllowAllProtocol("x"), undefined],
  ["callbackAllProtocol", (context) => context.callbackAllProtocol("x", "user:y"), 0],
  ["broadcast", (context) => context.broadcast("x", "data"), -1],
  ["protocols", (context) => context.protocols.length, 1],
  ["canonicalHostname", (context) => context.canonicalHostname === "", false],
];

Deno.test("calls on a destroyed context fail as documented, and reach nobody", async () => {
  using _log = captureLog([]);
  const x = record("x");
  await using served = serve([x.protocol]);
  const { context } = served;
  const socket = await served.open();
  const ended = context.destroy();
  await socket.receiveClose();
  socket.send({ opcode: 8 });
  socket.peer.close();
  await ended;
  const before = x.reasons.length;
  for (const [name, call, returned] of DESTROYED) assertEquals(call(context), returned, name);
  assertEquals((await context.resolvePeerAddresses(1)).ip, "");
  const codeOf = (call: () => unknown) => assertThrows(call, LwsError).code;
  assertEquals(codeOf(() => context.clientConnect({ address: "x", port: 80 })), "destroyed");
  assertEquals(codeOf(() => context.adopt({} as never)), "destroyed");
  assertEquals(codeOf(() => context.openPort()), "destroyed");
  assertEquals(codeOf(() => context.setProxy("x:1")), "destroyed");
  assertEquals(context.destroy(), ended);
  await settle();
  assertEquals(x.reasons.length, before);
  assert(context.port === -1 || context.port === 80);
});
