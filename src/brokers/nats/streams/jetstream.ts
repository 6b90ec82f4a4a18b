/** The calls of JetStream's API that are needed, as its wire protocol has them: by them a message costs one question. */

import { headers, type Msg, type MsgHdrs } from "npm:@nats-io/nats-core@^3.4";
import { LwsError } from "../../../base/errors.ts";
import type { Requests } from "../server/requests.ts";
import { bytesOfBase64 } from "../../../base/text/encodings.ts";

const API = "$JS.API";
const STREAM_NOT_FOUND = 10059;
const WRONG_LAST_SEQUENCE = 10071;
/** Of a message that is not there, or not any more. */
const NOT_REMOVED: readonly number[] = [10043, 10057];
/** How long a reading waits for what is not there any more, in nanoseconds: the least that may be. */
const HEARTBEAT_NS = 100_000_000;
/** How long a consumer that was forgotten is kept, in nanoseconds. */
const FORGOTTEN_NS = 10_000_000_000;
/** Of what a direct read does not find. */
const NOT_FOUND = 404;

/** A stream's configuration, as the API spells it. */
export type StreamConfig = Readonly<Record<string, unknown>> & { readonly name: string };

/** What is known of a stream. */
export interface StreamInfo {
  readonly config: StreamConfig;
  /** When it was made: another one of the same name has another time. */
  readonly created: string;
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
  /** How many subjects there are; a page has 100,000 at most. */
  readonly total?: number;
}

/** A message that a stream has kept. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
  /** When it was stored, by the server's clock, as RFC 3339 has it. */
  readonly storedAt: string;
}

/** What JetStream refuses. */
export class ApiError extends LwsError {
  readonly number: number;

  constructor(number: number, description: string) {
    super("broker-unavailable", `natsBroker: JetStream: ${description} (${number})`);
    this.number = number;
  }
}

/** What a stream has taken. */
export interface Put {
  readonly seq: number;
  /** Whether it had it already. */
  readonly isDuplicate: boolean;
}

interface Answer {
  readonly error?: {
    readonly err_code?: number;
    readonly code: number;
    readonly description: string;
  };
}

/** JetStream, over one connection. */
export class JetStream {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async #call<Result>(what: string, body?: unknown): Promise<Result & Answer> {
    const data = body === undefined ? undefined : JSON.stringify(body);
    const message = await this.#requests.ask(`${API}.${what}`, data);
    const answer = message.json<Result & Answer>();
    if (answer.error !== undefined) throw errorOf(answer.error);
    return answer;
  }

  /** Whether there is one; rejects with NoResponders if there is none. */
  async probe(): Promise<void> {
    await this.#call("INFO");
  }

  /** Undefined if there is no such stream. */
  async info(stream: string, query?: unknown): Promise<StreamInfo | undefined> {
    try {
      return await this.#call<StreamInfo>(`STREAM.INFO.${stream}`, query);
    } catch (error) {
      if (error instanceof ApiError && error.number === STREAM_NOT_FOUND) return undefined;
      throw error;
    }
  }

  create(config: StreamConfig): Promise<StreamInfo> {
    return this.#call(`STREAM.CREATE.${config.name}`, config);
  }

  update(config: StreamConfig): Promise<StreamInfo> {
    return this.#call(`STREAM.UPDATE.${config.name}`, config);
  }

  /** The subjects of a stream that match a pattern. */
  async subjects(stream: string, pattern: string): Promise<string[]> {
    const subjects: string[] = [];
    for (;;) {
      const query = { subjects_filter: pattern, offset: subjects.length };
      const page = await this.info(stream, query);
      const names = Object.keys(page?.state.subjects ?? {});
      subjects.push(...names);
      if (names.length === 0 || subjects.length >= (page?.total ?? 0)) return subjects;
    }
  }

  /**
   * Reads one message: the last one of a subject, the first one of it from a sequence on, or that of a
   * sequence. From any copy of the stream, or from the one that leads, which has all that was ever
   * acknowledged.
   */
  async read(
    stream: string,
    which: { last_by_subj: string } | { seq: number; next_by_subj?: string },
    fromLeader: boolean,
  ): Promise<StoredMessage | undefined> {
    if (fromLeader) return await this.#readFromLeader(stream, which);
    const data = JSON.stringify(which);
    const message = await this.#requests.ask(`${API}.DIRECT.GET.${stream}`, data);
    const all = message.headers;
    if (all?.code === NOT_FOUND) return undefined;
    const sequence = Number(all?.get("Nats-Sequence"));
    if (!(sequence > 0)) throw new ApiError(all?.code ?? 0, all?.description ?? "no message");
    return {
      subject: all!.get("Nats-Subject"),
      sequence,
      headers: all,
      data: message.data,
      storedAt: all!.get("Nats-Time-Stamp"),
    };
  }

  async #readFromLeader(stream: string, which: unknown): Promise<StoredMessage | undefined> {
    interface Got {
      readonly message: {
        readonly subject: string;
        readonly seq: number;
        readonly time: string;
        readonly hdrs?: string;
        readonly data?: string;
      };
    }
    const answer = await this.#requests.ask(
      `${API}.STREAM.MSG.GET.${stream}`,
      JSON.stringify(which),
    );
    const { message, error } = answer.json<Partial<Got> & Answer>();
    if (error?.code === NOT_FOUND && error.err_code !== STREAM_NOT_FOUND) return undefined;
    if (error !== undefined) throw errorOf(error);
    const { subject, seq, time, hdrs, data } = message!;
    return {
      subject,
      sequence: seq,
      headers: hdrs === undefined ? undefined : headersOf(bytesOfBase64(hdrs)),
      data: data === undefined ? new Uint8Array() : bytesOfBase64(data),
      storedAt: time,
    };
  }

  /** Whether the message was there, and is not any more: of several that ask, one is told so. */
  async remove(stream: string, seq: number): Promise<boolean> {
    try {
      await this.#call(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true });
      return true;
    } catch (error) {
      if (error instanceof ApiError && NOT_REMOVED.includes(error.number)) return false;
      throw error;
    }
  }

  /** Its sequence; undefined if `expected` says that the subject's last one is another. */
  async put(
    subject: string,
    data: Uint8Array | string,
    options: { readonly headers?: MsgHdrs | undefined; readonly expected?: number } = {},
  ): Promise<Put | undefined> {
    let all = options.headers;
    if (options.expected !== undefined) {
      all ??= headers();
      all.append("Nats-Expected-Last-Subject-Sequence", String(options.expected));
    }
    const message = await this.#requests.ask(subject, data, all);
    const { seq, duplicate, error } = message.json<
      { seq: number; duplicate?: boolean } & Answer
    >();
    if (error?.err_code === WRONG_LAST_SEQUENCE) return undefined;
    if (error !== undefined) throw errorOf(error);
    return { seq, isDuplicate: duplicate === true };
  }

  /**
   * Reads the messages of a subject from a sequence on, in order, until `take` has enough of them, or none are left.
   *
   * @param most More than these are never sent.
   */
  async readOn(
    stream: string,
    subject: string,
    from: number,
    most: number,
    take: (message: StoredMessage) => boolean,
  ): Promise<void> {
    const name = crypto.randomUUID();
    let count = 0;
    const open = async (inbox: string) => {
      const config = {
        name,
        deliver_subject: inbox,
        filter_subject: subject,
        deliver_policy: "by_start_sequence",
        opt_start_seq: from,
        // None is acknowledged, so that the server stops by itself.
        ack_policy: "explicit",
        max_ack_pending: most,
        mem_storage: true,
        num_replicas: 1,
        // Says that nothing is left of what there was, where some of it has gone meanwhile.
        idle_heartbeat: HEARTBEAT_NS,
        inactive_threshold: FORGOTTEN_NS,
      };
      const call = `CONSUMER.CREATE.${stream}.${name}.${subject}`;
      await this.#call(call, { stream_name: stream, config });
    };
    try {
      await this.#requests.listen(`a reading of ${subject}`, open, (message) => {
        if ((message.headers?.code ?? 0) !== 0) return true;
        const { sequence, place, pending } = delivered(message);
        if (place !== ++count) throw new ApiError(0, `delivery ${place} came as number ${count}`);
        const { headers, data } = message;
        const isEnough = take({ subject, sequence, headers, data, storedAt: "" });
        return isEnough || pending === 0 || count === most;
      });
    } finally {
      // Nothing waits for that: a consumer that is not deleted ends by itself.
      this.#call(`CONSUMER.DELETE.${stream}.${name}`).catch(() => {});
    }
  }
}

/** What the reply subject of a delivery says: in its longer form with the domain and the account in front. */
export function delivered(
  { reply = "" }: Pick<Msg, "reply">,
): { sequence: number; place: number; pending: number } {
  const parts = reply.split(".");
  const at = parts.length > 9 ? 7 : 5;
  const [sequence, place, , pending] = parts.slice(at, at + 4).map(Number);
  if (!reply.startsWith("$JS.ACK.") || !(sequence! > 0) || !(place! > 0) || !(pending! >= 0)) {
    throw new ApiError(0, `no delivery has the reply ${reply}`);
  }
  return { sequence: sequence!, place: place!, pending: pending! };
}

function errorOf(error: NonNullable<Answer["error"]>): ApiError {
  return new ApiError(error.err_code ?? error.code, error.description);
}

/** Reads a block of headers, as one line each. */
export function headersOf(block: Uint8Array): MsgHdrs {
  const all = headers();
  for (const line of new TextDecoder().decode(block).split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) all.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return all;
}
