/** One WebSocket's connection, whose callbacks become tasks of the event loop. */

import type { ClientConnectInfo } from "../api/client_info.ts";
import type { CloseInfo } from "../api/reasons.ts";
import type { Wsi } from "../api/wsi.ts";
import { LwsError } from "../base/errors.ts";
import { messageOf } from "../base/log.ts";
import { type Client, type Lease, leaseContext } from "./contexts.ts";
import type { ContextSettings } from "./options.ts";
import { Outgoing, type OutgoingOwner } from "./outgoing.ts";

/** How it ended. */
export interface End {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** Why the connection has failed, if it has. */
  readonly error: LwsError | undefined;
}

/** What comes of the protocol ("Feedback from the protocol"), each in a task of its own. */
export interface Feedback {
  onOpen(protocol: string, extensions: string): void;
  onMessage(message: string | Uint8Array): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** So many bytes of payload have left. */
  onSent(bytes: number): void;
  /** The connection has failed; {@linkcode onEnd} follows. */
  onFailure(error: LwsError): void;
  /** Comes once, and nothing after it. */
  onEnd(end: End): void;
}

const CLOSE_ABNORMAL = 1006;
const CLOSE_INTERNAL_ERROR = 1011;

/** Above these nothing more is received, until half of it has been told. */
const MOST_TASKS = 512;
const MOST_BYTES = 1024 * 1024;
/** What a task counts for beside its bytes. */
const TASK_BYTES = MOST_BYTES / MOST_TASKS;

/** The end of a connection that failed before it was tried. */
export function failSoon(feedback: Feedback, error: LwsError): void {
  setImmediate(() => feedback.onFailure(error));
  setImmediate(() => feedback.onEnd(failed(error)));
}

/** A connection, from its first attempt to its end. */
export class Link implements Client, OutgoingOwner {
  readonly #feedback: Feedback;
  readonly #asksProtocol: boolean;
  readonly #lease: Lease;
  readonly #wsi: Wsi;
  /** There is none before the server has agreed. */
  #outgoing: Outgoing | undefined;
  /** Why this end failed it, before the connection says so. */
  #failure: LwsError | undefined;
  #protocol = "";
  #extensions = "";
  /** What waits to be told, in bytes. */
  #untold = 0;
  #isPaused = false;
  #isOver = false;

  /** @throws {LwsError} as `createContext` and `clientConnect` */
  constructor(
    feedback: Feedback,
    settings: ContextSettings,
    protocols: readonly string[],
    info: ClientConnectInfo,
  ) {
    this.#feedback = feedback;
    this.#asksProtocol = protocols.length > 0;
    this.#lease = leaseContext(settings, protocols);
    try {
      const { context } = this.#lease;
      this.#wsi = context.clientConnect({ ...info, protocol: protocols, userdata: this });
    } catch (error) {
      this.#lease.release();
      throw error;
    }
  }

  /** What a program sends goes here, once it is open. */
  get outgoing(): Outgoing {
    return this.#outgoing!;
  }

  /** Fails a connection that is not open yet. */
  fail(error: LwsError): void {
    this.#failure ??= error;
    this.#wsi.close();
  }

  /** As a control frame it goes in front of messages that wait. */
  ping(payload: string | Uint8Array): void {
    this.#wsi.write(payload, "ping");
  }

  // What the context tells.

  onAnswer(wsi: Wsi): 0 | 1 {
    this.#outgoing = new Outgoing(wsi, this);
    this.#protocol = wsi.hdrCopy("sec-websocket-protocol") ?? "";
    this.#extensions = wsi.hdrCopy("sec-websocket-extensions") ?? "";
    if (!this.#asksProtocol || this.#protocol !== "") return 0;
    // RFC 6455 would let it pass; the standard of the web does not.
    const why = "the server chose none of the subprotocols that it was asked for";
    this.#failure ??= new LwsError("handshake-refused", why);
    return 1;
  }

  onEstablished(): void {
    this.#tell(0, () => this.#feedback.onOpen(this.#protocol, this.#extensions));
  }

  onMessage(message: string | Uint8Array): void {
    this.#outgoing?.settle();
    this.#tell(message.length, () => this.#feedback.onMessage(message));
  }

  onPing(payload: Uint8Array): void {
    const copy = payload.slice();
    this.#tell(copy.length, () => this.#feedback.onPing(copy));
  }

  onPong(payload: Uint8Array): void {
    this.#outgoing?.settle();
    const copy = payload.slice();
    this.#tell(copy.length, () => this.#feedback.onPong(copy));
  }

  onWritable(): void {
    this.#outgoing?.onWritable();
  }

  onClosed(info: CloseInfo): void {
    // Behind its close frame nothing of a clean connection is left.
    if (info.wasClean) this.#outgoing?.settle();
    this.#end(endOf(info, this.#failure));
  }

  onRefused(wsi: Wsi, why: string): void {
    const wasAnswered = wsi.hdrCopy("http status") !== undefined;
    const code = wasAnswered ? "handshake-refused" : "connect-failed";
    this.#end(failed(this.#failure ?? new LwsError(code, why)));
  }

  // What the queue tells.

  onSent(bytes: number): void {
    this.#tell(0, () => this.#feedback.onSent(bytes));
  }

  onUnreadable(error: unknown): void {
    const why = `a Blob could not be read: ${messageOf(error)}`;
    this.#failure ??= new LwsError("connection-closed", why, { cause: error });
    this.#outgoing?.stop();
    this.#wsi.close(CLOSE_INTERNAL_ERROR, "a message could not be read");
  }

  #end(end: End): void {
    this.#outgoing?.stop();
    this.#isOver = true;
    const { error } = end;
    // In a task before the end's, so that promises' work between them is done as in browsers.
    if (error !== undefined) this.#tell(0, () => this.#feedback.onFailure(error));
    // A listener that connects anew finds the context still there.
    this.#tell(0, () => {
      this.#feedback.onEnd(end);
      this.#lease.release();
    });
  }

  /** Runs it in a task of its own; the runtime keeps their order, and does promises' work between them. */
  #tell(bytes: number, task: () => void): void {
    const cost = TASK_BYTES + bytes;
    this.#untold += cost;
    this.#applyPressure();
    setImmediate(() => {
      this.#untold -= cost;
      this.#applyPressure();
      task();
    });
  }

  #applyPressure(): void {
    const limit = this.#isPaused ? MOST_BYTES / 2 : MOST_BYTES;
    const mustPause = this.#untold > limit;
    if (mustPause === this.#isPaused || this.#isOver) return;
    this.#isPaused = mustPause;
    this.#wsi.rxFlowControl(!mustPause);
  }
}

function failed(error: LwsError): End {
  return { code: CLOSE_ABNORMAL, reason: "", wasClean: false, error };
}

/**
 * RFC 6455 sections 7.1.4 to 7.1.7: the code is the peer's, where both sides said that they close; a
 * connection that ends otherwise has failed, unless this end was closing it.
 */
function endOf(info: CloseInfo, failure: LwsError | undefined): End {
  if (failure !== undefined) return failed(failure);
  const { code, reason, wasClean, cause } = info;
  const isOrderly = cause === "self" || (cause === "peer" && wasClean);
  const error = isOrderly ? undefined : new LwsError(
    "connection-closed",
    `the connection has failed: ${WHY[cause] ?? cause}${reason === "" ? "" : ` (${reason})`}`,
  );
  return wasClean
    ? { code, reason, wasClean, error }
    : { code: CLOSE_ABNORMAL, reason: "", wasClean, error };
}

const WHY: Partial<Record<CloseInfo["cause"], string>> = {
  peer: "the server ended it without a closing handshake",
  keepAlive: "the server answered no ping",
  timeout: "a timeout has expired",
  limit: "the server went past a limit",
  protocol: "the server broke the protocol",
  reset: "it broke",
};
