/** What the cases of a broker's contract work with: ends of the broker, and what has come to them. */

import type { Clock } from "../../api/service.ts";
import type {
  Broker,
  BrokerEvents,
  BrokerPublication,
  BrokerPublish,
} from "../../api/topics/broker.ts";
import type { BrokerPresence } from "../../api/topics/broker_presence.ts";
import type { Position } from "../../api/topics/topics.ts";

/** What is known of the broker that is tested. */
export interface ContractOptions {
  /** The `historySize` that it has; with 0 history is not tested. From 5. */
  readonly historySize: number;
  /** Whether it knows which connections are in a topic, which is tested then. Default: `false`. */
  readonly presence?: boolean;
  /** The lease of contexts that the tests wait for the end of, in milliseconds. Default: `200`. */
  readonly leaseMs?: number;
  /** How long something may take to come, in milliseconds. Default: `5000`. */
  readonly patienceMs?: number;
}

export const encoder = new TextEncoder();
export const decoder = new TextDecoder();

const clock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as number),
};

/** One end of the broker, and what has come to it. */
export class End implements BrokerEvents {
  readonly broker: Broker;
  readonly got: (BrokerPublication & { readonly topic: string })[] = [];
  readonly #patienceMs: number;
  #changed = Promise.withResolvers<void>();

  constructor(broker: Broker, patienceMs: number) {
    this.broker = broker;
    this.#patienceMs = patienceMs;
  }

  publication(topic: string, publication: BrokerPublication): void {
    this.got.push({ topic, ...publication, data: publication.data.slice() });
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  interrupted(): void {}

  state(): void {}

  get texts(): string[] {
    return this.got.map(({ data }) => decoder.decode(data));
  }

  /** What was published of members, as `"join a"`. */
  get moves(): string[] {
    return this.got.filter(({ presence }) => presence !== undefined).map(moveOf);
  }

  get presence(): BrokerPresence {
    const { presence } = this.broker;
    if (presence === undefined) throw new Error("the broker has no presence");
    return presence;
  }

  /** Waits for a text, behind which all that was published before on its topic has come. */
  until(text: string): Promise<void> {
    return this.#until(text, () => this.texts);
  }

  /** Waits for what was published of a member, as `"leave a"`. */
  untilMove(move: string): Promise<void> {
    return this.#until(move, () => this.moves);
  }

  async #until(what: string, got: () => readonly string[]): Promise<void> {
    const deadline = performance.now() + this.#patienceMs;
    while (!got().includes(what)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${what} has not come, but ${got().join() || "nothing"}`);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, leftMs));
      await Promise.race([this.#changed.promise, late]);
      clearTimeout(timer);
    }
  }
}

function moveOf({ presence, data }: BrokerPublication): string {
  return `${presence} ${JSON.parse(decoder.decode(data)).id}`;
}

/** What a case works with. */
export class Stage {
  readonly kept: BrokerPublish;
  readonly leaseMs: number;
  readonly #make: () => Broker | Promise<Broker>;
  readonly #patienceMs: number;
  readonly #ends: End[] = [];
  #topics = 0;

  constructor(make: () => Broker | Promise<Broker>, options: ContractOptions) {
    const { historySize, leaseMs, patienceMs } = options;
    this.#make = make;
    this.leaseMs = leaseMs ?? 200;
    this.#patienceMs = patienceMs ?? 5_000;
    this.kept = { isBinary: false, history: historySize > 0 };
  }

  async end(...topics: readonly string[]): Promise<End> {
    const end = new End(await this.#make(), this.#patienceMs);
    this.#ends.push(end);
    await end.broker.start(end, clock);
    if (topics.length > 0) await end.broker.subscribe(topics);
    return end;
  }

  /** A topic that no other case has. */
  topic(): string {
    return `contract ${crypto.randomUUID()} ${++this.#topics}`;
  }

  async publish(end: End, topic: string, ...texts: readonly string[]): Promise<Position[]> {
    const positions: Position[] = [];
    for (const text of texts) {
      positions.push(await end.broker.publish(topic, encoder.encode(text), this.kept));
    }
    return positions;
  }

  async close(): Promise<void> {
    for (const { broker } of this.#ends) await broker[Symbol.asyncDispose]();
  }
}

export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is}, and not ${should}`);
}

export type Play = (stage: Stage, historySize: number) => Promise<void>;

export function textsOf(publications: readonly BrokerPublication[]): string[] {
  return publications.map(({ data }) => decoder.decode(data));
}
