/** The calls by which programs of 2011 and 2012 ended connections, when what callbacks return did not. */

import { assertEquals } from "@std/assert";
import type { Wsi } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readHead } from "../support/serve.ts";
import { acceptance, type Callback, FEB11, OCT12, on, rig } from "./support.ts";

const STATUSES: readonly [name: string, sent: number][] = [
  ["NORMAL", 1000],
  ["GOINGAWAY", 1001],
  ["PROTOCOL_ERR", 1002],
  ["UNACCEPTABLE_OPCODE", 1003],
  ["PAYLOAD_TOO_LARGE", 1009],
];

for (const [name, sent] of STATUSES) {
  Deno.test(`oct12: close_and_free_session ends a session with a status, ${name}`, async () => {
    const reasons: string[] = [];
    const callback: Callback = (wsi, reason) => {
      reasons.push(reason);
      if (reason !== "RECEIVE") return 0;
      const status = OCT12.api[`LWS_CLOSE_STATUS_${name}`];
      OCT12.call("close_and_free_session", wsi.context, wsi, status);
    };
    await using server = rig(OCT12, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open({ protocol: "talk" });
    socket.send({ opcode: 1, payload: "x" }, { opcode: 1, payload: "too late" });
    assertEquals((await server.pump(socket.receiveClose())).code, sent);
    socket.send({ opcode: 8, payload: Uint8Array.of(sent >> 8, sent & 255) });
    socket.peer.close();
    await server.until(() => reasons.includes("CLOSED"));
    assertEquals(reasons.filter((each) => /RECEIVE|CLOSED/.test(each)), ["RECEIVE", "CLOSED"]);
  });
}

Deno.test("oct12: close_and_free_session with NOSTATUS ends a session without a close frame, and HTTP at once", async () => {
  const reasons: string[] = [];
  const callback: Callback = (wsi, reason) => {
    reasons.push(reason);
    if (reason !== "RECEIVE" && reason !== "HTTP") return 0;
    const { LWS_CLOSE_STATUS_NOSTATUS, LWS_CLOSE_STATUS_NORMAL } = OCT12.api;
    const status = reason === "HTTP" ? LWS_CLOSE_STATUS_NORMAL : LWS_CLOSE_STATUS_NOSTATUS;
    OCT12.call("close_and_free_session", wsi.context, wsi, status);
  };
  await using server = rig(OCT12, { protocols: [{ name: "talk", callback }] });
  const socket = await server.open({ protocol: "talk" });
  socket.send({ opcode: 1, payload: "x" });
  assertEquals((await server.pump(socket.peer.readToEnd())).length, 0);
  await server.until(() => reasons.includes("CLOSED"));
  const peer = await server.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals((await server.pump(peer.readToEnd())).length, 0);
});

Deno.test("feb11: client_close ends a client at once, without a close frame", async () => {
  const reasons: string[] = [];
  const callback: Callback = (wsi, reason) => {
    reasons.push(reason);
    if (reason === "CLIENT_RECEIVE") FEB11.call("client_close", wsi);
  };
  await using client = rig(FEB11, {
    port: FEB11.api.CONTEXT_PORT_NO_LISTEN,
    protocols: [{ name: "talk", callback }],
  });
  const listener = client.network.listen({ hostname: "h", port: 80 });
  const target = [client.context, "h", 80, 0, "/", "h", null, "talk", -1];
  const connected = FEB11.call("client_connect", ...target) as Promise<Wsi | null>;
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  const request = await client.pump(readHead(peer));
  peer.send(await acceptance(request, "Sec-WebSocket-Protocol: talk\r\n"));
  await client.pump(connected);
  peer.send(Uint8Array.of(0x81, 1, 65));
  assertEquals((await client.pump(peer.readToEnd())).length, 0);
  await client.until(() => reasons.includes("CLOSED"));
  assertEquals(reasons, ["CLIENT_ESTABLISHED", "CLIENT_RECEIVE", "CLOSED"]);
  listener.close();
});

Deno.test("oct12: ensure_user_space finds the user there already, in each callback that gets it", async () => {
  const users: unknown[] = [];
  const callback = on("ESTABLISHED", (wsi, user) => {
    assertEquals(OCT12.call("ensure_user_space", wsi), undefined);
    users.push(user, wsi.user);
  });
  const protocols = [{ name: "talk", callback, per_session_data_size: 4 }];
  await using server = rig(OCT12, { protocols });
  await server.open({ protocol: "talk" });
  await server.settle();
  assertEquals(users[0] instanceof ArrayBuffer, true);
  assertEquals(users[0] === users[1], true);
});

Deno.test("feb11: callback_on_writable of an HTTP connection brings CLIENT_WRITEABLE", async () => {
  const { api } = FEB11;
  const page = "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi";
  const reasons: string[] = [];
  const callback: Callback = (wsi, reason) => {
    reasons.push(reason);
    if (reason === "HTTP") FEB11.call("callback_on_writable", wsi);
    if (reason === "CLIENT_WRITEABLE") {
      FEB11.call("write", wsi, page, page.length, api.LWS_WRITE_HTTP);
    }
  };
  await using server = rig(FEB11, { protocols: [{ name: "talk", callback }] });
  const peer = await server.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const answer = await server.pump(peer.readBytes(page.length));
  assertEquals(new TextDecoder().decode(answer), page);
  assertEquals(reasons, ["HTTP", "CLIENT_WRITEABLE"]);
});

Deno.test("oct12: callback_on_writable of an HTTP connection brings nothing, as then", async () => {
  const reasons: string[] = [];
  const callback: Callback = (wsi, reason) => {
    if (!reason.includes("POLL")) reasons.push(reason);
    if (reason === "HTTP") OCT12.call("callback_on_writable", wsi.context, wsi);
  };
  await using server = rig(OCT12, { protocols: [{ name: "talk", callback }] });
  const peer = await server.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await server.settle();
  assertEquals(reasons, ["FILTER_NETWORK_CONNECTION", "HTTP"]);
  peer.close();
});
