/** Contexts that share a store and a clock, each behind a broker with faults of its own. */

import { type Broker, memoryBroker } from "../../../../mod.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";
import { faultyBroker } from "../../../../src/testing/faulty_broker.ts";
import { settle } from "../../../support/serve.ts";
import { KEEPS, Rig, type RigOptions } from "../broker/rig.ts";
import { Played } from "../played_subscriber.ts";

/** As many contexts as are taken. */
export class Town implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly store: Broker;
  readonly #rigs: Rig[] = [];

  constructor(history = KEEPS) {
    this.store = memoryBroker(history);
  }

  rig(options: RigOptions = {}): Rig {
    const rig = new Rig({ clock: this.clock, broker: faultyBroker(this.store), ...options });
    this.#rigs.push(rig);
    return rig;
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(left, 500));
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const rig of this.#rigs.toReversed()) {
      rig.broker.mend();
      await rig[Symbol.asyncDispose]();
    }
  }
}

/** A connection that subscribes to "t" and hears of members. */
export async function hearer(rig: Rig): Promise<Played> {
  const played = new Played();
  played.hearsPresence = true;
  await rig.join("t", played);
  return played;
}

/** A connection that is in "t". */
export async function member(rig: Rig, key: string, info?: unknown): Promise<Played> {
  const played = new Played();
  await join(rig, played, key, info);
  return played;
}

export function join(rig: Rig, played: Played, key: string, info?: unknown): Promise<void> {
  const text = info === undefined ? undefined : JSON.stringify(info);
  return rig.hub.presence.join(played, "t", { key, info: text });
}

/** The keys that a context lists, in order. */
export async function keys(rig: Rig): Promise<string[]> {
  const entries = await rig.hub.presence.list("t", 1_000);
  return entries.map(({ key, connections }) => `${key} ${connections}`).toSorted();
}

/** The keys that the store has. */
export async function stored(town: Town): Promise<string[]> {
  const end = town.store.openNode!();
  await end.start({ publication() {}, interrupted() {}, state() {} }, town.clock);
  const { members } = await end.presence!.members("t", 1_000);
  return members.map(({ key }) => key).toSorted();
}
