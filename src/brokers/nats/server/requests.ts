/** Questions to a server of NATS over one connection, and their answers: one inbox is for all of them. */

import {
  createInbox,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from "npm:@nats-io/nats-core@^3.4";
import type { Clock } from "../../../api/service.ts";

/** How often it is looked whether an answer is late, as a part of the time that it may take. */
const LOOKS = 4;
const NO_RESPONDERS = 503;

/** Nothing there answers such a question: a stream is missing, or JetStream is. */
export class NoResponders extends Error {}

/** The answer has not come in time, or can't come any more. */
export class NoAnswer extends Error {}

interface Asked {
  readonly deadline: number;
  readonly subject: string;
  readonly take: (message: Msg) => void;
  /** Whether that may be called again. */
  readonly isMany: boolean;
  readonly fail: (error: Error) => void;
}

/** All that wait for an answer on one connection. */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #inbox = `${createInbox()}.`;
  /** By the subjects of their answers, in the order of their deadlines. */
  readonly #asked = new Map<string, Asked>();
  #last = 0;
  #timer: unknown;
  #isArmed = false;
  #ended: Error | undefined;

  constructor(connection: NatsConnection, clock: Clock, timeoutMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#take(message);
        else this.end(error);
      },
    });
  }

  ask(subject: string, data?: Uint8Array | string, headers?: MsgHdrs): Promise<Msg> {
    return new Promise((take, fail) => {
      if (this.#ended !== undefined) return fail(this.#ended);
      const reply = `${this.#inbox}${++this.#last}`;
      const deadline = this.#clock.now() + this.#timeoutMs;
      this.#asked.set(reply, { deadline, subject, take, fail, isMany: false });
      this.#arm();
      try {
        this.#connection.publish(subject, data, headers ? { reply, headers } : { reply });
      } catch (error) {
        this.#asked.delete(reply);
        fail(error as Error);
      }
    });
  }

  /**
   * Listens to an inbox of its own, where messages of any subject may come, until `take` says that all have.
   *
   * @param ask is given the inbox; what it asks for must not come before it returns
   */
  async listen(
    what: string,
    ask: (inbox: string) => Promise<unknown>,
    take: (message: Msg) => boolean,
  ): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    const inbox = createInbox();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: Error) => {
      this.#asked.delete(inbox);
      reject(error);
    };
    const subscription = this.#connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) this.#take(message, inbox);
        else fail(error);
      },
    });
    const expect = () => {
      const deadline = this.#clock.now() + this.#timeoutMs;
      // Behind all others, as that is the order of their deadlines.
      this.#asked.delete(inbox);
      this.#asked.set(inbox, { deadline, subject: what, take: one, fail, isMany: true });
      this.#arm();
    };
    const one = (message: Msg) => {
      try {
        if (!take(message)) return expect();
        this.#asked.delete(inbox);
        resolve();
      } catch (error) {
        fail(error as Error);
      }
    };
    expect();
    try {
      ask(inbox).catch(fail);
      await promise;
    } finally {
      if (!this.#connection.isClosed()) subscription.unsubscribe();
    }
  }

  #take(message: Msg, inbox: string = message.subject): void {
    const asked = this.#asked.get(inbox);
    // Late.
    if (asked === undefined) return;
    if (!asked.isMany) this.#asked.delete(inbox);
    if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
      asked.fail(new NoResponders(`nothing answers at ${asked.subject}`));
    } else asked.take(message);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#timer = this.#clock.setTimer(() => {
      this.#isArmed = false;
      this.#look();
    }, this.#timeoutMs / LOOKS);
  }

  #look(): void {
    const now = this.#clock.now();
    for (const [token, { deadline, subject, fail }] of this.#asked) {
      if (deadline > now) break;
      this.#asked.delete(token);
      fail(new NoAnswer(`no answer from ${subject} within ${this.#timeoutMs} ms`));
    }
    if (this.#asked.size > 0) this.#arm();
  }

  /** The connection is gone, or of no use: none of them is answered. */
  end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#clock.clearTimer(this.#timer);
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { fail } of asked) fail(error);
  }
}
