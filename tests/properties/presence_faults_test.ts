/**
 * Random faults of a broker under several contexts: in the end each of them lists the members that there are, and
 * what it has told of them comes to the same.
 */

import { assertEquals } from "@std/assert";
import { type Broker, memoryBroker, type PresenceChange } from "../../mod.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { type BrokerCall, faultyBroker } from "../../src/testing/faulty_broker.ts";
import { settle } from "../support/serve.ts";
import { Rig } from "../unit/topics/broker/rig.ts";
import { Played } from "../unit/topics/played_subscriber.ts";
import { random } from "./random.ts";

const ROUNDS = 40;
const STEPS = 120;
const CALLS: readonly BrokerCall[] = ["join", "leave", "tend", "members", "history", "tops"];
const KEYS = ["a", "b", "c"];

/** A connection, and what it is to be in the end. */
class Peer extends Played {
  readonly rig: Rig;
  key: string | undefined;
  isBusy = false;

  constructor(rig: Rig) {
    super();
    this.rig = rig;
  }
}

/** What a subscriber knows by what it was told. */
class Watcher extends Played {
  override hearsPresence = true;
  readonly keys = new Map<string, unknown>();
  readonly faults: string[] = [];

  override tellPresence({ joins, updates, leaves }: PresenceChange): void {
    for (const { key, info } of joins) this.keys.set(key, info);
    for (const { key, info } of updates) {
      if (!this.keys.has(key)) this.faults.push(`${key} is unknown, and has other info`);
      this.keys.set(key, info);
    }
    for (const { key } of leaves) {
      if (!this.keys.delete(key)) this.faults.push(`${key} is unknown, and leaves`);
    }
  }
}

async function play(seed: number, historySize: number): Promise<void> {
  const dice = random(seed);
  const clock = new FakeClock();
  const make = () => memoryBroker({ historySize });
  let store: Broker = make();
  const rigs = [0, 1, 2].map(() => new Rig({ clock, broker: faultyBroker(store) }));
  const watchers: Watcher[] = [];
  for (const rig of rigs) {
    const watcher = new Watcher();
    watchers.push(watcher);
    await rig.join("t", watcher);
    assertEquals(await rig.hub.presence.list("t", 9), []);
  }
  const peers: Peer[] = [];

  /** One call at a time for each, so that it is known what is to come of it. */
  const free = (): Peer | undefined => {
    const peer = peers[dice(peers.length + 1)];
    return peer === undefined || peer.isBusy || !peer.isEstablished ? undefined : peer;
  };
  const join = (): void => {
    const peer = free() ?? new Peer(rigs[dice(3)]!);
    if (!peers.includes(peer)) peers.push(peer);
    const key = KEYS[dice(3)]!;
    peer.isBusy = true;
    peer.rig.hub.presence.join(peer, "t", { key, info: String(dice(3)) }).then(() => {
      if (peer.isEstablished) peer.key = key;
    }, () => {}).finally(() => peer.isBusy = false);
  };
  const leave = (): void => {
    const peer = free();
    if (peer === undefined) return;
    peer.key = undefined;
    peer.isBusy = true;
    peer.rig.hub.presence.leave(peer, "t").catch(() => {}).finally(() => peer.isBusy = false);
  };
  const end = (): void => {
    const peer = peers[dice(peers.length + 1)];
    if (peer === undefined) return;
    peer.isEstablished = false;
    peer.key = undefined;
    peer.rig.hub.end(peer);
  };
  const steps: readonly (() => void | Promise<void>)[] = [
    ...new Array(6).fill(join),
    leave,
    leave,
    end,
    end,
    () => {
      const held = rigs[dice(3)]!.broker[dice(2) === 0 ? "hold" : "holdAnswer"](CALLS[dice(6)]!);
      clock.setTimer(() => held.release(), 1 + dice(dice(3) === 0 ? 25_000 : 300));
    },
    () => rigs[dice(3)]!.broker.fail(CALLS[dice(6)]!, new Error("ordered"), 1 + dice(3)),
    () => rigs[dice(3)]!.broker.loseAnswer(CALLS[dice(6)]!, 1 + dice(3)),
    () => {
      const { broker } = rigs[dice(3)]!;
      if (dice(2) === 0) return broker.deafen();
      broker.revive();
      broker.interrupt();
    },
    async () => {
      const { broker } = rigs[dice(3)]!;
      broker.stop();
      if (dice(2) === 0) await settle();
      clock.setTimer(() => void broker.restart(store), 1 + dice(dice(3) === 0 ? 25_000 : 300));
    },
    async () => {
      if (dice(6) > 0) return;
      store = make();
      for (const { broker } of rigs) await broker.restart(store);
    },
    settle,
    settle,
    () => clock.advance(dice(400)),
    () => clock.advance(dice(6_000)),
  ];
  for (let i = 0; i < STEPS; i++) await steps[dice(steps.length)]!();

  // All is well again, and time goes by.
  await rigs[0]!.pass(30_000);
  for (const { broker } of rigs) {
    broker.mend();
    broker.interrupt();
  }
  await rigs[0]!.pass(30_000);

  const expected = new Map<string, number>();
  for (const { key } of peers) {
    if (key !== undefined) expected.set(key, (expected.get(key) ?? 0) + 1);
  }
  const lists = await Promise.all(rigs.map(({ hub }) => hub.presence.list("t", 9)));
  const byKey = <Value>(entries: Iterable<[string, Value]>) =>
    [...entries].toSorted(([one], [other]) => one < other ? -1 : 1);
  for (const [i, list] of lists.entries()) {
    const counts = list.map(({ key, connections }): [string, number] => [key, connections]);
    assertEquals(byKey(counts), byKey(expected), `seed ${seed}: what context ${i} lists`);
    const infos = list.map(({ key, info }): [string, unknown] => [key, info]);
    assertEquals(byKey(watchers[i]!.keys), byKey(infos), `seed ${seed}: what context ${i} told`);
    assertEquals(watchers[i]!.faults, [], `seed ${seed}`);
    assertEquals(
      byKey(infos),
      byKey(lists[0]!.map(({ key, info }) => [key, info])),
      `seed ${seed}`,
    );
  }
  for (const rig of rigs) await rig[Symbol.asyncDispose]();
}

for (const historySize of [0, 100]) {
  Deno.test(`members come to the same at all contexts, whatever the broker does, historySize ${historySize}`, async () => {
    for (let round = 0; round < ROUNDS; round++) await play(round * 7 + historySize, historySize);
  });
}
