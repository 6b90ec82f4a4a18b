/** What programs are lent to add authorities and keys, for the time of a callback. */

import type { PrivateKeyLoader, TrustLoader } from "../../api/tls.ts";
import { refuseArgument } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { parseCertificates, readPem, type TlsIdentity } from "../certificate.ts";
import { refusalBy } from "../refusal.ts";

/** A key as a program gives it. */
export type GivenKey = Pick<TlsIdentity, "passphrase"> & { readonly key: string };

/**
 * Has a callback add authorities.
 *
 * @param sslCtx what they are for, where the stack has such
 * @returns those that it gave, as PEM texts
 */
export function askForTrust(
  callback: (loader: TrustLoader) => void,
  sslCtx: object | undefined,
): readonly string[] {
  const given: string[] = [];
  let isOver = false;
  const adder = (call: string, member: string) => (pemOrPath: string) => {
    mustBeDuringCallback(isOver, call);
    mustBeText(call, member, pemOrPath);
    const refusal = refusalBy("invalid-argument", () => `${call}: ${member}`);
    const pem = readPem(pemOrPath, "sslCaFilepath", refusal);
    parseCertificates(pem, "sslCaFilepath", refusal);
    given.push(pem);
  };
  callback({
    addCaCert: adder("addCaCert", "pem"),
    addCaFile: adder("addCaFile", "path"),
    get sslCtx() {
      return isOver ? undefined : sslCtx;
    },
  });
  isOver = true;
  return given;
}

/**
 * Has a callback give the key of the context's certificate.
 *
 * @param passphrase where the callback gives none
 * @returns undefined when it gave none, and may have set it by `sslCtx`
 * @throws {LwsError} when it failed, or gave none and there is no such pointer
 */
export function askForKey(
  callback: (loader: PrivateKeyLoader) => number,
  passphrase: string | undefined,
  sslCtx: object | undefined,
): GivenKey | undefined {
  let given: GivenKey | undefined;
  let isOver = false;
  let failure: unknown;
  const result = callback({
    setPrivateKey(pem, ownPassphrase) {
      try {
        mustBeDuringCallback(isOver, "setPrivateKey");
        mustBeText("setPrivateKey", "pem", pem);
        if (ownPassphrase !== undefined) {
          mustBeText("setPrivateKey", "passphrase", ownPassphrase, "no text");
        }
        const key = readPem(pem, "sslPrivateKeyFilepath", refusalBy("invalid-argument"));
        given = { key, passphrase: ownPassphrase ?? passphrase };
      } catch (error) {
        failure = error;
        throw error;
      }
    },
    get sslCtx() {
      return isOver ? undefined : sslCtx;
    },
  });
  isOver = true;
  if (result === 0 && given !== undefined) return given;
  if (result === 0 && failure === undefined && sslCtx !== undefined) return undefined;
  throw new LwsError(
    failure instanceof LwsError && failure.code === "permission-denied"
      ? failure.code
      : "invalid-option",
    failure instanceof Error
      ? `sslPrivateKeyFilepath: opensslContextRequiresPrivateKey: ${failure.message}`
      : "sslPrivateKeyFilepath: there is none, and opensslContextRequiresPrivateKey has not given one",
    { cause: failure },
  );
}

function mustBeDuringCallback(isOver: boolean, call: string): void {
  if (isOver) throw new LwsError("invalid-state", `${call}: the callback that it was for is over`);
}

function mustBeText(call: string, member: string, value: unknown, shown = value): void {
  if (typeof value !== "string" || value === "") refuseArgument(call, member, shown, "a text");
}
