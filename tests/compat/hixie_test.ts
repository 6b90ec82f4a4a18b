/** Programs of 2010 to 2012 whose clients speak hixie-76, played byte for byte. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { useHost } from "../../src/compat/calls/creation.ts";
import { nov10 } from "../../src/compat/mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { CHALLENGE, PROOF, readAnswer, requestOf } from "../behaviour/websocket/old_peers.ts";
import { concat } from "../support/frames.ts";
import { dialer, handshake, readHead, retire, settle } from "../support/serve.ts";
import {
  type Callback,
  type Face,
  FACES,
  FEB11,
  logged,
  OCT12,
  on,
  rig,
  stayInMemory,
} from "./support.ts";

const encoder = new TextEncoder();
const CLOSE = Uint8Array.of(0xff, 0x00);

/** A text as the draft has it. */
function text(payload: string): Uint8Array {
  return concat(Uint8Array.of(0x00), encoder.encode(payload), Uint8Array.of(0xff));
}

const nextText = async (peer: MemoryPeer): Promise<string> => {
  const bytes = await peer.readUntil((unread) => unread.at(-1) === 0xff);
  assertEquals(bytes[0], 0x00);
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(1, -1));
};

/** The test server of November 2010: a counter for each connection, and a page. */
function program(page: string) {
  const {
    LWS_CALLBACK_ESTABLISHED,
    LWS_CALLBACK_HTTP,
    LWS_CALLBACK_RECEIVE,
    LWS_CALLBACK_SEND,
    LWS_SEND_BUFFER_POST_PADDING,
    LWS_SEND_BUFFER_PRE_PADDING,
    LWS_WRITE_TEXT,
    libwebsocket_write,
    libwebsockets_serve_http_file,
  } = nov10;
  const received: string[] = [];
  const callback: nov10.libwebsocket_callback = (wsi, reason, user, input, len) => {
    const pss = user === null ? null : new Int32Array(user as ArrayBuffer);
    switch (reason) {
      case LWS_CALLBACK_ESTABLISHED:
        pss![0] = 0;
        break;
      case LWS_CALLBACK_SEND: {
        const buf = new Uint8Array(
          LWS_SEND_BUFFER_PRE_PADDING + 512 + LWS_SEND_BUFFER_POST_PADDING,
        );
        const p = buf.subarray(LWS_SEND_BUFFER_PRE_PADDING);
        const n = encoder.encodeInto(`${pss![0]!++}`, p).written;
        if (libwebsocket_write(wsi, p, n, LWS_WRITE_TEXT) < 0) throw new Error("nothing written");
        break;
      }
      case LWS_CALLBACK_RECEIVE:
        received.push(new TextDecoder().decode((input as Uint8Array).subarray(0, len)));
        break;
      case LWS_CALLBACK_HTTP:
        libwebsockets_serve_http_file(wsi, page, "text/html");
        break;
    }
    return 0;
  };
  return { callback, received };
}

/** Makes a server of 2010, and plays its clients. */
function serving(
  callback: nov10.libwebsocket_callback,
  protocol: number,
  limits: nov10.OwnOptions | null = null,
) {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  useHost({ network, clock });
  const given = [80, callback, protocol, 4, null, null, -1, -1, limits] as const;
  const context = nov10.serverContext(nov10.libwebsocket_create_server(...given))!;
  return {
    clock,
    dial: dialer(network, 80),
    async [Symbol.asyncDispose]() {
      await retire([context], clock);
      stayInMemory();
    },
  };
}

for (const protocol of [76, 0]) {
  Deno.test(`nov10: a program that asks for protocol ${protocol} serves clients of hixie-76 and its page`, async () => {
    const page = new URL(import.meta.url).pathname;
    const { callback, received } = program(page);
    await using server = serving(callback, protocol);
    const peer = await server.dial(requestOf(0, { path: "/demo" }));
    const { head, proof } = await readAnswer(peer, 0);
    assertEquals(head.split("\r\n")[0], "HTTP/1.1 101 WebSocket Protocol Handshake");
    assertStringIncludes(head, "\r\nSec-WebSocket-Location: ws://localhost/demo\r\n");
    assertEquals(proof, PROOF);
    for (const count of ["0", "1", "2"]) {
      server.clock.advance(50);
      assertEquals(await nextText(peer), count);
    }
    peer.send(concat(text("reset\n"), text("größer")));
    await settle();
    assertEquals(received, ["reset\n", "größer"]);
    peer.send(CLOSE);
    assertEquals(await peer.readToEnd(), CLOSE);

    const visitor = await server.dial("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertStringIncludes(await readHead(visitor), "HTTP/1.1 200 ");
    const modern = await server.dial(handshake());
    assertStringIncludes(await readHead(modern), "HTTP/1.1 426 ");
    visitor.close();
    modern.close();
  });
}

Deno.test("nov10: a client of hixie-76 gets the subprotocol that it asks for, whatever it is", async () => {
  const { callback, received } = program("/none");
  await using server = serving(callback, 76);
  const peer = await server.dial(requestOf(0, { protocol: "sample" }));
  const { head, proof } = await readAnswer(peer, 0);
  assertStringIncludes(head, "\r\nSec-WebSocket-Protocol: sample\r\n");
  assertEquals(proof, PROOF);
  peer.send(text("hello"));
  await settle();
  assertEquals(received, ["hello"]);
  peer.close();
});

Deno.test("nov10: 13 beside 76, or 76 beside 13, by versions among the limits", async () => {
  for (const protocol of [76, 13]) {
    const { callback } = program("/none");
    await using server = serving(callback, protocol, { versions: [0, 13] });
    for (const version of [0, 13] as const) {
      const peer = await server.dial(requestOf(version));
      assertStringIncludes((await readAnswer(peer, version)).head, "HTTP/1.1 101 ");
      peer.close();
    }
  }
});

Deno.test("contract 10: nov10: 2 and what was never a version are refused, as are versions without that of protocol", () => {
  const create = (protocol: number, limits: nov10.OwnOptions | null = null) =>
    nov10.libwebsocket_create_server(81, () => 0, protocol, 0, null, null, -1, -1, limits);
  for (const protocol of [-1, 2, 4, 12, 14, 75, NaN]) {
    const { result, lines } = logged(() => create(protocol));
    assertEquals(result, -1);
    assertStringIncludes(lines.join("\n"), `protocol is ${protocol}; allowed: 76, 0 and 13`);
  }
  const { result, lines } = logged(() => create(76, { versions: [13] }));
  assertEquals(result, -1);
  assertStringIncludes(lines.join("\n"), "limits.versions");
});

Deno.test("nov10: text of hixie-76 longer than 4096 bytes comes in pieces", async () => {
  const pieces: number[] = [];
  await using server = serving((_wsi, reason, _user, _input, len) => {
    if (reason === nov10.LWS_CALLBACK_RECEIVE) pieces.push(len);
  }, 76);
  const peer = await server.dial(requestOf(0));
  await readAnswer(peer, 0);
  peer.send(concat(text("a".repeat(10_000)), text("b".repeat(4096)), text("c")));
  for (let n = 0; n < 100 && pieces.length < 5; n++) await settle();
  assertEquals(pieces, [4096, 4096, 1808, 4096, 1]);
  peer.close();
});

for (const face of [FEB11, OCT12]) {
  Deno.test(`contract 1: ${face.name}: remaining_packet_payload of hixie-76 is 1 until a text has ended, as how long it is can't be known`, async () => {
    const pieces: unknown[] = [];
    const callback: Callback = (wsi, reason, _user, _input, len) => {
      if (reason !== "RECEIVE") return;
      const isFinal = face.has("is_final_fragment") ? face.call("is_final_fragment", wsi) : 1;
      pieces.push([len, face.call("remaining_packet_payload", wsi), isFinal]);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const peer = await server.dial(requestOf(0, { protocol: "talk" }));
    await server.pump(readAnswer(peer, 0));
    peer.send(text("a".repeat(10_000)));
    await server.until(() => pieces.length === 3);
    assertEquals(pieces, [[4096, 1, 1], [4096, 1, 1], [1808, 0, 1]]);
    peer.close();
  });

  Deno.test(`${face.name}: what hixie-76 has no frame for is not written, the log says so, and the connection goes on`, async () => {
    const { LWS_WRITE_BINARY, LWS_WRITE_PING, LWS_WRITE_PONG, LWS_WRITE_TEXT } = face.api;
    const results: unknown[] = [];
    const callback = on("ESTABLISHED", (wsi) => {
      for (const kind of [LWS_WRITE_BINARY, LWS_WRITE_PING, LWS_WRITE_PONG, LWS_WRITE_TEXT]) {
        const { result, lines } = logged(() => face.call("write", wsi, "data", 4, kind));
        results.push([result, lines.some((line) => line.includes("libwebsocket_write: "))]);
      }
    });
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const peer = await server.dial(requestOf(0, { protocol: "talk" }));
    await server.pump(readAnswer(peer, 0));
    assertEquals(await server.pump(nextText(peer)), "data");
    assertEquals(results, [[-1, true], [-1, true], [-1, true], [0, false]]);
    peer.close();
  });
}

FACES.test("contexts end connections of hixie-76 by its close frame, or without one", async (face) => {
  await using server = rig(face, {
    protocols: [{ name: "talk", callback: () => 0 }],
    limits: { versions: [0] },
  });
  const peer = await server.dial(requestOf(0, { protocol: "talk" }));
  await server.pump(readAnswer(peer, 0));
  void face.call("context_destroy", server.context);
  await settle();
  peer.end();
  const isOld = face === FEB11 || face === OCT12;
  assertEquals(await peer.readToEnd(), isOld ? CLOSE : new Uint8Array(0));
});

/** A header of a request in the filter of a protocol, by its token. */
function tokenOf(face: Face, wsi: unknown, user: { token: string | null }[], name: string) {
  const token = face.api[`WSI_TOKEN_${name}`];
  if (face === OCT12) return user[token]!.token;
  const dest = { value: "" };
  const length = face.call("hdr_copy", wsi, dest, 100, token);
  assertEquals(length, face.call("hdr_total_length", wsi, token));
  return length === 0 ? null : dest.value;
}

for (const face of FACES.filter(({ api }) => "WSI_TOKEN_CHALLENGE" in api)) {
  Deno.test(`contract 8: ${face.name}: the keys of hixie-76 and the bytes behind its head are read by their tokens`, async () => {
    const seen: unknown[] = [];
    const callback = on("FILTER_PROTOCOL_CONNECTION", (wsi, user) => {
      const names = ["KEY1", "KEY2", "CHALLENGE", "ORIGIN", "PROTOCOL", "VERSION", "KEY"];
      seen.push(...names.map((name) => tokenOf(face, wsi, user, name)));
    });
    const limits = { versions: [0] };
    await using server = rig(face, { protocols: [{ name: "talk", callback }], limits });
    const peer = await server.dial(requestOf(0, { protocol: "talk", origin: "http://h" }));
    await server.pump(readAnswer(peer, 0));
    assertEquals(seen, [
      "4 @1  46546xW%0l 1 5",
      "12998 5 Y3 1  .P00",
      CHALLENGE,
      "http://h",
      "talk",
      null,
      null,
    ]);
    peer.close();
  });
}
