/** Several extensions on one connection, one after the other (RFC 6455 section 9.1). */

import {
  ExtensionFailure,
  type ExtensionSession,
  type IncomingFrame,
  type OutgoingPart,
} from "../api/extension.ts";
import type { Wsi } from "../api/wsi.ts";
import { lengthOf, viewOf } from "../base/bytes.ts";
import { disregard } from "../base/callback_results.ts";
import { line, log, own, thrown } from "../base/log.ts";
import { readDecoded, readyFor } from "./decoded_bytes.ts";
import { type TimerWheel, WheelTimer } from "../service/timer_wheel.ts";

/** Bytes between two members at a time. */
const STEP = 16 * 1024;
/** Buffers between two messages; more than a few at once need only messages that are held up. */
const MAX_SPARE = 4;

const spares: Uint8Array[] = [];

/** Whether a session has a hand in messages, or frames, that have no reserved bit set. */
export function appliesToAll(session: ExtensionSession): boolean {
  return session instanceof SessionChain
    ? session.members.some(appliesToAll)
    : session.reservedBits === 0;
}

/** The bits of a session that stand on every frame for itself. */
export function frameBitsOf(session: ExtensionSession): number {
  if (session instanceof SessionChain) {
    return session.members.reduce((bits, member) => bits | frameBitsOf(member), 0);
  }
  return session.unit === "frame" ? session.reservedBits : 0;
}

/** What lies between a member and the one behind it while something comes in. */
interface Link {
  readonly session: ExtensionSession;
  /** What the one behind has made and this one takes. */
  buffer: Uint8Array | undefined;
  /** The one behind has nothing more. */
  isDrained: boolean;
}

/** Two or more sessions that all transform messages and frames, or all transform the stream. */
export class SessionChain implements ExtensionSession {
  /** In the order in which a sender applies them. */
  readonly members: readonly ExtensionSession[];
  readonly unit: "message" | "frame" | "stream";
  readonly reservedBits: number;
  readonly sharedKey = undefined;
  encodedBits = 0;

  /** Those that have a hand in the piece in hand; the last one takes it as it came. */
  #links: Link[] = [];
  /** What none of them has a hand in. */
  #plain: Uint8Array | undefined;
  #frame: IncomingFrame | undefined;
  #endsFrame = false;
  #endsMessage = false;

  constructor(members: readonly ExtensionSession[]) {
    this.members = members;
    this.unit = members.find(({ unit }) => unit !== "message")?.unit ?? "message";
    this.reservedBits = members.reduce((bits, member) => bits | member.reservedBits, 0);
  }

  encode(part: OutgoingPart): Uint8Array | undefined {
    const { isFirst } = part;
    let payload: Uint8Array | undefined;
    let bits = 0;
    for (const member of this.members) {
      // The next call on any session ends what the last one returned.
      const encoded = member.encode(payload === undefined ? part : { ...part, payload });
      if (encoded === undefined) continue;
      const hasBits = isFirst || member.unit === "frame";
      bits |= member.encodedBits ?? (hasBits ? member.reservedBits : 0);
      payload = member === this.members.at(-1) ? encoded : encoded.slice();
    }
    this.encodedBits = bits;
    return payload;
  }

  encodeShared(): undefined {
    return undefined;
  }

  sentShared(): void {}

  push(piece: Uint8Array, _endsUnit: boolean, frame?: IncomingFrame): void {
    const bits = frame?.reservedBits ?? 0;
    this.#frame = frame;
    this.#endsFrame = frame?.remaining === 0;
    this.#endsMessage = this.#endsFrame && frame!.isFinal;
    this.#links = [];
    for (const session of this.members) {
      const applies = appliesToAll(session) || (session.reservedBits & bits) !== 0;
      if (applies) this.#links.push({ session, buffer: undefined, isDrained: false });
    }
    const last = this.#links.at(-1);
    if (last === undefined) {
      this.#plain = piece;
      return;
    }
    last.isDrained = true;
    const { session } = last;
    session.push(
      session.keep === undefined ? piece.slice() : piece,
      this.#endsUnitOf(session),
      frame,
    );
  }

  /** Copies the piece only: what lies between two members is in buffers of this chain. */
  keep(): void {
    this.#plain = this.#plain?.slice();
    this.#links.at(-1)?.session.keep?.();
  }

  read(target: Uint8Array): number {
    if (this.#plain === undefined) return this.#links.length > 0 ? this.#pull(0, target) : 0;
    const count = Math.min(target.length, this.#plain.length);
    target.set(this.#plain.subarray(0, count));
    this.#plain = count < target.length ? undefined : this.#plain.subarray(count);
    return count;
  }

  close(): void {
    for (const member of this.members) member.close();
  }

  #endsUnitOf({ unit }: ExtensionSession): boolean {
    return unit === "frame" ? this.#endsFrame : unit === "message" && this.#endsMessage;
  }

  /** Fills `target` by a member as far as all behind it give something. */
  #pull(index: number, target: Uint8Array): number {
    const link = this.#links[index]!;
    let count = readDecoded(link.session, target);
    while (count < target.length && !link.isDrained) {
      this.#feed(link, index);
      count += readDecoded(link.session, target.subarray(count));
    }
    if (count < target.length && link.buffer !== undefined) {
      if (spares.length < MAX_SPARE) spares.push(link.buffer);
      link.buffer = undefined;
    }
    return count;
  }

  /** For what the member there makes. */
  #borrow(index: number): Uint8Array {
    const spare = spares.pop();
    return spare === undefined
      ? new Uint8Array(STEP)
      : readyFor(this.#links[index]!.session, spare);
  }

  /** Gives a member the next step of what the one behind it makes. */
  #feed(link: Link, index: number): void {
    link.buffer ??= this.#borrow(index + 1);
    const count = this.#pull(index + 1, link.buffer);
    link.isDrained = count < STEP;
    const piece = link.buffer.subarray(0, count);
    link.session.push(piece, link.isDrained && this.#endsUnitOf(link.session), this.#frame);
  }
}

const SECOND_MS = 1000;

/** What extensions need of their connection. Implemented by Connection. */
export interface ExtendedConnection {
  readonly wsi: Wsi;
  readonly socketFd: number;
  readonly isOpen: boolean;
  readonly owner: { readonly wheel: TimerWheel };
  readonly outbox: {
    /** Queues a copy of `bytes`, if there is room for so many. */
    send(bytes: Uint8Array, length: number, given: number): boolean;
  };
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
  begin(connection: ExtendedConnection): void {
    for (const session of this.#sessions) {
      failOnRejection(connection, session.begin?.(connection.wsi));
    }
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
          for (const session of hearers) failOnRejection(connection, session.eachSecond!());
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
   * Called before this end's close frame or the end of its stream: sends, once, what the sessions still
   * hold. False when one throws: the connection then ends without a close frame.
   */
  flush(connection: ExtendedConnection): boolean {
    if (this.#isFlushed) return true;
    this.#isFlushed = true;
    try {
      for (const session of this.#sessions) {
        session.flush?.((bytes) => {
          const view = viewOf("flush: data", bytes);
          const length = lengthOf(view);
          if (connection.isOpen) connection.outbox.send(view, length, length);
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
export function failOnRejection(connection: ExtendedConnection, returned: unknown): void {
  const what = `connection ${connection.socketFd}: a promise of an extension`;
  disregard(returned, what, () => connection.hasFailed());
}

/** Runs code of an extension whose failure must not stop the caller: a throw or rejection is logged. */
export function attempt(what: string, work: () => unknown): void {
  try {
    disregard(work(), `${what} of an extension`);
  } catch (error) {
    log("err", () => line`${own(what)} of an extension threw: ${thrown(error)}`);
  }
}

/** Logs what an extension threw, but for those with a callback, which have said so themselves. */
export function logExtensionFailure(
  { socketFd }: Pick<ExtendedConnection, "socketFd">,
  error: unknown,
): void {
  if (error instanceof ExtensionFailure) return;
  log("err", () => line`connection ${socketFd}: an extension threw: ${thrown(error)}`);
}

/** A session whose `mayClose` throws doesn't keep the connection open. */
function letsClose(session: ExtensionSession): boolean {
  let lets = true;
  attempt("mayClose", () => lets = session.mayClose?.() ?? true);
  return lets;
}

function asOne(sessions: readonly ExtensionSession[]): ExtensionSession | undefined {
  return sessions.length > 1 ? new SessionChain(sessions) : sessions[0];
}
