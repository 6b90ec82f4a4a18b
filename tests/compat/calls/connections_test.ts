/** Calls on one connection, and clients, in each generation. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { box } from "../../../src/compat/engine/pointers.ts";
import { createContext } from "../../../mod.ts";
import type { Wsi } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { PATIENT } from "../../support/patience.ts";
import { readHead, settle } from "../../support/serve.ts";
import type { Callback } from "../support.ts";
import { DEC15, FACES, FEB11, logged, MAR13, OCT12, on, rig, withCall } from "../support.ts";
import { named } from "../../support/named.ts";
import { keeping, noListen, quiet, talk, to } from "./protocols.ts";

// One connection.

for (const face of withCall("frame_is_binary")) {
  Deno.test(`${face.name}: frame_is_binary tells text and binary apart, fragments included`, async () => {
    const seen: unknown[] = [];
    const { protocols } = keeping((wsi, reason) => {
      if (reason === "RECEIVE") seen.push(face.call("frame_is_binary", wsi));
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    socket.send(
      { opcode: 1, payload: "a" },
      { opcode: 2, payload: "b", fin: false },
      { opcode: 0, payload: "c" },
    );
    await server.until(() => seen.length === 3);
    assertEquals(seen, [0, 1, 1]);
  });
}

withCall("get_reserved_bits").test("get_reserved_bits are 0 without an extension", async (face) => {
  const seen: unknown[] = [];
  const { protocols } = keeping((wsi, reason) => {
    if (reason === "RECEIVE") seen.push(face.call("get_reserved_bits", wsi));
  });
  await using server = rig(face, { protocols });
  (await server.open(talk)).send({ opcode: 1, payload: "a" });
  await server.until(() => seen.length === 1);
  assertEquals(seen, [0]);
});

FACES.test("get_socket_fd is a number of each connection's own", async (face) => {
  const { wsis, protocols } = keeping();
  await using server = rig(face, { protocols });
  await server.open(talk);
  await server.open(talk);
  await server.settle();
  const fds = wsis.map((wsi) => face.call("get_socket_fd", wsi) as number);
  assertEquals(new Set(fds).size, 2);
  assert(fds.every(Number.isInteger));
});

for (const face of withCall("get_peer_addresses")) {
  Deno.test(`${face.name}: get_peer_addresses fills in what is known, cut to its size with its end`, async () => {
    const seen: string[][] = [];
    const callback = on("FILTER_NETWORK_CONNECTION", (wsi, user, input) => {
      const fd = face === OCT12 ? user : input;
      for (const size of [128, 5, 0]) {
        const [name, rip] = [box("was"), box("was")];
        const given = [fd, name, 128, rip, size];
        if (face === OCT12) face.call("get_peer_addresses", ...given);
        else if (face === MAR13) face.call("get_peer_addresses", wsi.context, wsi, ...given);
        else face.call("get_peer_addresses", wsi, ...given);
        seen.push([name.value, rip.value]);
      }
    });
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const peer = await server.dial();
    await server.until(() => seen.length === 3);
    const [[name, ip], [, cut], [, nothing]] = seen as [string[], string[], string[]];
    assertEquals(name, "");
    assertMatch(ip!, /^[\d.:a-f]+$/);
    assertEquals([cut, nothing], [ip!.slice(0, 4), ""]);
    peer.close();
  });
}

for (const face of withCall("set_timeout")) {
  Deno.test(`${face.name}: set_timeout cuts the connection when the time is over, and not when it is called off`, async () => {
    const calls: string[] = [];
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "CLOSED") calls.push(reason);
    });
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.settle();
    const [wsi] = wsis;
    const { api } = face;
    face.call("set_timeout", wsi, api.PENDING_TIMEOUT_AWAITING_PING, 5);
    face.call("set_timeout", wsi, api.NO_PENDING_TIMEOUT, 0);
    server.clock.advance(60_000);
    await server.settle();
    assertEquals(calls, []);
    face.call("set_timeout", wsi, api.PENDING_TIMEOUT_AWAITING_PING, 5);
    server.clock.advance(7000);
    await server.until(() => calls.length === 1);
    const { lines } = logged(() => face.call("set_timeout", wsi, 99, 5));
    assertStringIncludes(lines.join("\n"), "set_timeout");
  });
}

for (const face of withCall("hangup_on_client")) {
  Deno.test(`${face.name}: hangup_on_client ends a connection without a close frame, and leaves others`, async () => {
    const calls: string[] = [];
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "CLOSED") calls.push(reason);
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    face.call("hangup_on_client", server.context, 999);
    await server.settle();
    assertEquals(calls, []);
    face.call("hangup_on_client", server.context, wsis[0]!.socketFd);
    assertEquals((await server.pump(socket.peer.readToEnd())).length, 0);
    await server.until(() => calls.length === 1);
  });
}

Deno.test("dec15: is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection", async () => {
  const { wsis, protocols } = keeping();
  await using server = rig(DEC15, { protocols });
  await server.open(talk);
  await server.settle();
  const [wsi] = wsis;
  assertEquals(DEC15.call("is_ssl", wsi), 0);
  assertEquals(DEC15.call("wsi_user", wsi), null);
  assertEquals(DEC15.call("get_context", wsi), server.context);
  assertEquals(DEC15.call("get_peer_write_allowance", wsi), -1);
});

// Clients.

for (const face of FACES) {
  Deno.test(`${face.name}: client_connect makes a connection that talks with a server`, async () => {
    const calls: string[] = [];
    const note = (side: string): Callback => (wsi, reason, _user, input, len) => {
      if (/ESTABLISHED|RECEIVE|CLOSED/.test(reason)) calls.push(`${side} ${reason}`);
      if (reason === "CLIENT_ESTABLISHED") {
        face.call("write", wsi, "hello", 5, face.api.LWS_WRITE_TEXT);
      }
      if (reason === "RECEIVE") face.call("write", wsi, input, len, face.api.LWS_WRITE_BINARY);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback: note("server") }] });
    const client = server.also(face, {
      port: noListen(face),
      protocols: [{ name: "talk", callback: note("client") }],
    });
    const wsi = face.call("client_connect", ...to(client));
    assertEquals(wsi instanceof Promise, face === FEB11);
    await server.until(() => calls.includes("client CLIENT_RECEIVE"));
    assertEquals(calls, [
      "server ESTABLISHED",
      "client CLIENT_ESTABLISHED",
      "server RECEIVE",
      "client CLIENT_RECEIVE",
    ]);
    await server.pump(Promise.resolve(wsi));
  });

  Deno.test(`${face.name}: client_connect returns null for wrong arguments`, async () => {
    await using client = rig(face, { port: noListen(face), protocols: [quiet] });
    const { context } = client;
    const wrong: Record<string, readonly unknown[]> = {
      port: [context, "h", 0, 0, "/", "h", null, null, -1],
      address: [context, "", 80, 0, "/", "h", null, null, -1],
      path: [context, "h", 80, 0, "no slash", "h", null, null, -1],
      ssl: [context, "h", 80, 3, "/", "h", null, null, -1],
    };
    for (const [name, args] of Object.entries(wrong)) {
      const { result, lines } = logged(() => face.call("client_connect", ...args));
      assertEquals(await result, null, name);
      assertMatch(lines.join("\n"), new RegExp(`err: \\w+client_connect: .*${name}`));
    }
  });
}

for (const face of withCall("client_connect_extended")) {
  Deno.test(`${face.name}: client_connect_extended gives the connection its user, from the first callback on`, async () => {
    const mine = { own: true };
    const users: unknown[] = [];
    const callback: Callback = (_wsi, reason, user) => {
      if (/^CLIENT_(ESTABLISHED|FILTER)/.test(reason)) users.push(user);
    };
    await using server = rig(face, { protocols: [quiet] });
    const protocols = [{ name: "talk", callback, per_session_data_size: 4 }];
    const client = server.also(face, { port: noListen(face), protocols });
    face.call("client_connect_extended", ...to(client), mine);
    await server.until(() => users.length > 0);
    await server.settle();
    assert(users.every((user) => user === mine));
  });
}

Deno.test("dec15: an origin gets http:// in front, unless it has a scheme", async () => {
  for (const [origin, sent] of [["me", "http://me"], ["https://me", "https://me"]]) {
    await using client = rig(DEC15, { port: -1, protocols: [quiet] });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    DEC15.call("client_connect", client.context, "h", 80, 0, "/", "h", origin, null, -1);
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    assertStringIncludes(await client.pump(readHead(peer)), `Origin: ${sent}\r\n`);
    peer.close();
    listener.close();
  }
});

Deno.test("contexts and connections of the main API can be passed", async () => {
  const network = new MemoryNetwork();
  const established: Wsi[] = [];
  const protocols = [named("talk", { established: (wsi) => void established.push(wsi) })];
  await using context = createContext({ port: 80, network, ...PATIENT, protocols });
  const clientContext = createContext({ port: -1, network, ...PATIENT, protocols });
  const wsi = await FEB11.call("client_connect", ...to(clientContext)) as Wsi;
  assertEquals(wsi.isClient, true);
  for (let i = 0; established.length === 0; i++) await settle();
  const { api } = DEC15;
  assertEquals(api.lws_write(established[0], "hi", 2, api.LWS_WRITE_TEXT), 2);
  assertEquals(api.lws_get_protocol(established[0]), null);
  const fd = await api.lws_plat_file_open(established[0], "/none", box(0), api.O_RDONLY);
  assertEquals(fd, api.LWS_INVALID_FILE);
  assertEquals(api.lws_context_user(context), null);
  await api.lws_context_destroy(clientContext);
});
