/** What programs see of a client of `lws.resume.v1`. */

/**
 * A place among the publications of a topic, as `Position` of `@x/lws`.
 *
 * @category Client
 */
export interface ResumePosition {
  /** Says which count it is of: another one, as after a restart, is another text. */
  readonly epoch: string;
  /** It only grows. Between two publications of a topic there may be holes. */
  readonly offset: number;
}

/**
 * Publications of a topic that the client has missed for good.
 *
 * @category Client
 */
export interface ResumeGap {
  /** Behind which the messages go on: a state that is read from now on has all that was missed. */
  readonly position: ResumePosition;
  /**
   * `"epoch"`: the broker has begun anew; `"trimmed"`: what came meanwhile is not kept any more; `"overflow"`:
   * neither is what waited for this client, which read too slowly.
   */
  readonly cause: "epoch" | "trimmed" | "overflow";
  /**
   * How long to wait before the application asks for its state anew, in milliseconds: drawn at random, so that clients
   * which are told of the same gap don't ask all at once.
   */
  readonly waitMs: number;
}

/**
 * Why a subscription was refused: `authorize` has said no, the connection has too many topics, or the topic is no
 * name of one.
 *
 * @category Client
 */
export type ResumeRefusal = "forbidden" | "topic-limit" | "invalid-topic";

/**
 * What {@linkcode ResumeClient.subscribe} is given. What a callback throws is reported, and changes nothing else.
 *
 * @category Client
 */
export interface ResumeSubscribing {
  /** Where the application is, as a page that was rendered with it. Default: none, and it begins now. */
  readonly since?: ResumePosition;
  /**
   * Called with each message: what was published as text, or as bytes.
   *
   * @param position Its own, from which to go on behind it: to be stored with what the message has changed. That of
   *   the message before it where this one has none, as it was published with `history: false`.
   */
  readonly onMessage: (
    data: string | Uint8Array<ArrayBuffer>,
    position: ResumePosition,
  ) => void;
  /**
   * Called when it is subscribed to, on each connection, before anything else: what is published from now on comes, and
   * what was published behind the position comes first. Default: nothing is done.
   */
  readonly onBegin?: (position: ResumePosition) => void;
  /** Called in front of the messages that follow a gap: what is shown lacks something. Default: nothing is done. */
  readonly onGap?: (gap: ResumeGap) => void;
  /** Called when the topic may not be subscribed to, which ends it here. Default: reported as an error. */
  readonly onRefused?: (reason: ResumeRefusal) => void;
}

/**
 * One topic of a client.
 *
 * @category Client
 */
export interface ResumeSubscription {
  /** Its name. */
  readonly topic: string;
  /** That of the last message that `onMessage` was handed, or of the last gap; undefined before it has begun. */
  readonly position: ResumePosition | undefined;
  /** The end of it: `onMessage` is not called any more. Harmless when repeated. */
  unsubscribe(): void;
}

/**
 * What of a `WebSocket` a client uses: that of browsers and of Deno, or of `@x/lws/websocket`.
 *
 * @category Client
 */
export interface ResumeSocket {
  /** Set to `"arraybuffer"`. */
  binaryType: string;
  /** Set by the client, as the others. */
  onopen: ((event: never) => void) | null;
  /** Called with an event whose `data` is a text or an `ArrayBuffer`. */
  onmessage: ((event: never) => void) | null;
  /** Called with an event that has `code` and `reason`. */
  onclose: ((event: never) => void) | null;
  /** Sends a message. */
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** Begins to close. */
  close(code?: number): void;
}

/**
 * The choices of {@linkcode resumeClient}.
 *
 * @category Client
 */
export interface ResumeClientOptions {
  /** The subprotocol. Default: `"lws.resume.v1"`. */
  readonly protocol?: string;
  /** What bounds the first wait for another connection, in milliseconds from 1; it doubles each time. Default: `500`. */
  readonly minDelayMs?: number;
  /** What bounds any of them, in milliseconds from 1. Default: `20000`. */
  readonly maxDelayMs?: number;
  /**
   * How often it is looked at whether something has come, in milliseconds from 1: a server that was silent for one to
   * two of these is asked whether it is there, and given up after another one, as is a connection that takes longer
   * than one to open. So a connection that is dead without a word is found. `Infinity` never looks. Default: `30000`.
   */
  readonly idleMs?: number;
  /** Closes the client. Default: none. */
  readonly signal?: AbortSignal;
  /** Called when a connection is open. Default: nothing is done. */
  readonly onOpen?: () => void;
  /** Called when a connection has ended, or none came to be; another one follows after `delayMs`. Default: nothing. */
  readonly onLost?: (
    end: { readonly code: number; readonly reason: string; readonly delayMs: number },
  ) => void;
  /** Called with what the server's program has sent to this client alone, as `{"d":…}`. Default: nothing is done. */
  readonly onData?: (data: unknown) => void;
  /** Called with what a callback has thrown. Default: `reportError`. */
  readonly onError?: (error: unknown) => void;
  /** Time, for tests: `FakeClock` of `@x/lws/testing`. Default: the runtime's. */
  readonly clock?: {
    setTimer(callback: () => void, delayMs: number): unknown;
    clearTimer(timer: unknown): void;
  };
  /** Numbers from 0 to 1, for tests. Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * A client that connects until it is closed.
 *
 * @category Client
 */
export interface ResumeClient {
  /**
   * Subscribes to a topic, over this connection and each that follows.
   *
   * @throws {Error} When it is subscribed to already, or the client is closed.
   */
  subscribe(topic: string, subscribing: ResumeSubscribing): ResumeSubscription;
  /**
   * Sends something to the server's program: bytes as they are, else what JSON makes of it.
   *
   * @returns Whether a connection is open to take it: nothing is kept for a later one, and what was taken may be
   *   lost with its connection.
   */
  send(data: unknown): boolean;
  /** Closes the connection, and connects no more. */
  close(): void;
}
