/** One broker for all workers of a process. */

import type { Clock } from "../../api/service.ts";
import type { Broker, BrokerEvents, BrokerPublication } from "../../api/topics/broker.ts";
import { refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/did_you_mean.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";
import { isWhole, missingMethods } from "../../base/option_rules.ts";
import { systemClock } from "../../service/clock.ts";
import type { Hello } from "./messages.ts";
import { SharePort, type SharePortHost } from "./share_port.ts";
import { SharedTopics } from "./shared_topics.ts";

/**
 * Choices of {@linkcode shareBroker}.
 *
 * @category Topics
 */
export interface ShareOptions {
  /**
   * Bytes that are on their way to a worker and not taken, at most, in bytes from 65536 on or `Infinity`: payload and 128
   * for each publication. What comes past it is left out for this worker, which is told as soon as half of it is
   * taken, and gets it from history: `topicGap` tells its subscribers what is not there. Default: `16777216`.
   */
  readonly maxUnread?: number;
  /** The time that the broker goes by. Default: the runtime's. */
  readonly clock?: Clock;
}

/**
 * A broker that many workers have in common; made by {@linkcode shareBroker}.
 *
 * @category Topics
 */
export interface SharedBroker extends AsyncDisposable {
  /** How many ports are open: made, not closed, and with a worker that has not ended, as far as is known. */
  readonly portCount: number;
  /**
   * Makes a port for one context in another worker, which gives it to {@linkcode portBroker}; to be sent there by
   * `worker.postMessage(port, [port])`. It does not keep this program running.
   *
   * @throws {LwsError} `destroyed` when the share is closed.
   */
  openPort(): MessagePort;
  /**
   * Closes all ports, whose contexts take it for a broker that has gone away, and the broker as a context that is
   * destroyed does: its own end of it, or all of one that has no `openNode`. Does not reject: what fails is in the log.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Less would be used up by one publication of the longest kind. */
const LEAST_UNREAD = 64 * 1024;
const DEFAULT_UNREAD = 16 * 1024 * 1024;

/** What several ports ask for within this time is done once. */
const RECONNECT_MS = 1_000;

const BROKER_METHODS = ["start", "subscribe", "unsubscribe", "publish", "history", "tops"] as const;
const CLOCK_METHODS = ["now", "setTimer", "clearTimer"] as const;

/**
 * Shares a broker with the workers of this process: it subscribes to each topic once for all of them, and has one
 * connection where each worker would have its own. `forkServiceLoop` does it by itself with the broker of
 * {@linkcode ForkOptions}; this is for workers that are made otherwise.
 *
 * All that comes in one turn crosses a port as one message. A worker that has ended is noticed, and what it was
 * subscribed to is let go; a worker that hangs costs up to {@linkcode ShareOptions.maxUnread}, and delays no other. The
 * members of each worker's `context.presence` have a lease of their own, by an end that the broker's `openNode`
 * makes: with a broker that has no such method, there is no presence.
 *
 * @category Topics
 * @param broker As that of `createContext`: of one with `openNode` it uses an end of its own, and the broker can serve
 *   contexts of this worker as well; one without it is the share's alone.
 * @throws {LwsError} `invalid-argument`, which names what is wrong.
 *
 * @example A worker that serves, and a context here that publishes
 * ```ts
 * import { CONTEXT_PORT_NO_LISTEN, createContext, memoryBroker, shareBroker } from "@x/lws";
 *
 * const broker = memoryBroker({ historySize: 10 });
 * await using share = shareBroker(broker);
 * // A file of a worker begins with: import { createContext, portBroker, protocol } from "jsr:@x/lws";
 * const module = `
 *   import { createContext, portBroker, protocol } from "${import.meta.resolve("@x/lws")}";
 *   const news = protocol({ name: "news", open: (wsi) => void wsi.subscribe("news") });
 *   onmessage = ({ data: port }) => {
 *     const context = createContext({
 *       port: 0,
 *       iface: "127.0.0.1",
 *       broker: portBroker(port),
 *       protocols: [news],
 *     });
 *     postMessage(context.port);
 *   };
 * `;
 * const url = `data:text/javascript,${encodeURIComponent(module)}`;
 * const worker = new Worker(url, { type: "module" });
 * const port = share.openPort();
 * worker.postMessage(port, [port]);
 * const serving = await new Promise<number>((resolve) => {
 *   worker.onmessage = ({ data }) => resolve(data);
 * });
 *
 * await using context = createContext({ port: CONTEXT_PORT_NO_LISTEN, broker, protocols: [] });
 * await context.publish("news", "It has begun.");
 * console.log(`ws://127.0.0.1:${serving}`);
 * worker.terminate();
 * ```
 */
export function shareBroker(broker: Broker, options: ShareOptions = {}): SharedBroker {
  return new BrokerShare(broker, checkOptions(broker, options));
}

function checkOptions(broker: Broker, options: ShareOptions): Required<ShareOptions> {
  checkBroker("shareBroker", broker);
  if (typeof options !== "object" || options === null) {
    refuseArgument("shareBroker", "options", options, "an object");
  }
  const { maxUnread = DEFAULT_UNREAD, clock = systemClock, ...others } = options;
  const [stray] = Object.keys(others);
  if (stray !== undefined) {
    const names = ["maxUnread", "clock"];
    const value = (others as Record<string, unknown>)[stray];
    const allowed = `one of ${names.join(", ")}${didYouMean(stray, names)}`;
    refuseArgument("shareBroker", stray, value, allowed);
  }
  if (!isWhole(maxUnread, LEAST_UNREAD, Infinity)) {
    const allowed = `a whole number from ${LEAST_UNREAD} to Infinity`;
    refuseArgument("shareBroker", "maxUnread", maxUnread, allowed);
  }
  if (missingMethods(clock, CLOCK_METHODS).length > 0) {
    refuseArgument("shareBroker", "clock", clock, `an object with ${CLOCK_METHODS.join(", ")}`);
  }
  return { maxUnread, clock };
}

/** @throws {LwsError} `invalid-argument` for what is none; `call` is named in front */
export function checkBroker(call: string, broker: unknown): asserts broker is Broker {
  if (missingMethods(broker, BROKER_METHODS).length === 0) return;
  refuseArgument(call, "broker", broker, "a broker, as memoryBroker()");
}

class BrokerShare implements SharedBroker, SharePortHost, BrokerEvents {
  readonly broker: Broker;
  readonly topics: SharedTopics;
  readonly clock: Clock;
  readonly maxUnread: number;
  readonly #given: Broker;
  readonly #hello: Hello;
  readonly #ports = new Set<SharePort>();
  #starting: Promise<void> | undefined;
  #hasStarted = false;
  isUp = true;
  #reconnectedAt = -Infinity;
  #closed: Promise<void> | undefined;

  constructor(broker: Broker, { maxUnread, clock }: Required<ShareOptions>) {
    this.#given = broker;
    this.broker = broker.openNode?.() ?? broker;
    this.topics = new SharedTopics(this.broker);
    this.clock = clock;
    this.maxUnread = maxUnread;
    this.#hello = {
      kind: "broker",
      keepsHistory: broker.keepsHistory,
      hasPresence: broker.presence !== undefined && broker.openNode !== undefined,
      canReconnect: broker.reconnect !== undefined,
      hasParts: broker.partOf !== undefined,
    };
  }

  get portCount(): number {
    return this.#ports.size;
  }

  openPort(): MessagePort {
    if (this.#closed !== undefined) {
      throw new LwsError("destroyed", "openPort: the share is closed");
    }
    const port = new SharePort(this, this.#hello);
    this.#ports.add(port);
    return port.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const ports = [...this.#ports];
    this.#ports.clear();
    await Promise.all(ports.map((port) => port.close()));
    try {
      await this.broker[Symbol.asyncDispose]();
    } catch (error) {
      log("warn", () => line`shareBroker: the broker can't be closed: ${messageOf(error)}`);
    }
  }

  // What ports need.

  openNode(): Broker {
    return this.#given.openNode!();
  }

  async start(): Promise<void> {
    try {
      await (this.#starting ??= this.#begin());
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  async #begin(): Promise<void> {
    await this.broker.start(this, this.clock);
    this.#hasStarted = true;
  }

  reconnect(): void {
    const now = this.clock.now();
    if (now - this.#reconnectedAt < RECONNECT_MS) return;
    this.#reconnectedAt = now;
    this.broker.reconnect?.();
  }

  onGone(port: SharePort): void {
    this.#ports.delete(port);
  }

  // What the broker tells.

  publication(topic: string, publication: BrokerPublication): void {
    this.topics.publication(topic, publication);
  }

  interrupted(topics?: readonly string[]): void {
    for (const port of this.#ports) port.interrupted(topics);
  }

  state(isUp: boolean): void {
    // Once it has started it counts as there.
    if (!this.#hasStarted || isUp === this.isUp) return;
    this.isUp = isUp;
    this.topics.forget();
    for (const port of this.#ports) port.state(isUp);
  }
}
