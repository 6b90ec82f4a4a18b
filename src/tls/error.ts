/** What goes wrong with TLS, by stable names. */

/** Why there is no TLS connection, as {@linkcode TlsError.code} says it. */
export type TlsErrorCode =
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-refused"
  | "closed"
  | "handshake-failed"
  | "name-mismatch"
  | "self-signed"
  | "unknown-issuer"
  | "wrong-purpose";

/** A handshake that came to nothing, or a TLS connection that broke. */
export class TlsError extends Error {
  /** `TlsError`. */
  override readonly name = "TlsError";
  /** Which error it is; the message may change, this does not. */
  readonly code: TlsErrorCode;

  /** Makes an error; `message` says what happened. */
  constructor(code: TlsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The members of the creation struct that TLS is made of. */
export type TlsField =
  | "sslCertFilepath"
  | "sslPrivateKeyFilepath"
  | "sslPrivateKeyPassword"
  | "sslCaFilepath";

/** A certificate, a key, a passphrase or a CA list that can't be used. */
export class TlsOptionError extends Error {
  /** `TlsOptionError`. */
  override readonly name = "TlsOptionError";
  /** Which member it is about. */
  readonly field: TlsField;

  /** Makes an error whose message begins with the field. */
  constructor(field: TlsField, problem: string, options?: ErrorOptions) {
    super(`${field}: ${problem}`, options);
    this.field = field;
  }
}
