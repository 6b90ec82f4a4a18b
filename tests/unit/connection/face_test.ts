/** What programs can reach of a connection. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  callbackExtension,
  type FileOps,
  type Protocol,
  type Reason,
  type Wsi,
} from "../../../mod.ts";
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
  assertThrows(() => behind({ callbackOnWritable() {} }), TypeError);
});
