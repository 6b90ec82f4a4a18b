/** Which reasons come, to whom, in which order (the C library's typical sequences). */

import { assertEquals } from "@std/assert";
import { dialAlone, openAlone, readResponse, serve } from "../../support/serve.ts";
import { record } from "../../support/recorder.ts";
import { reply } from "../../support/http.ts";

Deno.test("an accepted connection that serves HTTP tells the first protocol, in order", async () => {
  const http = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    return reply(wsi, 200, "hello");
  });
  {
    await using peer = await dialAlone([http.protocol]);
    for (let request = 0; request < 2; request++) {
      peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
      await readResponse(peer);
    }
    peer.close();
    await http.until("wsiDestroy");
  }
  assertEquals(http.reasons, [
    "protocolInit",
    "filterNetworkConnection",
    "wsiCreate",
    "serverNewClientInstantiated",
    "filterHttpConnection",
    "http",
    "filterHttpConnection",
    "http",
    "closedHttp",
    "wsiDestroy",
    "protocolDestroy",
  ]);
});

Deno.test("an accepted connection that becomes a WebSocket moves to its protocol, in order", async () => {
  const all: string[] = [];
  const http = record("http", undefined, all);
  const echo = record("echo", (wsi, reason, _user, data) => {
    if (reason === "receive") {
      wsi.write(data);
      wsi.callbackOnWritable();
    }
  }, all);
  {
    await using socket = await openAlone([http.protocol, echo.protocol], {}, { protocol: "echo" });
    socket.send({ opcode: 1, payload: "hi" }, { opcode: 10 }, { opcode: 9 });
    assertEquals(await socket.receiveText(), "hi");
    await echo.until("serverWriteable");
    socket.send({ opcode: 8 });
    socket.peer.close();
    await http.until("wsiDestroy");
  }
  assertEquals(all, [
    "http: protocolInit",
    "echo: protocolInit",
    "http: filterNetworkConnection",
    "http: wsiCreate",
    "http: serverNewClientInstantiated",
    "echo: filterProtocolConnection",
    "echo: established",
    "echo: receive",
    "echo: receivePong",
    "echo: receivePing",
    "echo: serverWriteable",
    "echo: closed",
    "http: wsiDestroy",
    "http: protocolDestroy",
    "echo: protocolDestroy",
  ]);
});

Deno.test("a client's life comes in order, and its errors to the first protocol", async () => {
  const all: string[] = [];
  const first = record("first", undefined, all);
  const chat = record("chat", (wsi, reason, _user, _data) => {
    if (reason === "clientEstablished") wsi.callbackOnWritable();
    if (reason === "clientWriteable") {
      wsi.write("hello");
      wsi.write("now", "ping");
    }
    if (reason === "clientReceivePong") wsi.close(1000);
  }, all);
  const server = record("chat", { receive: (wsi, _user, data) => void wsi.write(data) });
  {
    await using served = serve([server.protocol]);
    const client = served.client([first.protocol, chat.protocol]);
    client.clientConnect({ address: "server", port: 80, protocol: "chat" });
    assertEquals(all.slice(2), [], "nothing comes before clientConnect has returned");
    await first.until("wsiDestroy");
    client.clientConnect({ address: "server", port: 81 });
    await first.until("wsiDestroy", 2);
  }
  assertEquals(all, [
    "first: protocolInit",
    "chat: protocolInit",
    "first: clientAppendHandshakeHeader",
    "chat: clientFilterPreEstablish",
    "chat: clientEstablished",
    "chat: clientWriteable",
    "chat: clientReceive",
    "chat: clientReceivePong",
    "chat: closed",
    "first: wsiDestroy",
    "first: clientConnectionError",
    "first: wsiDestroy",
    "first: protocolDestroy",
    "chat: protocolDestroy",
  ]);
});

Deno.test("user belongs to the protocol in use, from the first callback of a connection on", async () => {
  const seen: string[] = [];
  const note = (reason: string, user: unknown) => {
    seen.push(`${reason} ${(user as { of: string } | undefined)?.of}`);
  };
  const http = record("http", (_wsi, reason, user, _data) => note(reason, user));
  const echo = record("echo", (_wsi, reason, user, _data) => note(reason, user));
  {
    await using socket = await openAlone([http.protocol, echo.protocol], {}, { protocol: "echo" });
    socket.send({ opcode: 8 });
    socket.peer.close();
    await http.until("wsiDestroy");
  }
  assertEquals(seen, [
    "protocolInit undefined",
    "protocolInit undefined",
    "filterNetworkConnection undefined",
    "wsiCreate http",
    "serverNewClientInstantiated http",
    "filterProtocolConnection echo",
    "established echo",
    "closed echo",
    "wsiDestroy echo",
    "protocolDestroy undefined",
    "protocolDestroy undefined",
  ]);
});

Deno.test("a refused handshake ends as HTTP, with the first protocol's user", async () => {
  const http = record("http");
  const echo = record(
    "echo",
    (_wsi, reason, _user, _data) => reason === "filterProtocolConnection" ? 1 : 0,
  );
  await using served = serve([http.protocol, echo.protocol]);
  const users: unknown[] = [];
  const { callback } = http.protocol;
  (http.protocol as { callback: unknown }).callback = (...args: Parameters<typeof callback>) => {
    if (args[1] === "closedHttp" || args[1] === "wsiDestroy") users.push(args[2]);
    return callback(...args);
  };
  const peer = await served.dial(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Protocol: echo\r\n\r\n",
  );
  assertEquals((await readResponse(peer)).head.split("\r\n")[0], "HTTP/1.1 403 Forbidden");
  peer.close();
  await http.until("wsiDestroy");
  assertEquals(users, [{ of: "http" }, { of: "http" }]);
  assertEquals(echo.reasons, ["protocolInit", "filterProtocolConnection"]);
});
