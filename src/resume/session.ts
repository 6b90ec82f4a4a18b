/** One connection that speaks `lws.resume.v1`: what it has asked for, and what it is told. */

import type { Subscription, TopicGap } from "../api/topics/topics.ts";
import type { Wsi } from "../api/wsi.ts";
import { isPromised } from "../base/callback_results.ts";
import { describeValue } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { line, log, own, thrown } from "../base/log.ts";
import { isTopic } from "../topics/topic_name.ts";
import type { ResumeRefusal } from "./client/types.ts";
import { readRequest, type Request } from "./requests.ts";
import { answerOf, gapOf, refusalOf } from "./wire.ts";

/** RFC 6455 section 7.4.1: data of a type that can't be accepted; what is not of its type; a breach of policy. */
const UNSUPPORTED = 1003;
const MALFORMED = 1007;
const BREACH = 1008;

/** What the sessions of a protocol have in common. Given by `resumable`. */
export interface SessionRules<User> {
  readonly name: string;
  readonly maxTopics: number;
  readonly gapSpreadMs: number;
  authorize(wsi: Wsi<User>, user: User, topic: string): unknown;
  /** What the program makes of its own messages; undefined where it takes none. */
  readonly message:
    | ((wsi: Wsi<User>, user: User, data: unknown) => unknown)
    | undefined;
}

type Subscribing = Request & { readonly kind: "subscribe" };

/** One of them. */
export class Session<User> {
  readonly #rules: SessionRules<User>;
  readonly #wsi: Wsi<User>;
  /** What it has asked for and was not refused, by the topic. */
  readonly #asked = new Map<string, Subscribing>();
  /** How many answers of `authorize` are under way, be they wanted any more or not. */
  #authorizing = 0;

  constructor(rules: SessionRules<User>, wsi: Wsi<User>) {
    this.#rules = rules;
    this.#wsi = wsi;
  }

  /** A message of the client. Returns what the program's own method has. */
  take(user: User, message: string | Uint8Array): unknown {
    if (typeof message !== "string") return this.#handOn(user, message);
    const request = readRequest(message);
    if (typeof request === "string") return this.#fail(MALFORMED, request);
    switch (request.kind) {
      case "subscribe":
        return this.#subscribe(user, request);
      case "unsubscribe":
        return this.#unsubscribe(request.topic);
      case "probe":
        return void this.#wsi.write(JSON.stringify({ p: request.id }));
      case "data":
        return this.#handOn(user, request.data);
    }
  }

  /** The connection has ended. */
  end(): void {
    this.#asked.clear();
  }

  tellGap(gap: TopicGap): void {
    this.#wsi.write(gapOf(gap, this.#rules.gapSpreadMs));
  }

  #handOn(user: User, data: unknown): unknown {
    const { message } = this.#rules;
    if (message === undefined) return this.#fail(UNSUPPORTED, "no data is taken here");
    return message(this.#wsi, user, data);
  }

  #fail(code: number, reason: string): void {
    log("info", () => line`connection ${this.#wsi.socketFd}: ${own(this.#rules.name)}: ${reason}`);
    this.#asked.clear();
    this.#wsi.close(code, reason);
  }

  #unsubscribe(topic: string): void {
    // Otherwise it may be no topic.
    if (this.#asked.delete(topic)) this.#wsi.unsubscribe(topic);
    this.#wsi.write(JSON.stringify({ u: topic }));
  }

  #subscribe(user: User, request: Subscribing): void {
    const { maxTopics } = this.#rules;
    const { id, topic } = request;
    if (this.#asked.has(topic)) return this.#fail(BREACH, "t is subscribed to already");
    if (!isTopic(topic)) return this.#refuse(id, "invalid-topic");
    if (this.#asked.size >= maxTopics || this.#authorizing >= maxTopics) {
      return this.#refuse(id, "topic-limit");
    }
    this.#asked.set(topic, request);
    this.#authorize(user, request);
  }

  #authorize(user: User, request: Subscribing): void {
    let verdict: unknown;
    try {
      verdict = this.#rules.authorize(this.#wsi, user, request.topic);
    } catch (error) {
      return this.#threw(request, error);
    }
    if (!isPromised(verdict)) return this.#judged(request, verdict);
    this.#authorizing++;
    Promise.resolve(verdict).finally(() => this.#authorizing--).then(
      (awaited) => this.#judged(request, awaited),
      (error) => this.#threw(request, error),
    );
  }

  #threw(request: Subscribing, error: unknown): void {
    log("err", () => line`${own(this.#rules.name)}: authorize threw: ${thrown(error)}`);
    this.#giveUp(request, "forbidden");
  }

  #judged(request: Subscribing, verdict: unknown): void {
    if (typeof verdict !== "boolean") {
      const returned = `authorize returned ${describeValue(verdict)}, which counts as false`;
      log("warn", () => line`${own(this.#rules.name)}: ${returned}; allowed: true, false`);
    }
    if (this.#asked.get(request.topic) !== request) return;
    if (verdict !== true) return this.#giveUp(request, "forbidden");
    this.#begin(request).catch((error) => {
      const reason = refusalFor(error);
      if (reason !== undefined) this.#giveUp(request, reason);
    });
  }

  #begin({ id, topic, since }: Subscribing): Promise<Subscription> {
    return this.#wsi.subscribe(topic, {
      ...since && { since },
      begin: (start) => void this.#wsi.write(answerOf(id, start, this.#rules.gapSpreadMs)),
    });
  }

  /** Also behind its answer, where the rest of what it lacks can't be had. */
  #giveUp(request: Subscribing, reason: ResumeRefusal | "unavailable"): void {
    if (this.#asked.get(request.topic) !== request) return;
    this.#asked.delete(request.topic);
    this.#refuse(request.id, reason);
  }

  #refuse(id: number, reason: ResumeRefusal | "unavailable"): void {
    this.#wsi.write(refusalOf(id, reason));
  }
}

/** What a client is told of a subscription that could not be; nothing of one that it has ended itself. */
function refusalFor(error: unknown): ResumeRefusal | "unavailable" | undefined {
  const code = error instanceof LwsError ? error.code : undefined;
  if (code === "broker-unavailable") return "unavailable";
  return code === "topic-limit" ? code : undefined;
}
