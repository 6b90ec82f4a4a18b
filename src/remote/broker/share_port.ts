/** The share's end of one port: does for its worker what that asks for, as long as it is there. */

import type { Clock } from "../../api/service.ts";
import type { Broker, BrokerHistory, BrokerPublication } from "../../api/topics/broker.ts";
import type { Position } from "../../api/topics/topics.ts";
import { LwsError } from "../../base/errors.ts";
import { log, messageOf } from "../../base/log.ts";
import { type ChannelEnd, openChannel } from "./channel.ts";
import { toColumns } from "./columns.ts";
import {
  type CallName,
  type CallResults,
  type Hello,
  isCall,
  isPortMessage,
  PORT_CLOSED,
  type PortCall,
  type SentHistory,
} from "./messages.ts";
import { PortOutbox } from "./outbox.ts";
import { PortPresence } from "./port_presence.ts";
import type { SharedTopic, SharedTopics, TopicPort } from "./shared_topics.ts";

/** What all ports have in common. Implemented by BrokerShare. */
export interface SharePortHost {
  /** The end that all use. */
  readonly broker: Broker;
  readonly topics: SharedTopics;
  readonly clock: Clock;
  readonly maxUnread: number;
  /** Makes another end of the broker. */
  openNode(): Broker;
  /** Has the broker begin; harmless when repeated. */
  start(): Promise<void>;
  /** Whether it is there, once it has begun. */
  readonly isUp: boolean;
  reconnect(): void;
  /** The last call of a port that was not closed here. */
  onGone(port: SharePort): void;
}

/** One port. */
export class SharePort implements TopicPort {
  readonly topics: Set<SharedTopic> = new Set();
  /** What the worker is given. */
  readonly port: MessagePort;
  readonly #host: SharePortHost;
  readonly #end: ChannelEnd;
  readonly #outbox: PortOutbox;
  readonly #presence: PortPresence;
  #hasStarted = false;
  #isOpen = true;

  constructor(host: SharePortHost, hello: Hello) {
    this.#host = host;
    const { end, port } = openChannel({
      onMessage: (message) => this.#onMessage(message),
      onUnreadable: () => log("warn", "port of a broker: a message can't be read"),
      onGone: () => this.#gone(),
    });
    this.port = port;
    this.#end = end;
    end.post(hello);
    this.#outbox = new PortOutbox(host.maxUnread, (message, buffers) => end.post(message, buffers));
    this.#presence = new PortPresence(() => host.openNode(), host.clock);
  }

  tell(topic: string, publication: BrokerPublication): void {
    if (this.#isOpen) this.#outbox.publication(topic, publication);
  }

  interrupted(topics: readonly string[] | undefined): void {
    if (!this.#hasStarted) return;
    if (topics === undefined) return this.#outbox.interrupted(undefined);
    const own = new Set([...this.topics].map(({ name }) => name));
    const some = topics.filter((topic) => own.has(topic));
    if (some.length > 0) this.#outbox.interrupted(some);
  }

  /** Before it has started it hears of that by the answer. */
  state(isUp: boolean): void {
    if (this.#hasStarted) this.#outbox.state(isUp);
  }

  /** Says that the broker is shared no more. Resolves when what is the port's alone has ended. */
  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#outbox.flush();
    this.#end.post(PORT_CLOSED);
    return this.#ended();
  }

  #ended(): Promise<void> {
    this.#isOpen = false;
    this.#outbox.close();
    this.#end.close();
    this.#host.topics.drop(this);
    return this.#presence.close();
  }

  #gone(): void {
    if (!this.#isOpen) return;
    void this.#ended();
    this.#host.onGone(this);
  }

  #onMessage(message: unknown): void {
    if (message === PORT_CLOSED) return this.#gone();
    if (!isPortMessage(message)) {
      return log("warn", "port of a broker: a message that no portBroker sends is ignored");
    }
    this.#outbox.taken(message.taken);
    for (const call of message.calls) {
      if (isCall(call)) this.#answer(call);
      else log("warn", "port of a broker: a call that no portBroker makes is ignored");
    }
  }

  async #answer(call: PortCall): Promise<void> {
    const { id } = call;
    try {
      const result = await this.#do(call);
      if (!this.#isOpen) return;
      if (call.call === "start") return this.#started(id);
      const payload = isHistory(result) ? result.publications.data : undefined;
      this.#outbox.answer({ kind: "answer", id, result }, payload);
    } catch (error) {
      if (!this.#isOpen) return;
      const code = error instanceof LwsError ? error.code : "broker-unavailable";
      const parts = this.#partsOf(call);
      this.#outbox.answer({ kind: "refusal", id, code, message: messageOf(error), parts });
    }
  }

  /** What fails for one part of the broker is asked again part by part. */
  #partsOf({ call, args: [topics] }: PortCall): readonly string[] | undefined {
    const { broker } = this.#host;
    if (broker.partOf === undefined || !TOPIC_CALLS.has(call)) return undefined;
    return (topics as readonly string[]).map((topic) => broker.partOf!(topic));
  }

  /** The answer goes by itself: to a context the broker is there behind it, and what is told in front is lost. */
  #started(id: number): void {
    if (!this.#host.isUp) throw new LwsError("broker-unavailable", "start: the broker is away");
    this.#outbox.flush();
    this.#outbox.answer({ kind: "answer", id, result: undefined });
    this.#outbox.flush();
    this.#hasStarted = true;
  }

  #do(call: PortCall): Promise<CallResults[CallName]> | void {
    const { broker, topics } = this.#host;
    if (call.call === "start") return this.#host.start();
    if (!this.#hasStarted) {
      throw new LwsError("invalid-state", `${call.call}: the broker has not started`);
    }
    switch (call.call) {
      case "subscribe":
        return topics.subscribe(this, ...call.args);
      case "unsubscribe":
        return topics.unsubscribe(this, ...call.args);
      case "publish":
        return broker.publish(...call.args).then(positionOf);
      case "history":
        return this.#history(...call.args);
      case "tops":
        return broker.tops(...call.args).then((tops) => tops.map(positionOf));
      case "reconnect":
        return this.#host.reconnect();
      default:
        return this.#presence.do(call);
    }
  }

  async #history(...[topic, since, limit]: Parameters<Broker["history"]>): Promise<SentHistory> {
    const { epoch, top, complete, publications }: BrokerHistory = await this.#host.broker
      .history(topic, since, limit);
    const columns = toColumns(publications.map((publication) => ({ topic, publication })));
    return { epoch, top, complete, publications: columns };
  }
}

const TOPIC_CALLS: ReadonlySet<CallName> = new Set(["subscribe", "unsubscribe", "tops"]);

/** A broker may give more than a message can carry. */
function positionOf({ epoch, offset }: Position): Position {
  return { epoch, offset };
}

function isHistory(result: CallResults[CallName]): result is SentHistory {
  return typeof result === "object" && "publications" in result;
}
