/** Callbacks of a connection whose promises are awaited: one at a time, and nothing else meanwhile. */

import type { Reason, ReasonData } from "../api/reasons.ts";
import { POLLOUT } from "../api/service.ts";
import { nameOf } from "../base/log/callback_names.ts";
import { THREW, whenSettled } from "../base/callback_results.ts";
import { askAwaited } from "./callbacks.ts";
import type { Connection } from "./connection.ts";
import type { ProtocolEntry } from "./owner.ts";

/** What a connection keeps back until the program has said its word. */
interface Awaited {
  readonly reason: Reason;
  /** The promise has settled; what came of it may still wait for service. */
  isSettled: boolean;
  hasInput: boolean;
  wantsWritable: boolean;
  readonly later: (() => void)[];
}

/** What {@linkcode AwaitedCallbacks} tells a phase, beside results. Implemented by HttpSession. */
export interface AwaitingPhase {
  onThrow(): void;
  /** Called when a promise is awaited: the peer owes nothing meanwhile. */
  onAwaiting(): void;
  /** Called when it has settled: the peer is under its timeouts again. */
  onSettled(): void;
}

/** Asks the program on behalf of `Host`, a phase of the connection. */
export class AwaitedCallbacks<Host extends AwaitingPhase> {
  readonly #connection: Connection;
  readonly #host: Host;
  #isCalling = false;
  #awaited: Awaited | undefined;

  constructor(connection: Connection, host: Host) {
    this.#connection = connection;
    this.#host = host;
  }

  /** Whether the program has not said its word yet. */
  get isBusy(): boolean {
    return this.#isCalling || this.#awaited !== undefined;
  }

  /** Whether it has returned, and its promise has not settled. */
  get isAwaiting(): boolean {
    return this.#awaited !== undefined;
  }

  /** The filter that is awaited and has not settled, if one is. */
  get filter(): Reason | undefined {
    const awaited = this.#awaited;
    return awaited !== undefined && !awaited.isSettled && isFilter(awaited)
      ? awaited.reason
      : undefined;
  }

  /** Whether what is awaited has settled, and is told in service. */
  get isSettled(): boolean {
    return this.#awaited?.isSettled ?? false;
  }

  /** Calls back, and goes on with `goOn` once the program has said its word: mostly at once. */
  ask<R extends keyof ReasonData, Given>(
    entry: ProtocolEntry,
    reason: R,
    data: ReasonData[R],
    goOn: (this: Host, result: number, given: Given) => void,
    given: Given,
  ): void {
    const result = this.call(entry, reason, data);
    if (typeof result === "number") goOn.call(this.#host, result, given);
    else this.#goOnLater(entry, reason, result, goOn, given);
  }

  /** Apart from {@linkcode ask}, in which its closure would cost every call. */
  #goOnLater<Given>(
    entry: ProtocolEntry,
    reason: Reason,
    promised: PromiseLike<unknown>,
    goOn: (this: Host, result: number, given: Given) => void,
    given: Given,
  ): void {
    this.await(entry, reason, promised, (late) => goOn.call(this.#host, late, given));
  }

  /** Calls back; the caller awaits a promise that comes of it by {@linkcode await}. */
  call<R extends keyof ReasonData>(
    entry: ProtocolEntry,
    reason: R,
    data: ReasonData[R],
  ): number | PromiseLike<unknown> {
    this.#isCalling = true;
    const result = askAwaited(this.#connection, entry, reason, data);
    this.#isCalling = false;
    return result;
  }

  /** Does `work`, which calls the program by none of its reasons: what it completes ends behind it. */
  inside<T>(work: () => T): T {
    this.#isCalling = true;
    try {
      return work();
    } finally {
      this.#isCalling = false;
    }
  }

  /** Hands on nothing more until a promise has settled and, if the program wants that, is served. */
  await(
    entry: ProtocolEntry,
    reason: Reason,
    promised: PromiseLike<unknown>,
    goOn: (result: number) => void,
  ): void {
    const { owner: { scheduler }, socketFd } = this.#connection;
    const awaited = { reason, isSettled: false, hasInput: false, wantsWritable: false, later: [] };
    this.#awaited = awaited;
    this.armTimeout();
    whenSettled(promised, `${entry.protocol.name}: ${nameOf(entry.protocol, reason)}`, (result) => {
      awaited.isSettled = true;
      const service = () => this.#settle(awaited, result, goOn);
      scheduler.arrived({ socketFd, service }, POLLOUT);
    });
  }

  /** A filter has its time; a peer that waits for the program's answer is under none but that of reading. */
  armTimeout(): void {
    const connection = this.#connection;
    const { headerTimeoutMs } = connection.owner.limits;
    if (isFilter(this.#awaited!)) connection.armTimeout("establishWithServer", headerTimeoutMs);
    else this.#host.onAwaiting();
  }

  /** Whether so many bytes have to wait for it. */
  holds(length: number): boolean {
    const awaited = this.#awaited;
    if (awaited === undefined) return false;
    if (length > 0) awaited.hasInput = true;
    return true;
  }

  /** Whether a writeable callback that is due has to wait. */
  holdsWritable(): boolean {
    if (this.#awaited === undefined) return false;
    this.#awaited.wantsWritable = true;
    return true;
  }

  /** Does `work`, which tells the program something, at once or when that has said its word. */
  defer(work: () => void): void {
    if (this.#awaited === undefined) work();
    else this.#awaited.later.push(work);
  }

  /** The connection is gone: whatever is decided counts no more. */
  stop(): void {
    this.#awaited = undefined;
  }

  #settle(awaited: Awaited, result: number, goOn: (result: number) => void): void {
    if (this.#awaited !== awaited) return;
    const connection = this.#connection;
    connection.turn(() => {
      if (result === THREW && connection.isOpen) this.#host.onThrow();
      this.#awaited = undefined;
      if (isFilter(awaited) && connection.isOpen) connection.armTimeout("noPendingTimeout", 0);
      goOn(result);
      if (connection.isOpen) this.#host.onSettled();
      // The next callback may think as well.
      for (const work of awaited.later) this.defer(work);
      if (awaited.wantsWritable) connection.callbackOnWritable();
      if (awaited.hasInput) connection.offerAgain();
    });
  }
}

/** Whether nothing of a request is answered before this. */
function isFilter({ reason }: Awaited): boolean {
  return reason.startsWith("filter");
}
