/** Subscribing and unsubscribing of this context at its broker, many topics at a time. */

import type { Clock } from "../../api/service.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, thrown } from "../../base/log.ts";
import type { BrokerTopic } from "./topic.ts";
import { type BrokerLink, retryDelay } from "./link.ts";
import type { Publishable } from "../subscriber.ts";

const MOST_AT_ONCE = 1_000;

type Of<Message extends Publishable> = BrokerTopic<Message>;

/** The topics that are to come and to go. */
export class Openings<Message extends Publishable> {
  readonly #link: BrokerLink;
  readonly #clock: Clock;
  readonly #standAt: (topics: readonly Of<Message>[], tops: readonly Position[]) => void;
  #toOpen: Of<Message>[] = [];
  #toLeave = new Set<string>();
  /** Names that are being unsubscribed from, by the ends of that. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** Of what is under way only what began behind the last interruption counts. */
  #generation = 0;

  /** @param standAt is told where topics stand that come now */
  constructor(
    link: BrokerLink,
    clock: Clock,
    standAt: (topics: readonly Of<Message>[], tops: readonly Position[]) => void,
  ) {
    this.#link = link;
    this.#clock = clock;
    this.#standAt = standAt;
  }

  /** Soon, with others that come in the same turn. */
  open(topic: Of<Message>): void {
    this.#toLeave.delete(topic.name);
    if (this.#toOpen.push(topic) > 1) return;
    queueMicrotask(() => {
      const topics = this.#toOpen;
      this.#toOpen = [];
      this.#bringAll(topics);
    });
  }

  /** The broker is away: what has begun is begun anew by {@linkcode Openings.openAll}. */
  pause(): void {
    this.#generation++;
  }

  /** The broker knows nothing of this context any more. */
  openAll(topics: Iterable<Of<Message>>): void {
    this.#generation++;
    const all = [...topics];
    for (const topic of all) topic.isSubscribed = false;
    this.#bringAll(all);
  }

  /** They come, and may have missed something. */
  checkAll(topics: readonly Of<Message>[]): void {
    this.#bringAll(topics);
  }

  /** A part of the broker that is away keeps none of another waiting. */
  #bringAll(topics: readonly Of<Message>[], attempt = 0): void {
    for (const some of this.#link.byPart(topics)) this.#bring(some, attempt);
  }

  async #bring(topics: readonly Of<Message>[], attempt: number): Promise<void> {
    const generation = this.#generation;
    for (let at = 0; at < topics.length; at += MOST_AT_ONCE) {
      if (generation !== this.#generation) return;
      const some = topics.slice(at, at + MOST_AT_ONCE).filter(isComing);
      const names = some.map(({ name }) => name);
      if (names.length === 0) continue;
      try {
        const left = names.map((name) => this.#leaving.get(name));
        if (left.some((each) => each !== undefined)) await Promise.all(left);
        await this.#subscribe(some.filter(({ isSubscribed }) => !isSubscribed));
        const before = some.map(({ interruptions }) => interruptions);
        const tops = await this.#link.ask("subscribe", (broker) => broker.tops(names));
        if (generation !== this.#generation) return;
        // Those that were interrupted meanwhile are asked about again.
        const isCurrent = (i: number) => some[i]!.interruptions === before[i];
        this.#standAt(some.filter((_, i) => isCurrent(i)), tops.filter((_, i) => isCurrent(i)));
      } catch (error) {
        if (generation !== this.#generation || !this.#link.isUp) return;
        const level = attempt === 0 ? "warn" : "info";
        log(level, () => line`the broker does not subscribe: ${thrown(error)}`);
        const rest = topics.slice(at);
        // One that is refused must not keep the others waiting: it is found by halves.
        const tries = isRefusal(error) ? halvesOf(rest) : [rest];
        const again = () => {
          if (generation !== this.#generation) return;
          // The parts may be known only by the failure.
          for (const some of tries) this.#bringAll(some, attempt + 1);
        };
        this.#clock.setTimer(again, retryDelay(tries.length > 1 ? 0 : attempt));
        return;
      }
    }
  }

  /** @throws {LwsError} `broker-unavailable` */
  async #subscribe(topics: readonly Of<Message>[]): Promise<void> {
    if (topics.length === 0) return;
    const generation = this.#generation;
    const names = topics.map(({ name }) => name);
    await this.#link.ask("subscribe", (broker) => broker.subscribe(names));
    if (generation !== this.#generation) return;
    for (const topic of topics) topic.isSubscribed = true;
  }

  /** Unsubscribes soon. One that comes again waits for the end of that: it must not go with it. */
  leave({ name }: Of<Message>): void {
    this.#toLeave.add(name);
    if (this.#toLeave.size > 1) return;
    queueMicrotask(() => {
      const names = [...this.#toLeave];
      this.#toLeave.clear();
      for (let at = 0; at < names.length; at += MOST_AT_ONCE) {
        this.#unsubscribe(names.slice(at, at + MOST_AT_ONCE));
      }
    });
  }

  #unsubscribe(names: readonly string[]): void {
    if (!this.#link.isUp) return;
    const done = this.#link.ask("unsubscribe", (broker) => broker.unsubscribe(names)).then(
      () => {},
      (error) => log("info", () => line`${thrown(error)}`),
    ).then(() => {
      for (const name of names) this.#leaving.delete(name);
    });
    for (const name of names) this.#leaving.set(name, done);
  }
}

/** Whether the broker is there, and will not have it. */
function isRefusal(error: unknown): boolean {
  return error instanceof LwsError && error.code !== "broker-unavailable";
}

function halvesOf<Each>(all: readonly Each[]): (readonly Each[])[] {
  const middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)].filter(({ length }) => length > 0);
}

/** Whether it is still wanted to come. */
function isComing({ state }: { readonly state: string }): boolean {
  return state === "OPENING" || state === "REPAIRING";
}
