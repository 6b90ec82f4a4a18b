/** Nodes with a broker, followers on all of them, and publishers in each: what faults are tried on. */

import { type Account, audit } from "../../support/topics/audit.ts";
import { Follower } from "./follower.ts";
import { NodeProcess } from "./node_process.ts";
import type { BrokerChoice, Stopped } from "./wire.ts";

/** How many there are of everything. */
export interface FleetChoice {
  /** The broker of each node, of which there are as many. */
  readonly brokers: readonly BrokerChoice[];
  /** Default: 20. */
  readonly topics?: number;
  /** Of all topics. Default: 200. */
  readonly followers?: number;
  /** Publications a second of each node to each topic. Default: 50. */
  readonly rate?: number;
  /** Limits of the nodes' topics, beside those that have faults found soon. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** Less than the defaults, so that what they bound is seen within seconds. */
const SOON = { positionCheckMs: 1_000, brokerTimeoutMs: 3_000, lingerMs: 1_000 };
/** How long followers may get nothing: past that they never will. */
const SETTLED_MS = 30_000;
const LOOK_MS = 20;

/** All of them. */
export class Fleet implements AsyncDisposable {
  readonly nodes: readonly NodeProcess[];
  readonly followers: readonly Follower[];
  readonly topics: readonly string[];
  readonly #rate: number;
  #stopped: readonly Stopped[] = [];

  private constructor(
    nodes: readonly NodeProcess[],
    topics: readonly string[],
    followers: readonly Follower[],
    rate: number,
  ) {
    this.nodes = nodes;
    this.topics = topics;
    this.followers = followers;
    this.#rate = rate;
  }

  /** Starts the nodes, and has all followers subscribe. */
  static async start(choice: FleetChoice): Promise<Fleet> {
    const { brokers, topics: topicCount = 20, followers: count = 200, rate = 50 } = choice;
    const limits = { ...SOON, ...choice.limits };
    const starting = brokers.map((broker, i) =>
      NodeProcess.start({ name: `p${i}`, broker, topics: limits })
    );
    const nodes = await Promise.all(starting);
    const topics = Array.from({ length: topicCount }, (_, i) => `topic.${i}`);
    const followers = Array.from({ length: count }, (_, i) => {
      return new Follower(topics[i % topicCount]!);
    });
    const fleet = new Fleet(nodes, topics, followers, rate);
    try {
      await fleet.connect(followers);
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
    return fleet;
  }

  /** Has followers subscribe, each at its node, or `turn` nodes further. */
  async connect(followers: readonly Follower[], turn = 0): Promise<void> {
    await Promise.all(followers.map((each) => each.follow(this.#portOf(each, turn))));
  }

  #portOf(follower: Follower, turn: number): number {
    return this.nodes[(this.nodeOf(follower) + turn) % this.nodes.length]!.port;
  }

  /** Which node a follower begins at. */
  nodeOf(follower: Follower): number {
    const place = Math.floor(this.followers.indexOf(follower) / this.topics.length);
    return place % this.nodes.length;
  }

  /** Begins to publish on all nodes. */
  async publish(): Promise<void> {
    for (const node of this.nodes) await node.order({ publish: this.topics, rate: this.#rate });
  }

  /** Resolves when followers, by default all, have been told so many more things, each on average. */
  async delivered(each: number, followers: readonly Follower[] = this.followers): Promise<void> {
    const told = () => followers.reduce((sum, { trace }) => sum + trace.length, 0);
    const wanted = told() + each * followers.length;
    await until(() => told() >= wanted, () => `${told()} of ${wanted} have come`);
  }

  /** Has followers go on where they are, and forgets what has been. */
  begin(): void {
    for (const follower of this.followers) follower.forget();
  }

  /** Bytes of the heaps of all nodes, when they were last told to publish no more. */
  get heapBytes(): number {
    return this.#stopped.reduce((sum, { heapBytes }) => sum + heapBytes, 0);
  }

  /** Ends the publications, waits for the last of them, and tells what became of all. */
  async settle(): Promise<Account> {
    const stopped = await Promise.all(this.nodes.map((node) => node.stopPublishing()));
    this.#stopped = stopped;
    const last = lastNumbers(stopped);
    const behind = () =>
      this.followers.filter(({ topic, latest }) =>
        [...last.get(topic) ?? []].some(([publisher, number]) => latest.get(publisher) !== number)
      );
    try {
      await until(() => behind().length === 0, () => `${behind().length} followers lack the end`);
    } catch (error) {
      const { complaints, faults } = audit(this.followers, stopped);
      throw new Error(`${(error as Error).message}; ${JSON.stringify({ faults, complaints })}`);
    }
    return audit(this.followers, stopped);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.followers) follower.leave();
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Of each topic the last number of each publisher. */
function lastNumbers(stopped: readonly Stopped[]): Map<string, Map<string, number>> {
  const last = new Map<string, Map<string, number>>();
  for (const { publisher, confirmed } of stopped) {
    for (const [topic, number] of confirmed) {
      const known = last.get(topic) ?? new Map<string, number>();
      last.set(topic, known.set(publisher, number));
    }
  }
  return last;
}

/** Looks until something holds, for as long as its state changes. */
export async function until(holds: () => boolean, state: () => string): Promise<void> {
  let [last, changed] = [state(), performance.now()];
  while (!holds()) {
    const now = [state(), performance.now()] as const;
    if (now[0] !== last) [last, changed] = now;
    else if (now[1] - changed > SETTLED_MS) throw new Error(`it does not settle: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** How long a fault lasts, which is a part of it. */
export function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
