/** Which versions of the protocol each generation speaks, and how it is told to speak others. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connectionKey } from "../../src/core/websocket/handshake/keys.ts";
import { digests } from "../../src/context/digests.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { WireVersion } from "../../mod.ts";
import { readAnswer, requestOf, VERSIONS } from "../behaviour/websocket/old_peers.ts";
import { draftFrame } from "../support/frames.ts";
import { HANDSHAKE_KEY, readHead } from "../support/serve.ts";
import { VERSION_ROWS } from "./matrix/versions.ts";
import {
  acceptance,
  type Callback,
  type Face,
  FACES,
  FEB11,
  logged,
  OCT12,
  on,
  rig,
} from "./support.ts";

const quiet = { name: "talk", callback: (() => 0) as Callback };
const ORDINALS = [-2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 76];

const rowOf = ({ name }: Face) => VERSION_ROWS[name as keyof typeof VERSION_ROWS];
const portOf = ({ api }: Face) => api.CONTEXT_PORT_NO_LISTEN as number;

/** The status that a server answers a handshake with. */
async function statusOf(
  face: Face,
  version: WireVersion,
  limits?: unknown,
  from: { readonly origin?: string } = {},
): Promise<string> {
  await using server = rig(face, { protocols: [quiet], limits });
  const peer = await server.dial(requestOf(version, { protocol: "talk", ...from }));
  const head = await server.pump(readHead(peer));
  peer.close();
  return head.split(" ")[1]!;
}

FACES.test("contract 10: servers take the versions of their generation, and 13", async (face) => {
  for (const version of VERSIONS) {
    const isSpoken = rowOf(face).servers.here.includes(version);
    const refusal = typeof version === "number" && version >= 4 ? "426" : "400";
    assertEquals(await statusOf(face, version), isSpoken ? "101" : refusal, String(version));
  }
});

FACES.test("contract 10: versions among the limits say what servers speak instead", async (face) => {
  for (const version of VERSIONS) {
    assertEquals(await statusOf(face, version, { versions: [version] }), "101", String(version));
    if (version === 13) continue;
    assertEquals((await statusOf(face, version, { versions: [13] }))[0], "4", String(version));
  }
  const { result, lines } = logged(() =>
    face.create({ protocols: [quiet], limits: { versions: [3] } })
  );
  assertEquals(result, null);
  assertStringIncludes(lines.join("\n"), "versions");
});

FACES.test("a page of any origin may connect, unless allowedOrigins among the limits says which", async (face) => {
  const own = "http://localhost";
  const rows: [limits: unknown, allowed: readonly string[]][] = [
    [null, [own, "http://a.example", "null"]],
    [{ allowedOrigins: ["http://a.example"] }, [own, "http://a.example"]],
    [{ allowedOrigins: [] }, [own]],
  ];
  for (const version of rowOf(face).servers.here) {
    for (const [limits, allowed] of rows) {
      for (const origin of [own, "http://a.example", "null"]) {
        const status = await statusOf(face, version, limits, { origin });
        assertEquals(status, allowed.includes(origin) ? "101" : "403", `${version}, ${origin}`);
      }
    }
  }
});

FACES.test("contract 10: clients ask for versions of their generation, and the log names others", async (face) => {
  const spoken = rowOf(face).clients.here;
  await using client = rig(face, { port: portOf(face), protocols: [quiet] });
  for (const ordinal of ORDINALS.filter((each) => !spoken.includes(each))) {
    const given = [client.context, "h", 80, 0, "/", "h", "o", null, ordinal];
    const { result, lines } = logged(() => face.call("client_connect", ...given));
    assertEquals(await result, null);
    const allowed = ["-1", ...spoken].join(", ");
    assertStringIncludes(
      lines.join("\n"),
      `ietf_version_or_minus_one is ${ordinal}; allowed: ${allowed}`,
    );
  }
});

for (const face of FACES) {
  for (const version of rowOf(face).clients.here) {
    Deno.test(`contract 10: ${face.name}: its clients and servers speak version ${version} with each other`, async () => {
      const { LWS_WRITE_PING, LWS_WRITE_TEXT } = face.api;
      const seen: unknown[] = [];
      const serving: Callback = (wsi, reason, _user, input, len) => {
        if (reason === "ESTABLISHED") seen.push(["at the server", wsi.wireVersion]);
        if (reason === "RECEIVE") face.call("write", wsi, input, len, LWS_WRITE_TEXT);
        if (reason === "CLOSED") seen.push("the server's end has closed");
      };
      const asking: Callback = (wsi, reason, _user, input) => {
        if (reason === "CLIENT_ESTABLISHED") {
          seen.push(["at the client", wsi.wireVersion]);
          const pinged = logged(() => face.call("write", wsi, "ping", 4, LWS_WRITE_PING));
          // Pongs only exist in 04+.
          assertEquals(pinged.result === -1, version === 0, pinged.lines.join("\n"));
          face.call("write", wsi, "größer", 8, LWS_WRITE_TEXT);
        }
        if (reason === "CLIENT_RECEIVE_PONG" || reason === "CLIENT_RECEIVE") {
          seen.push([reason, new TextDecoder().decode(input)]);
        }
        if (reason === "CLIENT_RECEIVE") wsi.close(1000);
        if (reason === "CLOSED") seen.push("the client's end has closed");
      };
      await using server = rig(face, { protocols: [{ name: "talk", callback: serving }] });
      const protocols = [{ name: "talk", callback: asking }];
      const client = server.also(face, { port: portOf(face), protocols });
      const given = [client, "h", 80, 0, "/chat", "h", "http://h", "talk", version];
      void face.call("client_connect", ...given);
      await server.until(() => seen.filter((each) => typeof each === "string").length === 2);
      const order = new Set(seen.map((each) => JSON.stringify(each)));
      assertEquals(
        order,
        new Set([
          ["at the server", version],
          ["at the client", version],
          ...version === 0 ? [] : [["CLIENT_RECEIVE_PONG", "ping"]],
          ["CLIENT_RECEIVE", "größer"],
          "the server's end has closed",
          "the client's end has closed",
        ].map((each) => JSON.stringify(each))),
      );
      assertEquals(seen.length, order.size);
    });
  }
}

/** A frame with a text as clients of version 4 send it, masked with a key of 20 bytes. */
function maskedText(payload: string, key: Uint8Array): Uint8Array {
  return draftFrame({ opcode: 4, payload, nonce: [1, 2, 3, 4], key });
}

for (const face of [FEB11, OCT12]) {
  Deno.test(`${face.name}: version 4 is masked with the connection's key, as libwebsockets did, unless draft04Masking says otherwise`, async () => {
    for (const draft04Masking of [undefined, "libwebsockets", "draft"]) {
      const received: string[] = [];
      const callback = on("RECEIVE", (_wsi, _user, input) => {
        received.push(new TextDecoder().decode(input));
      });
      const limits = { draft04Masking };
      await using server = rig(face, { protocols: [{ name: "talk", callback }], limits });
      const peer = await server.dial(requestOf(4, { protocol: "talk" }));
      const { head } = await server.pump(readAnswer(peer, 4));
      const nonce = /^Sec-WebSocket-Nonce: (.*)\r$/m.exec(head)![1]!;
      const key = connectionKey(HANDSHAKE_KEY, nonce, digests);
      const hashed = digests.sha1(Uint8Array.of(1, 2, 3, 4, ...key));
      peer.send(maskedText("hello", draft04Masking === "draft" ? hashed : key));
      await server.settle();
      assertEquals(received, ["hello"]);
      peer.close();
    }
  });

  Deno.test(`${face.name}: a client of version 4 masks with the connection's key, unless draft04Masking says otherwise`, async () => {
    for (const draft04Masking of [undefined, "draft"]) {
      const callback = on("CLIENT_ESTABLISHED", (wsi) => {
        face.call("write", wsi, "hello", 5, face.api.LWS_WRITE_TEXT);
      });
      const limits = { draft04Masking };
      const protocols = [{ name: "talk", callback }];
      await using client = rig(face, { port: portOf(face), protocols, limits });
      const listener = client.network.listen({ hostname: "h", port: 80 });
      void face.call("client_connect", client.context, "h", 80, 0, "/", "h", "o", "talk", 4);
      const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
      const request = await client.pump(readHead(peer));
      assertStringIncludes(request, "\r\nSec-WebSocket-Version: 4\r\n");
      const asked = /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)![1]!;
      const fields = `Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Nonce: ${HANDSHAKE_KEY}\r\n`;
      peer.send(await acceptance(request, fields));
      const bytes = await client.pump(peer.readBytes(4 + 2 + 5));
      const key = connectionKey(asked, HANDSHAKE_KEY, digests);
      const nonce = bytes.slice(0, 4);
      const used = draft04Masking === "draft" ? digests.sha1(Uint8Array.of(...nonce, ...key)) : key;
      const open = bytes.slice(4).map((byte, index) => byte ^ used[index]!);
      assertEquals(open.slice(0, 2), Uint8Array.of(0x84, 5));
      assertEquals(new TextDecoder().decode(open.slice(2)), "hello");
      peer.close();
      listener.close();
    }
  });
}
