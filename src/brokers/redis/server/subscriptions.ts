/** The channels of one server that a node subscribes to, over the connections that there are for them. */

import { slotOf } from "../cluster/slots.ts";
import type { Connection } from "./connection.ts";

/** So that what comes live is looked at between them. */
const MOST_AT_ONCE = 1_000;

const decoder = new TextDecoder();

/** They, and what of them the server may have ended. */
export class Subscriptions {
  readonly #isSharded: boolean;
  readonly #onMessage: (message: Uint8Array, channel: Uint8Array) => void;
  readonly #channels = new Set<string>();
  /** Those that the server has ended by itself. */
  readonly #ended = new Set<string>();
  /** Calls that are under way. */
  readonly #underway = new Set<Promise<void>>();

  constructor(isSharded: boolean, onMessage: (channel: string, message: Uint8Array) => void) {
    this.#isSharded = isSharded;
    this.#onMessage = (message, channel) => onMessage(decoder.decode(channel), message);
  }

  /** All that are wanted. */
  get channels(): readonly string[] {
    return [...this.#channels];
  }

  /** Of those that one command may be about. */
  #groupsOf(channels: readonly string[]): readonly (readonly string[])[] {
    if (channels.length === 0) return [];
    return this.#isSharded ? [...Map.groupBy(channels, slotOf).values()] : [channels];
  }

  /** All, over a connection that has none of them. */
  async begin(feed: Connection): Promise<void> {
    this.#ended.clear();
    // Goes on with what is added meanwhile.
    const channels = this.#channels.values();
    for (;;) {
      const some = [...take(channels, MOST_AT_ONCE)];
      if (some.length === 0) return;
      await Promise.all(this.#groupsOf(some).map((group) => this.#call(feed, group)));
    }
  }

  #call(feed: Connection, channels: readonly string[]): Promise<void> {
    return feed.subscribe(channels, this.#isSharded, this.#onMessage);
  }

  /** Resolves when what is published to all of these comes. */
  async add(feed: Connection, channels: readonly string[]): Promise<void> {
    const added = channels.filter((channel) => !this.#channels.has(channel));
    const calls = added.length < channels.length ? [...this.#underway] : [];
    for (const group of this.#groupsOf(added)) calls.push(this.#add(feed, group));
    await Promise.all(calls);
  }

  #add(feed: Connection, channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    const done = this.#call(feed, channels);
    this.#underway.add(done);
    done.then(() => this.#underway.delete(done), () => {
      this.#underway.delete(done);
      // They were refused. Where the connection has ended, the next one begins with them.
      if (feed.isOpen) { for (const channel of channels) this.#channels.delete(channel); }
    });
    return done;
  }

  async remove(feed: Connection | undefined, channels: readonly string[]): Promise<void> {
    const removed = channels.filter((channel) => this.#channels.delete(channel));
    const still = removed.filter((channel) => !this.#ended.delete(channel));
    if (feed === undefined) return;
    await Promise.all(
      this.#groupsOf(still).map((group) => {
        return feed.unsubscribe(group, this.#isSharded, this.#onMessage);
      }),
    );
  }

  /** It is told anew what is wanted. */
  clear(): void {
    this.#channels.clear();
  }

  // Channels that go from one server to another.

  /** The server has ended one by itself. */
  end(channel: string): void {
    if (this.#channels.has(channel)) this.#ended.add(channel);
  }

  /**
   * Another server has these from now on.
   *
   * @returns Whether the connection knows that. If not, it takes itself for a subscriber, and would not become
   *   one if they came back.
   */
  release(channels: readonly string[]): boolean {
    let isKnown = true;
    for (const channel of channels) {
      this.#channels.delete(channel);
      if (!this.#ended.delete(channel)) isKnown = false;
    }
    return isKnown;
  }

  /** Those that the server has ended, and that no other has. */
  takeEnded(): readonly string[] {
    const ended = [...this.#ended];
    this.#ended.clear();
    return ended;
  }

  /** This server has these from now on; without a connection for them, the next one begins with them. */
  async adopt(feed: Connection | undefined, channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    if (feed === undefined) return;
    await Promise.all(this.#groupsOf(channels).map((group) => this.#call(feed, group)));
  }

  /** Resolves when no call is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#underway]);
  }
}

/** The next of them. */
function* take(from: Iterator<string>, most: number): Iterable<string> {
  for (let i = 0; i < most; i++) {
    const { value, done } = from.next();
    if (done) return;
    yield value;
  }
}
