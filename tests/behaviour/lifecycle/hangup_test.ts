/** Ending connections by their descriptors. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError, type Wsi } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { request } from "../../support/http.ts";
import { handshake, openAlone, serve, settle } from "../../support/serve.ts";

Deno.test("hangupOnClient ends a WebSocket without a close frame, and tells later", async () => {
  const http = record("http");
  const ends: unknown[] = [];
  let wsi: Wsi | undefined;
  const echo = record("echo", (each, reason, _user, data) => {
    if (reason === "established") wsi = each;
    if (reason === "closed") ends.push(data);
  });
  await using served = serve([http.protocol, echo.protocol]);
  const socket = await served.open({ protocol: "echo" });
  assertEquals(served.context.hangupOnClient(wsi!.socketFd), 0);
  assertEquals(ends, [], "never from inside the call");
  assertEquals((await socket.peer.readToEnd()).length, 0);
  await http.until("wsiDestroy");
  assertEquals(ends, [{ code: 1006, reason: "", wasClean: false, cause: "self" }]);
  assertEquals(served.context.hangupOnClient(wsi!.socketFd), 0, "it is unknown now");
  await settle();
  assertEquals(ends.length, 1);
});

Deno.test("a callback may hang up its own connection, and hears no more of it", async () => {
  let received = 0;
  const echo = record("echo", (wsi, reason, _user, _data) => {
    if (reason !== "receive") return;
    received++;
    wsi.context.hangupOnClient(wsi.socketFd);
    assert(!echo.reasons.includes("closed"));
    assertEquals(wsi.write("late"), -1);
  });
  await using socket = await openAlone([echo.protocol]);
  socket.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" }, { opcode: 9 });
  await echo.until("closed");
  assertEquals(received, 1);
  assert(!echo.reasons.includes("receivePing"));
});

Deno.test("hangupOnClient ends HTTP connections, in a request and between requests", async () => {
  for (const inRequest of [true, false]) {
    const http = record("http", (wsi, reason, _user, _data) => {
      if (reason !== "http") return;
      if (inRequest) wsi.context.hangupOnClient(wsi.socketFd);
    });
    await using served = serve([http.protocol]);
    const peer = await served.dial();
    await http.until("wsiCreate");
    if (inRequest) peer.send(request("GET", "/") + request("GET", "/"));
    else assertEquals(served.context.hangupOnClient(1), 0);
    assertEquals((await peer.readToEnd()).length, 0);
    await http.until("closedHttp");
    assertEquals(http.reasons.filter((each) => each === "http").length, inRequest ? 1 : 0);
  }
});

Deno.test("a client that is still connecting fails, and says why", async () => {
  await using served = serve([record("x").protocol]);
  for (const held of [true, false]) {
    if (held) served.network.hold();
    let why: unknown;
    const client = record("x", { clientConnectionError: (_wsi, _user, data) => void (why = data) });
    const context = served.client([client.protocol]);
    const wsi = context.clientConnect({ address: "localhost", port: 80 });
    context.hangupOnClient(wsi.socketFd);
    assertEquals(why, undefined);
    await client.until("clientConnectionError");
    assertEquals(why, "closed before it was established");
    served.network.release();
  }
});

Deno.test("an unknown descriptor is nobody's, and what is none is refused by name", async () => {
  const echo = record("x");
  await using served = serve([echo.protocol]);
  await served.open();
  for (const fd of [0, 2, 999, -1]) assertEquals(served.context.hangupOnClient(fd), 0);
  await settle();
  assert(!echo.reasons.includes("closed"));
  for (const fd of [1.5, NaN, "1", undefined, null]) {
    assertThrows(() => served.context.hangupOnClient(fd as number), LwsError, "socketFd is ");
  }
});

Deno.test("a context that is serviced by hand tells of the end in service", async () => {
  let wsi: Wsi | undefined;
  const x = record("x", { established: (each) => void (wsi = each) });
  await using served = serve([x.protocol], { service: "manual" });
  const peer = await served.dial(handshake());
  while (wsi === undefined) await served.context.service(0);
  served.context.hangupOnClient(wsi.socketFd);
  await settle();
  assert(!x.reasons.includes("closed"));
  while (!x.reasons.includes("closed")) await served.context.service(0);
  peer.close();
});
