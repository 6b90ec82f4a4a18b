/** The streams that a broker needs, made where they are missing, and changed where they are others. */

import { LwsError } from "../../../base/errors.ts";
import { shown } from "../../../base/log/escaping.ts";
import { line, log, messageOf, own } from "../../../base/log.ts";
import { ApiError, type JetStream, type StreamConfig, type StreamInfo } from "./jetstream.ts";
import type { CheckedOptions } from "../options.ts";
import { NoResponders } from "../server/requests.ts";
import type { Layout } from "../subjects.ts";

const NAME_IN_USE = 10058;
/** What NATS has for the window of ids if it is given 0. */
const LEAST_WINDOW_MS = 100;

/** The stream of a shard. */
export function keptConfig(options: CheckedOptions, layout: Layout, shard: number): StreamConfig {
  const { historySize, historyTtlMs, idempotencyMs } = options.history;
  return {
    ...common(options, layout.stream(shard), layout.kept(shard, ">")),
    // One more than is asked for: it shows that the one behind it is the next.
    max_msgs_per_subject: historySize === Infinity ? -1 : historySize + 1,
    max_age: nanosOf(historyTtlMs),
    duplicate_window: nanosOf(Math.max(idempotencyMs, LEAST_WINDOW_MS)),
    republish: { src: layout.kept(shard, ">"), dest: layout.live(">") },
  };
}

/** The stream that takes publications that have an id and are not kept: once each. */
export function onceConfig(options: CheckedOptions, layout: Layout): StreamConfig {
  const { idempotencyMs } = options.history;
  const window = nanosOf(Math.max(idempotencyMs, LEAST_WINDOW_MS));
  return {
    ...common(options, layout.onceStream, layout.once(">")),
    storage: "memory",
    max_msgs: 1,
    max_age: window,
    duplicate_window: window,
    republish: { src: layout.once(">"), dest: layout.live(">") },
  };
}

/** The stream of members and leases: of each the last that was said. */
export function presenceConfig(options: CheckedOptions, layout: Layout): StreamConfig {
  const config = common(options, layout.presenceStream, layout.lease("*"));
  return {
    ...config,
    subjects: [layout.lease("*"), layout.member("*", "*", "*"), layout.time],
    max_msgs_per_subject: 1,
  };
}

function common({ replicas, storage }: CheckedOptions, name: string, subject: string) {
  return {
    name,
    subjects: [subject],
    retention: "limits",
    discard: "old",
    storage,
    num_replicas: replicas,
    allow_direct: true,
  };
}

/** 0 is for good. */
export function nanosOf(ms: number): number {
  return ms === Infinity ? 0 : ms * 1_000_000;
}

/** What of a stream is not as it is wanted, as `max_age 1 instead of 2`. */
export function differences(is: StreamConfig, wanted: StreamConfig): string[] {
  const found: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    const [has, should] = [JSON.stringify(is[name]), JSON.stringify(value)];
    if (!same(is[name], value)) found.push(`${name} ${has ?? "none"} instead of ${should}`);
  }
  return found;
}

/** A server may have more to say of an object than was wanted. */
function same(is: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return is === wanted;
  if (typeof is !== "object" || is === null) return false;
  return Object.entries(wanted).every(([name, value]) =>
    same((is as Record<string, unknown>)[name], value)
  );
}

/**
 * Has a stream be there, as it is wanted. It is changed if `adapts` says so: contexts with other options would undo
 * each other's changes for good if they did that more than once. What of one that there is already is not asked for, such as the most bytes
 * that it may have, stays.
 *
 * @throws {LwsError} `unsupported` where it can't be; `broker-unavailable`
 */
export async function ensureStream(
  api: JetStream,
  wanted: StreamConfig,
  adapts: boolean,
): Promise<StreamInfo> {
  const known = await api.info(wanted.name);
  if (known !== undefined) return adapts ? await adapt(api, wanted, known) : known;
  try {
    return await api.create(wanted);
  } catch (error) {
    if (!(error instanceof ApiError) || error.number !== NAME_IN_USE) throw refused(wanted, error);
    // Another context was faster, with other options.
    const other = await api.info(wanted.name);
    if (other === undefined) throw error;
    return adapts ? await adapt(api, wanted, other) : other;
  }
}

async function adapt(api: JetStream, wanted: StreamConfig, known: StreamInfo): Promise<StreamInfo> {
  const found = differences(known.config, wanted);
  if (found.length === 0) return known;
  const what = `stream ${wanted.name} of NATS had ${found.join(", ")}`;
  try {
    const changed = await api.update({ ...known.config, ...wanted });
    log("warn", line`${own(what)}, and was changed; do other contexts have other options?`);
    return changed;
  } catch (error) {
    throw refused(wanted, error, `${what}, and can't be changed: `);
  }
}

function refused(wanted: StreamConfig, error: unknown, what?: string): unknown {
  if (!(error instanceof ApiError)) return error;
  const why = what ?? `stream ${wanted.name} can't be made: `;
  return new LwsError("unsupported", `natsBroker: ${why}${shown(messageOf(error))}`, {
    cause: error,
  });
}

/** @throws {LwsError} `unsupported` where there is no JetStream */
export async function checkJetStream(api: JetStream, needs: string): Promise<void> {
  try {
    await api.probe();
  } catch (error) {
    if (!(error instanceof NoResponders) && !(error instanceof ApiError)) throw error;
    throw new LwsError(
      "unsupported",
      `natsBroker: ${needs} JetStream, which this server or account does not have ` +
        `(nats-server -js): ${shown(messageOf(error))}`,
      { cause: error },
    );
  }
}
