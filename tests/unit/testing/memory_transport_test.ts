import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { MemoryError, memoryPair } from "../../../src/testing/memory_transport.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

testTransportContract("a memory pair", () => Promise.resolve(memoryPair()), false);
testTransportContract(
  "a memory pair that writes at once",
  () => Promise.resolve(memoryPair({ writesAtOnce: true })),
  false,
);

testTransportContract("a memory pair that is chopped", () => {
  const [near, far] = memoryPair();
  // An odd size; the contract's longest streams would take a while byte by byte.
  near.chop(4099);
  far.chop(4099);
  return Promise.resolve([near, far]);
});

testTransportContract("a memory network", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
  const never = new AbortController().signal;
  const pair = await Promise.all([network.connect(listener.address, never), listener.accept()]);
  listener.close();
  return pair;
}, false);

/** Lets every microtask run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function recordedPair(capacity?: number): [Recorder, Recorder, MemoryTransport, MemoryTransport] {
  const [near, far] = capacity === undefined ? memoryPair() : memoryPair({ capacity });
  return [new Recorder(near), new Recorder(far), near, far];
}

Deno.test("delivery comes in a microtask, before any macrotask", async () => {
  const [near, far] = recordedPair();
  near.transport.write(bytesOf("soon"));
  assertEquals(far.text, "");
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(far.text, "soon");
});

Deno.test("bytes are copied at the write", async () => {
  const [near, far] = recordedPair();
  const bytes = bytesOf("before");
  near.transport.write(bytes);
  bytes.fill(0);
  await settled();
  assertEquals(far.text, "before");
});

Deno.test("what is queued at a delivery comes as one view", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.hold();
  await near.write("a");
  await near.write("bc");
  await near.write("def");
  farEnd.release();
  await settled();
  assertEquals(far.offeredTexts, ["abcdef"]);
});

Deno.test("chop delivers at most so many new bytes a call", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.chop(3);
  await near.write("abcdefgh");
  await settled();
  assertEquals(far.offeredTexts, ["abc", "def", "gh"]);
  farEnd.chop(1);
  await near.write("xy");
  await settled();
  assertEquals(far.offeredTexts.slice(3), ["x", "y"]);
  farEnd.chop(Infinity);
  await near.write("all of it");
  await settled();
  assertEquals(far.offeredTexts.slice(5), ["all of it"]);
});

Deno.test("a chopped delivery leaves the untaken rest in front", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.chop(1);
  far.take = (bytes) => bytes.length < 3 ? 0 : 3;
  await near.write("abcdefg");
  await settled();
  assertEquals(far.offeredTexts, ["a", "ab", "abc", "d", "de", "def", "g"]);
  assertEquals(far.text, "abcdef");
});

Deno.test("chop spans writes and takes apart long ones", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.hold();
  for (const piece of ["ab", "cdefghij", "k"]) await near.write(piece);
  farEnd.chop(4);
  farEnd.release();
  await settled();
  assertEquals(far.offeredTexts, ["abcd", "efgh", "ijk"]);
});

Deno.test("chop takes whole numbers from 1", () => {
  const [near] = memoryPair();
  for (const size of [0, -1, 1.5, NaN]) assertThrows(() => near.chop(size), RangeError);
});

Deno.test("hold delays bytes, end and reset of the peer until release", async () => {
  const [near, far, nearEnd, farEnd] = recordedPair();
  farEnd.hold();
  await near.write("held");
  near.transport.end();
  await settled();
  assertEquals([far.text, far.events.length], ["", 0]);
  assertEquals(farEnd.undelivered, 4);
  farEnd.release();
  await settled();
  assertEquals([far.text, ...far.events], ["held", "end"]);

  farEnd.hold();
  nearEnd.reset();
  await settled();
  assertEquals([near.count("close"), far.count("close")], [1, 0]);
  farEnd.release();
  await settled();
  assertEquals(far.count("close"), 1);
});

Deno.test("hold keeps back what comes, not what goes", async () => {
  const [near, far, nearEnd] = recordedPair();
  nearEnd.hold();
  await near.write("goes");
  await settled();
  assertEquals(far.text, "goes");
  nearEnd.close();
  await settled();
  assertEquals(near.events, ["drain", "close"]);
});

Deno.test("a write drains while the peer's capacity holds it, and waits past that", async () => {
  const [near, far, , farEnd] = recordedPair(10);
  farEnd.stopReading();
  await near.write("12345");
  await near.write("67890");
  near.transport.write(bytesOf("x"));
  await settled();
  assertEquals(near.count("drain"), 2);
  assertEquals(far.text, "");
  farEnd.startReading();
  await settled();
  assertEquals(near.count("drain"), 3);
  assertEquals(far.text, "1234567890x");
});

Deno.test("the default capacity is 64 KiB", async () => {
  const [near, , , farEnd] = recordedPair();
  farEnd.stopReading();
  await near.write(new Uint8Array(64 * 1024));
  near.transport.write(new Uint8Array(1));
  await settled();
  assertEquals(near.count("drain"), 1);
});

Deno.test("a paused end fills up like one that stopped reading", async () => {
  const [near, far] = recordedPair(4);
  far.transport.pause();
  near.transport.write(bytesOf("12345"));
  await settled();
  assertEquals(near.count("drain"), 0);
  far.transport.resume();
  await settled();
  assertEquals(near.count("drain"), 1);
});

Deno.test("a write drains as soon as deliveries have made room", async () => {
  const [near, far, , farEnd] = recordedPair(4);
  farEnd.chop(2);
  far.take = (bytes) => {
    far.transport.pause();
    return bytes.length;
  };
  near.transport.write(bytesOf("1234567"));
  await settled();
  assertEquals([far.text, near.count("drain")], ["12", 0]);
  far.transport.resume();
  await settled();
  assertEquals([far.text, near.count("drain")], ["1234", 1]);
});

Deno.test("capacity is from 0, which lets every write wait for its delivery", async () => {
  assertThrows(() => memoryPair({ capacity: -1 }), RangeError);
  assertThrows(() => memoryPair({ capacity: NaN }), RangeError);
  const [near, far, , farEnd] = recordedPair(0);
  farEnd.hold();
  near.transport.write(bytesOf("x"));
  await settled();
  assertEquals(near.count("drain"), 0);
  farEnd.release();
  await settled();
  assertEquals([far.text, near.count("drain")], ["x", 1]);
});

Deno.test("an end that was stopped reading or paused doesn't see the end of its peer yet", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.stopReading();
  far.transport.pause();
  near.transport.end();
  await settled();
  farEnd.startReading();
  await settled();
  assertEquals(far.events, []);
  far.transport.resume();
  await settled();
  assertEquals(far.events, ["end"]);
});

Deno.test("reset closes both ends once with the error and loses what was under way", async () => {
  const [near, far, nearEnd, farEnd] = recordedPair();
  const error = new Error("a cut cable");
  near.transport.write(bytesOf("lost"));
  far.transport.write(bytesOf("lost too"));
  farEnd.reset(error);
  nearEnd.reset(new Error("another"));
  assertEquals([...near.events, ...far.events], []);
  await settled();
  assertEquals([near.events, far.events], [["close"], ["close"]]);
  assertEquals([near.text, far.text], ["", ""]);
  assertEquals([near.closeError, far.closeError], [error, error]);
});

Deno.test("reset says connection-reset by default and reaches an end that doesn't read", async () => {
  const [near, far, nearEnd, farEnd] = recordedPair();
  far.transport.pause();
  farEnd.stopReading();
  nearEnd.reset();
  await settled();
  for (const end of [near, far]) {
    assert(end.closeError instanceof MemoryError);
    assertEquals(end.closeError.code, "connection-reset");
    assertEquals(end.closeError.name, "MemoryError");
  }
});

Deno.test("reset after close leaves the closer's own onClose in order", async () => {
  const [near, far, nearEnd] = recordedPair();
  nearEnd.close();
  nearEnd.reset(new Error("rude"));
  await settled();
  assertEquals(near.closeError, undefined);
  assertEquals((far.closeError as Error).message, "rude");
  nearEnd.reset();
  await settled();
  assertEquals([near.count("close"), far.count("close")], [1, 1]);
});

Deno.test("an end learns after its start that it was reset before", async () => {
  const [near, far] = memoryPair();
  near.reset();
  const recorder = new Recorder(far);
  await settled();
  assertEquals(recorder.events, ["close"]);
});

Deno.test("an end that was closed before its start gets onClose after it", async () => {
  const [near] = memoryPair();
  near.close();
  const recorder = new Recorder(near);
  assertEquals(recorder.events, []);
  await settled();
  assertEquals(recorder.events, ["close"]);
});

Deno.test("two ends that both ended stay until each closes", async () => {
  const [near, far] = recordedPair();
  near.transport.end();
  far.transport.end();
  near.transport.end();
  await settled();
  assertEquals([near.events, far.events], [["end"], ["end"]]);
  near.transport.close();
  await settled();
  assertEquals([near.events, far.events], [["end", "close"], ["end"]]);
  far.transport.close();
  await settled();
  assertEquals(far.events, ["end", "close"]);
});

Deno.test("a write to a closed end breaks after what there still was to read", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.chop(1);
  near.transport.write(bytesOf("bye"));
  near.transport.close();
  far.transport.write(bytesOf("too late"));
  await settled();
  assertEquals(far.text, "bye");
  assertEquals(far.events, ["end", "close"]);
  assert(far.closeError instanceof MemoryError);
  assertEquals(far.closeError.code, "broken-pipe");
  assertEquals(near.events, ["close"]);
});

Deno.test("a write to a closed end breaks at once when the writer doesn't read", async () => {
  const [near, far] = recordedPair();
  far.transport.pause();
  near.transport.write(bytesOf("unread"));
  near.transport.close();
  far.transport.write(bytesOf("too late"));
  await settled();
  assertEquals([far.text, ...far.events], ["", "close"]);
});

Deno.test("a held writer hears of the broken pipe when released", async () => {
  const [near, far, , farEnd] = recordedPair();
  farEnd.hold();
  near.transport.close();
  far.transport.write(bytesOf("too late"));
  await settled();
  assertEquals(far.events, []);
  farEnd.release();
  await settled();
  assertEquals(far.events, ["end", "close"]);
});

Deno.test("a close breaks the write that the peer had under way", async () => {
  const [near, far, , farEnd] = recordedPair(4);
  farEnd.stopReading();
  near.transport.write(bytesOf("12345"));
  await settled();
  farEnd.close();
  await settled();
  assertEquals(near.events, ["end", "close"]);
  assertEquals((near.closeError as MemoryError).code, "broken-pipe");
  assertEquals(far.closeError, undefined);
});

Deno.test("a close doesn't break a write that had left", async () => {
  const [near, far] = recordedPair();
  near.transport.write(bytesOf("left"));
  far.transport.close();
  await settled();
  assertEquals(near.events, ["drain", "end"]);
});

Deno.test("a write before the last one drained throws", async () => {
  const [near, far] = recordedPair();
  near.transport.write(bytesOf("one"));
  assertThrows(() => near.transport.write(bytesOf("two")), Error, "one write at a time");
  await settled();
  assertEquals(far.text, "one");
  near.transport.write(bytesOf("two"));
  await settled();
  assertEquals(far.text, "onetwo");
});

Deno.test("a write after end throws, after close it is ignored", async () => {
  const [near, far] = recordedPair();
  near.transport.end();
  assertThrows(() => near.transport.write(bytesOf("x")), Error, "after end");
  far.transport.close();
  far.transport.write(bytesOf("x"));
  far.transport.write(bytesOf("x"));
  await settled();
  assertEquals([near.text, far.count("drain")], ["", 0]);
});

Deno.test("start comes once and before everything else but close", () => {
  const [near] = memoryPair();
  assertThrows(() => near.write(new Uint8Array(1)), Error, "before start");
  assertThrows(() => near.pause(), Error, "before start");
  assertThrows(() => near.resume(), Error, "before start");
  assertThrows(() => near.end(), Error, "before start");
  const recorder = new Recorder(near);
  assertThrows(() => near.start(recorder), Error, "once");
});

Deno.test("close inside onDrain leaves undelivered what had come", async () => {
  const [near, far] = recordedPair();
  near.whenDrained = () => near.transport.close();
  near.transport.write(bytesOf("x"));
  far.transport.write(bytesOf("y"));
  await settled();
  assertEquals([near.text, ...near.events], ["", "drain", "close"]);
});

Deno.test("a view that is kept turns to poison, and neither starts nor fills its buffer", async () => {
  const [near, far] = recordedPair();
  const kept: Uint8Array[] = [];
  far.take = (bytes) => {
    kept.push(bytes);
    return 1;
  };
  await near.write("abc");
  await settled();
  await near.write("d");
  await settled();
  assertEquals(far.offeredTexts, ["abc", "bcd"]);
  for (const view of kept) {
    assertEquals([...view], [0xDD, 0xDD, 0xDD]);
    assert(view.byteOffset > 0);
  }
  assert(kept[0]!.buffer !== kept[1]!.buffer);
});

Deno.test("a handler that claims to take what it wasn't offered is found out", async () => {
  for (const claim of [4, -1, 0.5, NaN]) {
    const [near, far] = memoryPair();
    far.start({ onBytes: () => claim, onDrain() {}, onEnd() {}, onClose() {} });
    new Recorder(near).transport.write(bytesOf("abc"));
    assertEquals((await uncaught()).message, `onBytes took ${claim} of 3 bytes`);
  }
});

/** Waits for the next error that nothing catches. */
function uncaught(): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>();
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    resolve(event.error);
  }, { once: true });
  return promise;
}

const never = new AbortController().signal;

Deno.test("a second listener on a port is refused with address-in-use", () => {
  const network = new MemoryNetwork();
  const first = network.listen({ hostname: "127.0.0.1", port: 80 });
  const error = assertThrows(() => network.listen({ hostname: "::1", port: 80 }), MemoryError);
  assertEquals(error.code, "address-in-use");
  first.close();
  first.close();
  network.listen({ hostname: "::1", port: 80 }).close();
});

Deno.test("port 0 takes a free port", () => {
  const network = new MemoryNetwork();
  const ports = new Set<number>();
  for (let i = 0; i < 5; i++) {
    const { address } = network.listen({ hostname: "0.0.0.0", port: 0 });
    assertEquals(address.hostname, "0.0.0.0");
    assert(address.port > 0);
    ports.add(address.port);
  }
  assertEquals(ports.size, 5);
});

Deno.test("listening fails with address-in-use when no free port is left", () => {
  const network = new MemoryNetwork();
  for (let port = 49_152; port <= 65_535; port++) network.listen({ hostname: "::", port });
  const error = assertThrows(() => network.listen({ hostname: "::", port: 0 }), MemoryError);
  assertEquals(error.code, "address-in-use");
});

Deno.test("a port is a whole number from 0 to 65,535", () => {
  const network = new MemoryNetwork();
  for (const port of [-1, 65_536, 1.5, NaN]) {
    assertThrows(() => network.listen({ hostname: "::", port }), RangeError);
  }
  network.listen({ hostname: "::", port: 65_535 }).close();
});

Deno.test("connecting where nobody listens is refused", async () => {
  const network = new MemoryNetwork();
  const target = { hostname: "localhost", port: 80 };
  const before = await assertRejects(() => network.connect(target, never), MemoryError);
  assertEquals(before.code, "connection-refused");
  network.listen(target).close();
  await assertRejects(() => network.connect(target, never), MemoryError, "nobody listens");
});

Deno.test("connect rejects with the signal's reason, aborted before or meanwhile", async () => {
  const network = new MemoryNetwork();
  const target = network.listen({ hostname: "localhost", port: 80 }).address;
  const reason = new Error("gave up");
  await assertRejects(() => network.connect(target, AbortSignal.abort(reason)), Error, "gave up");
  const meanwhile = new AbortController();
  const connecting = network.connect(target, meanwhile.signal);
  meanwhile.abort(reason);
  await assertRejects(() => connecting, Error, "gave up");
});

Deno.test("a network that is held leaves connects open until release or abort", async () => {
  const network = new MemoryNetwork();
  const target = network.listen({ hostname: "localhost", port: 80 }).address;
  network.hold();
  network.hold();
  let connected = false;
  const patient = network.connect(target, never).then(() => connected = true);
  const impatient = new AbortController();
  const givenUp = network.connect(target, impatient.signal);
  await settled();
  assertEquals(connected, false);
  impatient.abort(new Error("no answer"));
  await assertRejects(() => givenUp, Error, "no answer");
  network.release();
  network.release();
  await patient;
});

Deno.test("a connect that was aborted before doesn't wait for a network that is held", async () => {
  const network = new MemoryNetwork();
  network.hold();
  const aborted = AbortSignal.abort(new Error("too late"));
  const connecting = network.connect({ hostname: "::", port: 80 }, aborted);
  await assertRejects(() => connecting, Error, "too late");
});

Deno.test("connections are accepted in their order, asked for before or after", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "0.0.0.0", port: 80 });
  const early = listener.accept();
  const first = await network.connect({ hostname: "10.0.0.7", port: 80 }, never);
  const second = await network.connect({ hostname: "example.test", port: 80 }, never);
  assertEquals((await early).remoteAddress, first.localAddress);
  assertEquals((await listener.accept()).remoteAddress, second.localAddress);
  assertEquals(first.remoteAddress, { hostname: "10.0.0.7", port: 80 });
  assertEquals(second.remoteAddress, { hostname: "127.0.0.1", port: 80 });
  assert(first.localAddress.port !== second.localAddress.port);
});

Deno.test("a closed listener rejects accepts and resets whom it never accepted", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "::", port: 80 });
  const accepted = listener.accept();
  const kept = await network.dial(80);
  const dropped = await network.dial(80);
  await accepted;
  await listener.accept().then((server) => server.close());
  const lost = await network.dial(80);
  listener.close();
  assertEquals(((await lost.closed) as MemoryError).code, "connection-reset");
  assertEquals((await assertRejects(() => listener.accept(), MemoryError)).code, "listener-closed");
  assertEquals(await dropped.readToEnd(), new Uint8Array(0));
  kept.send("alive");
  await settled();
  assertEquals((await accepted as MemoryTransport).undelivered, 5);

  const waiting = network.listen({ hostname: "::", port: 80 });
  const accepting = waiting.accept();
  waiting.close();
  await assertRejects(() => accepting, MemoryError, "closed");
});

Deno.test("client ports start over after the last one", async () => {
  const network = new MemoryNetwork();
  network.listen({ hostname: "::", port: 80 });
  const ports = new Set<number>();
  for (let i = 0; i <= 65_535 - 49_152 + 1; i++) {
    const { localAddress } = await network.connect({ hostname: "::", port: 80 }, never);
    ports.add(localAddress.port);
  }
  assertEquals(ports.size, 65_535 - 49_152 + 1);
});

Deno.test("the network's options are those of its connections", async () => {
  const network = new MemoryNetwork({ capacity: 3 });
  const listener = network.listen({ hostname: "::", port: 80 });
  const client = new Recorder(await network.connect({ hostname: "::", port: 80 }, never));
  client.transport.write(bytesOf("1234"));
  await settled();
  assertEquals(client.count("drain"), 0);
  listener.close();
});

function peers(capacity?: number): [MemoryPeer, MemoryPeer] {
  const [near, far] = capacity === undefined ? memoryPair() : memoryPair({ capacity });
  return [new MemoryPeer(near), new MemoryPeer(far)];
}

Deno.test("a peer reads what it asks for, in whatever pieces it comes", async () => {
  const [near, far] = peers();
  far.transport.chop(1);
  near.send("HEAD\r\n\r\nbodytail");
  const atLineEnd = (bytes: Uint8Array) => textOf(bytes).endsWith("\r\n\r\n");
  assertEquals(textOf(await far.readUntil(atLineEnd)), "HEAD\r\n\r\n");
  assertEquals(textOf(await far.readBytes(4)), "body");
  assertEquals(textOf(await far.readBytes(0)), "");
  near.end();
  assertEquals(textOf(await far.readToEnd()), "tail");
  assertEquals(textOf(far.received), "HEAD\r\n\r\nbodytail");
  assertEquals([far.ended, near.ended], [true, false]);
});

Deno.test("a peer's reads that wait are answered in their order", async () => {
  const [near, far] = peers();
  const reads = [far.readBytes(2), far.readUntil((bytes) => bytes.at(-1) === 0x2e)];
  near.send("ab");
  near.send("cde");
  near.send(bytesOf("f.g"));
  assertEquals((await Promise.all(reads)).map(textOf), ["ab", "cdef."]);
  assertEquals(textOf(await far.readBytes(1)), "g");
});

Deno.test("a peer's read that can't be satisfied any more rejects", async () => {
  const [near, far] = peers();
  const waiting = far.readBytes(10);
  near.send("short");
  near.end();
  const error = await assertRejects(() => waiting, MemoryError, "5 unread bytes");
  assertEquals(error.code, "connection-ended");
  assertEquals(textOf(await far.readToEnd()), "short");
  await assertRejects(() => far.readUntil(() => false), MemoryError);
});

Deno.test("a peer's read is answered by the last byte that it needs", async () => {
  const [near, far] = peers();
  const reading = far.readUntil((bytes) => bytes.length === 3);
  near.send("abc");
  await settled();
  assertEquals(textOf(await Promise.race([reading, Promise.resolve(bytesOf("late"))])), "abc");
});

Deno.test("an error of a peer's predicate rejects that read only", async () => {
  const [near, far] = peers();
  const failing = far.readUntil(() => {
    throw new Error("bad predicate");
  });
  const next = far.readBytes(2);
  near.send("ok");
  await assertRejects(() => failing, Error, "bad predicate");
  assertEquals(textOf(await next), "ok");
});

Deno.test("a peer queues what it sends and parts when all has left", async () => {
  const [near, far] = peers(4);
  far.transport.stopReading();
  for (const text of ["123456", "789", "0"]) near.send(text);
  near.end();
  near.close();
  near.end();
  assertThrows(() => near.send("more"), Error, "send came after close");
  await settled();
  far.transport.startReading();
  assertEquals(textOf(await far.readToEnd()), "1234567890");
  assertEquals(await near.closed, undefined);
  far.close();
  assertEquals(await far.closed, undefined);
});

Deno.test("a peer sends copies, and receives more than it made room for", async () => {
  const [near, far] = peers();
  const sent = Uint8Array.from({ length: 5_000 }, (_, i) => i * 3);
  const lent = sent.slice();
  near.send("x");
  near.send(lent);
  lent.fill(0);
  await far.readBytes(1);
  assertEquals(await far.readBytes(5_000), sent);
  assertEquals(far.received.length, 5_001);
});

Deno.test("a peer can reset", async () => {
  const [near, far] = peers();
  const reading = far.readBytes(1);
  near.reset();
  await assertRejects(() => reading, MemoryError);
  assertEquals((await near.closed as MemoryError).code, "connection-reset");
  assertEquals((await far.closed as MemoryError).code, "connection-reset");
  near.send("nobody hears");
  assertEquals(far.transport.peer, near.transport);

  const [other, otherFar] = peers();
  const error = new Error("mine");
  other.reset(error);
  assertEquals(await otherFar.closed, error);
});

Deno.test("a path is listened on beside the ports, and its connections have no addresses", async () => {
  const network = new MemoryNetwork();
  const onPath = { hostname: "", port: 80, path: "/run/x" };
  const listener = network.listen(onPath);
  assertEquals(listener.address, { hostname: "unix:/run/x", port: 0 });
  const never = new AbortController().signal;
  await assertRejects(() => network.connect({ hostname: "h", port: 80 }, never), MemoryError);
  const [client, server] = await Promise.all([network.connect(onPath, never), listener.accept()]);
  for (const end of [client, server]) {
    assertEquals(end.localAddress, { hostname: "", port: 0 });
    assertEquals(end.remoteAddress, { hostname: "", port: 0 });
    end.close();
  }
  assertThrows(() => network.listen(onPath), MemoryError, "somebody listens on /run/x already");
  listener.close();
  await assertRejects(
    () => network.connect(onPath, never),
    MemoryError,
    "nobody listens on /run/x",
  );
  network.listen(onPath).close();
});

Deno.test("a connection in memory comes from the local address that it was given", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "0.0.0.0", port: 80 });
  const target = { hostname: "127.0.0.1", port: 80, localAddress: "203.0.113.9" };
  const client = await network.connect(target, new AbortController().signal);
  const server = await listener.accept();
  assertEquals(server.remoteAddress.hostname, "203.0.113.9");
  assertEquals(client.localAddress, server.remoteAddress);
  for (const end of [client, server]) end.close();
  listener.close();
});

Deno.test("there are no descriptors in memory", () => {
  const target = { hostname: "", port: 0, fd: 3 };
  assertThrows(() => new MemoryNetwork().listen(target), RangeError, "fd is 3");
});
