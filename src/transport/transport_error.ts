/** What goes wrong in the transport, in words of its own. */

/** The codes are those of the library's errors; see `LwsErrorCode`. */
export type TransportErrorCode =
  | "address-in-use"
  | "invalid-option"
  | "invalid-state"
  | "permission-denied";

/** Why something can't be listened on, connected to or changed; the message says what to do. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
