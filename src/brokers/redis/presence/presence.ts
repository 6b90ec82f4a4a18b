/**
 * Which connections are in a topic. A node writes a member when it comes and when it goes, and renews one lease
 * for all of them; when that has ended, whichever node sees it first takes them out.
 */

import type {
  BrokerPresence,
  PresenceMember,
  PresenceMembers,
} from "../../../api/topics/broker_presence.ts";
import { line, log, messageOf } from "../../../base/log.ts";
import type { Reply } from "../server/connection.ts";
import { encodeContent } from "../message.ts";
import type { Commands } from "../commands.ts";
import type { Route } from "../route.ts";
import type { Scripts } from "../scripts.ts";

/** Topics that are swept at a time. */
const MOST_AT_ONCE = 64;

const encoder = new TextEncoder();

/** What it is told of its broker. Implemented by RedisBroker. */
export interface PresenceHost {
  readonly route: Route;
  readonly scripts: Scripts;
  readonly keepsHistory: boolean;
  /** Whether what a server had before it started anew is what it has now. */
  readonly trustsRestarts: boolean;
  epochOf(server: Commands): string;
}

/** The members of this node in a topic. */
interface Joined {
  readonly ids: Set<string>;
  /** Resolves when a sweep would look into the topic. */
  readonly isListed: Promise<unknown>;
  /** Of the server that has them. */
  runId: string;
}

/** What this node has where its lease is. */
interface Lease {
  /** Another one after each end: what was of the last is being taken out, and must not be what is new. */
  node: string;
  topics: Map<string, Joined>;
  /** Whether there was one under this name. */
  isHeld: boolean;
  /** Whether the context has not heard yet that its connections have to join, or join anew. */
  hasLost: boolean;
}

/** Of one node. */
export class RedisPresence implements BrokerPresence {
  readonly #host: PresenceHost;
  /** By their homes. */
  readonly #leases = new Map<string, Lease>();
  /** Homes that could not be reached when that was last tried: the other contexts had no way to them either. */
  #away: ReadonlySet<string> = new Set();

  constructor(host: PresenceHost) {
    this.#host = host;
  }

  #leaseOf(home: string): Lease {
    const known = this.#leases.get(home);
    if (known !== undefined) return known;
    const made = { node: newNode(), topics: new Map(), isHeld: false, hasLost: true };
    this.#leases.set(home, made);
    return made;
  }

  async join(topic: string, member: PresenceMember, history: boolean): Promise<void> {
    const home = this.#host.route.homeOf(topic);
    const lease = this.#leaseOf(home);
    const { node } = lease;
    const joined = this.#joinedOf(home, lease, topic);
    joined.ids.add(member.id);
    await joined.isListed;
    const { id, key, info } = member;
    const text = JSON.stringify({ id, key, info });
    const data = encoder.encode(text);
    const body = encodeContent({ data, isBinary: false, presence: "join" });
    await this.#host.route.ask(topic, (server) => {
      joined.runId = server.runId;
      const facts = this.#factsOf(server, topic, history);
      const own = [`${node}/${id}`, text, body, String(data.length)];
      return server.run(this.#host.scripts.join, keysOf(server, topic), [...facts, ...own]);
    });
    // The lease has ended meanwhile, and nothing would take it out.
    if (lease.node !== node) await this.#sweepTopic(topic, node, history);
  }

  #joinedOf(home: string, lease: Lease, topic: string): Joined {
    const known = lease.topics.get(topic);
    if (known !== undefined) return known;
    const { node, topics } = lease;
    const isListed = this.#host.route.askHome(home, (server) => {
      return server.call(["SADD", server.keys.topicsOf(node), topic]);
    });
    const made = { ids: new Set<string>(), isListed, runId: "" };
    topics.set(topic, made);
    isListed.catch(() => topics.delete(topic));
    return made;
  }

  async leave(topic: string, id: string, history: boolean): Promise<void> {
    const home = this.#host.route.homeOf(topic);
    const { node, topics } = this.#leaseOf(home);
    const joined = topics.get(topic);
    if (joined === undefined || !joined.ids.has(id)) return;
    await this.#host.route.ask(topic, (server) => {
      const facts = [...this.#factsOf(server, topic, history), `${node}/${id}`];
      return server.run(this.#host.scripts.leave, keysOf(server, topic), facts);
    });
    joined.ids.delete(id);
    if (joined.ids.size > 0 || topics.get(topic) !== joined) return;
    topics.delete(topic);
    await this.#host.route.askHome(home, (server) => {
      return server.call(["SREM", server.keys.topicsOf(node), topic]);
    });
  }

  async members(topic: string, limit: number): Promise<PresenceMembers> {
    const { route, scripts } = this.#host;
    const nodes = await route.askHome(route.homeOf(topic), (server) => {
      return server.run(scripts.leases, [server.keys.leases], []);
    }) as readonly string[];
    const answer = await route.ask(topic, (server) => {
      return server.run(scripts.members, [server.keys.members(topic)], [String(limit), ...nodes]);
    });
    const [count, found] = answer as [number, readonly string[]];
    return { count, members: found.flatMap(memberOf) };
  }

  async tend(leaseMs: number, history: boolean, sweeps: boolean): Promise<boolean> {
    const { homes } = this.#host.route;
    const results = await Promise.allSettled(homes.map((home) => {
      return this.#tend(home, leaseMs, history, sweeps && !this.#away.has(home));
    }));
    this.#away = new Set(homes.filter((_, i) => results[i]!.status === "rejected"));
    const failed = results.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
    // Those that are away are looked after when they are there again.
    if (failed.length === results.length) throw failed[0];
    return results.every((each) => each.status === "rejected" || each.value);
  }

  /** Whether all that it has joined there is as it was. */
  async #tend(
    home: string,
    leaseMs: number,
    history: boolean,
    sweeps: boolean,
  ): Promise<boolean> {
    const lease = this.#leaseOf(home);
    const { isKept, ended } = await this.#renew(home, lease.node, leaseMs, sweeps);
    if (lease.isHeld && !isKept) await this.#begin(home, lease, leaseMs, history);
    lease.isHeld = true;
    await this.#mistrust(lease, history);
    for (const node of ended) {
      if (node === lease.node) continue;
      this.#sweepNode(home, node, [], history).catch((error) => {
        log("info", () => line`presence: ${messageOf(error)}`);
      });
    }
    const { hasLost } = lease;
    lease.hasLost = false;
    return !hasLost;
  }

  async #renew(
    home: string,
    node: string,
    leaseMs: number,
    sweeps: boolean,
  ): Promise<{ readonly isKept: boolean; readonly ended: readonly string[] }> {
    const answer = await this.#host.route.askHome(home, (server) => {
      const { leases, ended } = server.keys;
      return server.run(this.#host.scripts.lease, [leases, ended], [
        node,
        String(leaseMs),
        sweeps ? "1" : "0",
      ]);
    });
    const [isKept, ended] = answer as [number, readonly string[]];
    return { isKept: isKept === 1, ended };
  }

  /** Anew, under another name, when all of the last one has been taken out. */
  async #begin(home: string, lease: Lease, leaseMs: number, history: boolean): Promise<void> {
    const { node, topics } = lease;
    lease.node = newNode();
    lease.topics = new Map();
    lease.hasLost = true;
    await this.#renew(home, lease.node, leaseMs, false);
    await this.#host.route.askHome(home, async (server) => {
      // What this does not get done others do.
      await server.call(["ZADD", server.keys.ended, "0", node]);
      await server.call(["ZREM", server.keys.leases, node]);
    });
    await this.#sweepNode(home, node, [...topics.keys()], history);
  }

  /** What was joined at a server that has begun anew since then may be there or not. */
  async #mistrust(lease: Lease, history: boolean): Promise<void> {
    const { route, trustsRestarts } = this.#host;
    if (trustsRestarts) return;
    const doubtful = [...lease.topics].filter(([topic, { runId }]) => {
      return runId !== "" && route.serverOf(topic).runId !== runId;
    });
    if (doubtful.length === 0) return;
    lease.hasLost = true;
    const topics = doubtful.map(([topic]) => topic);
    await inBatches(topics, (topic) => this.#sweepTopic(topic, lease.node, history));
    // They join anew; those that have left meanwhile are out.
    for (const [, joined] of doubtful) joined.runId = "";
  }

  /** Takes out all members of a node that has ended. @param known topics beside those that are listed */
  async #sweepNode(
    home: string,
    node: string,
    known: readonly string[],
    history: boolean,
  ): Promise<void> {
    const { route } = this.#host;
    const listed = await route.askHome(home, (server) => {
      return server.call(["SMEMBERS", server.keys.topicsOf(node)]);
    }) as Iterable<string>;
    const topics = new Set([...known, ...listed]);
    await inBatches([...topics], (topic) => this.#sweepTopic(topic, node, history));
    await route.askHome(home, async (server) => {
      await server.call(["DEL", server.keys.topicsOf(node)]);
      await server.call(["ZREM", server.keys.ended, node]);
    });
  }

  #sweepTopic(topic: string, node: string, history: boolean): Promise<Reply> {
    return this.#host.route.ask(topic, (server) => {
      const facts = [...this.#factsOf(server, topic, history), `${node}/`];
      return server.run(this.#host.scripts.sweep, keysOf(server, topic), facts);
    });
  }

  /** What scripts that publish begin with. */
  #factsOf(server: Commands, topic: string, history: boolean): string[] {
    const keeps = history && this.#host.keepsHistory ? "1" : "0";
    return [server.keys.channel(topic), this.#host.epochOf(server), keeps];
  }
}

function newNode(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function keysOf({ keys }: Commands, topic: string): string[] {
  return [keys.meta(topic), keys.stream(topic), keys.members(topic)];
}

async function inBatches(
  topics: readonly string[],
  work: (topic: string) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < topics.length; at += MOST_AT_ONCE) {
    await Promise.all(topics.slice(at, at + MOST_AT_ONCE).map(work));
  }
}

function memberOf(text: string): PresenceMember[] {
  try {
    const { id, key, info } = JSON.parse(text);
    return [{ id, key, info }];
  } catch {
    return [];
  }
}
