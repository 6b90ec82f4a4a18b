/** One connection to one server. It is never repaired: when it ends, another one takes its place. */

import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "node:tls";
import { RedisClient, RESP_TYPES } from "npm:@redis/client@^6.3";
import type { Target } from "../options.ts";
import { probeTls, type TlsProbe } from "./tls_probe.ts";

/** An argument of a command. */
export type Argument = string | Uint8Array;
/** What a command is answered with, where bulk strings are bytes. */
export type Reply = number | string | Uint8Array | null | readonly Reply[];

type Listener = (message: Uint8Array, channel: Uint8Array) => void;

/** As much of the library's client as is used: its own types take the compiler seconds. */
interface Client {
  on(event: string, listener: (...args: never[]) => void): void;
  connect(): Promise<unknown>;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<Reply>;
  subscribe(channels: readonly string[], listener: Listener, asBytes: true): Promise<void>;
  unsubscribe(channels: readonly string[], listener: Listener, asBytes: true): Promise<void>;
  sSubscribe(channels: readonly string[], listener: Listener, asBytes: true): Promise<void>;
  sUnsubscribe(channels: readonly string[], listener: Listener, asBytes: true): Promise<void>;
  destroy(): void;
}

/** Made once, as the library makes a class of hundreds of commands for each other text of options. */
const makeClient = RedisClient.factory({ RESP: 3 }) as unknown as (options: object) => Client;

const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** Told of one connection. Implemented by RedisServer. */
export interface ConnectionHost {
  /** It is no more; called once, unless it was closed or has not come about. */
  onEnd(error: unknown): void;
  /** The server has ended the subscription to a channel by itself. */
  onMoved?(channel: string): void;
}

/** A client of the library's. */
export class Connection {
  readonly #client: Client;
  readonly #target: Target;
  readonly #host: ConnectionHost;
  readonly #tls: ConnectionOptions | undefined;
  #probe: TlsProbe | undefined;
  #isOpen = true;
  #isConnected = false;
  #reason: unknown;

  constructor(target: Target, host: ConnectionHost) {
    this.#target = target;
    this.#host = host;
    const { host: name, port, connectTimeoutMs, tls } = target;
    if (tls !== undefined) {
      this.#tls = {
        ...(tls.serverName !== undefined && { servername: tls.serverName }),
        ...(tls.caCerts !== undefined && { ca: [...tls.caCerts] }),
        ...(tls.cert !== undefined && { cert: tls.cert, key: tls.key! }),
      };
    }
    this.#client = makeClient({
      socket: {
        host: name,
        port,
        connectTimeout: connectTimeoutMs,
        reconnectStrategy: false,
        ...(this.#tls !== undefined && { tls: true, ...this.#tls }),
      },
      ...(target.username !== undefined && { username: target.username }),
      ...(target.password !== undefined && { password: target.password }),
      database: target.database,
      name: "lws",
      RESP: 3,
      disableClientInfo: true,
      disableOfflineQueue: true,
      // Otherwise it reads the environment.
      maintNotifications: "disabled",
      // Its own timer for each command is never needed: what is not answered ends with the connection.
      commandOptions: { timeout: 0 },
    });
    this.#client.on("error", (error: unknown) => this.#ended(error));
    this.#client.on("sharded-channel-moved", (channel: string) => host.onMoved?.(channel));
  }

  /** Rejects with what is in the way, as that it was closed. */
  async connect(): Promise<void> {
    try {
      if (this.#tls !== undefined) {
        const { host, port } = this.#target;
        this.#probe = probeTls({ host, port, ...this.#tls });
        await this.#probe.done;
      }
      if (this.#isOpen) await this.#client.connect();
    } catch (error) {
      this.close();
      throw this.#reason ?? error;
    }
    if (!this.#isOpen) throw this.#reason ?? new Error("it is closed");
    this.#isConnected = true;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  #ended(error: unknown): void {
    if (!this.#isOpen) return;
    this.close(error);
    if (this.#isConnected) this.#host.onEnd(error);
  }

  call(args: readonly Argument[]): Promise<Reply> {
    return this.#client.sendCommand(args.map(forClient));
  }

  /** As {@linkcode call}, with bulk strings as bytes. */
  callForBytes(args: readonly Argument[]): Promise<Reply> {
    return this.#client.sendCommand(args.map(forClient), AS_BYTES);
  }

  subscribe(channels: readonly string[], isSharded: boolean, listener: Listener): Promise<void> {
    return isSharded
      ? this.#client.sSubscribe(channels, listener, true)
      : this.#client.subscribe(channels, listener, true);
  }

  unsubscribe(channels: readonly string[], isSharded: boolean, listener: Listener): Promise<void> {
    return isSharded
      ? this.#client.sUnsubscribe(channels, listener, true)
      : this.#client.unsubscribe(channels, listener, true);
  }

  /** What is under way is rejected. @param reason what `connect` rejects with */
  close(reason?: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reason = reason;
    this.#probe?.cancel();
    this.#client.destroy();
  }
}

/** The library takes no `Uint8Array`. */
function forClient(argument: Argument): string | Buffer {
  if (typeof argument === "string") return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
