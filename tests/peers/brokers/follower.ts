/** A client that follows a topic, and goes on at its position wherever it connects again. */

import type { Position } from "../../../mod.ts";
import type { Entry, Followed } from "../../support/topics/trace.ts";
import { PlainClient } from "./plain_client.ts";
import { readTold, type Told, type Wish } from "./wire.ts";

/** How long to wait before something is tried again. */
const RETRY_MS = 50;

/** One of them. */
export class Follower implements Followed {
  readonly topic: string;
  readonly trace: Entry[] = [];
  /** The latest number of each publisher. */
  readonly latest = new Map<string, number>();
  /** Up to where it has all, or was told that it has not. */
  #position: Position | undefined;
  #client: PlainClient | undefined;
  /** What came before the answer to `subscribe`; undefined behind that. */
  #early: Told[] | undefined;
  #begun = Promise.withResolvers<void>();
  #isAway = false;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** Connects, subscribes, and does so again when the connection ends; resolves once it has its answer. */
  async follow(port: number): Promise<void> {
    this.#isAway = false;
    this.#begun = Promise.withResolvers();
    this.#early = [];
    const client = await PlainClient.open(
      port,
      (text) => this.#told(client, readTold(text)),
      () => void this.#again(port),
    );
    if (this.#isAway) return client.cut();
    this.#client = client;
    await this.#wish(client);
    await this.#begun.promise;
  }

  /** Begins its trace anew, where it is. */
  forget(): void {
    const start = this.#position;
    this.trace.length = 0;
    this.latest.clear();
    if (start === undefined) return;
    const begun = { recovered: true, start, count: 0, came: 0 };
    this.trace.push({ kind: "begun", since: undefined, ...begun });
  }

  /** Goes away without a word, and stays away. */
  leave(): void {
    this.#isAway = true;
    this.#client?.cut();
    this.#client = undefined;
    this.#begun.resolve();
  }

  async #again(port: number): Promise<void> {
    while (!this.#isAway) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (this.#isAway) return;
      try {
        return await this.follow(port);
      } catch { /* It is not there yet. */ }
    }
  }

  async #wish(client: PlainClient): Promise<void> {
    const wish: Wish = { topic: this.topic, ...this.#position && { since: this.#position } };
    // Its end is told in another way.
    await client.send(JSON.stringify(wish)).catch(() => {});
  }

  #told(client: PlainClient, told: Told): void {
    if (told.kind === "refused") {
      // What came of it is not handed on.
      this.#early = [];
      setTimeout(() => {
        if (this.#client === client) void this.#wish(client);
      }, RETRY_MS);
    } else if (told.kind === "begun") {
      const { epoch, offset, recovered, count } = told;
      const early = this.#early ?? [];
      const [since, start, came] = [this.#position, { epoch, offset }, early.length];
      this.trace.push({ kind: "begun", since, recovered, start, count, came });
      this.#early = undefined;
      if (since === undefined || !recovered) this.#position = start;
      for (const each of early) this.#take(each);
      this.#begun.resolve();
    } else if (this.#early !== undefined) this.#early.push(told);
    else this.#take(told);
  }

  #take(told: Told): void {
    const { epoch, offset } = told as Position;
    this.#position = { epoch, offset };
    if (told.kind === "message") {
      const { publisher, number } = told;
      this.latest.set(publisher, number);
      this.trace.push({ kind: "message", message: { publisher, number, epoch, offset } });
    } else if (told.kind === "gap") {
      this.trace.push({ kind: "gap", start: { epoch, offset }, cause: told.cause });
    }
  }
}
