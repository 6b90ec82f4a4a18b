/** Extensions as C structs. */

// deno-lint-ignore-file no-explicit-any -- as in C

import { assertEquals, assertStringIncludes } from "@std/assert";
import { setLogLevel, type Wsi } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readHead } from "../support/serve.ts";
import { DEC15, type Face, MAR13, OCT12, type ProtocolSpec, rig } from "./support.ts";

const internal = (face: Face) =>
  face === OCT12 ? face.api.libwebsocket_internal_extensions : face.call("get_internal_extensions");

for (const face of [OCT12, MAR13, DEC15]) {
  const name = face === OCT12 ? "deflate-stream" : "deflate-frame";

  Deno.test(`${face.name}: the extensions that were built in are negotiated`, async () => {
    for (let i = 0; i < 2; i++) {
      await using server = rig(face, {
        extensions: internal(face),
        protocols: [{ name: "talk", callback: () => 0 }],
      });
      const headers = [`Sec-WebSocket-Extensions: ${name}`];
      const { answer } = await server.open({ protocol: "talk", headers });
      assertStringIncludes(answer, `Sec-WebSocket-Extensions: ${name}`);
    }
  });

  Deno.test(`${face.name}: lists of extensions end with a null callback`, async () => {
    const end = { name: null, callback: null };
    await using server = rig(face, {
      extensions: [end, ...internal(face)],
      protocols: [{ name: "talk", callback: () => 0 }],
    });
    const headers = [`Sec-WebSocket-Extensions: ${name}`];
    const { answer } = await server.open({ protocol: "talk", headers });
    assertEquals(answer.includes("Extensions"), false);
  });
}

for (const face of [OCT12, MAR13, DEC15]) {
  const reasons = new Map<number, string>();
  for (const [name, number] of Object.entries(face.api)) {
    if (name.startsWith("LWS_EXT_CALLBACK_")) reasons.set(number, name.slice(17));
  }
  const payloadReasons = face === OCT12 ? [] : ["PAYLOAD_RX", "PAYLOAD_TX"];

  Deno.test(`${face.name}: an extension of a struct is called for what it is on`, async () => {
    const calls: string[] = [];
    const shouts = {
      name: "x-shout",
      per_session_data_size: 4,
      per_context_private_data: { kept: true },
      callback(
        context: any,
        ext: any,
        _wsi: any,
        reason: number,
        user: any,
        input: any,
        len: number,
      ) {
        const name = reasons.get(reason)!;
        if (!calls.includes(name)) calls.push(name);
        assertEquals(ext, shouts);
        assertEquals(ext.per_context_private_data.kept, true);
        assertEquals(typeof context.port, "number");
        assertEquals(len, 0);
        if (name === "CONSTRUCT") assertEquals(user, new ArrayBuffer(4));
        if (name === "PAYLOAD_RX" || name === "PAYLOAD_TX") {
          assertEquals(input.token_len, input.token.length);
          // A token of its own, and one changed in place.
          if (name === "PAYLOAD_TX") input.token = input.token.map((byte: number) => byte - 32);
          else input.token_len = 3;
        }
        return 0;
      },
    };
    await using server = rig(face, {
      extensions: [shouts, { name: null, callback: null }],
      protocols: [{
        name: "talk",
        callback(wsi, reason, _user, input, len) {
          if (reason === "RECEIVE") {
            face.call("write", wsi, input, len, face.api.LWS_WRITE_TEXT);
          }
        },
      }],
    });
    const headers = ["Sec-WebSocket-Extensions: x-shout"];
    const socket = await server.open({ protocol: "talk", headers });
    assertStringIncludes(socket.answer, "Sec-WebSocket-Extensions: x-shout");
    socket.send({ opcode: 1, payload: "hello" });
    assertEquals(await server.pump(socket.receiveText()), face === OCT12 ? "hello" : "HEL");
    socket.peer.close();
    await server.settle();
    await server[Symbol.asyncDispose]();
    assertEquals(calls.toSorted(), [
      "ANY_WSI_ESTABLISHED",
      "CONSTRUCT",
      "DESTROY",
      "DESTROY_ANY_WSI_CLOSING",
      "FLUSH_PENDING_TX",
      "PACKET_RX_PREPARSE",
      "PACKET_TX_PRESEND",
      ...payloadReasons,
      "SERVER_CONTEXT_CONSTRUCT",
      "SERVER_CONTEXT_DESTRUCT",
    ]);
  });

  Deno.test(`${face.name}: an extension hears of contexts, of clients, of each second and of closing, and nothing of multiplexing`, async () => {
    const calls: Record<string, string[]> = { server: [], client: [] };
    let keepsOpen = 0;
    const noting = (side: string) => ({
      name: "x-look",
      callback(_c: any, _e: any, _w: any, reason: number) {
        const name = reasons.get(reason) ?? `unknown ${reason}`;
        if (!calls[side]!.includes(name)) calls[side]!.push(name);
        return name === "CHECK_OK_TO_REALLY_CLOSE" ? keepsOpen : 0;
      },
    });
    let own: Wsi | undefined;
    const protocols: ProtocolSpec[] = [{
      name: "talk",
      callback(wsi, reason) {
        if (reason === "CLIENT_ESTABLISHED") own = wsi;
      },
    }];
    await using server = rig(face, { extensions: [noting("server")], protocols });
    const port = face.api.CONTEXT_PORT_NO_LISTEN;
    const client = server.also(face, { port, extensions: [noting("client")], protocols });
    face.call("client_connect", client, "h", 80, 0, "/", "h", null, "talk", -1);
    await server.until(() => own !== undefined);
    const heard = (side: string) => calls[side]!.splice(0).sort();
    assertEquals(heard("client"), [
      "ANY_WSI_ESTABLISHED",
      "CHECK_OK_TO_PROPOSE_EXTENSION",
      "CLIENT_CONSTRUCT",
      "CLIENT_CONTEXT_CONSTRUCT",
    ]);
    assertEquals(heard("server"), ["ANY_WSI_ESTABLISHED", "CONSTRUCT", "SERVER_CONTEXT_CONSTRUCT"]);
    server.clock.advance(2000);
    await server.settle();
    assertEquals([heard("client"), heard("server")], [["1HZ"], ["1HZ"]]);

    keepsOpen = 1;
    assertEquals(own!.close(), -1);
    assertEquals(heard("client"), ["CHECK_OK_TO_REALLY_CLOSE"]);
    keepsOpen = 0;
    assertEquals(own!.close(), 0);
    await server.settle();
    await server[Symbol.asyncDispose]();
    const ends = ["DESTROY", "DESTROY_ANY_WSI_CLOSING", "FLUSH_PENDING_TX", "PACKET_RX_PREPARSE"];
    assertEquals(heard("client"), ["CHECK_OK_TO_REALLY_CLOSE", "CLIENT_CONTEXT_DESTRUCT", ...ends]);
    assertEquals(heard("server"), [...ends, "SERVER_CONTEXT_DESTRUCT"]);
  });

  Deno.test(`${face.name}: an extension that returns a promise is told of in the log`, async () => {
    const lines: string[] = [];
    setLogLevel(["err"], (_level, line) => lines.push(line));
    try {
      const extension = { name: "x-late", callback: () => Promise.resolve(1) };
      const protocols = [{ name: "talk", callback: () => 0 }];
      await using _server = rig(face, { extensions: [extension], protocols });
      assertEquals(lines, [
        'the callback of "x-late" returned a promise for LWS_EXT_CALLBACK_SERVER_CONTEXT_CONSTRUCT; that counts as 0, as nothing waits for it',
      ]);
    } finally {
      setLogLevel([], () => {});
    }
  });

  Deno.test(`${face.name}: what an extension returns counts`, async () => {
    let number = 0;
    const extension = {
      name: "x-no",
      callback: (_c: any, _e: any, _w: any, reason: number) =>
        reasons.get(reason) === "CHECK_OK_TO_PROPOSE_EXTENSION" ? number : 0,
    };
    const protocols = [{ name: "talk", callback: () => 0 }];
    const port = face.api.CONTEXT_PORT_NO_LISTEN;
    await using client = rig(face, { port, extensions: [extension], protocols });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    for (number of [0, 1]) {
      face.call("client_connect", client.context, "h", 80, 0, "/", "h", null, null, -1);
      const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
      assertEquals((await client.pump(readHead(peer))).includes("x-no"), number === 0);
      peer.close();
      await client.settle();
    }
    listener.close();
  });

  Deno.test(`${face.name}: the first protocol is asked before an extension is used`, async () => {
    const calls: unknown[] = [];
    let verdict = 0;
    const first = {
      name: "first",
      per_session_data_size: 2,
      callback: (_wsi: unknown, reason: string, user: unknown, input: unknown, len: number) => {
        if (!/CONFIRM_EXTENSION/.test(reason)) return 0;
        calls.push([reason, input, len, user === null]);
        return verdict;
      },
    };
    const extension = { name: "x-none", callback: () => 0 };
    const protocols = [first, { name: "talk", callback: () => 0 }];
    const port = face.api.CONTEXT_PORT_NO_LISTEN;
    await using server = rig(face, { extensions: [extension], protocols });
    const client = server.also(face, { port, extensions: [extension], protocols });
    const connect = () =>
      face.call("client_connect", client, "h", 80, 0, "/", "h", null, "talk", -1);
    connect();
    await server.settle();
    assertEquals(calls.splice(0), [
      ["CLIENT_CONFIRM_EXTENSION_SUPPORTED", "x-none", 0, true],
      ["CONFIRM_EXTENSION_OKAY", "x-none", 0, false],
    ]);
    verdict = 1;
    connect();
    await server.settle();
    // What was not offered can't be agreed to.
    assertEquals(calls, [["CLIENT_CONFIRM_EXTENSION_SUPPORTED", "x-none", 0, true]]);
  });
}
