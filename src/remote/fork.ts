/** The service in workers of its own. */

import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { Broker } from "../api/topics/broker.ts";
import { refuseArgument, refuseName } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { isWhole } from "../base/option_rules.ts";
import { checkBroker, shareBroker, type SharedBroker } from "./broker/share.ts";
import { ForkedGroup } from "./forked_group.ts";
import { type ForkedService, ForkedWorker, type ForkInfo } from "./forked_service.ts";
import { isDeno } from "../base/runtime/runtime.ts";

/** Options of `createContext` that are objects with methods, which no worker can be sent. */
const NOT_CLONEABLE: ReadonlySet<string> = new Set<
  Exclude<keyof ContextCreationInfo, keyof ForkInfo>
>(
  ["protocols", "extensions", "fileOps", "signal", "network", "clock", "listener", "broker"],
);

const NAMES: readonly string[] = ["signal", "workers", "broker"] satisfies (keyof ForkOptions)[];

/**
 * How {@linkcode forkServiceLoop} starts workers.
 *
 * @category Broadcast and workers
 */
export interface ForkOptions {
  /**
   * Gives up waiting for a module that never ends loading; once the context listens it has no effect.
   *
   * Default: none.
   */
  readonly signal?: AbortSignal;
  /**
   * How many workers serve the port, each with a context, a module and variables of its own; from 1 to 1,024. With
   * more than one each listens with `reusePort`, so that Linux spreads connections over them, and over those that
   * are left when one fails. With a port of 0 the first takes one, and the others the same.
   *
   * Default: 1.
   */
  readonly workers?: number;
  /**
   * Shared with all workers as by {@linkcode shareBroker}: a topic of one is a topic of all, and the module needs
   * no line for it. As the `broker` of `createContext`: of one with `openNode`, as `memoryBroker`, an end of its own
   * is used, so that a context here can be given it as well; another is closed when the last worker has ended.
   *
   * Default: none, or what each worker's module exports in its `info`.
   */
  readonly broker?: Broker;
}

/** More would have no use, and might exhaust the system. */
const MOST_WORKERS = 1024;

/**
 * Serves a context in a worker of its own, so that long work here delays no connection
 * (`libwebsockets_fork_service_loop`); or one in each of several, `workers`, for all cores. A worker imports a module that exports `protocols`, as
 * `createContext` wants them, and may export `info`: more of the creation struct, of which `info`
 * here takes precedence. What can't be cloned, as `extensions`, `fileOps` and `network`, belongs there; each
 * worker has to make an `epollNetwork()` of its own anyway.
 *
 * **The callbacks share no variables with the caller, exactly as after a fork:** the module is loaded
 * anew in the worker, with module variables and log levels of its own. What the caller has to say goes
 * through {@linkcode ForkedService.broadcast}; what callbacks have to say to the clients of all workers, through topics
 * of a `broker`; anything else, through ports or sockets of their own.
 *
 * Needs what the module needs, `--allow-net` to listen, and to load the module and this library:
 * `--allow-read` for files, `--allow-import` for hosts that Deno does not allow by itself.
 *
 * @category Broadcast and workers
 * @param moduleUrl An absolute URL, as `new URL("./service.ts", import.meta.url)`.
 * @param info The cloneable part of the creation struct.
 * @param options How many workers, and when to give up.
 * @returns Resolves when each context listens. Rejects, with its workers ended, with an {@linkcode LwsError}: with the code and
 *   the message of `createContext` there; `invalid-option`, which names the field, when something
 *   in `info` can't be cloned; `invalid-argument` when the module can't be loaded or exports no
 *   `protocols`; `permission-denied` when this library's files can't be read; `worker-failed` when
 *   the worker fails in another way; `invalid-argument`, which names it, when `workers` or `broker` is none,
 *   or there is no such option.
 *
 * @example
 * ```ts
 * import { forkServiceLoop } from "@x/lws";
 *
 * // A file would be named by new URL("./service.ts", import.meta.url).
 * const service = `
 *   export const protocols = [{
 *     name: "news",
 *     callback(wsi, reason, user, data) {
 *       if (reason === "broadcast") wsi.write(data, "text");
 *     },
 *   }];
 * `;
 * await using forked = await forkServiceLoop(
 *   `data:text/javascript,${encodeURIComponent(service)}`,
 *   { port: 0, iface: "127.0.0.1" },
 * );
 * console.log(`ws://127.0.0.1:${forked.port}`);
 * forked.broadcast("news", "It has begun.");
 * ```
 *
 * @example A chat on all cores: its topics are those of all workers
 * ```ts
 * import { forkServiceLoop, memoryBroker } from "@x/lws";
 *
 * // A file would be named by new URL("./service.ts", import.meta.url).
 * const service = `
 *   export const protocols = [{
 *     name: "chat",
 *     callback(wsi, reason, user, data) {
 *       if (reason === "established") wsi.subscribe("room/1");
 *       if (reason === "receive") wsi.publish("room/1", data);
 *     },
 *   }];
 * `;
 * await using forked = await forkServiceLoop(
 *   `data:text/javascript,${encodeURIComponent(service)}`,
 *   { port: 0, iface: "127.0.0.1" },
 *   { workers: 2, broker: memoryBroker({ historySize: 100 }) },
 * );
 * console.log(`ws://127.0.0.1:${forked.port}`);
 * ```
 */
export async function forkServiceLoop(
  moduleUrl: string | URL,
  info: ForkInfo = {},
  options: ForkOptions = {},
): Promise<ForkedService> {
  if (!isDeno) {
    throw new LwsError(
      "unsupported",
      "forkServiceLoop needs Deno's workers; start several processes that listen with reusePort",
    );
  }
  const url = URL.parse(String(moduleUrl))?.href;
  if (url === undefined) {
    throw new LwsError(
      "invalid-argument",
      `forkServiceLoop: moduleUrl is "${moduleUrl}"; allowed: an absolute URL`,
    );
  }
  checkCloneable(info);
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    refuseName("forkServiceLoop", name, NAMES, didYouMean(name, NAMES));
  }
  const { workers = 1, signal, broker } = options;
  checkWorkers(workers, info);
  if (broker !== undefined) checkBroker("forkServiceLoop", broker);
  const share = broker && shareBroker(broker);
  const started: ForkedWorker[] = [];
  const giveUp = () => {
    for (const worker of started) worker.abandon(signal!.reason);
  };
  const start = async (its: ForkInfo): Promise<ForkedWorker> => {
    const name = workers === 1 ? "the worker" : `workers[${started.length}]`;
    const worker = new ForkedWorker(name, url, its, share?.openPort());
    started.push(worker);
    if (signal?.aborted) giveUp();
    await worker.serving;
    return worker;
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    if (workers === 1) {
      const worker = await start(info);
      return share === undefined ? worker : new ForkedGroup([worker], share);
    }
    const shared = { ...info, reusePort: true };
    const first = await start(shared);
    const others = Array.from(
      { length: workers - 1 },
      () => start({ ...shared, port: first.port }),
    );
    await Promise.all(others);
    return new ForkedGroup(started, share);
  } catch (error) {
    await endAll(started, share);
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Ends workers of which one could not start; one that still starts is waited for, as it may be about to listen. */
async function endAll(
  workers: readonly ForkedWorker[],
  share: SharedBroker | undefined,
): Promise<void> {
  await Promise.allSettled(workers.map((worker) => worker.serving));
  for (const worker of workers) worker.terminate();
  await Promise.allSettled(workers.map((worker) => worker.done));
  await share?.[Symbol.asyncDispose]();
}

function checkWorkers(workers: number, { reusePort }: ForkInfo): void {
  if (!isWhole(workers, 1, MOST_WORKERS)) {
    refuseArgument(
      "forkServiceLoop",
      "workers",
      workers,
      `a whole number from 1 to ${MOST_WORKERS}`,
    );
  }
  if (workers > 1 && reusePort === false) {
    throw new LwsError(
      "invalid-option",
      `forkServiceLoop: reusePort is false, beside ${workers} workers`,
    );
  }
}

function checkCloneable(info: ForkInfo): void {
  if (typeof info !== "object" || info === null) {
    refuseArgument("forkServiceLoop", "info", info, "an object");
  }
  for (const [field, value] of Object.entries(info)) {
    if (value === undefined) continue;
    if (field === "broker") {
      refuse(field, "can't be sent to a worker", { instead: "give it in the options, { broker }" });
    }
    if (NOT_CLONEABLE.has(field)) refuse(field, "can't be sent to a worker");
    const found = findFunction(field, value, new Set());
    if (found !== undefined) refuse(found, "is a function, which can't be sent to a worker");
    try {
      structuredClone(value);
    } catch (cause) {
      refuse(field, "can't be cloned", { cause });
    }
  }
}

function refuse(
  field: string,
  why: string,
  { instead = "have the module export it", cause }: { instead?: string; cause?: unknown } = {},
): never {
  throw new LwsError("invalid-option", `forkServiceLoop: ${field} ${why}; ${instead}`, { cause });
}

/** The path of a function in `value`, which is named `path`; undefined when there is none. */
function findFunction(path: string, value: unknown, seen: Set<unknown>): string | undefined {
  if (typeof value === "function") return path;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
  if (seen.has(value)) return undefined;
  seen.add(value);
  for (const [name, each] of Object.entries(value)) {
    const inner = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
    const found = findFunction(inner, each, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}
