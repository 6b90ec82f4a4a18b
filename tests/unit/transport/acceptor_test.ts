/** How connections are taken from a listener that tells when there are some. */

import { assertEquals } from "@std/assert";
import type { PolledListener, Transport } from "../../../src/api/network.ts";
import { PolledAcceptor } from "../../../src/transport/acceptor.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { captureLog } from "../../support/recorder.ts";

/** A listener with a backlog, which writes down how it is asked. */
class Backlog implements PolledListener {
  readonly address = { hostname: "127.0.0.1", port: 80 };
  readonly fd = 7;
  waiting = 0;
  /** What `take` throws, once. */
  failure: Error | undefined;
  taken = 0;
  /** Calls of `take`. */
  calls = 0;
  isWatched = true;
  isClosed = false;
  onReady = () => {};

  accept(): Promise<Transport> {
    throw new Error("it tells when there are connections");
  }

  take(): Transport | undefined {
    this.calls++;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    if (this.waiting === 0 || this.isClosed) return undefined;
    this.waiting--;
    this.taken++;
    return {} as Transport;
  }

  watch(onReady: () => void): void {
    this.onReady = onReady;
  }

  accepts(isOn: boolean): void {
    this.isWatched = isOn;
  }

  close(): void {
    this.isClosed = true;
  }

  /** What one round takes of so many that wait, and how often it asks. */
  round(waiting: number): [taken: number, calls: number] {
    this.waiting = waiting;
    this.taken = this.calls = 0;
    this.onReady();
    return [this.taken, this.calls];
  }
}

/** Takes whatever comes, until there is no room. */
class Host {
  room = Infinity;
  accepted: () => void = () => void this.room--;

  get hasRoom(): boolean {
    return this.room > 0;
  }
}

function accepting(): { backlog: Backlog; host: Host; clock: FakeClock; acceptor: PolledAcceptor } {
  const backlog = new Backlog();
  const host = new Host();
  const clock = new FakeClock();
  const acceptor = new PolledAcceptor(backlog, host, clock, "listener");
  void acceptor.run();
  return { backlog, host, clock, acceptor };
}

Deno.test("of connections that come one by one each second is asked for once, and a crowd in growing batches of at most 64", () => {
  const { backlog } = accepting();
  const calls = [1, 2, 3, 4].map(() => backlog.round(1)[1]);
  assertEquals(calls, [1, 2, 1, 2]);
  const crowd = [1, 2, 4, 8, 16, 32, 64, 64, 64].map(() => backlog.round(1000)[0]);
  assertEquals(crowd, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
  assertEquals(backlog.round(5), [5, 6]);
  assertEquals(backlog.round(1000), [5, 5], "as many as the last time");
});

Deno.test("no more are taken than there is room for, and they are watched for again when there is", () => {
  const { backlog, host, acceptor } = accepting();
  backlog.round(1);
  host.room = 1;
  assertEquals(backlog.round(10), [1, 1]);
  assertEquals(backlog.isWatched, false);
  host.room = 1;
  acceptor.resume();
  assertEquals(backlog.isWatched, true);
});

Deno.test("a failed take rests for 100 ms, but for a connection that was gone before", () => {
  const { backlog, clock } = accepting();
  using log = captureLog(["err", "notice", "info"]);
  backlog.round(1);
  backlog.failure = new Deno.errors.ConnectionAborted("gone");
  assertEquals(backlog.round(1), [1, 2]);
  assertEquals([backlog.isWatched, log.lines.length], [true, 1]);
  backlog.failure = new Error("Too many open files");
  assertEquals(backlog.round(1), [0, 1]);
  assertEquals(backlog.isWatched, false);
  clock.advance(99);
  assertEquals(backlog.isWatched, false);
  clock.advance(1);
  assertEquals(backlog.isWatched, true);
  assertEquals(backlog.round(1)[0], 1);
  assertEquals(log.lines.slice(1), [
    "err: listener: accept failed, trying every 100 ms: Error: Too many open files",
    "notice: listener: accepts again",
  ]);
});

Deno.test("an acceptor that is stopped closes its listener, in a rest as well", () => {
  const { backlog, acceptor, clock } = accepting();
  using _log = captureLog(["err"]);
  backlog.failure = new Error("Too many open files");
  backlog.round(1);
  acceptor.stop();
  clock.advance(1000);
  assertEquals([backlog.isClosed, backlog.isWatched, clock.pending], [true, false, 0]);
});

Deno.test("a listener that can't be watched again is tried again every 100 ms", () => {
  using log = captureLog(["err", "notice"]);
  const { backlog, host, clock, acceptor } = accepting();
  host.room = 1;
  assertEquals(backlog.round(1), [1, 1]);
  assertEquals(backlog.isWatched, false);
  let tries = 0;
  const watch = backlog.accepts.bind(backlog);
  backlog.accepts = (isOn) => {
    if (isOn && ++tries < 3) throw new Error("no memory");
    watch(isOn);
  };
  host.room = 1;
  acceptor.resume();
  for (const done of [1, 2, 3]) {
    assertEquals([tries, backlog.isWatched], [done, done === 3]);
    clock.advance(99);
    assertEquals(tries, done);
    clock.advance(1);
  }
  assertEquals(backlog.round(1), [1, 1]);
  assertEquals(log.lines.length, 2, "one line a spell, and one at its end");
  acceptor.stop();
});
