/** Fields of which a handshake has one, when it has two. */

import { assertEquals } from "@std/assert";
import { FACES, rig } from "../../compat/support.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { statusOf } from "../../support/http.ts";
import { handshake, readHead, serve } from "../../support/serve.ts";

/** Lines that are added to a handshake, and the status that it gets. */
const DOUBLED: readonly (readonly [status: number, ...lines: string[]])[] = [
  [400, "Origin: http://localhost", "Origin: http://localhost"],
  [400, "Origin: http://localhost", "Origin: http://evil.example"],
  [400, "Origin: http://evil.example", "oRIGIN: http://localhost"],
  [400, "Origin: http://localhost", "Origin:"],
  [400, "Origin: null", "Origin: null"],
  // As an intermediary joins two lines.
  [403, "Origin: http://localhost, http://localhost"],
  [403, "Origin: http://localhost,http://evil.example"],
  [400, "Host: localhost"],
  [400, "Upgrade: websocket"],
  [400, "Sec-WebSocket-Version: 13"],
  [400, "Sec-WebSocket-Version: 8"],
  [400, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
  // Lists may come in several lines.
  [101, "Connection: keep-alive"],
  [101, "Sec-WebSocket-Protocol: echo", "Sec-WebSocket-Protocol: other"],
  [101, "Sec-WebSocket-Extensions: x-one", "Sec-WebSocket-Extensions: x-two"],
  [101, "Origin: http://localhost"],
];

for (const allowed of ["by default", "by the context", "by the protocol"] as const) {
  Deno.test(`a handshake with two lines of what it has one of is refused, with every origin allowed ${allowed}`, async () => {
    using _log = captureLog([]);
    const { protocol, reasons } = record("echo");
    const everyone = { allowedOrigins: ["*", "http://localhost", "http://evil.example"] };
    await using served = serve(
      [{ ...protocol, ...(allowed === "by the protocol" && everyone) }],
      allowed === "by the context" ? everyone : {},
    );
    for (const [status, ...headers] of DOUBLED) {
      reasons.length = 0;
      const peer = await served.dial(handshake({ headers }));
      assertEquals(statusOf(await readHead(peer)), status, headers.join(" | "));
      assertEquals(reasons.includes("filterProtocolConnection"), status === 101);
      peer.close();
    }
  });
}

for (const face of FACES) {
  Deno.test(`${face.name}: two Origin lines are refused, though C let every origin in`, async () => {
    await using server = rig(face, { protocols: [{ name: "echo", callback: () => {} }] });
    for (const [status, ...headers] of DOUBLED.filter(([, line]) => line!.startsWith("Origin"))) {
      const peer = await server.dial(handshake({ protocol: "echo", headers }));
      assertEquals(statusOf(await server.pump(readHead(peer))), status, headers.join(" | "));
      peer.close();
    }
  });
}

Deno.test("X-Forwarded-Proto in two lines makes nobody's page the server's own", async () => {
  using _log = captureLog([]);
  await using served = serve([record("echo").protocol], { trustProxy: ["127.0.0.1"] });
  const proto = "X-Forwarded-Proto: https";
  for (
    const [status, lines] of [[101, [proto]], [403, [proto, "X-Forwarded-Proto: http"]]] as const
  ) {
    const peer = await served.dial(handshake({ headers: ["Origin: https://localhost", ...lines] }));
    assertEquals(statusOf(await readHead(peer)), status);
    peer.close();
  }
});
