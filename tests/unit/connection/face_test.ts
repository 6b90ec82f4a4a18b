/** What programs can reach of a connection. */

import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { FileOps, Protocol, Reason, Wsi } from "../../../mod.ts";
import { callbackExtension, LwsError } from "../../../mod.ts";
import { behind } from "../../../src/base/face.ts";
import { readResponse, serve, settle } from "../../support/serve.ts";
import { assertIsFace } from "../../support/wsi_members.ts";

Deno.test("a program gets the members of Wsi in every reason, and nothing else of the connection", async () => {
  const seen = new Map<Reason, Wsi>();
  const note: Protocol["callback"] = (...[wsi, reason]) => {
    seen.set(reason, wsi);
    if (reason === "http") return wsi.respond(200, "hello");
    if (reason === "established") wsi.write("hello");
    if (reason === "clientReceive") wsi.close(1000);
  };
  await using served = serve([{ name: "chat", callback: note }]);
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await readResponse(peer);
  const client = served.client([{ name: "chat", callback: note }]);
  const made = client.clientConnect({ address: "localhost", port: 80, protocol: "chat" });
  await settle();

  for (const [reason, wsi] of seen) assertIsFace(wsi, reason);
  for (const reason of ["http", "established", "clientReceive", "closed"] as const) {
    assertEquals(seen.has(reason), true, reason);
  }
  assertStrictEquals(seen.get("clientEstablished"), made, "what clientConnect returned");
  assertStrictEquals(seen.get("clientReceive"), made);
});

Deno.test("extensions and file operations get a Wsi, and no connection", async () => {
  const seen = new Map<string, Wsi>();
  const extension = callbackExtension({
    name: "x-note",
    callback: (...[, , wsi, reason]) => {
      if (wsi !== undefined) seen.set(reason, wsi);
      return 0;
    },
  });
  const none = () => 0;
  const fileOps: FileOps = {
    open(wsi) {
      seen.set("open", wsi);
      throw new Error("there is none");
    },
    close() {},
    seekCur: none,
    read: none,
    write: none,
  };
  await using served = serve([{
    name: "chat",
    callback: (...[wsi, reason]) => reason === "http" ? wsi.serveHttpFile("/x") : 0,
  }], { extensions: [extension], fileOps });
  const peer = await served.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await readResponse(peer);
  const websocket = await served.open({ headers: ["Sec-WebSocket-Extensions: x-note"] });
  websocket.send({ opcode: 1, payload: "hello" });
  await settle();

  for (const [reason, wsi] of seen) assertIsFace(wsi, reason);
  for (const reason of ["open", "construct", "anyWsiEstablished", "payloadRx"]) {
    assertEquals(seen.has(reason), true, reason);
  }
});

Deno.test("what adopt returns is what the callbacks get", async () => {
  const seen: Wsi[] = [];
  await using served = serve([{
    name: "chat",
    callback: (...[wsi, reason]) => void (reason === "wsiCreate" && seen.push(wsi)),
  }]);
  const wsi = served.context.adopt({
    localAddr: { hostname: "server" },
    remoteAddr: { hostname: "peer" },
    read: () => Promise.resolve(null),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  });
  assertIsFace(wsi!, "adopt");
  assertStrictEquals(seen[0], wsi);
});

Deno.test("only a face has something behind it", () => {
  for (const other of [{ callbackOnWritable() {} }, null, undefined, 1]) {
    assertEquals(assertThrows(() => behind(other as object), LwsError).code, "invalid-argument");
  }
});

Deno.test("what is made of a Wsi or a Context is refused by name, and does nothing to it", async () => {
  const seen: Wsi[] = [];
  const note: Protocol["callback"] = (...[wsi, reason]) =>
    void (reason === "established" && seen.push(wsi));
  await using served = serve([{ name: "chat", callback: note }]);
  const peer = await served.open();
  const wsi = seen[0]!;
  const made = (face: object) => [new Proxy(face, {}), Object.create(face), { ...face }];
  for (const other of made(wsi)) {
    for (const call of [() => wsi.write.call(other, "no"), () => wsi.close.call(other)]) {
      assertEquals(assertThrows(call, LwsError).code, "invalid-argument");
    }
    const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(wsi), "socketFd")!;
    assertEquals(assertThrows(() => get!.call(other), LwsError).code, "invalid-argument");
  }
  const { context } = served;
  for (const other of made(context)) {
    for (
      const call of [() => context.destroy.call(other), () => context.setProxy.call(other, "p:1")]
    ) {
      assertEquals(assertThrows(call, LwsError).code, "invalid-argument");
    }
  }
  wsi.write("yes");
  assertEquals(await peer.receiveText(), "yes");
});

Deno.test("a log shows which Wsi or Context it is, and nothing throws for what is made of one", async () => {
  const seen: Wsi[] = [];
  const note: Protocol["callback"] = (...[wsi, reason]) =>
    void (reason === "established" && seen.push(wsi));
  await using served = serve([{ name: "chat", callback: note }]);
  await served.open();
  const wsi = seen[0]!;
  assertEquals(String(wsi), `[object Wsi ${wsi.socketFd} of server, chat]`);
  assertStringIncludes(Deno.inspect(wsi), `[Wsi ${wsi.socketFd} of server, chat]`);
  assertEquals(String(served.context), "[object Context on port 80]");
  for (const face of [wsi, served.context]) {
    for (const other of [new Proxy(face, {}), Object.create(face), Object.getPrototypeOf(face)]) {
      assertStringIncludes(Deno.inspect(other), face === wsi ? "Wsi" : "Context");
    }
    assertEquals(JSON.stringify(face), "{}");
  }
  void served.context.destroy();
  assertEquals(String(served.context), "[object Context, destroyed]");
});
