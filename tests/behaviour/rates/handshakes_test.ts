/** `maxHandshakesPerSecond`: at the rate of an address, and past it. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ContextCreationInfo } from "../../../mod.ts";
import { reply } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { record } from "../../support/recorder.ts";
import { handshake, readResponse, serve, type Served, settle } from "../../support/serve.ts";

const QUIET = { kaTime: 0 } as const;

function serving(info: Partial<ContextCreationInfo>): Served {
  return serve([named("http", { http: reply })], { ...QUIET, ...info });
}

/** The status of a handshake's answer, and the seconds to wait if it says them. */
async function ask(served: Served, headers: readonly string[] = []) {
  const peer = await served.dial(handshake({ headers }));
  const { head } = await readResponse(peer);
  return [Number(head.split(" ")[1]), /^retry-after: (.*)\r$/im.exec(head)?.[1]];
}

Deno.test("as many handshakes as maxHandshakesPerSecond are accepted at once, and one more is answered 429", async () => {
  await using served = serving({ maxHandshakesPerSecond: 3 });
  for (let i = 0; i < 3; i++) assertEquals(await ask(served), [101, undefined]);
  assertEquals(served.context.stats().limitsHit, {}, "at the rate");
  for (let i = 0; i < 2; i++) assertEquals(await ask(served), [429, "1"]);
  const { limitsHit, handshakesRefused, servers } = served.context.stats();
  assertEquals(limitsHit, { maxHandshakesPerSecond: 2 });
  assertEquals([handshakesRefused, servers.ever], [{ rate: 2 }, 3]);
  await served.pass(333);
  assertEquals((await ask(served))[0], 429);
  await served.pass(1);
  assertEquals(await ask(served), [101, undefined]);
  assertEquals((await ask(served))[0], 429);
});

Deno.test("one too many is closed, and the program is asked nothing about it", async () => {
  const { protocol, reasons } = record("x");
  await using served = serve([protocol], { ...QUIET, maxHandshakesPerSecond: 1 });
  await served.open();
  reasons.length = 0;
  const peer = await served.dial(handshake());
  const answer = new TextDecoder().decode(await peer.readToEnd());
  assertMatch(answer, /^HTTP\/1\.1 429 .*\r\n(.+\r\n)*connection: close\r\n/i);
  assertEquals(reasons.includes("filterProtocolConnection"), false);
});

Deno.test("requests are no handshakes", async () => {
  await using served = serving({ maxHandshakesPerSecond: 1 });
  for (let i = 0; i < 5; i++) {
    const peer = await served.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assertMatch((await readResponse(peer)).head, /^HTTP\/1\.1 200 /);
  }
  assertEquals((await ask(served))[0], 101);
});

Deno.test("behind a proxy that is believed it is the client's address that counts", async () => {
  await using served = serving({ maxHandshakesPerSecond: 1, trustProxy: true });
  const from = (address: string) => ask(served, [`X-Forwarded-For: ${address}`]);
  assertEquals((await from("192.0.2.1"))[0], 101);
  assertEquals((await from("192.0.2.2"))[0], 101);
  assertEquals((await from("192.0.2.1"))[0], 429);
  assertEquals((await from("2001:db8::1"))[0], 101);
  assertEquals((await from("2001:db8::2"))[0], 429, "the first 64 bits are the same");
  await using unbelieving = serving({ maxHandshakesPerSecond: 1 });
  assertEquals((await ask(unbelieving, ["X-Forwarded-For: 192.0.2.1"]))[0], 101);
  assertEquals((await ask(unbelieving, ["X-Forwarded-For: 192.0.2.2"]))[0], 429);
  await settle();
});

Deno.test("handshakes of the elder versions count as well", async () => {
  await using served = serving({ maxHandshakesPerSecond: 1, versions: [13, 8] });
  const old = () => served.dial(handshake().replace("Version: 13", "Version: 8"));
  assertMatch((await readResponse(await old())).head, /^HTTP\/1\.1 101 /);
  assertMatch((await readResponse(await old())).head, /^HTTP\/1\.1 429 /);
});
