/** Publications on their way to NATS: into the stream that keeps them, or past it. */

import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { encodeFacts, type MessageFacts, messageId } from "./message.ts";
import type { CheckedOptions } from "./options.ts";
import type { Line } from "./server/connection.ts";
import { NoResponders } from "./server/requests.ts";
import type { Shard } from "./shard.ts";
import { onceConfig } from "./streams/config.ts";
import { JetStream, type Put, type StreamConfig } from "./streams/jetstream.ts";
import { type Layout, tokenOf } from "./subjects.ts";

const NO_POSITION: Position = { epoch: "", offset: 0 };

/** How often a publication is tried that nothing takes, and how long it is waited for that then. */
const MOST_TRIES = 4;
const RETRY_MS = 300;

type Headers = ReturnType<typeof encodeFacts>;

/** What publishing needs. Implemented by NatsNode. */
export interface PublishingHost {
  /** @throws {LwsError} `broker-unavailable` */
  readonly line: Line;
  /** Finds out of which count a stream is, and has it made anew if it is gone. */
  check(shard: Shard): Promise<void>;
  /** Waits, but not for longer than there is a context. */
  pause(ms: number): Promise<void>;
  /** Has a stream be there. */
  ensure(config: StreamConfig, needs: string): Promise<JetStream>;
  /** It is not, or not any more. */
  forget(stream: string): void;
}

/** Those of one context. */
export class Publishing {
  readonly #options: CheckedOptions;
  readonly #layout: Layout;
  readonly #shards: readonly Shard[];
  readonly #host: PublishingHost;
  #flushing: Promise<void> | undefined;

  constructor(
    options: CheckedOptions,
    layout: Layout,
    shards: readonly Shard[],
    host: PublishingHost,
  ) {
    this.#options = options;
    this.#layout = layout;
    this.#shards = shards;
    this.#host = host;
  }

  /** The data must be nothing that changes later. */
  async publish(
    topic: string,
    data: Uint8Array,
    facts: MessageFacts,
    options: { readonly history: boolean; readonly id?: string },
  ): Promise<Position> {
    const { line } = this.#host;
    const most = line.connection.info?.max_payload ?? Infinity;
    if (data.length > most) {
      throw new LwsError(
        "invalid-argument",
        `publish: data has ${data.length} bytes; allowed: ${most}, the max_payload of nats-server`,
      );
    }
    const token = tokenOf(topic);
    const { idempotencyMs, historySize } = this.#options.history;
    const id = options.id === undefined || idempotencyMs === 0
      ? undefined
      : messageId(token, options.id);
    const headers = encodeFacts(facts, id);
    if (options.history && historySize > 0) return await this.#keep(token, data, headers);
    if (id === undefined) {
      line.connection.publish(this.#layout.live(token), data, headers && { headers });
      await this.#flushed(line);
      return NO_POSITION;
    }
    await this.#putOnce(this.#layout.once(token), data, headers);
    return NO_POSITION;
  }

  async #putOnce(subject: string, data: Uint8Array, headers: Headers): Promise<void> {
    const config = onceConfig(this.#options, this.#layout);
    const put = async () => {
      const api = await this.#host.ensure(config, "a publication with an id needs");
      await api.put(subject, data, { headers });
    };
    try {
      await put();
    } catch (error) {
      if (!(error instanceof NoResponders)) throw error;
      this.#host.forget(config.name);
      await put();
    }
  }

  /** The server has all that was published before; those of one turn ask once. */
  #flushed({ connection }: Line): Promise<void> {
    return this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return connection.flush();
    });
  }

  async #keep(
    token: string,
    data: Uint8Array,
    headers: Headers,
  ): Promise<Position> {
    const shard = this.#shards[this.#layout.shardOf(token)]!;
    const { seq, isDuplicate } = await this.#put(shard, token, data, headers);
    if (!isDuplicate && seq <= shard.acked) await this.#host.check(shard);
    else if (shard.checking !== undefined) await shard.checking;
    if (!isDuplicate) {
      shard.acked = Math.max(shard.acked, seq);
      shard.heardOf(seq, data);
    }
    return { epoch: shard.epoch, offset: seq };
  }

  async #put(
    shard: Shard,
    token: string,
    data: Uint8Array,
    headers: Headers,
  ): Promise<Put> {
    const subject = this.#layout.kept(shard.index, token);
    const put = () =>
      new JetStream(this.#host.line.requests).put(subject, data, { headers }) as Promise<Put>;
    for (let tries = 1;; tries++) {
      try {
        return await put();
      } catch (error) {
        if (!(error instanceof NoResponders) || tries === MOST_TRIES) throw error;
        // Nothing has taken it: the stream is gone, or about to be.
        await this.#host.check(shard);
        if (tries > 1) await this.#host.pause(RETRY_MS);
      }
    }
  }
}
