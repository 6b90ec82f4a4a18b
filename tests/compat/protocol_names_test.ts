/** Protocols whose name is a list, and what filters are told of what a client asks for. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { Wsi } from "../../mod.ts";
import { readHead } from "../support/serve.ts";
import type { Callback, Face } from "./support.ts";
import {
  acceptance,
  DEC15,
  FACES,
  FEB11,
  logged,
  on,
  rig,
  SINCE_MAR13,
  withCall,
} from "./support.ts";

const all = (face: Face, context: unknown) =>
  face === DEC15 ? [context, face.structs[0]] : [face.structs[0]];

for (const face of FACES) {
  Deno.test(`${face.name}: a protocol's name may be a list with commas, any of which serves it`, async () => {
    const seen: unknown[] = [];
    const inits: string[] = [];
    const callback: Callback = (wsi, reason) => {
      if (reason === "ESTABLISHED") {
        seen.push(face.call("get_protocol", wsi) === face.structs[0]);
      }
      if (/WRITEABLE$/.test(reason)) seen.push(wsi.protocol.name);
      if (reason.startsWith("PROTOCOL_")) inits.push(reason);
    };
    const other = on("ESTABLISHED", () => void seen.push("other"));
    {
      await using server = rig(face, {
        protocols: [{ name: "one, two", callback }, { name: "three", callback: other }],
      });
      for (const protocol of ["one", "two", "none, two", "three"]) {
        const { answer } = await server.open({ protocol });
        const chosen = protocol.split(", ").at(-1)!;
        assertStringIncludes(answer, `Sec-WebSocket-Protocol: ${chosen}\r\n`);
      }
      await server.until(() => seen.length === 4);
      assertEquals(seen.splice(0), [true, true, true, "other"]);
      const last = "callback_on_writable_all_protocol";
      assertEquals(face.call(last, ...all(face, server.context)), 0);
      await server.until(() => seen.length === 3);
      assertEquals(seen.toSorted(), ["one", "two", "two"]);
      if ("protocol_index" in face.structs[0]!) {
        assertEquals(face.structs.map(({ protocol_index }) => protocol_index), [0, 1]);
      }
    }
    const isTold = "LWS_CALLBACK_PROTOCOL_INIT" in face.api;
    assertEquals(inits, isTold ? ["PROTOCOL_INIT", "PROTOCOL_DESTROY"] : []);
  });

  // The list of libwebsockets' own test client.
  Deno.test(`${face.name}: of two lists with a name in common the first one has it`, async () => {
    const seen: string[] = [];
    const telling = (who: string) =>
      on("ESTABLISHED", (wsi) => {
        seen.push(`${who} ${wsi.protocol.name} ${face.structs.indexOf(protocolOf(wsi))}`);
      });
    const protocolOf = (wsi: Wsi) => face.call("get_protocol", wsi) as never;
    await using server = rig(face, {
      protocols: [
        { name: "dumb-increment-protocol,fake-nonexistant-protocol", callback: telling("dumb") },
        { name: "fake-nonexistant-protocol,lws-mirror-protocol", callback: telling("mirror") },
      ],
    });
    for (const protocol of ["fake-nonexistant-protocol", "lws-mirror-protocol"]) {
      await server.open({ protocol });
    }
    await server.until(() => seen.length === 2);
    assertEquals(seen, ["dumb fake-nonexistant-protocol 0", "mirror lws-mirror-protocol 1"]);
  });

  Deno.test(`${face.name}: a protocol needs a name that no one before it has`, () => {
    const callback = () => 0;
    for (const name of ["two", "two,one"]) {
      const protocols = [{ name: "one,two", callback }, { name, callback }];
      const { result, lines } = logged(() => face.create({ protocols }));
      assertEquals(result, null);
      assertStringIncludes(lines.join("\n"), 'the name "two" is there twice');
    }
  });

  Deno.test(`${face.name}: a client may ask with the list that is its protocol's name`, async () => {
    const reasons: string[] = [];
    const callback: Callback = (_wsi, reason) => void reasons.push(reason);
    const name = "dumb-increment-protocol,fake-nonexistant-protocol";
    await using client = rig(face, {
      port: face.api.CONTEXT_PORT_NO_LISTEN,
      protocols: [{ name, callback }],
    });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    void face.call("client_connect", client.context, "h", 80, 0, "/", "h", null, name, -1);
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    const request = await client.pump(readHead(peer));
    assertStringIncludes(request, "dumb-increment-protocol, fake-nonexistant-protocol\r\n");
    const fields = "Sec-WebSocket-Protocol: dumb-increment-protocol\r\n";
    peer.send(await acceptance(request, fields));
    await client.until(() => reasons.includes("CLIENT_ESTABLISHED"));
    peer.close();
    listener.close();
  });
}

withCall("broadcast").test("a broadcast reaches whoever uses any name of a list", async (face) => {
  const heard: string[] = [];
  const callback = on("BROADCAST", (wsi) => void heard.push(wsi.protocol.name));
  await using server = rig(face, { protocols: [{ name: "one,two", callback }] });
  await server.open({ protocol: "one" });
  await server.open({ protocol: "two" });
  await server.settle();
  assertEquals(face.call("broadcast", face.structs[0], "news", 4), 0);
  assertEquals(heard, ["one", "two"]);
  assertEquals((face.structs[0]!.broadcast_socket_port as number) > 0, true);
});

SINCE_MAR13.test("FILTER_PROTOCOL_CONNECTION has the list as the client sent it, null without", async (face) => {
  const seen: unknown[] = [];
  const callback: Callback = (_wsi, reason, _user, input, len) => {
    if (reason === "FILTER_PROTOCOL_CONNECTION") seen.push(input, len);
  };
  await using server = rig(face, { protocols: [{ name: "talk", callback }] });
  await server.open({ protocol: "chat,  superchat , talk" });
  await server.open();
  assertEquals(seen, ["chat,  superchat , talk", 0, null, 0]);
});

for (const size of [0, 4096, 1000]) {
  Deno.test(`dec15: pieces of a body are at most ${size || 4096} bytes where rx_buffer_size is ${size}`, async () => {
    const sizes: number[] = [];
    let isWhole = false;
    const callback: Callback = (wsi, reason, _user, _input, len) => {
      if (reason === "HTTP_BODY_COMPLETION") isWhole = true;
      if (reason !== "HTTP_BODY") return 0;
      sizes.push(len);
      // What was stopped comes after it, and no piece is lost.
      if (sizes.length === 2) {
        DEC15.call("rx_flow_control", wsi, 0);
        queueMicrotask(() => DEC15.call("rx_flow_control", wsi, 1));
      }
    };
    const protocols = [{ name: "http", callback, rx_buffer_size: size }];
    await using server = rig(DEC15, { protocols });
    const peer = await server.dial();
    const body = "x".repeat(10_000);
    peer.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n${body}`);
    await server.until(() => isWhole);
    assertEquals(Math.max(...sizes), size || 4096);
    assertEquals(sizes.reduce((sum, each) => sum + each, 0), 10_000);
    peer.close();
  });
}

Deno.test("feb11: clients that name none of a list are refused, as then", async () => {
  await using server = rig(FEB11, { protocols: [{ name: "one,two", callback: () => 0 }] });
  const peer = await server.dial(
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  assertStringIncludes(await server.pump(readHead(peer)), " 403 ");
});
