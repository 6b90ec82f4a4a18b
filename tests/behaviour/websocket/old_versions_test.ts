/** Servers of the versions before RFC 6455: which requests they take, and what they answer. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { WireVersion, Wsi } from "../../../mod.ts";
import { WIRE_VERSIONS } from "../../../src/core/websocket/wire_version.ts";
import { answering, bystander, fieldOf, get, readRefusal, statusOf } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { HANDSHAKE_ACCEPT, serve, settle } from "../../support/serve.ts";
import { PROOF, readAnswer, requestOf, VERSIONS } from "./old_peers.ts";

const isNumbered = (version: WireVersion) => version !== 0 && version !== "hixie-75";

/** What a server answers that speaks none of them but RFC 6455. */
for (const version of VERSIONS.filter((each) => each !== 13)) {
  Deno.test(`version ${version} is refused by default, and the refusal can be read`, async () => {
    const { protocol } = answering();
    const chat = record("chat");
    await using served = serve([protocol, chat.protocol]);
    const other = await bystander(served);
    // What follows the head, eight bytes of version 0 or another request, is no part of the answer's fate.
    using log = captureLog(["notice"]);
    const peer = await served.dial(requestOf(version) + get("/smuggled"));
    const { status, head } = await readRefusal(peer);
    assertEquals(status, isNumbered(version) ? 426 : 400);
    assertEquals(
      [fieldOf(head, "sec-websocket-version"), fieldOf(head, "upgrade")],
      isNumbered(version) ? ["13", "websocket"] : [undefined, undefined],
    );
    assert(!chat.reasons.includes("filterProtocolConnection"));
    // Which one it was can be seen without a more talkative log.
    assertEquals(log.lines.length, 1);
    assertStringIncludes(
      log.lines[0]!,
      isNumbered(version) ? "other than 13" : `a handshake of version ${version}`,
    );
    await other.check();
  });
}

for (const version of WIRE_VERSIONS) {
  Deno.test(`version ${version} is answered as it has it`, async () => {
    const seen: unknown[] = [];
    const tell = (wsi: Wsi, reason: string) => void seen.push([reason, wsi.wireVersion]);
    await using served = serve([
      named("first", { http: (wsi) => tell(wsi, "http") }),
      named("chat", {
        filterProtocolConnection(wsi, _user, filter) {
          tell(wsi, `filter "${filter.protocol}"`);
          filter.add("Set-Cookie", "a=b");
        },
        established: (wsi) => tell(wsi, "established"),
      }),
    ], { versions: WIRE_VERSIONS });
    const peer = await served.dial(requestOf(version, { path: "/a?b", protocol: "chat" }));
    const { head, proof } = await readAnswer(peer, version);
    const phrases = new Map<WireVersion, string>([
      [0, "WebSocket Protocol Handshake"],
      ["hixie-75", "Web Socket Protocol Handshake"],
    ]);
    assertEquals(
      head.split("\r\n")[0],
      `HTTP/1.1 101 ${phrases.get(version) ?? "Switching Protocols"}`,
    );
    const prefix = version === "hixie-75" ? "" : "Sec-";
    assertEquals(fieldOf(head, `${prefix}WebSocket-Protocol`), "chat");
    assertEquals(fieldOf(head, "Set-Cookie"), "a=b");
    if (isNumbered(version)) {
      assertEquals(fieldOf(head, "Sec-WebSocket-Accept"), HANDSHAKE_ACCEPT);
      const nonce = fieldOf(head, "Sec-WebSocket-Nonce");
      assertEquals(nonce?.length, version === 4 ? 24 : undefined);
    } else {
      assertEquals(fieldOf(head, `${prefix}WebSocket-Origin`), "http://localhost");
      assertEquals(fieldOf(head, `${prefix}WebSocket-Location`), "ws://localhost/a?b");
    }
    assertEquals(proof, version === 0 ? PROOF : "");
    assertEquals(seen, [['filter "chat"', version], ["established", version]]);
    peer.close();
  });

  Deno.test(`version ${version} obeys the same-origin rule`, async () => {
    using _log = captureLog([]);
    const chat = record("chat");
    const versions = [version];
    await using served = serve([chat.protocol], { versions });
    await using open = serve([chat.protocol], { versions, allowedOrigins: ["https://a.example"] });
    const status = async (server: typeof served, origin: string) => {
      const peer = await server.dial(requestOf(version, { origin }));
      const { head } = await readAnswer(peer, version);
      peer.close();
      return statusOf(head);
    };
    assertEquals(await status(served, "http://localhost"), 101);
    assertEquals(await status(served, "https://localhost"), 403);
    assertEquals(await status(served, "https://a.example"), 403);
    assertEquals(await status(served, "null"), 403);
    assertEquals(await status(open, "https://a.example"), 101);
    assertEquals(await status(open, "https://b.example"), 403);
    // Once for each server, and none of those that were refused.
    await settle();
    assertEquals(chat.reasons.filter((each) => each === "established").length, 2);
  });
}

Deno.test("versions 4 to 8: an Origin beside Sec-WebSocket-Origin has to be the same", async () => {
  for (const version of WIRE_VERSIONS.filter((each) => isNumbered(each) && each !== 13)) {
    await using served = serve([record("chat").protocol], { versions: [version] });
    const ask = async (origin: string) => {
      const request = { origin: "http://localhost", headers: [`Origin: ${origin}`] };
      const peer = await served.dial(requestOf(version, request));
      const { head } = await readAnswer(peer, version);
      peer.close();
      return statusOf(head);
    };
    assertEquals(await ask("http://localhost"), 101);
    assertEquals(await ask("http://evil.example"), 400);
  }
});

Deno.test("an undone handshake leaves a connection of HTTP without a version", async () => {
  const seen: unknown[] = [];
  await using served = serve([named("chat", {
    filterProtocolConnection(wsi) {
      seen.push(wsi.wireVersion);
      return 1;
    },
    closedHttp: (wsi) => void seen.push(wsi.wireVersion),
  })], { versions: [8] });
  const peer = await served.dial(requestOf(8));
  assertEquals((await readRefusal(peer)).status, 403);
  peer.close();
  await settle();
  assertEquals(seen, [8, undefined]);
});

Deno.test("a version that isn't on is told which are, in the order of the option", async () => {
  await using served = serve([record("chat").protocol], { versions: [8, 13] });
  const { status, head } = await readRefusal(await served.dial(requestOf(7)));
  assertEquals([status, fieldOf(head, "sec-websocket-version")], [426, "8, 13"]);
  const only = await readRefusal(await served.dial(requestOf(6)));
  assertStringIncludes(only.head, "8, 13");
});
