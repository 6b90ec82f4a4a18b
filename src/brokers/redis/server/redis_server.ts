/**
 * One server: a connection for commands and one for what comes live, which are made anew when they end, and
 * the run of the server that both are of.
 */

import type { Clock } from "../../../api/service.ts";
import { LwsError } from "../../../base/errors.ts";
import { line, log, messageOf, own } from "../../../base/log.ts";
import { retryDelay } from "../../../topics/broker/link.ts";
import { type Argument, Connection, type Reply } from "./connection.ts";
import type { Keys } from "../keys.ts";
import type { Target } from "../options.ts";
import { checkNetPermission } from "./permission.ts";
import { codeOf, unavailable } from "./reply_errors.ts";
import type { Commands } from "../commands.ts";
import type { Script, Scripts } from "../scripts.ts";
import { readServerInfo } from "./info.ts";
import { Subscriptions } from "./subscriptions.ts";

/** How often a connection that brings nothing is asked whether it is there, and how long that may take. */
const PROBE_MS = 10_000;
const ANSWER_MS = 5_000;
/** How much longer, if this node had too much to do to hear of it. */
const GRACE_MS = 1_000;

/** What a server is to do, and is told of. Implemented by RedisBroker. */
export interface ServerHost {
  readonly clock: Clock;
  /** Loaded when a connection begins, so that they can be called by their digests. */
  readonly scripts: Scripts;
  readonly isCluster: boolean;
  onMessage(server: RedisServer, channel: string, message: Uint8Array): void;
  /** What came by these channels may have been missed, and comes again. */
  onInterrupted(server: RedisServer, channels: readonly string[]): void;
  /** What is live may be missed from now on. */
  onLost(server: RedisServer): void;
  /** It is there again, and subscribes to all that it did. */
  onBack(server: RedisServer): void;
  /** What it had is elsewhere. */
  onMoved?(server: RedisServer): void;
}

/** A connection, and the run of the server at its other end. */
interface Linked {
  readonly connection: Connection;
  readonly runId: string;
}

/** Both connections to one server. */
export class RedisServer implements Commands {
  readonly target: Target;
  readonly keys: Keys;
  readonly #host: ServerHost;
  readonly #subscriptions: Subscriptions;
  #commands: Linked | undefined;
  #feed: Linked | undefined;
  /** The one that is coming about. */
  #opening: Connection | undefined;
  /** Whether it has told that it is there. */
  #isBack = false;
  #hasBegun = false;
  #isClosed = false;
  #connecting: Promise<void> | undefined;
  #retry: unknown;
  #probe: unknown;
  #attempts = 0;
  /** Why it is away. */
  #reason: unknown;

  constructor(target: Target, keys: Keys, host: ServerHost) {
    this.target = target;
    this.keys = keys;
    this.#host = host;
    this.#subscriptions = new Subscriptions(host.isCluster, (channel, message) => {
      host.onMessage(this, channel, message);
    });
  }

  get isBack(): boolean {
    return this.#isBack;
  }

  get runId(): string {
    return this.#linked().runId;
  }

  /** Resolves or rejects with the first attempt. It is told when one succeeds. */
  start(): Promise<void> {
    return this.#connect();
  }

  #connect(): Promise<void> {
    return this.#connecting ??= this.#attempt().finally(() => this.#connecting = undefined);
  }

  async #attempt(): Promise<void> {
    try {
      checkNetPermission(this.target.host, this.target.port);
      if (this.#isClosed) throw new Error("it is closed");
      const commands = this.#commands ??= await this.#open("commands");
      const isNew = this.#feed === undefined;
      const feed = this.#feed ??= await this.#open("feed");
      if (commands.runId !== feed.runId) throw new Error("two servers answer by this name");
      this.#arm();
      if (isNew) await this.#subscriptions.begin(feed.connection);
      if (this.#commands !== commands || this.#feed !== feed) throw this.#away();
    } catch (error) {
      this.#drop(error);
      throw unavailable(this.target, error);
    }
    if (this.#isClosed) return this.#closeBoth();
    this.#attempts = 0;
    if (this.#isBack) return;
    this.#isBack = true;
    this.#host.onBack(this);
  }

  async #open(kind: "commands" | "feed"): Promise<Linked> {
    const connection: Connection = new Connection(this.target, {
      onEnd: (error) => this.#onEnd(connection, error),
      onMoved: (channel) => {
        this.#subscriptions.end(channel);
        this.#host.onMoved?.(this);
      },
    });
    const { clock } = this.#host;
    const { name, connectTimeoutMs } = this.target;
    // A server may take connections and say nothing.
    const timer = clock.setTimer(() => {
      connection.close(new Error(`no answer within connectTimeoutMs (${connectTimeoutMs})`));
    }, connectTimeoutMs);
    this.#opening = connection;
    try {
      await connection.connect();
      const text = await connection.call(["INFO", "server", "replication"]);
      const { runId, isCluster, isReplica } = readServerInfo(String(text), name);
      if (isCluster !== this.#host.isCluster) throw wrongKind(name, isCluster);
      if (isReplica) throw new Error("READONLY it is a replica now");
      if (kind === "commands") await this.#load(connection);
      return { connection, runId };
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      clock.clearTimer(timer);
      this.#opening = undefined;
    }
  }

  async #load(connection: Connection): Promise<void> {
    await Promise.all(
      Object.values(this.#host.scripts).map(({ text }) =>
        connection.call(["SCRIPT", "LOAD", text])
      ),
    );
  }

  #onEnd(connection: Connection, error: unknown): void {
    if (this.#isClosed) return;
    this.#reason = error;
    const isFeed = this.#feed?.connection === connection;
    if (isFeed) this.#feed = undefined;
    else if (this.#commands?.connection === connection) this.#commands = undefined;
    else return;
    if (isFeed) this.#lost(error);
    // One that is under way has what is left, and fails if that does not do.
    if (this.#connecting === undefined) this.#again(0);
  }

  /** What is live is missed. */
  #lost(error: unknown): void {
    if (!this.#isBack) return;
    this.#isBack = false;
    log("warn", () => line`${own(this.target.name)} is away: ${messageOf(error)}`);
    this.#host.onLost(this);
  }

  #drop(error: unknown): void {
    this.#reason = error;
    this.#closeBoth();
    if (this.#isClosed) return;
    this.#lost(error);
    if (this.#hasBegun) this.#again(retryDelay(this.#attempts++));
  }

  /** From now on it goes on trying, be it there or not. */
  keepTrying(): void {
    this.#hasBegun = true;
    if (!this.#isBack && this.#connecting === undefined) this.#again(retryDelay(0));
  }

  #again(delayMs: number): void {
    if (this.#isClosed) return;
    this.#host.clock.clearTimer(this.#retry);
    this.#retry = this.#host.clock.setTimer(() => {
      this.#connect().catch((error) => log("info", () => line`${messageOf(error)}`));
    }, delayMs);
  }

  #closeBoth(): void {
    this.#host.clock.clearTimer(this.#probe);
    this.#commands?.connection.close();
    this.#feed?.connection.close();
    this.#commands = this.#feed = undefined;
  }

  // Whether both are alive: a peer that is gone without a word is found by nothing else.

  #arm(): void {
    const { clock } = this.#host;
    clock.clearTimer(this.#probe);
    this.#probe = clock.setTimer(() => this.#ask(), PROBE_MS);
  }

  #ask(): void {
    const asked = [this.#commands, this.#feed].flatMap((each) => each?.connection ?? []);
    const { clock } = this.#host;
    const late = new Set(asked);
    for (const connection of asked) {
      connection.call(["PING"]).then(() => late.delete(connection), (error) => {
        // One that is busy, or loads, is there.
        if (codeOf(error) !== "") late.delete(connection);
      });
    }
    const judge = () => {
      for (const connection of late) this.#kill(connection, new Error("it does not answer"));
      this.#arm();
    };
    this.#probe = clock.setTimer(() => {
      if (late.size === 0) this.#arm();
      else this.#probe = clock.setTimer(judge, GRACE_MS);
    }, ANSWER_MS);
  }

  #kill(connection: Connection, error: Error): void {
    connection.close();
    this.#onEnd(connection, error);
  }

  /** The live feed is made anew. */
  renewFeed(): void {
    if (this.#feed !== undefined) this.#kill(this.#feed.connection, new Error("it brings nothing"));
  }

  // Calls.

  call(args: readonly Argument[]): Promise<Reply> {
    return this.#call(args, false);
  }

  run(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    bytes?: boolean,
  ): Promise<Reply> {
    return this.#run(script, keys, args, bytes, false);
  }

  /** For what a slot that is on its way to this one has already. */
  asking(): Commands {
    const { keys, runId } = this;
    return {
      keys,
      runId,
      call: (args) => this.#call(args, true),
      run: (script, names, args, bytes) => this.#run(script, names, args, bytes, true),
    };
  }

  #call(args: readonly Argument[], asks: boolean): Promise<Reply> {
    if (this.#commands === undefined) return Promise.reject(this.#away());
    const { connection } = this.#commands;
    if (asks) ask(connection);
    return connection.call(args).catch(this.#fails);
  }

  #run(
    { text, digest }: Script,
    keys: readonly string[],
    args: readonly Argument[],
    bytes: boolean | undefined,
    asks: boolean,
  ): Promise<Reply> {
    if (this.#commands === undefined) return Promise.reject(this.#away());
    // The same one twice: the arguments are of the run behind it.
    const { connection } = this.#commands;
    const rest = [String(keys.length), ...keys, ...args];
    const call = (...command: readonly Argument[]) => {
      if (asks) ask(connection);
      return bytes ? connection.callForBytes(command) : connection.call(command);
    };
    return call("EVALSHA", digest, ...rest).catch((error) => {
      if (codeOf(error) !== "NOSCRIPT") return this.#fails(error);
      return call("EVAL", text, ...rest).catch(this.#fails);
    });
  }

  readonly #fails = (error: unknown): never => {
    throw this.#failed(error);
  };

  #failed(error: unknown): LwsError {
    // It has become a replica: another one may be behind the name by now.
    if (codeOf(error) === "READONLY" && this.#commands !== undefined) {
      this.#kill(this.#commands.connection, error as Error);
    }
    return unavailable(this.target, error);
  }

  #linked(): Linked {
    if (this.#commands === undefined) throw this.#away();
    return this.#commands;
  }

  #away(): LwsError {
    if (this.#reason === undefined) {
      return new LwsError("broker-unavailable", `${this.target.name} is not connected yet`);
    }
    return unavailable(this.target, this.#reason);
  }

  // Subscriptions.

  /** Resolves when what is published to all of these comes. */
  async subscribe(channels: readonly string[]): Promise<void> {
    const feed = this.#liveFeed;
    if (feed === undefined) throw this.#away();
    try {
      await this.#subscriptions.add(feed, channels);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    try {
      await this.#subscriptions.remove(this.#feed?.connection, channels);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** That which subscribes to all that is wanted. */
  get #liveFeed(): Connection | undefined {
    return this.#isBack ? this.#feed?.connection : undefined;
  }

  /** All that it is to subscribe to. */
  get channels(): readonly string[] {
    return this.#subscriptions.channels;
  }

  /** It is told anew what to subscribe to. */
  forgetChannels(): void {
    this.#subscriptions.clear();
  }

  /** Another server has these from now on. */
  release(channels: readonly string[]): void {
    if (!this.#subscriptions.release(channels)) this.renewFeed();
  }

  /** This one has these from now on. */
  adopt(channels: readonly string[]): void {
    const feed = this.#liveFeed;
    this.#subscriptions.adopt(feed, channels).then(() => {
      if (feed !== undefined) this.#host.onInterrupted(this, channels);
    }, (error) => this.#kill(feed!, error));
  }

  /** What the server has ended, though no other has it, begins anew. */
  adoptEnded(): void {
    const ended = this.#subscriptions.takeEnded();
    if (ended.length > 0) this.adopt(ended);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isBack = false;
    this.#host.clock.clearTimer(this.#retry);
    this.#opening?.close();
    this.#closeBoth();
    await this.#connecting?.catch(() => {});
    await this.#subscriptions.settled();
  }
}

/** What comes next is for a slot that is on its way here. */
function ask(connection: Connection): void {
  connection.call(["ASKING"]).catch(() => {
    // What comes next fails as well, and says why.
  });
}

function wrongKind(name: string, isCluster: boolean): LwsError {
  const what = isCluster
    ? "is a node of a Redis Cluster; it is used with cluster: true"
    : "is no node of a Redis Cluster; it is used without cluster: true";
  return new LwsError("unsupported", `${name} ${what}`);
}
