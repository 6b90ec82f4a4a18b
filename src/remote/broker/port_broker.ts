/** A broker that another worker shares, at the end of a port. */

import type { Clock } from "../../api/service.ts";
import type {
  Broker,
  BrokerEvents,
  BrokerHistory,
  BrokerPublication,
  BrokerPublish,
} from "../../api/topics/broker.ts";
import type { BrokerPresence } from "../../api/topics/broker_presence.ts";
import type { Position } from "../../api/topics/topics.ts";
import { refuseArgument } from "../../base/check.ts";
import { LwsError, type LwsErrorCode } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { receiveAtOnce } from "./channel.ts";
import { fromColumns, transfersOf } from "./columns.ts";
import {
  type CallArguments,
  type CallName,
  type CallResults,
  type Hello,
  isHello,
  isShareMessage,
  PORT_CLOSED,
  type PortMessage,
  type ShareItem,
} from "./messages.ts";

/**
 * The broker at the end of a port of {@linkcode shareBroker}, for the one context that is given it. It keeps what
 * the shared one keeps. Its worker runs on until the context is destroyed or the share is closed.
 *
 * When the share is closed the context takes it for a broker that has gone away for good.
 *
 * @category Topics
 * @param port As it came to this worker; it can be given once.
 * @throws {LwsError} `invalid-argument` when it is no port of a share, or was given before.
 *
 * @example
 * ```ts
 * import { createContext, handlers, memoryBroker, portBroker, shareBroker } from "@x/lws";
 *
 * await using share = shareBroker(memoryBroker({ historySize: 100 }));
 * const port = share.openPort();
 * // worker.postMessage(port, [port]), and in the worker:
 * await using context = createContext({
 *   port: 0,
 *   broker: portBroker(port),
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 * });
 * await context.publish("room/1", "to all workers");
 * ```
 */
export function portBroker(port: MessagePort): Broker {
  if (!(port instanceof MessagePort)) {
    refuseArgument("portBroker", "port", port, "a MessagePort of shareBroker");
  }
  const hello = receiveAtOnce(port);
  if (isHello(hello)) return new PortBroker(port, hello);
  throw new LwsError(
    "invalid-argument",
    "portBroker: port is none that a share has opened, or was given before",
  );
}

const ANY_PART = "";

interface Asked {
  readonly args: CallArguments[CallName];
  resolve(result: CallResults[CallName]): void;
  reject(error: LwsError): void;
}

class PortBroker implements Broker {
  readonly keepsHistory: boolean;
  readonly presence?: BrokerPresence;
  readonly reconnect?: () => void;
  readonly partOf?: (topic: string) => string;
  readonly #port: MessagePort;
  readonly #asked = new Map<number, Asked>();
  #events: BrokerEvents | undefined;
  #lastId = 0;
  /** Messages that were taken, and calls that were made, in this turn. */
  #taken = 0;
  #calls: PortMessage["calls"][number][] = [];
  #buffers: Uint8Array[] = [];
  #immediate: ReturnType<typeof setImmediate> | undefined;
  /** Why nothing can be asked any more. */
  #end: LwsError | undefined;

  /** The parts of the broker that topics are of for which something has failed; of others they don't matter. */
  readonly #parts = new Map<string, string>();

  constructor(port: MessagePort, hello: Hello) {
    const { keepsHistory, hasPresence, canReconnect, hasParts } = hello;
    this.#port = port;
    this.keepsHistory = keepsHistory;
    if (hasPresence) {
      this.presence = {
        join: (...args) => this.#ask("join", args),
        leave: (...args) => this.#ask("leave", args),
        tend: (...args) => this.#ask("tend", args),
        members: (...args) => this.#ask("members", args),
      };
    }
    if (canReconnect) {
      this.reconnect = () => void this.#ask("reconnect", []).catch(() => {});
    }
    if (hasParts) this.partOf = (topic) => this.#parts.get(topic) ?? ANY_PART;
    port.onmessage = ({ data }) => this.#onMessage(data);
    port.onmessageerror = () => log("warn", "portBroker: a message can't be read");
  }

  async start(events: BrokerEvents, _clock: Clock): Promise<void> {
    if (this.#events !== undefined) {
      throw new LwsError("invalid-state", "portBroker: a port serves one context");
    }
    this.#events = events;
    try {
      await this.#ask("start", []);
    } catch (error) {
      this.#events = undefined;
      throw error;
    }
  }

  subscribe(topics: readonly string[]): Promise<void> {
    return this.#ask("subscribe", [topics]);
  }

  unsubscribe(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#parts.delete(topic);
    return this.#ask("unsubscribe", [topics]);
  }

  publish(topic: string, data: Uint8Array, options: BrokerPublish): Promise<Position> {
    // A view would take all of its buffer along.
    const own = new Uint8Array(data);
    if (this.#end === undefined) this.#buffers.push(own);
    return this.#ask("publish", [topic, own, options]);
  }

  async history(
    topic: string,
    since: Position | undefined,
    limit: number,
  ): Promise<BrokerHistory> {
    const answer = await this.#ask("history", [topic, since, limit]);
    const publications: BrokerPublication[] = [];
    fromColumns(answer.publications, (_, publication) => publications.push(publication));
    return { ...answer, publications };
  }

  tops(topics: readonly string[]): Promise<readonly Position[]> {
    return this.#ask("tops", [topics]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) {
      this.#flush();
      this.#port.postMessage(PORT_CLOSED);
      this.#events = undefined;
      this.#ended(new LwsError("destroyed", "portBroker: it is closed"));
    }
    return Promise.resolve();
  }

  #ask<Name extends CallName>(call: Name, args: CallArguments[Name]): Promise<CallResults[Name]> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      const id = ++this.#lastId;
      this.#asked.set(id, { args, resolve: resolve as Asked["resolve"], reject });
      this.#calls.push({ id, call, args });
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    this.#immediate ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (this.#taken === 0 && this.#calls.length === 0) return;
    const message: PortMessage = { taken: this.#taken, calls: this.#calls };
    this.#port.postMessage(message, transfersOf(this.#buffers));
    this.#taken = 0;
    this.#calls = [];
    this.#buffers = [];
  }

  #onMessage(message: unknown): void {
    if (this.#end !== undefined) return;
    if (message === PORT_CLOSED) return this.#shareClosed();
    if (!isShareMessage(message)) {
      return log("warn", "portBroker: a message that no share sends is ignored");
    }
    this.#taken++;
    this.#flushSoon();
    for (const item of message.items) this.#take(item);
  }

  #take(item: ShareItem): void {
    switch (item.kind) {
      case "publications":
        fromColumns(item.columns, (topic, publication) => {
          this.#events?.publication(topic, publication);
        });
        break;
      case "answer":
        this.#answered(item.id)?.resolve(item.result);
        break;
      case "refusal":
        this.#refused(item);
        break;
      case "interrupted":
        this.#events?.interrupted(item.topics);
        break;
      case "state":
        this.#parts.clear();
        this.#events?.state(item.isUp);
        break;
    }
  }

  #refused({ id, code, message, parts }: ShareItem & { kind: "refusal" }): void {
    const asked = this.#answered(id);
    if (asked === undefined) return;
    const [topics] = asked.args;
    parts?.forEach((part, i) => this.#parts.set((topics as readonly string[])[i]!, part));
    asked.reject(new LwsError(code as LwsErrorCode, message));
  }

  #answered(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  #shareClosed(): void {
    const events = this.#events;
    this.#events = undefined;
    this.#ended(new LwsError("broker-unavailable", "portBroker: the broker is shared no more"));
    events?.state(false);
  }

  #ended(why: LwsError): void {
    this.#end = why;
    clearImmediate(this.#immediate);
    this.#port.close();
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
  }
}
