/** The ids of publications that were taken, for as long as one may come again. */

import type { Position } from "../api/topics/topics.ts";

interface Known {
  readonly position: Position;
  /** From when on it is unknown. */
  readonly end: number;
}

/** Which id of which topic was taken, and where. */
export class KnownIds {
  readonly #ttlMs: number;
  /** In the order of their ends. */
  readonly #known = new Map<string, Known>();

  /** @param ttlMs how long they are known; 0 is not at all */
  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The position of the publication that has this id. */
  find(topic: string, id: string, now: number): Position | undefined {
    for (const [key, { end }] of this.#known) {
      if (end > now) break;
      this.#known.delete(key);
    }
    return this.#known.get(keyOf(topic, id))?.position;
  }

  add(topic: string, id: string, position: Position, now: number): void {
    if (this.#ttlMs > 0) this.#known.set(keyOf(topic, id), { position, end: now + this.#ttlMs });
  }
}

/** A control character is in no topic's name. */
function keyOf(topic: string, id: string): string {
  return `${topic}\0${id}`;
}
