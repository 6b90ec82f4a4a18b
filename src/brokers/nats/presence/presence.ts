/** Which connections are in topics: each is one message of a stream, with the lease of its context beside it. */

import type {
  BrokerPresence,
  PresenceMember,
  PresenceMembers,
} from "../../../api/topics/broker_presence.ts";
import { LwsError } from "../../../base/errors.ts";
import { line, log } from "../../../base/log.ts";
import type { CheckedOptions } from "../options.ts";
import { NoResponders } from "../server/requests.ts";
import { presenceConfig } from "../streams/config.ts";
import type { JetStream, StreamConfig } from "../streams/jetstream.ts";
import { type Layout, nameOf, tokenOf } from "../subjects.ts";
import { chunksOf } from "./chunks.ts";
import { Leases } from "./leases.ts";

/** How often something is tried that others may change meanwhile. */
const MOST_TRIES = 10;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What presence needs. Implemented by NatsNode. */
export interface PresenceHost {
  /** Has a stream be there. */
  ensure(config: StreamConfig, needs: string): Promise<JetStream>;
  /** The context's clock. */
  now(): number;
  /** It is not, or not any more. */
  forget(stream: string): void;
  /** Publishes what has come of a member. */
  tellPresence(
    topic: string,
    presence: "join" | "leave",
    data: Uint8Array,
    history: boolean,
  ): Promise<unknown>;
}

/** What was done and could not be published. */
interface Owed {
  readonly topic: string;
  readonly presence: "join" | "leave";
  readonly data: Uint8Array;
  readonly history: boolean;
}

/** The members of one context, and what it sees of those of others. */
export class NatsPresence implements BrokerPresence {
  readonly #config: StreamConfig;
  readonly #layout: Layout;
  readonly #host: PresenceHost;
  readonly #leases: Leases;
  /** Its name, as long as its lease lasts. */
  #node: string = crypto.randomUUID();
  /** The revision of its lease; 0 before it has one. */
  #lease = 0;
  /** By the subject of the member. */
  readonly #owed = new Map<string, Owed>();

  constructor(options: CheckedOptions, layout: Layout, host: PresenceHost) {
    this.#config = presenceConfig(options, layout);
    this.#layout = layout;
    this.#host = host;
    this.#leases = new Leases(layout, () => host.now());
  }

  get #api(): Promise<JetStream> {
    return this.#host.ensure(this.#config, "presence needs");
  }

  async join(topic: string, member: PresenceMember, history: boolean): Promise<void> {
    const api = await this.#api;
    const subject = this.#layout.member(this.#node, tokenOf(topic), tokenOf(member.id));
    const text = JSON.stringify(member);
    const data = encoder.encode(text);
    let expected = 0;
    for (let i = 0; i < MOST_TRIES; i++) {
      if (await api.put(subject, data, { expected }) !== undefined) {
        return await this.#tell(subject, { topic, presence: "join", data, history });
      }
      const known = await this.#read(api, subject);
      if (known !== undefined && decoder.decode(known.data) === text) return this.#pay(subject);
      expected = known?.sequence ?? 0;
    }
    throw changes(subject);
  }

  async leave(topic: string, id: string, history: boolean): Promise<void> {
    const api = await this.#api;
    const subject = this.#layout.member(this.#node, tokenOf(topic), tokenOf(id));
    await this.#pay(subject);
    await this.#remove(api, subject, history);
  }

  #read(api: JetStream, subject: string) {
    return api.read(this.#config.name, { last_by_subj: subject }, true);
  }

  /** Of all that do this at once, one has removed what there was, and publishes that. */
  async #remove(api: JetStream, subject: string, history: boolean): Promise<void> {
    for (let i = 0; i < MOST_TRIES; i++) {
      const known = await this.#read(api, subject);
      if (known === undefined) return;
      if (!await api.remove(this.#config.name, known.sequence)) continue;
      const topic = nameOf(subject.split(".").at(-2)!);
      return await this.#tell(subject, { topic, presence: "leave", data: known.data, history });
    }
    throw changes(subject);
  }

  async #tell(subject: string, owed: Owed): Promise<void> {
    this.#owed.set(subject, owed);
    await this.#pay(subject);
  }

  async #pay(subject: string): Promise<void> {
    const owed = this.#owed.get(subject);
    if (owed === undefined) return;
    await this.#host.tellPresence(owed.topic, owed.presence, owed.data, owed.history);
    if (this.#owed.get(subject) === owed) this.#owed.delete(subject);
  }

  async tend(leaseMs: number, history: boolean, sweeps: boolean): Promise<boolean> {
    const api = await this.#api;
    const renewed = await this.#renew(api, leaseMs);
    const isFirst = this.#lease === 0;
    const former = this.#node;
    if (renewed !== undefined) this.#lease = renewed;
    else {
      this.#node = crypto.randomUUID();
      this.#lease = await this.#leases.renew(api, this.#node, leaseMs, 0) ?? 0;
      // Some may have joined when the others had gone.
      await this.#sweep(api, former, history);
    }
    for (const subject of [...this.#owed.keys()]) await this.#pay(subject);
    for (const lease of sweeps ? await this.#leases.read(api) : []) {
      if (!lease.isOver || lease.node === this.#node) continue;
      const end = lease.isClosed ? lease.sequence : await this.#leases.close(api, lease);
      if (end === undefined) continue;
      await this.#sweep(api, lease.node, history);
      await this.#leases.remove(api, end);
    }
    return !isFirst && renewed !== undefined;
  }

  async #renew(api: JetStream, leaseMs: number): Promise<number | undefined> {
    try {
      return await this.#leases.renew(api, this.#node, leaseMs, this.#lease);
    } catch (error) {
      if (error instanceof NoResponders) this.#host.forget(this.#config.name);
      throw error;
    }
  }

  async #sweep(api: JetStream, node: string, history: boolean): Promise<void> {
    const subjects = await api.subjects(this.#config.name, this.#layout.member(node, "*", "*"));
    if (subjects.length > 0) {
      log("info", () => line`a context has gone that had ${subjects.length} members in topics`);
    }
    for (const some of chunksOf(subjects)) {
      await Promise.all(some.map((subject) => this.#remove(api, subject, history)));
    }
  }

  async members(topic: string, limit: number): Promise<PresenceMembers> {
    const api = await this.#api;
    const pattern = this.#layout.member("*", tokenOf(topic), "*");
    const subjects = await api.subjects(this.#config.name, pattern);
    if (subjects.length === 0) return { count: 0, members: [] };
    const leases = await this.#leases.read(api);
    const alive = new Set(leases.filter(({ isOver }) => !isOver).map(({ node }) => node));
    const at = this.#layout.member("", "", "").length - 2;
    const present = subjects.filter((subject) =>
      alive.has(subject.slice(at, subject.indexOf(".", at)))
    );
    const members: PresenceMember[] = [];
    let gone = 0;
    for (const some of chunksOf(present)) {
      if (members.length >= limit) break;
      const read = await Promise.all(some.map((subject) => this.#read(api, subject)));
      for (const known of read) {
        if (known === undefined) gone++;
        else if (members.length < limit) members.push(...memberOf(known.data));
      }
    }
    return { count: present.length - gone, members };
  }
}

function changes(subject: string): LwsError {
  return new LwsError("broker-unavailable", `natsBroker: ${subject} is changed all the time`);
}

/** None for what is no member, as another program's. */
function memberOf(data: Uint8Array): PresenceMember[] {
  try {
    const { id, key, info } = JSON.parse(decoder.decode(data));
    return [{ id, key, info }];
  } catch {
    return [];
  }
}
