/** The service in a worker of its own. */

import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { ActiveProtocol } from "../api/protocol.ts";
import type { Bytes } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError, type LwsErrorCode } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { type RemoteContext, remoteContext } from "./remote_context.ts";

/**
 * How the context in the worker is made; goes before what the module exports as `info`.
 *
 * @category Broadcast and workers
 */
export type ForkInfo = Partial<
  Omit<
    ContextCreationInfo,
    "protocols" | "extensions" | "fileOps" | "signal" | "network" | "clock" | "listener"
  >
>;

/** Options of `createContext` that are objects with methods, which no worker can be sent. */
const NOT_CLONEABLE: ReadonlySet<string> = new Set<
  Exclude<keyof ContextCreationInfo, keyof ForkInfo>
>(
  ["protocols", "extensions", "fileOps", "signal", "network", "clock", "listener"],
);

/**
 * What is known of a protocol that a worker serves.
 *
 * @category Broadcast and workers
 */
export type ForkedProtocol = Pick<
  ActiveProtocol,
  "name" | "protocolIndex" | "broadcastSocketPort" | "broadcastToken"
>;

/**
 * A context that is served by a worker, made by {@linkcode forkServiceLoop}. It keeps the program running
 * until it ends.
 *
 * @category Broadcast and workers
 */
export interface ForkedService extends AsyncDisposable {
  /** The port it listens on; −1 when it does not. */
  readonly port: number;
  /** Its protocols, in order. */
  readonly protocols: readonly ForkedProtocol[];
  /**
   * Resolves when the context is destroyed, all its connections have ended, and the worker, too. Rejects
   * with an {@linkcode LwsError} `worker-failed` when an uncaught error has ended the worker; that is
   * logged as well, and ends nothing else.
   */
  readonly done: Promise<void>;
  /**
   * As `context.broadcast`, soon after the call; order and boundaries are kept.
   *
   * @returns 0 when it was handed over, −1 when the context is known to be destroyed.
   * @throws {LwsError} `invalid-argument` when there is no such protocol, or `data` is neither a
   *   string, a view nor a buffer.
   */
  broadcast(protocol: string, data: string | ArrayBufferView | ArrayBufferLike): number;
  /**
   * As `context.callbackOnWritableAllProtocol`, soon after the call. Returns as {@linkcode broadcast}.
   *
   * @throws {LwsError} `invalid-argument` when there is no such protocol.
   */
  callbackOnWritableAllProtocol(protocol: string): number;
  /**
   * Destroys the context, waits for its end, twice its `closeTimeoutMs` at most, and ends the worker.
   * Settles as {@linkcode done}.
   */
  stop(): Promise<void>;
  /**
   * Ends the worker at once, whatever it is doing: connections are cut, and no callback is told.
   * {@linkcode done} resolves.
   */
  terminate(): void;
}

/**
 * Serves a context in a worker of its own, so that long work here delays no connection
 * (`libwebsockets_fork_service_loop`). The worker imports a module that exports `protocols`, as
 * `createContext` wants them, and may export `info`: more of the creation struct, of which `info`
 * here takes precedence. What can't be cloned, as `extensions` and `fileOps`, belongs there.
 *
 * **The callbacks share no variables with the caller, exactly as after a fork:** the module is loaded
 * anew in the worker, with module variables and log levels of its own. What the caller has to say goes
 * through {@linkcode ForkedService.broadcast}; what callbacks have to say, through ports or sockets of
 * their own.
 *
 * Needs what the module needs, `--allow-net` to listen, and to load the module and this library:
 * `--allow-read` for files, `--allow-import` for hosts that Deno does not allow by itself.
 *
 * @category Broadcast and workers
 * @param moduleUrl An absolute URL, as `new URL("./service.ts", import.meta.url)`.
 * @param info The cloneable part of the creation struct.
 * @param options `signal` gives up waiting for a module that never ends loading; once the context
 *   listens it has no effect.
 * @returns Resolves when the context listens. Rejects with an {@linkcode LwsError}: with the code and
 *   the message of `createContext` there; `invalid-option`, which names the field, when something
 *   in `info` can't be cloned; `invalid-argument` when the module can't be loaded or exports no
 *   `protocols`; `permission-denied` when this library's files can't be read; `worker-failed` when
 *   the worker fails in another way.
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
 */
export async function forkServiceLoop(
  moduleUrl: string | URL,
  info: ForkInfo = {},
  options: { readonly signal?: AbortSignal } = {},
): Promise<ForkedService> {
  const url = URL.parse(String(moduleUrl))?.href;
  if (url === undefined) {
    throw new LwsError(
      "invalid-argument",
      `forkServiceLoop: moduleUrl is "${moduleUrl}"; allowed: an absolute URL`,
    );
  }
  checkCloneable(info);
  const forked = new ForkedWorker(url, info);
  const { signal } = options;
  const giveUp = () => forked.abandon(signal!.reason);
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    await forked.serving;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
  return forked;
}

function checkCloneable(info: ForkInfo): void {
  if (typeof info !== "object" || info === null) {
    refuseArgument("forkServiceLoop", "info", info, "an object");
  }
  for (const [field, value] of Object.entries(info)) {
    if (value === undefined) continue;
    if (NOT_CLONEABLE.has(field)) refuse(field, "can't be sent to a worker");
    const found = findFunction(field, value, new Set());
    if (found !== undefined) refuse(found, "is a function, which can't be sent to a worker");
    try {
      structuredClone(value);
    } catch (cause) {
      refuse(field, "can't be cloned", cause);
    }
  }
}

function refuse(field: string, why: string, cause?: unknown): never {
  const message = `forkServiceLoop: ${field} ${why}; have the module export it`;
  throw new LwsError("invalid-option", message, { cause });
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

/** A worker may take as many times its `closeTimeoutMs` to end. */
const STOP_FACTOR = 2;
/** Longer delays make `setTimeout` fire at once. */
const LONGEST_STOP_MS = 2 ** 31 - 1;

/** The worker, as the program that started it sees it. */
class ForkedWorker implements ForkedService {
  port = -1;
  protocols: readonly ForkedProtocol[] = [];
  readonly done: Promise<void>;
  /** Resolves when the context listens. */
  readonly serving: Promise<void>;

  readonly #worker: Worker;
  readonly #control: MessagePort;
  readonly #serving = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  #remote: RemoteContext | undefined;
  #stopMs = 0;

  constructor(moduleUrl: string, info: ForkInfo) {
    this.serving = this.#serving.promise;
    this.done = this.#done.promise;
    // It may be left alone: the failure is logged, too.
    this.done.catch(() => {});
    const { port1, port2 } = new MessageChannel();
    this.#control = port1;
    port1.onmessage = (event) => this.#onNotice(event.data);
    this.#worker = new Worker(new URL("../forked_worker.ts", import.meta.url), {
      type: "module",
      name: "forkServiceLoop",
    });
    this.#worker.onerror = (event) => {
      // The failure is told below; it must not be this program's as well.
      event.preventDefault();
      const where = event.filename ? ` (${event.filename}:${event.lineno})` : "";
      const isDenied = /^Requires \w+ access/.test(event.message);
      const code = isDenied && this.#remote === undefined ? "permission-denied" : "worker-failed";
      this.#fail(new LwsError(code, `${event.message}${where}`));
    };
    const order: ForkOrder = { moduleUrl, info, control: port2 };
    this.#worker.postMessage(order, [port2]);
  }

  broadcast(protocol: string, data: Bytes | string): number {
    this.#mustKnow("broadcast", protocol);
    return this.#remote!.broadcast(protocol, data);
  }

  callbackOnWritableAllProtocol(protocol: string): number {
    this.#mustKnow("callbackOnWritableAllProtocol", protocol);
    return this.#remote!.callbackOnWritableAllProtocol(protocol);
  }

  async stop(): Promise<void> {
    this.#remote!.destroy();
    // A worker that has ended itself says nothing any more.
    const timer = setTimeout(() => this.terminate(), this.#stopMs);
    try {
      await this.done;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Called when the signal of `forkServiceLoop` aborts, before the context listens. */
  abandon(cause: unknown): void {
    this.#fail(new LwsError("aborted", "forkServiceLoop: signal has aborted", { cause }));
  }

  terminate(): void {
    this.#end();
    this.#done.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onNotice(notice: ForkNotice): void {
    switch (notice.kind) {
      case "serving":
        this.port = notice.port;
        this.protocols = notice.protocols;
        this.#stopMs = Math.min(STOP_FACTOR * notice.closeTimeoutMs, LONGEST_STOP_MS);
        this.#remote = remoteContext(notice.servicePort);
        this.#serving.resolve();
        break;
      case "failed":
        this.#fail(new LwsError(notice.code, notice.message));
        break;
      case "ended":
        this.#end();
        this.#done.resolve();
        break;
    }
  }

  #fail(error: LwsError): void {
    this.#end();
    // Before there is a service, its starter is told.
    if (this.#remote !== undefined) {
      log("err", () => `forkServiceLoop: the worker failed: ${error.message}`);
    }
    this.#serving.reject(error);
    this.#done.reject(error);
  }

  #end(): void {
    this.#worker.terminate();
    this.#control.close();
    this.#remote?.close();
  }

  #mustKnow(call: string, protocol: string): void {
    if (this.protocols.some((each) => each.name === protocol)) return;
    throw new LwsError("invalid-argument", `${call}: the context has no protocol "${protocol}"`);
  }
}

/** What the worker is started with. */
export interface ForkOrder {
  readonly moduleUrl: string;
  readonly info: ForkInfo;
  /** Where it tells what becomes of it. */
  readonly control: MessagePort;
}

/** What the worker tells. */
export type ForkNotice =
  | {
    readonly kind: "serving";
    readonly port: number;
    readonly protocols: readonly ForkedProtocol[];
    /** How long its connections may take to close, in milliseconds. */
    readonly closeTimeoutMs: number;
    /** For a remote context. */
    readonly servicePort: MessagePort;
  }
  | { readonly kind: "failed"; readonly code: LwsErrorCode; readonly message: string }
  | { readonly kind: "ended" };
