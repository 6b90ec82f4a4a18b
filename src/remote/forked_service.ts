/** A context that a worker serves, as the program that started it sees it. */

import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { ActiveProtocol } from "../api/protocol.ts";
import type { Bytes } from "../base/bytes.ts";
import { LwsError, type LwsErrorCode } from "../base/errors.ts";
import { line, log, traced } from "../base/log.ts";
import { type RemoteContext, remoteContext } from "./remote_context.ts";

/**
 * How the context in the worker is made; goes before what the module exports as `info`.
 *
 * @category Broadcast and workers
 */
export type ForkInfo = Partial<
  Omit<
    ContextCreationInfo,
    | "protocols"
    | "extensions"
    | "fileOps"
    | "signal"
    | "network"
    | "clock"
    | "listener"
    | "broker"
  >
>;

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
 * A context that is served by a worker, or one in each of several, made by {@linkcode forkServiceLoop}. It keeps
 * the program running until it ends.
 *
 * @category Broadcast and workers
 */
export interface ForkedService extends AsyncDisposable {
  /** The port it listens on; −1 when it does not. */
  readonly port: number;
  /** Its protocols, in order; of several workers those of the first, whose broadcast sockets are its own. */
  readonly protocols: readonly ForkedProtocol[];
  /** Each worker by itself; one alone is the only one. */
  readonly workers: readonly ForkedService[];
  /**
   * Resolves when the context is destroyed, all its connections have ended, and the worker, too. Rejects
   * with an {@linkcode LwsError} `worker-failed` when an uncaught error has ended the worker; that is
   * logged as well, and ends nothing else. Of several workers it waits for all, and the error names those that
   * have failed; that of one of {@linkcode workers} rejects at once.
   */
  readonly done: Promise<void>;
  /**
   * As `context.broadcast`, soon after the call, to the connections of all workers; order and boundaries are
   * kept.
   *
   * @returns 0 when it was handed over, −1 when the context, or that of each worker, is known to be destroyed.
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
   * Destroys the context, waits for its end, twice its `closeTimeoutMs` at most, and ends the worker; of
   * several workers all at the same time. Settles as {@linkcode done}.
   */
  stop(): Promise<void>;
  /**
   * Ends the worker at once, whatever it is doing: connections are cut, and no callback is told. Over a network
   * that closes its sockets itself, as that of `@x/lws/epoll`, it has a second to do so. {@linkcode done} resolves.
   */
  terminate(): void;
}

/** A worker may take as many times its `closeTimeoutMs` to end. */
const STOP_FACTOR = 2;
/** Longer delays make `setTimeout` fire at once. */
const LONGEST_STOP_MS = 2 ** 31 - 1;

/** How long a worker may take to close what the runtime doesn't. */
const CLOSE_MS = 1000;

/** The worker, as the program that started it sees it. */
export class ForkedWorker implements ForkedService {
  port = -1;
  protocols: readonly ForkedProtocol[] = [];
  readonly workers: readonly ForkedService[] = [this];
  readonly done: Promise<void>;
  /** Resolves when the context listens. */
  readonly serving: Promise<void>;

  readonly #name: string;
  readonly #worker: Worker;
  readonly #control: MessagePort;
  readonly #serving = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  #remote: RemoteContext | undefined;
  #stopMs = 0;
  /** Whether it has sockets that outlive it, unless it closes them. */
  #closesItself = false;
  #closing: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param name what errors and the log call it
   * @param broker the port by which it has a broker
   */
  constructor(name: string, moduleUrl: string, info: ForkInfo, broker?: MessagePort) {
    this.#name = name;
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
    const order: ForkOrder = { moduleUrl, info, control: port2, broker };
    this.#worker.postMessage(order, broker === undefined ? [port2] : [port2, broker]);
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
    if (!this.#closesItself) return this.#ended();
    if (this.#closing !== undefined) return;
    this.#remote!.close();
    this.#control.postMessage(CLOSE_ALL);
    this.#closing = setTimeout(() => {
      log("warn", () => line`forkServiceLoop: ${this.#name} doesn't answer; its sockets stay open`);
      this.#ended();
    }, CLOSE_MS);
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
        this.#closesItself = notice.closesItself;
        this.#remote = remoteContext(notice.servicePort);
        this.#serving.resolve();
        break;
      case "failed":
        this.#fail(new LwsError(notice.code, notice.message));
        break;
      case "ended":
        this.#ended();
        break;
    }
  }

  #ended(): void {
    this.#end();
    this.#done.resolve();
  }

  #fail(error: LwsError): void {
    this.#end();
    // Before there is a service, its starter is told.
    if (this.#remote !== undefined) {
      log("err", () => line`forkServiceLoop: ${this.#name} failed: ${traced(error.message)}`);
    }
    this.#serving.reject(error);
    this.#done.reject(error);
  }

  #end(): void {
    // Nothing is left to close then, or nothing can.
    this.#closesItself = false;
    clearTimeout(this.#closing);
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
  /** A port of a shared broker. */
  readonly broker: MessagePort | undefined;
}

/** What is said to the worker: to close what the runtime doesn't, and to tell that it has ended. */
export const CLOSE_ALL = "close all";

/** What the worker tells. */
export type ForkNotice =
  | {
    readonly kind: "serving";
    readonly port: number;
    readonly protocols: readonly ForkedProtocol[];
    /** How long its connections may take to close, in milliseconds. */
    readonly closeTimeoutMs: number;
    /** Whether its network has sockets that the runtime doesn't close. */
    readonly closesItself: boolean;
    /** For a remote context. */
    readonly servicePort: MessagePort;
  }
  | { readonly kind: "failed"; readonly code: LwsErrorCode; readonly message: string }
  | { readonly kind: "ended" };
