/** Broadcasting from another process. */

import { DEFAULT_LIMITS } from "../api/limits.ts";
import {
  type Network,
  type Transport,
  type TransportHandler,
  writeAndDrain,
} from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { type Bytes, bytesOf } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { isPermissionError, LwsError } from "../base/errors.ts";
import { TxQueue } from "../core/websocket/send_queue.ts";
import {
  isTokenText,
  LENGTH_BYTES,
  LONGEST_MESSAGE,
  TOKEN_LENGTH,
  TOKEN_TAKEN,
  writeLength,
} from "./broadcast_format.ts";
import { systemClock } from "../service/clock.ts";
import { PatientClock } from "../service/patient_clock.ts";
import { tcpNetwork } from "../transport/network.ts";

/**
 * The broadcast socket of a protocol, which {@linkcode connectBroadcast} connects to.
 *
 * @category Broadcast and workers
 */
export interface BroadcastTarget {
  /** {@linkcode ActiveProtocol.broadcastSocketPort}: 1 to 65,535. */
  readonly port: number;
  /** {@linkcode ActiveProtocol.broadcastToken}: 64 hexadecimal digits. */
  readonly token: string;
  /** Where the context is; its sockets listen on the loopback address. Default: `"127.0.0.1"`. */
  readonly hostname?: string;
  /** The network; tests use the one of `@x/lws/testing`. Default: the operating system's TCP. */
  readonly network?: Network;
  /** The clock; tests use the one of `@x/lws/testing`. Default: the runtime's. */
  readonly clock?: Clock;
  /** Gives up connecting when it aborts; without an effect later. */
  readonly signal?: AbortSignal;
}

/**
 * A connection to the broadcast socket of a protocol, made by {@linkcode connectBroadcast}; keeps the
 * program running until it is closed.
 *
 * @category Broadcast and workers
 */
export interface Broadcaster extends AsyncDisposable {
  /**
   * Has the context broadcast `data` to the protocol. Messages keep their order and their boundaries;
   * an empty one is one, too. The data is taken before the call returns.
   *
   * @param data A string is sent as its UTF-8, of a view its bytes, of a buffer all of them. The context
   *   drops a connection that sends more than its `maxMessageSize` at once.
   * @returns Resolves when the bytes have been handed to the system: wait for it where much is sent.
   *   Rejects with an {@linkcode LwsError}: `connection-closed` when the connection is gone or closed,
   *   `invalid-argument` when `data` is neither a string, a view nor a buffer, or has lost its bytes.
   */
  broadcast(data: string | ArrayBufferView | ArrayBufferLike): Promise<void>;
  /**
   * Closes, after all that was given has left. Resolves then, also when the connection is gone
   * already. Harmless when repeated.
   */
  close(): Promise<void>;
}

/**
 * Connects to a protocol's broadcast socket, from this or another process. The context must be made
 * with `broadcastSockets: true`, and its process has to pass the port and the token on.
 *
 * Needs `--allow-net` for the address.
 *
 * @category Broadcast and workers
 * @returns Rejects with an {@linkcode LwsError}: `invalid-argument`, which names the field;
 *   `permission-denied`; `connect-failed` when no process listens there, or there is no answer within 5
 *   seconds; `handshake-refused` when the token is another's; `aborted`.
 *
 * @example
 * ```ts
 * import { connectBroadcast, createContext, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   broadcastSockets: true,
 *   protocols: [{
 *     name: "news",
 *     callback: handlers({
 *       broadcast: (wsi, _user, data) => void wsi.write(data, "text"),
 *     }),
 *   }],
 * });
 * const { broadcastSocketPort: port, broadcastToken: token } = context.protocols[0]!;
 *
 * // In any process of this machine that was told the two:
 * await using news = await connectBroadcast({ port, token });
 * await news.broadcast("It has begun.");
 * ```
 */
export async function connectBroadcast(target: BroadcastTarget): Promise<Broadcaster> {
  checkTarget(target);
  const { port, token, hostname = "127.0.0.1", signal } = target;
  const { network = tcpNetwork } = target;
  const clock = new PatientClock(target.clock ?? systemClock);
  const where = `${hostname} port ${port}`;
  const late = new AbortController();
  const timer = clock.setTimer(() => late.abort(), DEFAULT_LIMITS.clientTimeoutMs);
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
  try {
    either.throwIfAborted();
    const sender = new BroadcastSender(await network.connect({ hostname, port }, either), where);
    await sender.introduce(token, either);
    return sender;
  } catch (cause) {
    if (signal?.aborted) {
      throw new LwsError("aborted", "connectBroadcast: signal has aborted", {
        cause: signal.reason,
      });
    }
    if (late.signal.aborted) {
      throw new LwsError("connect-failed", `nobody answers on ${where}`, { cause });
    }
    if (cause instanceof LwsError) throw cause;
    if (isPermissionError(cause)) {
      throw new LwsError("permission-denied", `may not connect to ${where}; run with --allow-net`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LwsError("connect-failed", `can't connect to ${where}: ${why}`, { cause });
  } finally {
    clock.clearTimer(timer);
  }
}

const TARGET_MEMBERS = ["port", "token", "hostname", "network", "clock", "signal"];

function checkTarget(target: BroadcastTarget): void {
  if (typeof target !== "object" || target === null) {
    refuse("target", target, "an object with port and token");
  }
  const { port, token, hostname, network, clock, signal } = target;
  const stray = Object.keys(target).find((member) => !TARGET_MEMBERS.includes(member));
  if (stray !== undefined) {
    throw new LwsError(
      "invalid-argument",
      `connectBroadcast: there is no ${stray}; allowed: ${TARGET_MEMBERS.join(", ")}` +
        didYouMean(stray, TARGET_MEMBERS),
    );
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse("port", port, "an integer from 1 to 65535");
  }
  if (typeof token !== "string" || !isTokenText(token)) {
    // It is a secret, and messages of errors are logged.
    throw new LwsError(
      "invalid-argument",
      `connectBroadcast: token is no token; allowed: the ${TOKEN_LENGTH} digits of broadcastToken`,
    );
  }
  if (hostname !== undefined && (typeof hostname !== "string" || hostname === "")) {
    refuse("hostname", hostname, "a host or an IP");
  }
  if (network !== undefined && typeof network?.connect !== "function") {
    refuse("network", network, "an object with connect");
  }
  if (clock !== undefined && typeof clock?.setTimer !== "function") {
    refuse("clock", clock, "an object with setTimer and clearTimer");
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    refuse("signal", signal, "an AbortSignal");
  }
}

function refuse(field: string, value: unknown, allowed: string): never {
  refuseArgument("connectBroadcast", field, value, allowed);
}

/** A broadcast whose bytes have not all left. */
interface Waiting {
  /** How many bytes have left when this one has. */
  readonly end: number;
  resolve(): void;
  reject(error: LwsError): void;
}

/** The client's side of a broadcast socket. */
class BroadcastSender implements Broadcaster, TransportHandler {
  readonly #transport: Transport;
  readonly #where: string;
  readonly #tx = new TxQueue();
  readonly #closed = Promise.withResolvers<void>();
  #introduction: PromiseWithResolvers<void> | undefined;
  #waiting: Waiting[] = [];
  #queued = 0;
  #sent = 0;
  #isClosing = false;
  #isClosed = false;

  constructor(transport: Transport, where: string) {
    this.#transport = transport;
    this.#where = where;
    transport.start(this);
  }

  /** Says the token and waits for the answer. */
  async introduce(token: string, signal: AbortSignal): Promise<void> {
    const introduction = this.#introduction = Promise.withResolvers<void>();
    const abort = () => {
      introduction.reject(signal.reason);
      this.#end();
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    this.#queue(new TextEncoder().encode(token));
    try {
      await introduction.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#introduction = undefined;
    }
  }

  async broadcast(data: Bytes | string): Promise<void> {
    const message = bytesOf("broadcast: data", data);
    if (message.length > LONGEST_MESSAGE) {
      throw new LwsError(
        "invalid-argument",
        `broadcast: data has ${message.length} bytes; at most ${LONGEST_MESSAGE} are sent at once`,
      );
    }
    if (this.#isClosing) throw this.#gone();
    const bytes = new Uint8Array(LENGTH_BYTES + message.length);
    writeLength(bytes, 0, message.length);
    bytes.set(message, LENGTH_BYTES);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ end: this.#queued + bytes.length, resolve, reject });
    this.#queue(bytes);
    await promise;
  }

  close(): Promise<void> {
    this.#isClosing = true;
    if (this.#tx.unsent === 0) this.#end();
    return this.#closed.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onBytes(bytes: Uint8Array): number {
    if (bytes[0] === TOKEN_TAKEN) this.#introduction?.resolve();
    else {
      this.#introduction?.reject(
        new LwsError("handshake-refused", `${this.#where} is no broadcast socket`),
      );
      this.#end();
    }
    return bytes.length;
  }

  onDrain(): void {
    const before = this.#tx.unsent;
    this.#tx.written();
    this.#sent += before - this.#tx.unsent;
    const left = this.#waiting.findIndex((each) => each.end > this.#sent);
    const done = this.#waiting.splice(0, left === -1 ? Infinity : left);
    for (const each of done) each.resolve();
    this.#flush();
    if (this.#isClosing && this.#tx.unsent === 0) this.#end();
  }

  onEnd(): void {
    this.#end();
  }

  onClose(): void {
    this.#isClosing = this.#isClosed = true;
    this.#tx.clear();
    this.#introduction?.reject(
      new LwsError("handshake-refused", `${this.#where} does not take the token`),
    );
    for (const each of this.#waiting.splice(0)) each.reject(this.#gone());
    this.#closed.resolve();
  }

  /** Queues bytes that stay as they are from now on. */
  #queue(bytes: Uint8Array): void {
    this.#queued += bytes.length;
    this.#tx.append(bytes);
    this.#flush();
  }

  #flush(): void {
    if (this.#tx.hasQueued && !this.#tx.isWriting && !this.#isClosed) {
      writeAndDrain(this.#transport, this.#tx.next(), this);
    }
  }

  #end(): void {
    this.#isClosing = true;
    this.#transport.close();
  }

  #gone(): LwsError {
    return new LwsError("connection-closed", `the connection to ${this.#where} is closed`);
  }
}
