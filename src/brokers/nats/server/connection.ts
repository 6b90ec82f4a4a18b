/**
 * A connection to one of the servers, made anew whenever it is lost. The client library would do that by itself, but
 * sends what was published meanwhile as if it were new, and has messages come before it is known what they belong to.
 */

import { type NatsConnection, wsconnect } from "npm:@nats-io/nats-core@^3.4";
import type { Clock } from "../../../api/service.ts";
import { LwsError } from "../../../base/errors.ts";
import { shown } from "../../../base/log/escaping.ts";
import { line, log, messageOf } from "../../../base/log.ts";
import type { CheckedOptions, ServerAddress } from "../options.ts";
import { checkNetPermission } from "./permission.ts";
import { NoAnswer, Requests } from "./requests.ts";
import { openSocket } from "./socket.ts";
import { judgeVersion } from "./version.ts";

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** A connection that is silent for three of these is made anew. */
const PING_MS = 5_000;
const MOST_PINGS = 2;
/** How long a connection may have been dead before that was seen. */
export const DEAD_MS = PING_MS * (MOST_PINGS + 1);
/** How long an answer may take; the context does not wait longer by default. */
const ANSWER_MS = 5_000;

/** A connection that there is now. */
export interface Line {
  readonly connection: NatsConnection;
  readonly requests: Requests;
}

/** What a connection is made for. */
export interface LineHost {
  /** Has all ready, before it counts as there; a rejection is as if there were no connection. */
  prepare(line: Line): Promise<void>;
  /** It is there again. */
  up(): void;
  down(): void;
}

/** Options of brokers that have warned of their server: once each, however often they start. */
const WARNED = new WeakSet<CheckedOptions>();

/** One, or the attempts to get one. */
export class Lines {
  readonly #options: CheckedOptions;
  readonly #host: LineHost;
  readonly #clock: Clock;
  /** Those that a cluster has told of; they come after those that were given. */
  #told: ServerAddress[] = [];
  #line: Line | undefined;
  /** The connection that is being made ready. */
  #coming: NatsConnection | undefined;
  #attempts = 0;
  #retry: unknown;
  #isClosed = false;
  #opening: Promise<void> | undefined;

  constructor(options: CheckedOptions, host: LineHost, clock: Clock) {
    this.#options = options;
    this.#host = host;
    this.#clock = clock;
  }

  /** @throws {LwsError} `broker-unavailable` */
  get line(): Line {
    if (this.#line === undefined) {
      throw new LwsError("broker-unavailable", "natsBroker: no server is connected to");
    }
    return this.#line;
  }

  get isUp(): boolean {
    return this.#line !== undefined;
  }

  /** The first one. Rejects if there is none. */
  async open(): Promise<void> {
    for (const { hostname, port } of this.#options.servers) {
      checkNetPermission(hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`);
    }
    this.#opening = this.#open();
    await this.#opening;
  }

  async #open(): Promise<void> {
    const connection = await this.#connect();
    if (this.#isClosed) {
      await connection.close();
      throw new LwsError("destroyed", "natsBroker: it was closed meanwhile");
    }
    this.#coming = connection;
    const requests = new Requests(connection, this.#clock, ANSWER_MS);
    const line = { connection, requests };
    connection.closed().then((error) => {
      const lost = `the connection to ${connection.getServer()} was lost`;
      const cause = error instanceof Error ? error : undefined;
      requests.end(
        cause ? new Error(`${lost}: ${shown(cause.message)}`, { cause }) : new NoAnswer(lost),
      );
      this.#lost(line);
    });
    try {
      await this.#host.prepare(line);
      if (connection.isClosed()) throw new NoAnswer("the connection was lost");
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      this.#coming = undefined;
    }
    this.#line = line;
    this.#attempts = 0;
  }

  /** To the first that can be connected to; they are tried in an order by chance, as contexts shall spread. */
  async #connect(): Promise<NatsConnection> {
    const given = shuffled(this.#options.servers);
    const told = shuffled(this.#told);
    let failure: unknown;
    for (const server of [...given, ...told]) {
      if (this.#isClosed) break;
      try {
        return await this.#dial(server);
      } catch (error) {
        // The others would say the same.
        if (error instanceof LwsError) throw error;
        failure ??= error;
      }
    }
    const where = given.map(({ hostname, port }) => `${hostname}:${port}`).join(", ");
    throw new LwsError("broker-unavailable", `natsBroker: ${where}: ${shown(messageOf(failure))}`, {
      cause: failure,
    });
  }

  async #dial(server: ServerAddress): Promise<NatsConnection> {
    const { hostname, port, isTls } = server;
    const { user, password, token, tls, connectTimeoutMs } = this.#options;
    const socket = await openSocket(server, tls, connectTimeoutMs);
    const connection = await wsconnect({
      // It is connected to already.
      servers: hostname.includes(":") ? `ws://[${hostname}]:${port}` : `ws://${hostname}:${port}`,
      wsFactory: () =>
        Promise.resolve({ socket: socket as unknown as WebSocket, encrypted: isTls }),
      name: "@x/lws",
      reconnect: false,
      noAsyncTraces: true,
      timeout: connectTimeoutMs,
      pingInterval: PING_MS,
      maxPingOut: MOST_PINGS,
      ...(user !== undefined && { user, pass: password! }),
      ...(token !== undefined && { token }),
    });
    const info = connection.info!;
    try {
      const { warning } = judgeVersion(info.version);
      if (warning !== undefined && !WARNED.has(this.#options)) log("warn", warning);
      WARNED.add(this.#options);
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#told = (info.connect_urls ?? []).flatMap((each) => {
      const parts = /^\[?([^\]]+?)\]?:(\d+)$/.exec(each);
      return parts === null ? [] : [{ ...server, hostname: parts[1]!, port: Number(parts[2]) }];
    });
    return connection;
  }

  #lost(lost: Line): void {
    if (this.#line !== lost) return;
    this.#line = undefined;
    if (this.#isClosed) return;
    log("warn", () => line`natsBroker: ${lost.connection.getServer()} is away`);
    this.#host.down();
    this.#again();
  }

  #again(): void {
    const most = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts++);
    this.#retry = this.#clock.setTimer(() => {
      this.#opening = this.#open().then(() => {
        if (this.isUp) this.#host.up();
      }, (error) => {
        if (this.#isClosed) return;
        log("info", () => line`${messageOf(error)}`);
        this.#again();
      });
    }, most * (0.5 + Math.random() / 2));
  }

  /** Gives the connection up, for one that works. */
  renew(): void {
    this.#line?.connection.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clock.clearTimer(this.#retry);
    const line = this.#line;
    this.#line = undefined;
    await Promise.all([line?.connection.close(), this.#coming?.close()]);
    await this.#opening?.catch(() => {});
  }
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [left[i], left[j]] = [left[j]!, left[i]!];
  }
  return left;
}
