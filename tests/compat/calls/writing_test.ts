/** Writing to one connection and to all of a protocol, in each generation. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { box } from "../../../src/compat/engine/pointers.ts";
import type { Context, Wsi } from "../../../mod.ts";
import { servedOf } from "../../../src/compat/engine/served.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { readHead, readResponse } from "../../support/serve.ts";
import {
  acceptance,
  type Callback,
  DEC15,
  FACES,
  FEB11,
  logged,
  MAR13,
  OCT12,
  on,
  rig,
  SINCE_MAR13,
  withCall,
} from "../support.ts";
import { GET, keeping, noListen, quiet, talk, to } from "./protocols.ts";

// Writing.

for (const face of FACES) {
  Deno.test(`${face.name}: write returns what it did then, and sends len bytes of each kind`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const buf = new Uint8Array([0, 0, 104, 105, 33]).subarray(2);
    const returned = face === FEB11 || face === OCT12 ? 0 : 2;
    const send = (kind: number) => face.call("write", wsis[0], buf, 2, kind);
    for (const [kind, opcode] of [["TEXT", 1], ["BINARY", 2], ["PING", 9], ["PONG", 10]] as const) {
      assertEquals(send(api[`LWS_WRITE_${kind}`]), returned, kind);
      const frame = await server.pump(socket.receive());
      assertEquals([frame.opcode, frame.payload], [opcode, new Uint8Array([104, 105])]);
    }
    assertEquals(send(api.LWS_WRITE_HTTP), -1);
  });

  Deno.test(`${face.name}: a string is written whole by its bytes and by its length, else cut`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const text = "é!"; // two characters, three bytes
    for (const [len, sent] of [[3, text], [text.length, text], [1, "\u{FFFD}"]] as const) {
      face.call("write", wsis[0], text, len, face.api.LWS_WRITE_TEXT);
      const { payload } = await server.pump(socket.receive());
      assertEquals(new TextDecoder().decode(payload), sent, `${len}`);
    }
    const tooLong = logged(() => face.call("write", wsis[0], text, 4, face.api.LWS_WRITE_TEXT));
    assertEquals(tooLong.result, -1);
    assertStringIncludes(tooLong.lines.join("\n"), "len is 4; allowed: a whole number from 0 to 3");
  });

  Deno.test(`${face.name}: fragments are written with NO_FIN`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const next = api.LWS_WRITE_CONTINUATION ?? api.LWS_WRITE_TEXT;
    face.call("write", wsis[0], "a", 1, api.LWS_WRITE_TEXT | api.LWS_WRITE_NO_FIN);
    const { result, lines } = logged(() => face.call("write", wsis[0], "b", 1, next));
    const { fin, opcode } = await server.pump(socket.receive());
    assertEquals([fin, opcode], [false, 1]);
    if (api.LWS_WRITE_CONTINUATION !== undefined) {
      const last = await server.pump(socket.receive());
      assertEquals([last.fin, last.opcode], [true, 0]);
    } else {
      // There was no kind to go on with in 2011.
      assertEquals(result, -1);
      assertStringIncludes(lines.join("\n"), "fragmented message is open");
    }
  });

  Deno.test(`${face.name}: a length of 0 is warned of and returns 0, but for control frames`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const write = (kind: string) =>
      logged(() => face.call("write", wsis[0], new Uint8Array(0), 0, api[`LWS_WRITE_${kind}`]));
    const { result, lines } = write("TEXT");
    assertEquals(result, 0);
    assertMatch(lines.join("\n"), /write: len is 0, .*allowed for .*LWS_WRITE_CLOSE/);
    assertEquals(write("PING").lines.length > 0, face !== DEC15);
    assertEquals(write("CLOSE").result, 0);
    const opcodes = face === DEC15 ? [9, 8] : [8];
    for (const opcode of opcodes) {
      assertEquals((await server.pump(socket.receive())).opcode, opcode);
    }
    socket.peer.close();
  });

  Deno.test(`${face.name}: a client may send with the all-zero key`, async () => {
    let own: Wsi | undefined;
    const callback = on("CLIENT_ESTABLISHED", (wsi) => void (own = wsi));
    const protocols = [{ name: "talk", callback }];
    await using client = rig(face, { port: noListen(face), protocols });
    const listener = client.network.listen({ hostname: "127.0.0.1", port: 80 });
    const connected = face.call("client_connect", ...to(client.context));
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    peer.send(
      await acceptance(await client.pump(readHead(peer)), "Sec-WebSocket-Protocol: talk\r\n"),
    );
    await client.until(() => own !== undefined);
    await client.pump(Promise.resolve(connected));
    const flags = face.api.LWS_WRITE_TEXT | face.api.LWS_WRITE_CLIENT_IGNORE_XOR_MASK;
    assertEquals(face.call("write", own, "hi", 2, flags), face === FEB11 || face === OCT12 ? 0 : 2);
    const bytes = await client.pump(peer.readBytes(8));
    assertEquals([...bytes], [0x81, 0x82, 0, 0, 0, 0, 104, 105]);
    peer.close();
    listener.close();
  });

  Deno.test(`${face.name}: browsers may come from any origin, as then`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    await server.open({ ...talk, headers: ["Origin: https://elsewhere.example"] });
  });

  Deno.test(`${face.name}: what is kept of connections goes with them`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const client = server.also(face, { port: noListen(face), protocols: [quiet] });
    const connected = face.call("client_connect", ...to(client));
    await server.settle();
    const counts = () => [server.context, client].map((each) => servedOf(each)!.connections.size);
    assertEquals(counts(), [1, 1]);
    await server.pump(Promise.resolve(connected));
    client.hangupOnClient((await connected as Wsi).socketFd);
    await server.settle();
    assertEquals(counts(), [0, 0]);
  });
}

SINCE_MAR13.test("a close frame is written with its status and reason", async (face) => {
  const { wsis, protocols } = keeping();
  await using server = rig(face, { protocols });
  const socket = await server.open(talk);
  await server.settle();
  const status = face.api.LWS_CLOSE_STATUS_POLICY_VIOLATION;
  const payload = new Uint8Array([status >> 8, status & 255, ...new TextEncoder().encode("no")]);
  assertEquals(face.call("write", wsis[0], payload, 4, face.api.LWS_WRITE_CLOSE), 4);
  assertEquals(await server.pump(socket.receiveClose()), { code: 1008, reason: "no" });
  // Nothing is sent behind it.
  assertEquals(face.call("write", wsis[0], "hi", 2, face.api.LWS_WRITE_TEXT), -1);
  socket.peer.close();
});

FACES.test("callback_on_writable tells when the connection has ended, as far as it did then", async (face) => {
  const { wsis, protocols } = keeping();
  await using server = rig(face, { protocols });
  (await server.open(talk)).peer.close();
  await server.settle();
  const [wsi] = wsis;
  const result = face === OCT12 || face === MAR13
    ? face.call("callback_on_writable", server.context, wsi)
    : face.call("callback_on_writable", wsi);
  assertEquals(result, { feb11: 1, oct12: 1, mar13: -1, dec15: -1 }[face.name]);
  assertEquals(face.call("write", wsi, "hi", 2, face.api.LWS_WRITE_TEXT), -1);
});

Deno.test("dec15: LWS_WRITE_HTTP_FINAL ends the transaction", async () => {
  const { api } = DEC15;
  const callback = on("HTTP", (wsi) => {
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    api.lws_write(wsi, head, head.length, api.LWS_WRITE_HTTP_HEADERS);
    return api.lws_write(wsi, "ok", 2, api.LWS_WRITE_HTTP_FINAL) === 2 ? 0 : -1;
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial();
  for (let i = 0; i < 2; i++) {
    peer.send(GET);
    assertEquals((await server.pump(readResponse(peer))).body, "ok");
  }
  peer.close();
});

Deno.test("oct12: get_peer_addresses knows descriptors in callbacks only", async () => {
  const { wsis, protocols } = keeping();
  await using server = rig(OCT12, { protocols });
  await server.open(talk);
  await server.settle();
  const [name, rip] = [box("was"), box("was")];
  OCT12.call("get_peer_addresses", wsis[0]!.socketFd, name, 128, rip, 128);
  assertEquals([name.value, rip.value], ["", ""]);
});

for (const face of withCall("send_pipe_choked")) {
  Deno.test(`${face.name}: send_pipe_choked tells that 64 KiB are unsent, or more than may be`, async () => {
    // The most bytes of a frame, with its header, by which it is not choked.
    for (
      const [limits, most, header] of [[null, 65_535, 4], [
        { softUnsentBytes: 100 },
        100,
        2,
      ]] as const
    ) {
      const { wsis, protocols } = keeping();
      await using server = rig(face, { protocols, limits });
      const socket = await server.open(talk);
      await server.settle();
      const isChoked = () => face.call("send_pipe_choked", wsis[0]);
      for (const [length, expected] of [[most - header, 0], [most - header + 1, 1]] as const) {
        const bytes = new Uint8Array(length);
        face.call("write", wsis[0], bytes, length, face.api.LWS_WRITE_BINARY);
        assertEquals(isChoked(), expected, `${length} bytes`);
        assertEquals((await server.pump(socket.receive())).payload.length, length);
        await server.settle();
        assertEquals(isChoked(), 0);
      }
    }
  });
}

// All connections of a protocol.

for (const face of FACES) {
  const protocolCall = (last: string, context: Context, protocol: unknown, ...rest: unknown[]) =>
    face === DEC15
      ? face.call(last, context, protocol, ...rest)
      : face.call(last, protocol, ...rest);

  Deno.test(`${face.name}: callback_on_writable_all_protocol asks for all that use a protocol`, async () => {
    let count = 0;
    const callback: Callback = (_wsi, reason) => {
      if (/WRITEABLE/.test(reason)) count++;
    };
    const other = { name: "other", callback };
    await using server = rig(face, { protocols: [quiet, other] });
    for (const protocol of ["talk", "other", "other"]) await server.open({ protocol });
    await server.settle();
    const call = "callback_on_writable_all_protocol";
    assertEquals(protocolCall(call, server.context, face.structs[1]), 0);
    assertEquals(count, 0);
    await server.settle();
    assertEquals(count, 2);
    const stranger = { name: "other" };
    const { result, lines } = logged(() => protocolCall(call, server.context, stranger));
    assertEquals(result, -1);
    assertStringIncludes(lines.join("\n"), "protocol is none");
  });

  if (face.has("rx_flow_allow_all_protocol")) {
    Deno.test(`${face.name}: rx_flow_allow_all_protocol lets all receive again`, async () => {
      let count = 0;
      const { wsis, protocols } = keeping((_wsi, reason) => {
        if (reason === "RECEIVE") count++;
      });
      await using server = rig(face, {
        protocols: [...protocols, { ...protocols[0]!, name: "b" }],
      });
      const names = ["talk", "talk", "b"];
      const sockets = await Promise.all(names.map((protocol) => server.open({ protocol })));
      await server.settle();
      for (const wsi of wsis) assertEquals(face.call("rx_flow_control", wsi, 0), 0);
      for (const socket of sockets) socket.send({ opcode: 1, payload: "hi" });
      await server.settle();
      assertEquals(count, 0);
      protocolCall("rx_flow_allow_all_protocol", server.context, face.structs[0]);
      await server.settle();
      assertEquals(count, 2);
    });
  }

  Deno.test(`${face.name}: rx_flow_control stops and resumes one connection`, async () => {
    let count = 0;
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "RECEIVE") count++;
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    assertEquals(face.call("rx_flow_control", wsis[0], 0), 0);
    socket.send({ opcode: 1, payload: "hi" });
    await server.settle();
    assertEquals(count, 0);
    assertEquals(face.call("rx_flow_control", wsis[0], 1), 0);
    await server.until(() => count === 1);
    socket.peer.close();
    await server.settle();
    assertEquals(face.call("rx_flow_control", wsis[0], 0), face === FEB11 ? 1 : 0);
  });
}

for (const face of withCall("callback_all_protocol")) {
  Deno.test(`${face.name}: callback_all_protocol calls with any number at once, and ignores results`, async () => {
    const calls: unknown[] = [];
    const { wsis, protocols } = keeping((_wsi, reason, user, input, len) => {
      if (reason === "1001" || reason === "HTTP") calls.push([reason, user, input, len]);
      return reason === "1001" ? -1 : 0;
    });
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.settle();
    const all = (reason: number) =>
      face.call("callback_all_protocol", server.context, face.structs[0], reason);
    assertEquals(all(face.api.LWS_CALLBACK_USER + 1), 0);
    assertEquals(all(face.api.LWS_CALLBACK_HTTP), 0);
    assertEquals(calls, [["1001", null, null, 0], ["HTTP", null, null, 0]]);
    await server.settle();
    assertEquals(face.call("callback_on_writable", wsis[0]), 1);
  });
}
