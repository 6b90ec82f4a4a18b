/** One stream as a context sees it: which count its sequences are of, and what has come of it. */

import type { Subscription } from "npm:@nats-io/nats-core@^3.4";
import type { StreamInfo } from "./streams/jetstream.ts";
import type { LiveMessage } from "./message.ts";
import { epochOf } from "./streams/epoch.ts";

/** What waits until it is known of which count it is. */
export interface Held {
  readonly entry: Entry;
  readonly message: LiveMessage;
  readonly data: Uint8Array;
}

/** A topic that is subscribed to. */
export interface Entry {
  readonly topic: string;
  readonly token: string;
  readonly shard: Shard;
  /** Undefined while the connection that had it is gone. */
  subscription: Subscription | undefined;
  /** Up to here the topic's publications are known of, or have come; 0 if it is not known. */
  offset: number;
  /** During which connection that was. */
  generation: number;
  /** The last sequence that has come of it by this connection. */
  live: number;
}

/** The last message of the stream that was heard of, to know it again. */
interface Mark {
  readonly sequence: number;
  readonly data: Uint8Array;
}

const NO_MARK: Mark = { sequence: 0, data: new Uint8Array() };

/** One of the streams. */
export class Shard {
  readonly index: number;
  readonly stream: string;
  readonly entries: Set<Entry> = new Set();
  /** Empty until the stream was seen. */
  epoch = "";
  /** The last sequence that has come live by this connection, of any topic: they come in order. */
  live = 0;
  /** The last sequence that a publication of this context was given by this connection. */
  acked = 0;
  #mark = NO_MARK;
  /** Set while it is asked of which count the stream is. */
  checking: Promise<void> | undefined;
  held: Held[] = [];

  constructor(index: number, stream: string) {
    this.index = index;
    this.stream = stream;
  }

  /** The highest sequence that was heard of in this count. */
  get mark(): Mark {
    return this.#mark;
  }

  heardOf(sequence: number, data: Uint8Array): void {
    if (sequence > this.#mark.sequence) this.#mark = { sequence, data };
  }

  /** What comes now comes by another connection. */
  renewed(): void {
    this.live = 0;
    this.acked = 0;
    this.held = [];
  }

  /** Whether that is the count that is known. */
  isOf(info: StreamInfo): boolean {
    return epochOf(info) === this.epoch;
  }

  /** @returns whether it is another count than before */
  identify(info: StreamInfo): boolean {
    const epoch = epochOf(info);
    if (epoch === this.epoch) return false;
    this.epoch = epoch;
    this.live = 0;
    this.acked = 0;
    this.#mark = NO_MARK;
    for (const entry of this.entries) {
      entry.offset = 0;
      entry.live = 0;
    }
    return true;
  }
}

/**
 * Whether a message may be of another count than its shard's: in one count sequences only grow, and the topic's
 * message before it is the last one that is known. Where that is not kept any more it is not, either, so that
 * the stream has to be asked.
 */
export function isSuspicious(entry: Entry, { sequence, last }: LiveMessage): boolean {
  if (sequence <= entry.shard.live || last < entry.live) return true;
  return last < entry.offset && sequence > entry.offset;
}
