/**
 * A Redis Cluster: which of its primaries has a topic, and what becomes of that when slots go from one to another.
 * What comes live goes by sharded channels alone, as all others go to every node.
 */

import { LwsError } from "../../../base/errors.ts";
import { line, log, messageOf } from "../../../base/log.ts";
import type { Clock } from "../../../api/service.ts";
import { Connection, type Reply } from "../server/connection.ts";
import { Keys } from "../keys.ts";
import type { Settings, Target } from "../options.ts";
import { checkNetPermission } from "../server/permission.ts";
import { codeOf, unavailable } from "../server/reply_errors.ts";
import type { Commands } from "../commands.ts";
import { begin, type Route } from "../route.ts";
import type { Scripts } from "../scripts.ts";
import { RedisServer, type ServerHost } from "../server/redis_server.ts";
import { slotOf } from "./slots.ts";
import { type Address, nameOf, type Owners, readOwners, readRedirection } from "./topology.ts";

/** How often it is asked which node has what: while all is well, and while a node is away. */
const QUIET_LOOK_MS = 15_000;
const TROUBLED_LOOK_MS = 300;
/** How often something is tried that a node says is elsewhere, or nowhere for now, and how long apart. */
const MOST_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 20;

/** What has no node of its own, as leases. */
const HOME = "cluster";

/** Its primaries, as far as they have slots. */
export class Cluster implements Route, ServerHost {
  readonly isCluster = true;
  readonly homes: readonly string[] = [HOME];
  readonly #settings: Settings;
  readonly #host: ServerHost;
  readonly #keys: Keys;
  readonly #servers = new Map<string, RedisServer>();
  /** By slot. */
  #owners: readonly (RedisServer | undefined)[] = [];
  #looking: Promise<void> | undefined;
  #timer: unknown;
  #isClosed = false;

  constructor(settings: Settings, host: ServerHost) {
    this.#settings = settings;
    this.#host = host;
    this.#keys = new Keys(settings.prefix, 0);
  }

  get servers(): Iterable<RedisServer> {
    return this.#servers.values();
  }

  async start(): Promise<void> {
    this.#apply(await this.#ownersNow());
    await begin([...this.#servers.values()], this.clock);
    this.#lookSoon();
  }

  // Which server has what.

  serverOf(topic: string): RedisServer {
    return this.#ownerOf(this.#slotOf(topic));
  }

  #slotOf(topic: string): number {
    return slotOf(this.#keys.meta(topic));
  }

  #ownerOf(slot: number): RedisServer {
    const owner = this.#owners[slot];
    if (owner !== undefined) return owner;
    throw new LwsError("broker-unavailable", `no node of the cluster has slot ${slot} now`);
  }

  partOf(topic: string): string {
    return this.#owners[this.#slotOf(topic)]?.target.name ?? "";
  }

  groupsOf(topics: readonly string[]): Iterable<readonly string[]> {
    return Map.groupBy(topics, (topic) => this.#slotOf(topic)).values();
  }

  ask<Result>(topic: string, work: (at: Commands) => Promise<Result>): Promise<Result> {
    return this.#askSlot(this.#slotOf(topic), work);
  }

  homeOf(): string {
    return HOME;
  }

  askHome<Result>(_home: string, work: (at: Commands) => Promise<Result>): Promise<Result> {
    return this.#askSlot(slotOf(this.#keys.leases), work);
  }

  async #askSlot<Result>(slot: number, work: (at: Commands) => Promise<Result>): Promise<Result> {
    for (let attempt = 1;; attempt++) {
      const owner = this.#ownerOf(slot);
      try {
        return await this.#askAt(owner, work);
      } catch (error) {
        // What has been done, or may have been, is not done again.
        const isElsewhere = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)$/.test(codeOf(causeOf(error)));
        if (!isElsewhere || attempt === MOST_ATTEMPTS || this.#isClosed) throw error;
        await this.#look().catch(() => {});
        if (this.#owners[slot] === owner) await this.#pause(FIRST_PAUSE_MS * 2 ** attempt);
      }
    }
  }

  /** While a slot is on its way, what is not here any more is at the other node already. */
  async #askAt<Result>(
    server: RedisServer,
    work: (at: Commands) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work(server);
    } catch (error) {
      const to = readRedirection(messageOf(causeOf(error)), server.target.host);
      const other = to?.kind === "ASK" ? this.#servers.get(nameOf(to.address)) : undefined;
      if (other === undefined) throw error;
      return await work(other.asking());
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(resolve, ms));
  }

  // What changes.

  /** Asks which node has what, and follows. */
  #look(): Promise<void> {
    return this.#looking ??= this.#ownersNow().then((owners) => {
      if (!this.#isClosed) this.#apply(owners);
    }).finally(() => {
      this.#looking = undefined;
      this.#lookSoon();
    });
  }

  #lookSoon(delayMs?: number): void {
    if (this.#isClosed) return;
    const isWell = [...this.#servers.values()].every(({ isBack }) => isBack);
    this.clock.clearTimer(this.#timer);
    this.#timer = this.clock.setTimer(() => {
      this.#look().catch((error) => log("info", () => line`${messageOf(error)}`));
    }, delayMs ?? (isWell ? QUIET_LOOK_MS : TROUBLED_LOOK_MS));
  }

  /** By a node that is there and sees the whole cluster. */
  async #ownersNow(): Promise<Owners> {
    let failure: unknown;
    for (const server of this.#servers.values()) {
      if (!server.isBack) continue;
      try {
        return await ownersBy(server.target, (args) => server.call(args));
      } catch (error) {
        failure = error;
      }
    }
    const away = [...this.#servers.values()].filter(({ isBack }) => !isBack);
    for (const target of [...this.#settings.targets, ...away.map((each) => each.target)]) {
      if (this.#isClosed) break;
      try {
        return await ownersOf(target, this.clock);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #apply(owners: Owners): void {
    const before = this.#owners;
    this.#owners = owners.map((address) => address && this.#serverAt(address));
    const lost = new Map<RedisServer, Map<RedisServer, string[]>>();
    for (const server of this.#servers.values()) {
      for (const channel of server.channels) {
        const slot = slotOf(channel);
        const owner = this.#owners[slot];
        // Where none has it now, it stays with the last one.
        if (owner === undefined || owner === server) continue;
        const moves = lost.get(server) ?? new Map<RedisServer, string[]>();
        lost.set(server, moves);
        const moved = moves.get(owner);
        if (moved === undefined) moves.set(owner, [channel]);
        else moved.push(channel);
      }
    }
    for (const [from, moves] of lost) {
      from.release([...moves.values()].flat());
      for (const [to, channels] of moves) to.adopt(channels);
    }
    // Of one that went and came back, this node has only heard that it went.
    for (const server of this.#servers.values()) server.adoptEnded();
    if (before.length > 0) this.#closeIdle();
  }

  #serverAt(address: Address): RedisServer {
    const name = nameOf(address);
    const known = this.#servers.get(name);
    if (known !== undefined) return known;
    // What is said of one is said of all: user, password and TLS.
    const [first] = this.#settings.targets;
    const scheme = first!.tls === undefined ? "redis" : "rediss";
    const target: Target = { ...first!, ...address, name: `${scheme}://${name}` };
    const server = new RedisServer(target, this.#keys, this);
    this.#servers.set(name, server);
    if (this.#owners.length > 0) {
      server.start().catch((error) => log("info", () => line`${messageOf(error)}`));
      server.keepTrying();
    }
    return server;
  }

  /** Those that have no slot any more. */
  #closeIdle(): void {
    const used = new Set(this.#owners);
    for (const [name, server] of this.#servers) {
      if (used.has(server)) continue;
      this.#servers.delete(name);
      server.close();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.clock.clearTimer(this.#timer);
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
    await this.#looking?.catch(() => {});
  }

  // What a server tells.

  get clock(): Clock {
    return this.#host.clock;
  }

  get scripts(): Scripts {
    return this.#host.scripts;
  }

  onMessage(server: RedisServer, channel: string, message: Uint8Array): void {
    this.#host.onMessage(server, channel, message);
  }

  onInterrupted(server: RedisServer, channels: readonly string[]): void {
    this.#host.onInterrupted(server, channels);
  }

  onLost(server: RedisServer): void {
    this.#host.onLost(server);
    this.#lookSoon(0);
  }

  onBack(server: RedisServer): void {
    this.#host.onBack(server);
  }

  onMoved(): void {
    this.#lookSoon(0);
  }
}

/** What the server has said. */
function causeOf(error: unknown): unknown {
  return (error as { cause?: unknown }).cause ?? error;
}

/** By a connection that is made for it. */
async function ownersOf(target: Target, clock: Clock): Promise<Owners> {
  try {
    checkNetPermission(target.host, target.port);
    const connection = new Connection(target, { onEnd() {} });
    const { connectTimeoutMs } = target;
    const timer = clock.setTimer(() => {
      connection.close(new Error(`no answer within connectTimeoutMs (${connectTimeoutMs})`));
    }, connectTimeoutMs);
    try {
      await connection.connect();
      return await ownersBy(target, (args) => connection.call(args));
    } finally {
      clock.clearTimer(timer);
      connection.close();
    }
  } catch (error) {
    if (/cluster support disabled/.test(messageOf(error))) {
      const text = `${target.name} is no node of a Redis Cluster; it is used without cluster: true`;
      throw new LwsError("unsupported", text);
    }
    throw unavailable(target, error);
  }
}

/** @throws what is in the way, as that the node sees too little of the cluster to know */
async function ownersBy(
  { host }: Target,
  call: (args: readonly string[]) => Promise<Reply>,
): Promise<Owners> {
  const [info, slots] = await Promise.all([call(["CLUSTER", "INFO"]), call(["CLUSTER", "SLOTS"])]);
  if (!/^cluster_state:ok\r?$/m.test(String(info))) {
    throw new Error("CLUSTERDOWN it does not see the whole cluster");
  }
  return readOwners(slots, host);
}
