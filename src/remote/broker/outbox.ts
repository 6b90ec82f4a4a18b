/**
 * What is on its way to one port: all of a turn in one message, and no more than its worker may leave unread. What is
 * past that is left out, and told as an interruption when there is room again.
 */

import type { BrokerPublication } from "../../api/topics/broker.ts";
import { line, log } from "../../base/log.ts";
import { type OfTopic, toColumns, transfersOf } from "./columns.ts";
import type { ShareItem, ShareMessage } from "./messages.ts";

/** What a publication or an answer costs beside its payload, in bytes: about that. */
export const OVERHEAD = 128;
/** So many topics are told by their names; of more, all may have missed something. */
const MOST_NAMED = 1_000;

type Told = Exclude<ShareItem, { kind: "publications" }>;

/** How messages leave. */
export type Post = (message: ShareMessage, transfer: readonly ArrayBuffer[]) => void;

/** One port's. */
export class PortOutbox {
  readonly #post: Post;
  readonly #maxUnread: number;
  #waiting: (OfTopic | Told)[] = [];
  /** Bytes of what waits. */
  #waitingSize = 0;
  /** Buffers in answers that wait. */
  #buffers: Uint8Array[] = [];
  /** Bytes of each message that was posted and is not taken yet. */
  #posted: number[] = [];
  #unread = 0;
  #missed: Missed | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;

  /** @param maxUnread bytes that are on their way at most, but for one publication alone, and answers */
  constructor(maxUnread: number, post: Post) {
    this.#maxUnread = maxUnread;
    this.#post = post;
  }

  publication(topic: string, publication: BrokerPublication): void {
    const size = publication.data.length + OVERHEAD;
    const missed = this.#missing(size);
    if (missed === undefined) this.#add({ topic, publication }, size);
    else missed.add(topic);
  }

  interrupted(topics: readonly string[] | undefined): void {
    const missed = this.#missing(OVERHEAD);
    if (missed === undefined) this.#add({ kind: "interrupted", topics }, OVERHEAD);
    else if (topics === undefined) missed.addAll();
    else for (const topic of topics) missed.add(topic);
  }

  state(isUp: boolean): void {
    const missed = this.#missing(OVERHEAD);
    if (missed === undefined) this.#add({ kind: "state", isUp }, OVERHEAD);
    else missed.state(isUp);
  }

  /** Where what has no room is noted; undefined if it has. */
  #missing(size: number): Missed | undefined {
    const hasRoom = this.#unread === 0 || this.#unread + size <= this.#maxUnread;
    if (this.#missed !== undefined || hasRoom) return this.#missed;
    log(
      "warn",
      () => line`port of a broker: ${this.#unread} bytes are unread; it misses what follows`,
    );
    return this.#missed = new Missed();
  }

  /**
   * An answer, which is never left out.
   *
   * @param payload the buffer that it has all of its payload in
   */
  answer(item: ShareItem & { kind: "answer" | "refusal" }, payload?: Uint8Array): void {
    if (payload !== undefined) this.#buffers.push(payload);
    this.#add(item, OVERHEAD + (payload?.length ?? 0));
  }

  #add(item: OfTopic | Told, size: number): void {
    this.#waiting.push(item);
    this.#waitingSize += size;
    this.#unread += size;
    this.#immediate ??= setImmediate(() => this.flush());
  }

  /** Posts what waits now, in a message of its own. */
  flush(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (this.#waiting.length === 0) return;
    const [waiting, buffers] = [this.#waiting, this.#buffers];
    this.#posted.push(this.#waitingSize);
    this.#waiting = [];
    this.#buffers = [];
    this.#waitingSize = 0;
    const items: ShareItem[] = [];
    let run: OfTopic[] = [];
    const endRun = () => {
      if (run.length === 0) return;
      const columns = toColumns(run);
      buffers.push(columns.data);
      items.push({ kind: "publications", columns });
      run = [];
    };
    for (const each of waiting) {
      if ("topic" in each) run.push(each);
      else {
        endRun();
        items.push(each);
      }
    }
    endRun();
    this.#post({ items }, transfersOf(buffers));
  }

  /** The port has taken as many messages more. */
  taken(count: number): void {
    for (const size of this.#posted.splice(0, count)) this.#unread -= size;
    if (this.#missed === undefined || this.#unread > this.#maxUnread / 2) return;
    const missed = this.#missed;
    this.#missed = undefined;
    for (const item of missed.told()) this.#add(item, OVERHEAD);
  }

  /** Nothing leaves any more. */
  close(): void {
    clearImmediate(this.#immediate);
    this.#waiting = [];
    this.#buffers = [];
    this.#posted = [];
  }
}

/** What a port was not told. */
class Missed {
  readonly #topics = new Set<string>();
  #all = false;
  #wasDown = false;
  #isUp: boolean | undefined;

  add(topic: string): void {
    if (!this.#all) this.#topics.add(topic);
    if (this.#topics.size > MOST_NAMED) this.addAll();
  }

  addAll(): void {
    this.#all = true;
    this.#topics.clear();
  }

  state(isUp: boolean): void {
    if (!isUp) this.#wasDown = true;
    this.#isUp = isUp;
  }

  told(): Told[] {
    const told: Told[] = [];
    if (this.#wasDown) told.push({ kind: "state", isUp: false });
    if (this.#isUp === true) told.push({ kind: "state", isUp: true });
    if (this.#all) told.push({ kind: "interrupted", topics: undefined });
    else if (this.#topics.size > 0) told.push({ kind: "interrupted", topics: [...this.#topics] });
    return told;
  }
}
