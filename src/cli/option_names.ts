/** Complaints of the library, in the names that a command line has for its options. */

import { LwsError } from "../base/errors.ts";

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bsslCertFilepath\b/g, "the certificate"],
  [/\bsslPrivateKeyFilepath\b/g, "the private key"],
  [/\bsslCaFilepath\b/g, "--ca"],
  [/\bmounts\[0\]\.folder\b/g, "FOLDER"],
  [/\biface\b/g, "--host"],
  [/^(?:createContext|clientConnect): /gm, ""],
];

/** The same error, or one that says what it says in the words of the command line. */
export function inOptionNames(error: unknown): unknown {
  if (!(error instanceof LwsError)) return error;
  let { message } = error;
  for (const [theirs, ours] of NAMES) message = message.replace(theirs, ours);
  return message === error.message ? error : new LwsError(error.code, message, { cause: error });
}
