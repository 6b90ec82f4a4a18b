/** How what TLS is made of is refused. */

import { isPermissionError, LwsError } from "../base/errors.ts";

/** The members of the creation struct that TLS is made of. */
export type TlsField =
  | "sslCertFilepath"
  | "sslPrivateKeyFilepath"
  | "sslPrivateKeyPassword"
  | "sslCaFilepath";

/** Makes the error for a certificate, a key, a passphrase or a CA list that can't be used. */
export type Refusal = (field: TlsField, problem: string, cause?: unknown) => LwsError;

/**
 * A refusal in the words of what was given: its code, but that a file which may not be read may be as it
 * should, and what the members are called there.
 */
export function refusalBy(
  code: "invalid-argument" | "invalid-option",
  nameOf: (field: TlsField) => string = (field) => field,
): Refusal {
  return (field, problem, cause) =>
    new LwsError(
      isPermissionError(cause) ? "permission-denied" : code,
      `${nameOf(field)}: ${problem}`,
      cause === undefined ? undefined : { cause },
    );
}

/** Of the creation struct's own members. */
export const refusedOption: Refusal = /* @__PURE__ */ refusalBy("invalid-option");
