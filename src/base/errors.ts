/** What the library throws, and the stable names of what can go wrong. */

/**
 * The stable names of what can go wrong; see {@linkcode LwsError.code}.
 *
 * @category Errors and logging
 */
export type LwsErrorCode =
  | "address-in-use"
  | "aborted"
  | "broker-unavailable"
  | "certificate-expired"
  | "certificate-name-mismatch"
  | "certificate-not-yet-valid"
  | "certificate-refused"
  | "certificate-self-signed"
  | "certificate-unknown-issuer"
  | "certificate-wrong-purpose"
  | "connect-failed"
  | "connection-closed"
  | "destroyed"
  | "handshake-refused"
  | "invalid-argument"
  | "invalid-option"
  | "invalid-state"
  | "listen-failed"
  | "permission-denied"
  | "tls-handshake-failed"
  | "topic-limit"
  | "unsupported"
  | "worker-failed";

/**
 * What this module throws: a stable {@linkcode LwsError.code}, a message that says what to do, and
 * the cause where there is one.
 *
 * @category Errors and logging
 * @example
 * ```ts
 * import { createContext, LwsError } from "@x/lws";
 *
 * try {
 *   createContext({ port: 70_000, protocols: [] });
 * } catch (error) {
 *   if (!(error instanceof LwsError) || error.code !== "invalid-option") throw error;
 * }
 * ```
 */
export class LwsError extends Error {
  /** `"LwsError"`. */
  override readonly name = "LwsError";
  /** A name that stays the same from release to release. */
  readonly code: LwsErrorCode;

  /** Makes an error; the module does, users need not. */
  constructor(code: LwsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What breaks a transport whose peer went past a limit of it. */
export class PastLimit extends LwsError {
  constructor(message: string) {
    super("connection-closed", message);
  }
}

/** Whether the runtime or the system has denied something. */
export function isPermissionError(error: unknown): boolean {
  const name = (error as { name?: string } | undefined)?.name;
  return name === "NotCapable" || name === "PermissionDenied";
}

/**
 * An error that is kept for as long as the program keeps what it tells about: the frames of a stack would keep what was
 * at work, such as the connection.
 */
export function withoutStack<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  // Not by assignment, as a program may have frozen its globals.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}
