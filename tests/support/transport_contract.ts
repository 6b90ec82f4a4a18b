/**
 * The rules that every transport keeps, whatever carries it. Nothing here counts microtasks or
 * waits for time: where something must *not* happen, a round trip over the same connection has to
 * come through first.
 */

import { assert, assertEquals } from "@std/assert";
import { MemoryTransport } from "../../src/testing/memory_transport.ts";
import type { Transport, TransportHandler } from "../../src/api/network.ts";
import { abortTransport, writeAndDrain } from "../../src/api/network.ts";

/** Two connected transports that were not started; each test closes both. */
interface Ends {
  readonly near: Recorder;
  readonly far: Recorder;
}

export type MakePair = () => Promise<[Transport, Transport]>;

/** A handler that keeps what happens and lets a test wait for it. */
export class Recorder implements TransportHandler {
  readonly transport: Transport;
  /** What `onBytes` was offered, call by call, rests included. */
  readonly offers: Uint8Array[] = [];
  /** What was taken, in order. */
  readonly taken: number[] = [];
  /** Whether bytes are kept in `offers` and `taken`, or only counted. */
  keeps = true;
  takenLength = 0;
  /** The order of all that isn't bytes. */
  readonly events: ("drain" | "end" | "close")[] = [];
  /** How often a part of a write was told to have left. */
  progress = 0;
  closeError: unknown;
  /** Decides what `onBytes` returns; takes everything unless a test says otherwise. */
  take: (bytes: Uint8Array) => number = (bytes) => bytes.length;
  whenDrained: () => void = () => {};
  whenEnded: () => void = () => {};
  #waiting: { satisfied: () => boolean; resolve: () => void }[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
    transport.start(this);
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.taken));
  }

  get offeredTexts(): string[] {
    return this.offers.map((bytes) => new TextDecoder().decode(bytes));
  }

  count(event: "drain" | "end" | "close"): number {
    return this.events.filter((other) => other === event).length;
  }

  onBytes(bytes: Uint8Array): number {
    assertEquals(this.count("close"), 0, "bytes came after onClose");
    assertEquals(this.count("end"), 0, "bytes came after onEnd");
    const offer = this.keeps ? bytes.slice() : undefined;
    if (offer !== undefined) this.offers.push(offer);
    const taken = this.take(bytes);
    this.takenLength += taken;
    if (offer !== undefined) { for (let i = 0; i < taken; i++) this.taken.push(offer[i]!); }
    // The view may be written to; a transport that needs its bytes again has kept them.
    bytes.fill(0, 0, taken);
    this.#look();
    return taken;
  }

  onProgress(): void {
    this.progress++;
    this.#look();
  }

  onDrain(): void {
    this.#record("drain");
    this.whenDrained();
  }

  onEnd(): void {
    this.#record("end");
    this.whenEnded();
  }

  onClose(error?: unknown): void {
    this.closeError = error;
    this.#record("close");
  }

  /** Waits until what happened satisfies the test. */
  until(satisfied: () => boolean): Promise<void> {
    if (satisfied()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ satisfied, resolve });
    return promise;
  }

  /** Waits until so many bytes were taken, all in all. */
  untilTaken(length: number): Promise<void> {
    return this.until(() => this.takenLength >= length);
  }

  /** Writes; a drain follows, also where all has left at once. */
  send(bytes: Uint8Array): void {
    writeAndDrain(this.transport, bytes, this);
  }

  /** Writes, and waits for the drain that belongs to it. */
  async write(data: string | Uint8Array): Promise<void> {
    const drains = this.count("drain");
    this.send(typeof data === "string" ? new TextEncoder().encode(data) : data);
    await this.until(() => this.count("drain") > drains);
  }

  #record(event: "drain" | "end" | "close"): void {
    assertEquals(this.count("close"), 0, `${event} came after onClose`);
    this.events.push(event);
    this.#look();
  }

  #look(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ satisfied }) => !satisfied());
    for (const one of waiting) if (!this.#waiting.includes(one)) one.resolve();
  }
}

/**
 * Registers the tests of the contract for one kind of transport.
 *
 * @param tellsProgress whether a write may leave in parts at all
 * @param released waits until nothing is left of both ends, behind each test
 */
export function testTransportContract(
  name: string,
  makePair: MakePair,
  tellsProgress = true,
  released: () => Promise<void> = () => Promise.resolve(),
): void {
  const test = (rule: string, body: (ends: Ends) => Promise<void>): void => {
    Deno.test(`${name}: ${rule}`, async () => {
      const [nearEnd, farEnd] = await makePair();
      const near = new Recorder(nearEnd);
      const far = new Recorder(farEnd);
      await body({ near, far });
      await closeBoth(near, far);
      await released();
    });
  };

  test("each end knows the other's address", ({ near, far }) => {
    assertEquals(near.transport.remoteAddress, far.transport.localAddress);
    assertEquals(far.transport.remoteAddress, near.transport.localAddress);
    const { hostname, port } = near.transport.localAddress;
    assertEquals(port > 0, hostname !== "", "what has no address has no port");
    return Promise.resolve();
  });

  test("bytes arrive complete and in order over many writes", async ({ near, far }) => {
    let sent = "";
    for (let i = 0; i < 50; i++) {
      const piece = `${i},`.repeat(i);
      sent += piece;
      await near.write(piece);
    }
    await far.untilTaken(sent.length);
    assertEquals(far.text, sent);
    assertEquals(near.count("drain"), 50);
  });

  test("bytes go both ways at once, also more than any buffer holds", async ({ near, far }) => {
    const size = 1_000_003;
    const upward = Uint8Array.from({ length: size }, (_, i) => i * 7);
    const downward = Uint8Array.from({ length: size }, (_, i) => i * 11 + 1);
    await Promise.all([
      near.write(upward),
      far.write(downward),
      near.untilTaken(size),
      far.untilTaken(size),
    ]);
    assertEquals(Uint8Array.from(far.taken), upward);
    assertEquals(Uint8Array.from(near.taken), downward);
  });

  test("the handler is never called from inside write", async ({ near, far }) => {
    let inside = false;
    const outside = (bytes: Uint8Array) => {
      assertEquals(inside, false);
      return bytes.length;
    };
    far.take = outside;
    near.take = outside;
    near.whenDrained = () => assertEquals(inside, false);
    inside = true;
    near.send(new Uint8Array(3));
    inside = false;
    await far.untilTaken(3);
    await near.until(() => near.count("drain") === 1);
  });

  test("a handler may write from inside onBytes and onDrain", async ({ near, far }) => {
    far.take = (bytes) => {
      if (far.count("drain") === 0) far.send(new TextEncoder().encode("first,"));
      return bytes.length;
    };
    far.whenDrained = () => {
      if (far.count("drain") < 3) far.send(new TextEncoder().encode("again,"));
    };
    await near.write("go");
    await near.untilTaken(18);
    assertEquals(near.text, "first,again,again,");
    await far.until(() => far.count("drain") === 3);
  });

  test("an empty write drains and sends nothing", async ({ near, far }) => {
    await near.write(new Uint8Array(0));
    await near.write("x");
    await far.untilTaken(1);
    assertEquals(far.text, "x");
    assertEquals(near.count("drain"), 2);
  });

  test("what wasn't taken is offered again, once, in front of the next bytes", async ({ near, far }) => {
    far.take = (bytes) => bytes.length - bytes.length % 4;
    await near.write("abcde");
    await far.until(() => far.text === "abcd");
    const offers = far.offers.length;
    await roundTrip(far, near);
    assertEquals(far.offers.length, offers, "the rest was offered though nothing new came");
    await near.write("fgh");
    await far.untilTaken(8);
    assertEquals(far.text, "abcdefgh");
    assert(far.offeredTexts[offers]!.startsWith("ef"));
  });

  test("a handler may take nothing until enough has come", async ({ near, far }) => {
    const wanted = 20_000;
    far.take = (bytes) => bytes.length < wanted ? 0 : bytes.length;
    const sent = Uint8Array.from({ length: wanted }, (_, i) => i * 13);
    await near.write(sent);
    await far.untilTaken(wanted);
    assertEquals(Uint8Array.from(far.taken), sent);
  });

  test("after a pause inside onBytes nothing comes until resume", async ({ near, far }) => {
    far.take = (bytes) => {
      far.transport.pause();
      return Math.min(bytes.length, 2);
    };
    await near.write("abcd");
    await far.until(() => far.text === "ab");
    await near.write("efgh");
    await roundTrip(far, near);
    assertEquals(far.text, "ab");
    const offers = far.offers.length;
    far.take = (bytes) => bytes.length;
    far.transport.resume();
    assertEquals(far.offers.length, offers, "resume offered from inside the call");
    await far.untilTaken(8);
    assertEquals(far.text, "abcdefgh");
  });

  test("after resume the rest is offered though nothing new comes", async ({ near, far }) => {
    far.take = (bytes) => {
      far.transport.pause();
      return Math.min(bytes.length, 1);
    };
    await near.write("xyz");
    for (const [i, text] of ["x", "xy", "xyz"].entries()) {
      await far.untilTaken(i + 1);
      assertEquals(far.text, text);
      await roundTrip(far, near);
      assertEquals(far.text, text);
      far.transport.resume();
    }
  });

  test("pause and resume inside onBytes offer the rest in a turn of its own", async ({ near, far }) => {
    let inside = false;
    far.take = () => {
      assertEquals(inside, false, "onBytes was entered twice");
      inside = true;
      far.transport.pause();
      far.transport.resume();
      inside = false;
      return 1;
    };
    await near.write("abc");
    await far.untilTaken(3);
    assertEquals(far.text, "abc");
  });

  test("what is taken little by little is not copied each time", async ({ near, far }) => {
    // One in memory gives a copy each time, which it spoils to catch who keeps it.
    if (!tellsProgress || far.transport instanceof MemoryTransport) return;
    far.keeps = false;
    const buffers = new Set<ArrayBufferLike>();
    far.take = ({ buffer }) => {
      buffers.add(buffer);
      far.transport.pause();
      far.transport.resume();
      return 10;
    };
    await near.write("x".repeat(10_000));
    await far.untilTaken(10_000);
    // Those of a few reads, and a copy for each half that is gone.
    assert(buffers.size < 40, `${buffers.size} of 1000`);
  });

  test("resume without a pause changes nothing", async ({ near, far }) => {
    far.take = (bytes) => bytes.length < 2 ? 0 : bytes.length;
    await near.write("a");
    await far.until(() => far.offers.length === 1);
    far.transport.resume();
    await roundTrip(far, near);
    assertEquals(far.offers.length, 1);
    await near.write("b");
    await far.untilTaken(2);
    assertEquals(far.text, "ab");
  });

  test("a pause that is over doesn't make a later rest come again by itself", async ({ near, far }) => {
    far.transport.pause();
    far.transport.resume();
    far.take = (bytes) => bytes.length < 2 ? 0 : bytes.length;
    await near.write("a");
    await far.until(() => far.offers.length > 0);
    await roundTrip(far, near);
    assertEquals(far.offers.length, 1);
    await near.write("b");
    await far.untilTaken(2);
  });

  test("a peer that doesn't read lets a large write wait", async ({ near, far }) => {
    far.transport.pause();
    const size = 16 * 1024 * 1024;
    near.send(new Uint8Array(size));
    await roundTrip(far, near);
    assertEquals(near.count("drain"), 0);
    far.keeps = false;
    far.transport.resume();
    await near.until(() => near.count("drain") === 1);
    await far.untilTaken(size);
    if (tellsProgress) assert(near.progress > 0, "a part left before the whole did");
  });

  test("end comes after a rest that is offered in turns of its own", async ({ near, far }) => {
    let offers = 0;
    let atEnd = "";
    far.take = () => {
      far.transport.pause();
      // The second time it stays so, with a rest and while the end comes.
      if (++offers !== 2) far.transport.resume();
      return 1;
    };
    far.whenEnded = () => atEnd = far.text;
    await near.write("abcdef");
    await far.untilTaken(2);
    near.transport.end();
    await roundTrip(far, near);
    far.transport.resume();
    await far.until(() => far.count("end") === 1);
    assertEquals(atEnd, "abcdef");
  });

  test("end comes once, however often reading is stopped behind it", async ({ near, far }) => {
    near.transport.end();
    await far.until(() => far.count("end") === 1);
    for (let i = 0; i < 2; i++) {
      far.transport.pause();
      far.transport.resume();
      await far.write("still here");
      await near.untilTaken(10 * (i + 1));
    }
    assertEquals(far.count("end"), 1);
  });

  test("end comes after all bytes, and the other way stays open", async ({ near, far }) => {
    let atEnd = "";
    far.whenEnded = () => atEnd = far.text;
    near.send(new TextEncoder().encode("the last words"));
    near.transport.end();
    await far.until(() => far.count("end") === 1);
    assertEquals(atEnd, "the last words");
    await far.write("and an answer");
    await near.untilTaken(13);
    assertEquals(near.text, "and an answer");
    assertEquals(near.count("end"), 0);
    far.transport.end();
    await near.until(() => near.count("end") === 1);
    assertEquals(near.count("close") + far.count("close"), 0, "a handler closes, nobody else");
  });

  test("an end behind a write that waits comes when all of it has left", async ({ near, far }) => {
    const size = 3_000_003;
    far.keeps = false;
    near.send(new Uint8Array(size));
    near.transport.end();
    await far.until(() => far.count("end") === 1);
    assertEquals(far.takenLength, size);
    await near.until(() => near.count("drain") === 1);
  });

  test("an incomplete rest doesn't keep the end back", async ({ near, far }) => {
    far.take = () => 0;
    await near.write("half a rec");
    near.transport.end();
    await far.until(() => far.count("end") === 1);
    assertEquals(far.offeredTexts.at(-1), "half a rec");
  });

  test("close is followed by one onClose, later, and is harmless when repeated", async ({ near, far }) => {
    near.transport.close();
    assertEquals(near.count("close"), 0, "onClose came from inside close");
    near.transport.close();
    await near.until(() => near.count("close") === 1);
    near.transport.close();
    assertEquals(near.closeError, undefined);
    await far.until(() => far.count("end") === 1);
  });

  test("abort is followed by one onClose, later, and is harmless when repeated or behind close", async ({ near, far }) => {
    const abort = () => abortTransport(near.transport);
    abort();
    assertEquals(near.count("close"), 0, "onClose came from inside abort");
    abort();
    await near.until(() => near.count("close") === 1);
    abort();
    near.transport.close();
    assertEquals(near.closeError, undefined);
    await far.until(() => far.count("end") + far.count("close") > 0);
  });

  test("the peer of an end that closed gets what was written, then its end", async ({ near, far }) => {
    await near.write("goodbye");
    near.transport.close();
    await far.until(() => far.count("end") === 1);
    assertEquals(far.text, "goodbye");
    assertEquals(far.count("close"), 0);
  });

  test("close inside onBytes ends all events but onClose", async ({ near, far }) => {
    far.take = (bytes) => {
      far.transport.close();
      assertEquals(far.count("close"), 0);
      return Math.min(bytes.length, 1);
    };
    await near.write("abc");
    await far.until(() => far.count("close") === 1);
    assertEquals(far.offers.length, 1);
    assertEquals(far.events, ["close"]);
  });

  test("close while paused still comes to onClose", async ({ near, far }) => {
    far.transport.pause();
    await near.write("unread");
    far.transport.close();
    await far.until(() => far.count("close") === 1);
    assertEquals(far.text, "");
  });

  test("close while a write waits still comes to onClose", async ({ near, far }) => {
    far.transport.pause();
    near.send(new Uint8Array(16 * 1024 * 1024));
    near.transport.close();
    await near.until(() => near.count("close") === 1);
    assertEquals(near.count("drain"), 0);
  });

  test("a write to an end that is gone comes to onClose with an error", async ({ near, far }) => {
    far.transport.close();
    await near.until(() => near.count("end") === 1);
    // The kernel of a socket may swallow what was written before it heard of the close.
    near.whenDrained = () => near.send(new Uint8Array(1000));
    near.send(new Uint8Array(1000));
    await near.until(() => near.count("close") === 1);
    assert(near.closeError instanceof Error);
  });

  Deno.test(`${name}: what was sent before start is offered after it`, async () => {
    const [nearEnd, farEnd] = await makePair();
    const near = new Recorder(nearEnd);
    await near.write("early");
    const far = new Recorder(farEnd);
    assertEquals(far.offers.length, 0, "start offered from inside the call");
    await far.untilTaken(5);
    assertEquals(far.text, "early");
    await closeBoth(near, far);
    await released();
  });

  Deno.test(`${name}: close before start is harmless and ends the peer`, async () => {
    const [nearEnd, farEnd] = await makePair();
    farEnd.close();
    farEnd.close();
    const near = new Recorder(nearEnd);
    await near.until(() => near.events.length > 0);
    nearEnd.close();
    await near.until(() => near.count("close") === 1);
    await released();
  });
}

/** Sends a byte from one end and waits for it at the other: whatever was under way has happened. */
async function roundTrip(from: Recorder, to: Recorder): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const taken = to.takenLength;
    await from.write("!");
    await to.untilTaken(taken + 1);
    // One macrotask, for what an event handler has put off.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function closeBoth(near: Recorder, far: Recorder): Promise<void> {
  for (const end of [near, far]) {
    end.transport.close();
    await end.until(() => end.count("close") === 1);
  }
  for (const end of [near, far]) {
    assertEquals(end.count("close"), 1);
    assert(end.count("end") <= 1);
  }
}
