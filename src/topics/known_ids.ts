/** The ids of publications that were taken, for as long as one may come again. */

import type { Position } from "../api/topics/topics.ts";

interface Known {
  readonly position: Position;
  /** From when on it is unknown. */
  readonly end: number;
}

/** Ids in each of two generations; more are forgotten before their time. */
export const MOST_IDS = 131_072;

/**
 * Which id of which topic was taken, and where. As all live equally long, those of the elder generation have had their
 * time when the younger one has lasted so long, and none is looked for one by one.
 */
export class KnownIds {
  readonly #ttlMs: number;
  #recent = new Map<string, Known>();
  #former = new Map<string, Known>();
  #since = -Infinity;

  /** @param ttlMs how long they are known; 0 is not at all */
  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  /** The position of the publication that has this id. */
  find(topic: string, id: string, now: number): Position | undefined {
    this.#forget(now);
    const key = keyOf(topic, id);
    const known = this.#recent.get(key) ?? this.#former.get(key);
    return known !== undefined && known.end > now ? known.position : undefined;
  }

  add(topic: string, id: string, position: Position, now: number): void {
    if (this.#ttlMs === 0) return;
    this.#forget(now);
    this.#recent.set(keyOf(topic, id), { position, end: now + this.#ttlMs });
  }

  #forget(now: number): void {
    const age = now - this.#since;
    if (age < this.#ttlMs && this.#recent.size < MOST_IDS) return;
    this.#former = age < 2 * this.#ttlMs ? this.#recent : new Map();
    this.#recent = new Map();
    this.#since = now;
  }
}

/** A control character is in no topic's name. */
function keyOf(topic: string, id: string): string {
  return `${topic}\0${id}`;
}
