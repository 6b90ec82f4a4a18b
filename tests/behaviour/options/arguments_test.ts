/** Wrong arguments of every call: each is refused by its name, and harms nothing. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Context, createContext, LwsError, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readPage, reply, request } from "../../support/http.ts";
import { dialAlone, serve } from "../../support/serve.ts";

// deno-lint-ignore no-explicit-any -- what the compiler would refuse is what is tested
type Loose = any;
/** A call with one wrong argument, and what its error must name. */
type Wrong<T> = readonly [name: string, call: (target: T) => unknown];

/** Calls that are wrong on every connection that is open. */
const OF_ALL: readonly Wrong<Loose>[] = [
  ["token", (wsi) => wsi.hdrCopy("user agent")],
  ["token", (wsi) => wsi.hdrCopy("")],
  ["token", (wsi) => wsi.hdrCopy("host:")],
  ["token", (wsi) => wsi.hdrCopy(undefined)],
  ["token", (wsi) => wsi.hdrTotalLength("uri arg")],
  ["token", (wsi) => wsi.hdrTotalLength(3)],
  ["token", (wsi) => wsi.hdrCopyFragment("no such", 0)],
  ["n is", (wsi) => wsi.hdrCopyFragment("host", -1)],
  ["n is", (wsi) => wsi.hdrCopyFragment("host", 0.5)],
  ["n is", (wsi) => wsi.hdrCopyFragment("host")],
  ["maxLength", (wsi) => wsi.hdrCopy("host", -1)],
  ["maxLength", (wsi) => wsi.hdrCopy("host", NaN)],
  ["maxLength", (wsi) => wsi.hdrCopy("host", "9")],
  ["maxLength", (wsi) => wsi.hdrCopyFragment("host", 0, -1)],
  ["reason", (wsi) => wsi.setTimeout("tea", 5)],
  ["reason", (wsi) => wsi.setTimeout(undefined, 5)],
  ["seconds", (wsi) => wsi.setTimeout("userReason", -1)],
  ["seconds", (wsi) => wsi.setTimeout("userReason", 2_147_484)],
  ["seconds", (wsi) => wsi.setTimeout("userReason", NaN)],
  ["seconds", (wsi) => wsi.setTimeout("userReason", "5")],
  ["seconds", (wsi) => wsi.setTimeout("userReason")],
  ["enable", (wsi) => wsi.rxFlowControl(1)],
  ["enable", (wsi) => wsi.rxFlowControl()],
  ["kind", (wsi) => wsi.write("x", "texts")],
  ["kind", (wsi) => wsi.write("x", 1)],
  ["kind", (wsi) => wsi.write("x", null)],
  ["kind", (wsi) => wsi.write("x", "toString")],
  ["code", (wsi) => wsi.close(1005)],
  ["code", (wsi) => wsi.close(999)],
  ["code", (wsi) => wsi.close(5000)],
  ["code", (wsi) => wsi.close(1000.5)],
  ["code", (wsi) => wsi.close("1000")],
  ["code", (wsi) => wsi.close(undefined, "why")],
  ["reason", (wsi) => wsi.close(1000, "a".repeat(124))],
  ["reason", (wsi) => wsi.close(1000, 5)],
];

const OF_WEBSOCKETS: readonly Wrong<Loose>[] = [
  ["data", (wsi) => wsi.write(undefined)],
  ["data", (wsi) => wsi.write(null, "binary")],
  ["data", (wsi) => wsi.write(5, "text")],
  ["data", (wsi) => wsi.write({}, "text")],
  ["data", (wsi) => wsi.write([1, 2], "binary")],
  ["data", (wsi) => wsi.write({ length: 3 }, "ping")],
  ["data", (wsi) => wsi.write(undefined, "pong")],
  ["control frame", (wsi) => wsi.write("a".repeat(126), "ping")],
  ["control frame", (wsi) => wsi.write("a", "pong", { fin: false })],
  ["close frame", (wsi) => wsi.write("a", "close")],
  ["ignoreXorMask", (wsi) => wsi.write("a", "text", { ignoreXorMask: true })],
];

const OF_REQUESTS: readonly Wrong<Loose>[] = [
  ["code", (wsi) => wsi.returnHttpStatus(199)],
  ["code", (wsi) => wsi.returnHttpStatus(600)],
  ["code", (wsi) => wsi.returnHttpStatus("200")],
  ["code", (wsi) => wsi.returnHttpStatus()],
  ["html", (wsi) => wsi.returnHttpStatus(200, 5)],
  ["status", (wsi) => wsi.writeHttpHeaders(199, [])],
  ["status", (wsi) => wsi.writeHttpHeaders(600, [])],
  ["status", (wsi) => wsi.writeHttpHeaders(undefined, [])],
  ["headers", (wsi) => wsi.writeHttpHeaders(200)],
  ["headers", (wsi) => wsi.writeHttpHeaders(200, { a: "b" })],
  ["headers", (wsi) => wsi.writeHttpHeaders(200, ["a: b"])],
  ["headers", (wsi) => wsi.writeHttpHeaders(200, "ab")],
  ["header x", (wsi) => wsi.writeHttpHeaders(200, [["x", 5]])],
  ["header x", (wsi) => wsi.writeHttpHeaders(200, [["x", "a\nb"]])],
  ["header name", (wsi) => wsi.writeHttpHeaders(200, [["x y", "a"]])],
  ["path", (wsi) => wsi.serveHttpFile()],
  ["path", (wsi) => wsi.serveHttpFile(5)],
  ["content-type", (wsi) => wsi.serveHttpFile("/x", "a\r\nb")],
  ["headers", (wsi) => wsi.serveHttpFile("/x", undefined, 5)],
  ["header x", (wsi) => wsi.serveHttpFile("/x", undefined, [["x", "\0"]])],
  ["data", (wsi) => wsi.write(undefined, "http")],
  ["data", (wsi) => wsi.write(5, "httpHeaders")],
  ["data", (wsi) => wsi.write({ length: 1 }, "httpFinal")],
];

function check(target: unknown, table: readonly Wrong<Loose>[]): void {
  for (const [name, call] of table) {
    const error = assertThrows(() => call(target), LwsError, undefined, call.toString());
    assertEquals(error.code, "invalid-argument", call.toString());
    assertStringIncludes(error.message, name);
  }
}

Deno.test("calls on a WebSocket name their wrong arguments, and it lives on", async () => {
  let wsi: Wsi | undefined;
  const x = record("x", (each, reason, _user, data) => {
    if (reason === "established") wsi = each;
    if (reason === "receive") each.write(data);
  });
  await using served = serve([x.protocol]);
  const socket = await served.open();
  check(wsi, OF_ALL);
  check(wsi, OF_WEBSOCKETS);
  socket.send({ opcode: 1, payload: "still here" });
  assertEquals(await socket.receiveText(), "still here");
  await served.pass(60_000);
  assertEquals(x.reasons.includes("closed"), false, "no timeout was set");
});

Deno.test("calls in answer to a request name their wrong arguments, and it can be answered", async () => {
  const http = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    check(wsi, OF_ALL);
    check(wsi, OF_REQUESTS);
    return reply(wsi, 200, "unharmed");
  });
  await using peer = await dialAlone([http.protocol]);
  for (let i = 0; i < 2; i++) {
    peer.send(request("GET", "/"));
    assertEquals(await readPage(peer), "unharmed");
  }
  peer.close();
});

Deno.test("calls on a client that is connecting name their wrong arguments, and it connects", async () => {
  await using served = serve([record("x").protocol]);
  const client = record("x");
  const wsi = served.client([client.protocol]).clientConnect({ address: "localhost", port: 80 });
  check(wsi, OF_ALL);
  await client.until("clientEstablished");
});

const OF_CONTEXTS: readonly Wrong<Loose>[] = [
  ["socketFd", (context) => context.peerAddresses(0.5)],
  ["socketFd", (context) => context.peerAddresses("1")],
  ["socketFd", (context) => context.hangupOnClient(NaN)],
  ["protocol", (context) => context.connections("none")],
  ["protocol", (context) => context.callbackOnWritableAllProtocol("none")],
  ["protocol", (context) => context.rxFlowAllowAllProtocol("none")],
  ["protocol", (context) => context.callbackOnWritableAllProtocol(undefined)],
  ["protocol", (context) => context.callbackOnWritableAllProtocol(record("x").protocol)],
  ["protocol", (context) => context.callbackAllProtocol(null, "user:x")],
  ["reason", (context) => context.callbackAllProtocol("x", "tea")],
  ["reason", (context) => context.callbackAllProtocol("x", 1000)],
  ["reason", (context) => context.callbackAllProtocol("x")],
  ["protocol", (context) => context.broadcast("none", "x")],
  ["data", (context) => context.broadcast("x", 5)],
  ["data", (context) => context.broadcast("x")],
  ["conn", (context) => context.adopt(undefined)],
  ["conn", (context) => context.adopt({})],
  ["conn", (context) => context.adopt({ read() {}, write() {}, close() {} })],
  ["info", (context) => context.clientConnect()],
  ["info", (context) => context.clientConnect(7)],
  ["address", (context) => context.clientConnect({ port: 80 })],
  ["port", (context) => context.clientConnect({ address: "x" })],
  ["port", (context) => context.clientConnect({ address: "x", port: 0 })],
  ["port", (context) => context.clientConnect({ address: "x", port: 65_536 })],
  ...([
    ["path", "x"],
    ["path", 5],
    ["path", "/a b"],
    ["host", "a b"],
    ["host", 5],
    ["origin", ""],
    ["origin", 5],
    ["protocol", "a b"],
    ["protocol", ["a", "a"]],
    ["protocol", [5]],
    ["protocol", 5],
    ["headers", [["a b", "c"]]],
    ["headers", [["host", "c"]]],
    ["headers", [["a", 5]]],
    ["headers", ["a: b"]],
    ["headers", 5],
    ["serverName", "localhost\0.test"],
    ["socketPath", "x\0y"],
    ["iface", "lo\0"],
    ["ssl", -1],
    ["ssl", 3],
    ["serverName", ""],
    ["serverName", 5],
    ["ssl", true],
    ["adress", "x"],
  ] as const).map(([field, value]): Wrong<Loose> => [
    field,
    (context) => context.clientConnect({ address: "x", port: 80, [field]: value }),
  ]),
];

Deno.test("calls on a context name their wrong arguments, and it serves on", async () => {
  await using served = serve([record("x").protocol]);
  check(served.context, OF_CONTEXTS);
  await assertRejects(
    () => served.context.resolvePeerAddresses("1" as Loose),
    LwsError,
    "socketFd",
  );
  await served.open();
});

Deno.test("clientConnect takes ssl 0, and no ssl", async () => {
  await using served = serve([record("x").protocol]);
  const client = record("x");
  const context = served.client([client.protocol]);
  context.clientConnect({ address: "localhost", port: 80, ssl: 0 });
  await client.until("clientEstablished");
});

Deno.test("the calls for polling say that an automatic context serves by itself", async () => {
  await using served = serve([record("x").protocol]);
  const { context } = served;
  const codeOf = (call: (context: Context) => unknown) =>
    assertThrows(() => call(context), LwsError).code;
  assertEquals(codeOf((each) => each.service(0)), "invalid-state");
  assertEquals(codeOf((each) => each.cancelService()), "invalid-state");
  assertEquals(codeOf((each) => each.serviceFd(null)), "invalid-state");
  assertEquals(codeOf((each) => each.poll([], 0)), "invalid-state");
});

Deno.test("createContext wants a struct", () => {
  using _log = captureLog([]);
  for (const info of [undefined, null, 80, "80"]) {
    const error = assertThrows(() => createContext(info as Loose), LwsError, "info");
    assertEquals(error.code, "invalid-option");
  }
});
