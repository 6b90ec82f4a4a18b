/** The extensions that a connection uses, sorted by what they work on. */

import { lengthOf, viewOf } from "./bytes.ts";
import { disregard } from "./callback_results.ts";
import { ExtensionFailure, type ExtensionSession } from "./extensions/extension.ts";
import { describeError, log } from "./log.ts";
import { type TimerWheel, WheelTimer } from "./service/timer_wheel.ts";
import { appliesToAll, frameBitsOf, SessionChain } from "./session_chain.ts";
import type { Wsi } from "./wsi.ts";

const SECOND_MS = 1000;

/** What extensions need of their connection. */
export interface ExtendedConnection extends Wsi {
  readonly isOpen: boolean;
  readonly owner: { readonly wheel: TimerWheel };
  readonly tx: { put(bytes: Uint8Array, length: number): void };
  hasRoom(length: number, inOneWrite: number): boolean;
  /** Something was put there. */
  queued(): void;
  /** What the program does for this connection has failed, outside any call of it. */
  hasFailed(): void;
}

/** What was negotiated for one connection. */
export class ExtensionLayers {
  /** In the order of the answer, as are the sessions. */
  readonly names: readonly string[];
  /** What transforms messages or frames; several as one. */
  readonly data: ExtensionSession | undefined;
  /** What transforms all bytes behind the handshake; several as one. */
  readonly stream: ExtensionSession | undefined;
  readonly reservedBits: number;
  readonly frameBits: number;
  /** Whether nothing comes as it was written, be a reserved bit set or not. */
  readonly appliesToAll: boolean;

  readonly #sessions: readonly ExtensionSession[];
  readonly #mayVeto: boolean;
  #isFlushed = false;
  #stopSeconds = () => {};

  constructor(names: readonly string[], sessions: readonly ExtensionSession[]) {
    this.names = Object.freeze(names);
    this.#sessions = sessions;
    this.data = asOne(sessions.filter(({ unit }) => unit !== "stream"));
    this.stream = asOne(sessions.flatMap((each) => {
      const stream = each.unit === "stream" ? each : each.stream;
      return stream ?? [];
    }));
    this.reservedBits = this.data?.reservedBits ?? 0;
    this.frameBits = this.data === undefined ? 0 : frameBitsOf(this.data);
    this.appliesToAll = this.data !== undefined && appliesToAll(this.data);
    this.#mayVeto = sessions.some(({ mayClose }) => mayClose !== undefined);
  }

  /** Puts them into use. @throws {Error} of one that can't be. */
  begin(wsi: Wsi): void {
    for (const session of this.#sessions) heed(wsi as ExtendedConnection, session.begin?.(wsi));
  }

  /** Calls those that want it once a second, within `turn`, until {@linkcode close}. */
  startSeconds(connection: ExtendedConnection, turn: (work: () => void) => void): void {
    const { wheel } = connection.owner;
    const hearers = this.#sessions.filter(({ eachSecond }) => eachSecond !== undefined);
    if (hearers.length === 0) return;
    const timer = new WheelTimer({
      onTimeout: () => {
        wheel.arm(timer, SECOND_MS);
        turn(() => {
          for (const session of hearers) heed(connection, session.eachSecond!());
        });
      },
    });
    this.#stopSeconds = () => wheel.cancel(timer);
    wheel.arm(timer, SECOND_MS);
  }

  /** Whether none of them keeps the program from closing. */
  get mayClose(): boolean {
    return !this.#mayVeto || this.#sessions.every(letsClose);
  }

  /**
   * Sends, once, what they still have for the front of our last words. One that can't takes the close frame
   * away: false.
   */
  flush(connection: ExtendedConnection): boolean {
    if (this.#isFlushed) return true;
    this.#isFlushed = true;
    try {
      for (const session of this.#sessions) {
        session.flush?.((bytes) => {
          const view = viewOf("flush: data", bytes);
          const length = lengthOf(view);
          if (!connection.isOpen || !connection.hasRoom(length, length)) return;
          connection.tx.put(view, length);
          connection.queued();
        });
      }
      return true;
    } catch (error) {
      logExtensionFailure(connection, error);
      return false;
    }
  }

  close(): void {
    this.#stopSeconds();
    for (const session of this.#sessions) {
      attempt("close", () => session.close());
      attempt("close", () => session.stream?.close());
    }
  }
}

/** What an extension returns is nothing; a promise of it that is rejected costs the connection, as a throw does. */
export function heed(connection: ExtendedConnection, returned: unknown): void {
  const what = `connection ${connection.socketFd}: a promise of an extension`;
  disregard(returned, what, () => connection.hasFailed());
}

/** One that throws keeps nobody. */
function letsClose(session: ExtensionSession): boolean {
  let lets = true;
  attempt("mayClose", () => lets = session.mayClose?.() ?? true);
  return lets;
}

/** Does what must not keep anything else from being done; what an extension throws is logged. */
export function attempt(what: string, work: () => unknown): void {
  try {
    disregard(work(), `${what} of an extension`);
  } catch (error) {
    log("err", () => `${what} of an extension threw: ${describeError(error)}`);
  }
}

/** Logs what an extension threw, but for those with a callback, which have said so themselves. */
export function logExtensionFailure({ socketFd }: Pick<Wsi, "socketFd">, error: unknown): void {
  if (error instanceof ExtensionFailure) return;
  log("err", () => `connection ${socketFd}: an extension threw: ${describeError(error)}`);
}

function asOne(sessions: readonly ExtensionSession[]): ExtensionSession | undefined {
  return sessions.length > 1 ? new SessionChain(sessions) : sessions[0];
}
