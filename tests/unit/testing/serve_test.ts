import { assertEquals, assertThrows } from "@std/assert";
import { handlers, LwsError } from "../../../mod.ts";
import { FakeClock, MemoryNetwork, serve } from "../../../src/testing/mod.ts";

const idle = { name: "idle", callback: handlers({}) };

Deno.test("a context is served in memory, on a free port, by a clock that stands still", async () => {
  await using served = serve([idle], { closeTimeoutMs: 1000 });
  assertEquals(served.context.port, served.port);
  assertEquals(served.context.limits.closeTimeoutMs, 1000);
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const answer = new TextDecoder().decode(await peer.readToEnd());
  assertEquals(answer.startsWith("HTTP/1.1 404"), true);
});

Deno.test("several are on one network and one clock, where the options say so", async () => {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  await using first = serve(idle, { network, clock });
  await using second = serve(idle, { network, clock, port: 7681 });
  assertEquals([second.port, first.network, second.clock], [7681, network, clock]);
  const socket = await network.dialWebSocket(7681);
  await socket.close();
});

Deno.test("time that goes by does what it makes due", async () => {
  await using served = serve(idle, { kaTime: 60, kaProbes: 1, kaInterval: 10 });
  const socket = await served.dialWebSocket();
  socket.peer.transport.pause();
  for (let i = 0; i < 20; i++) await served.advance(10_000);
  assertEquals(served.context.stats().closesByCause.keepAlive, 1);
});

Deno.test("it ends, though peers answer nothing", async () => {
  const served = serve(idle);
  const peer = await served.dial();
  peer.send("GET /");
  const socket = await served.dialWebSocket();
  socket.peer.transport.pause();
  await served[Symbol.asyncDispose]();
  assertEquals(served.context.isDestroyed, true);
});

Deno.test("what createContext refuses is refused", () => {
  assertThrows(() => serve({ ...idle, name: "no token" }), LwsError, "protocols[0].name");
});
