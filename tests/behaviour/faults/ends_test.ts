/** A server ends under load, gracefully or by being killed; and the wall clock jumps. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { Child } from "../../support/child.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { get, readRefusal } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { serve } from "../../support/serve.ts";

Deno.test("clients hear of a server that is killed while it serves, and its port can be bound at once", async () => {
  using _log = captureLog([]);
  const child = new Child([], "faults/echo_server.ts", ["--allow-net"]);
  const port = Number(await child.line());
  const recorder = record("echo");
  await using clients = createContext({ ...PATIENT, port: -1, protocols: [recorder.protocol] });
  const talking = Promise.allSettled(Array.from({ length: 8 }, async () => {
    const client = await clients.dial(`ws://127.0.0.1:${port}/`, { protocol: "echo" });
    client.write("x");
    for await (const message of client.messages()) {
      assertEquals(`${message}`, "x");
      client.write("x");
    }
  }));
  await recorder.until("clientEstablished", 8);
  await child[Symbol.asyncDispose]();
  for (const each of await talking) {
    // An end without a closing handshake is thrown by the loop.
    assert(each.status === "rejected");
    assertStringIncludes(each.reason.message, "closed with 1006");
  }
  await recorder.until("closed", 8);
  const dial = () => clients.dial(`ws://127.0.0.1:${port}/`, { protocol: "echo" });
  await assertRejects(dial, Error, "refused");
  await using again = createContext({ ...LOOPBACK, port, protocols: [record("echo").protocol] });
  assertEquals(again.port, port);
  (await dial()).close();
});

Deno.test("a server that is drained under load gives each client its whole answer, or none", async () => {
  using _log = captureLog([]);
  const body = "b".repeat(200_000);
  let asked = 0;
  const some = Promise.withResolvers<void>();
  const server = createContext({
    ...LOOPBACK,
    protocols: [named("http", {
      http(wsi) {
        if (++asked === 40) some.resolve();
        return wsi.respond(200, body);
      },
    })],
  });
  const request = new TextEncoder().encode(get("/", "Connection: close"));
  let whole = 0;
  const load = Array.from({ length: 16 }, async () => {
    for (;;) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port })
        .catch(() => undefined);
      if (conn === undefined) return;
      let text = "";
      try {
        await conn.write(request);
        const buffer = new Uint8Array(64 * 1024);
        for (let count; (count = await conn.read(buffer)) !== null;) {
          text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
        }
      } catch { /* It is judged by what came before. */ }
      conn.close();
      if (text === "" || text.startsWith("HTTP/1.1 503")) continue;
      assert(text.startsWith("HTTP/1.1 200"), text.slice(0, 100));
      assertEquals(text.slice(text.indexOf("\r\n\r\n") + 4).length, body.length);
      whole++;
    }
  });
  await some.promise;
  await server.destroy({ graceMs: 600_000 });
  await Promise.all(load);
  assert(whole >= 16, `${whole} whole answers`);
  assertEquals(server.stats().servers.now, 0);
});

for (const days of [-1, 1]) {
  Deno.test(`no timeout is due when the wall clock jumps by ${days} day, and each is when its time is over`, async () => {
    const DAY_MS = 24 * 60 * 60 * 1000;
    const recorder = record("echo", {
      receive: (wsi, _user, data) => void wsi.write(data, "text"),
    });
    await using served = serve([recorder.protocol], {
      headerTimeoutMs: 5_000,
      closeTimeoutMs: 5_000,
    });
    const socket = await served.open({ protocol: "echo" });
    const slow = await served.dial("GET / HTTP/1.1\r\n");
    const real = Date.now;
    Date.now = () => real() + days * DAY_MS;
    try {
      await served.pass(4_999);
      socket.send({ opcode: 1, payload: new TextEncoder().encode("x") });
      assertEquals(await socket.receiveText(), "x");
      assertEquals(slow.received.length, 0, "the slow one has its time");
      await served.pass(1_000);
      assertEquals((await readRefusal(slow)).status, 408);
    } finally {
      Date.now = real;
    }
    slow.close();
  });
}
