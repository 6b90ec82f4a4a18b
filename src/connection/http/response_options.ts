/** What a response is told of its request and its session. */

/** What the response needs to know of its request. */
export interface ResponseOptions {
  readonly method: string;
  /** Whether the client lets the connection live on. */
  readonly keepsAlive: boolean;
  readonly minorVersion: 0 | 1;
  /** Whole seconds that the answer says the connection is kept for; undefined where it doesn't. */
  readonly keepAliveSeconds?: number | undefined;
  /** Whether a client that has closed its sending half waits for what has not been answered yet. */
  readonly halfOpen: boolean;
  /** The user says that the response is whole. */
  readonly onComplete: () => void;
  /** A page was written, and `completeIfWhole` may follow. */
  readonly onAnswer: () => void;
  /** Whether the answer before it was completed without the program's doing. */
  readonly isAfterOwed: boolean;
  /** Something of it waits to be sent. */
  readonly onSend: () => void;
  /** Whether the connection can't live on behind a head that leaves now. */
  readonly mustClose: () => boolean;
  /** The value of a field of the request, its lines joined. */
  readonly requestField: (name: string) => string | undefined;
  /** Does what tells the program something, when the program is ready to hear it. */
  readonly defer: (work: () => void) => void;
}
