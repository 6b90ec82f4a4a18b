/** What wraps a transport: one base, under the contract of all transports. */

import { assert, assertEquals } from "@std/assert";
import { MemoryError, memoryPair } from "../../../src/testing/memory_transport.ts";
import { AutomaticScheduler } from "../../../src/service/scheduler.ts";
import { PollSlot } from "../../../src/service/poll_slot.ts";
import { PolledTransport } from "../../../src/service/polled_transport.ts";
import { Relay } from "../../../src/service/relay.ts";
import { firstByteOf, PeekedTransport, readPreface } from "../../../src/transport/first_bytes.ts";
import { HandshakingTransport } from "../../../src/tls/handshaking_transport.ts";
import type { Transport } from "../../../src/api/network.ts";
import { Recorder, testTransportContract } from "../../support/transport_contract.ts";

/** A relay and nothing else. */
class PlainRelay extends Relay {
  constructor(inner: Transport) {
    super(inner);
    inner.start(this);
  }
}

/** One whose program is always there to serve it. */
function gated(inner: Transport, gatesWrites: boolean): Transport {
  const slot = new PollSlot(7, 0, { interestChanged() {}, readinessChanged() {} });
  return new PolledTransport(inner, slot, new AutomaticScheduler(), gatesWrites);
}

function prefaced(inner: Transport): Promise<Transport> {
  const preface = { request: new Uint8Array(), isComplete: true, take: () => 0 };
  const cutShort = () => new Error("the peer went");
  return readPreface(inner, { ...preface, cutShort }, new AbortController().signal);
}

const WRAPPERS:
  readonly (readonly [string, (inner: Transport) => Transport | Promise<Transport>])[] = [
    ["a relay", (inner) => new PlainRelay(inner)],
    ["a transport that was peeked at", (inner) => new PeekedTransport(inner, firstByteOf)],
    ["a transport behind a preface", prefaced],
    [
      "a transport that was made of another",
      (inner) => new HandshakingTransport(inner, { done: Promise.resolve(inner), close() {} }),
    ],
    ["a transport whose reads wait for service", (inner) => gated(inner, false)],
    ["a transport whose reads and writes wait for service", (inner) => gated(inner, true)],
  ];

for (const [name, wrap] of WRAPPERS) {
  testTransportContract(name, async () => {
    const [near, far] = memoryPair();
    far.chop(256 * 1024);
    return [await wrap(near), far];
  });

  Deno.test(`${name}: an abort comes to the peer as a reset`, async () => {
    const [near, far] = memoryPair();
    const owner = new Recorder(await wrap(near));
    const peer = new Recorder(far);
    await owner.write("half of what was announced");
    await peer.untilTaken(26);
    assert(owner.transport.abort !== undefined, "a close would be all there is");
    owner.transport.abort();
    await peer.until(() => peer.count("close") === 1);
    assertEquals((peer.closeError as MemoryError).code, "connection-reset");
    await owner.until(() => owner.count("close") === 1);
    assertEquals(owner.closeError, undefined);
  });
}

for (const how of ["end", "close", "reset"] as const) {
  Deno.test(`a relay tells its owner later of a peer that did ${how} before it had one`, async () => {
    const [near, far] = memoryPair();
    const relay = new PlainRelay(near);
    const peer = new Recorder(far);
    far[how]();
    await new Promise((resolve) => setImmediate(resolve));
    const owner = new Recorder(relay);
    assertEquals(owner.events, [], "start told from inside the call");
    await owner.until(() => owner.events.length > 0);
    assertEquals(owner.events, [how === "reset" ? "close" : "end"]);
    assertEquals(owner.closeError instanceof MemoryError, how === "reset");
    for (const end of [owner, peer]) {
      end.transport.close();
      await end.until(() => end.count("close") === 1);
    }
  });
}

Deno.test("an early end that is due is not told behind the close that came before it", async () => {
  const [near, far] = memoryPair();
  const relay = new PlainRelay(near);
  const peer = new Recorder(far);
  far.end();
  await new Promise((resolve) => setImmediate(resolve));
  const owner = new Recorder(relay);
  relay.onClose(new Error("on purpose"));
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(owner.events, ["close"]);
  far.close();
  await peer.until(() => peer.count("close") === 1);
});
