import { assertEquals } from "@std/assert";
import { PolledTransport } from "../../../src/service/polled_transport.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { PolledService } from "../../../src/service/polled_service.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../../src/api/service.ts";
import { memoryPair } from "../../../src/testing/memory_transport.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { settle } from "../../support/serve.ts";

function setUp(onBytes: (text: string) => number | void = () => {}) {
  const service = new PolledService(new FakeClock(), {
    addPollFd: () => true,
    delPollFd() {},
    changeModePollFd() {},
    serviceBegins() {},
    abort() {},
  });
  const slot = service.slot(7);
  service.announce(slot);
  const [inner, other] = memoryPair();
  const gate = new PolledTransport(inner, slot, service, false);
  const told: string[] = [];
  gate.start({
    onBytes(bytes) {
      const text = new TextDecoder().decode(bytes);
      told.push(text);
      return onBytes(text) ?? bytes.length;
    },
    onDrain: () => void told.push("drain"),
    onEnd: () => void told.push("end"),
    onClose: (error) => void told.push(error === undefined ? "closed" : "broken"),
  });
  const serve = async (revents = POLLIN | POLLOUT | POLLHUP) => {
    await settle();
    service.serviceFd({ fd: 7, events: POLLIN, revents });
  };
  return { gate, inner, peer: new MemoryPeer(other), told, serve };
}

Deno.test("what was read before the transport broke is told before its end", async () => {
  for (const revents of [POLLHUP, POLLIN, POLLIN | POLLHUP]) {
    const { inner, peer, told, serve } = setUp();
    peer.send("last words");
    await settle();
    inner.reset();
    await serve(revents);
    assertEquals(told, ["last words", "broken"]);
  }
});

Deno.test("who has closed is told its end and nothing that was read", async () => {
  const { gate, peer, told, serve } = setUp();
  peer.send("too late");
  await settle();
  gate.close();
  await serve();
  assertEquals(told, ["closed"]);
});

Deno.test("what is not taken comes again in front of the next read", async () => {
  const { peer, told, serve, gate } = setUp((text) => text.endsWith(".") ? text.length : 0);
  peer.send("a whole ");
  await serve();
  peer.send("sentence.");
  await serve();
  assertEquals(told, ["a whole ", "a whole sentence."]);
  gate.close();
  await serve();
});

Deno.test("the end is told once, behind the bytes, and not while reading is stopped", async () => {
  const { gate, peer, told, serve } = setUp();
  gate.pause();
  peer.send("bytes");
  peer.end();
  await serve();
  assertEquals(told, []);
  gate.resume();
  assertEquals(told, []);
  for (let i = 0; i < 3; i++) await serve();
  assertEquals(told, ["bytes", "end"]);
  gate.close();
  await serve();
});

Deno.test("the end is told behind a rest that is offered in turns of its own", async () => {
  const { gate, peer, told, serve } = setUp(() => {
    gate.pause();
    gate.resume();
    return 1;
  });
  peer.send("abc");
  peer.end();
  for (let i = 0; i < 6; i++) await serve();
  assertEquals(told, ["abc", "bc", "c", "end"]);
  gate.close();
  await serve();
});
