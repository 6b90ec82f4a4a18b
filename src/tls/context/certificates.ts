/** Certificates as programs give them: read and checked, so that what is wrong has the name of where it stands. */

import type { CertificateInfo } from "../../api/tls.ts";
import { LwsError } from "../../base/errors.ts";
import { checkIdentity, readPem } from "../certificate.ts";
import { refusalBy, type TlsField } from "../refusal.ts";
import type { NamedIdentity } from "../server.ts";

type CertificateErrorCode = "invalid-argument" | "invalid-option";

/** The member of a {@linkcode CertificateInfo} that an error of a file's check is about. */
const CERTIFICATE_MEMBERS: Record<TlsField, keyof CertificateInfo> = {
  sslCertFilepath: "cert",
  sslPrivateKeyFilepath: "key",
  sslPrivateKeyPassword: "passphrase",
  sslCaFilepath: "cert",
};

/** Reads and checks one, so that what is wrong has the name of where it stands. */
export function readCertificate(
  given: CertificateInfo,
  where: string,
  code: CertificateErrorCode,
): NamedIdentity & { readonly hostNames: readonly string[] } {
  const refuse = (member: string, allowed: string) => {
    throw new LwsError(code, `${where}${member} must be ${allowed}`);
  };
  if (typeof given !== "object" || given === null) refuse("", "an object with cert and key");
  const { cert, key, passphrase, serverNames } = given;
  for (const [member, value] of [["cert", cert], ["key", key]] as const) {
    if (typeof value === "string" && value !== "") continue;
    refuse(`.${member}`, "PEM text, or the path of a PEM file");
  }
  if (passphrase !== undefined && typeof passphrase !== "string") refuse(".passphrase", "a text");
  const isName = (each: unknown) => typeof each === "string" && each !== "";
  if (serverNames !== undefined && !(Array.isArray(serverNames) && serverNames.every(isName))) {
    refuse(".serverNames", "an array of host names");
  }
  const refusal = refusalBy(code, (field) => `${where}.${CERTIFICATE_MEMBERS[field]}`);
  const identity = {
    cert: readPem(cert, "sslCertFilepath", refusal),
    key: readPem(key, "sslPrivateKeyFilepath", refusal),
    passphrase,
    refusal,
  };
  return { ...identity, serverNames, hostNames: checkIdentity(identity).hostNames };
}

/** Reads the certificates that are chosen by host names. */
export function readOthers(
  given: readonly CertificateInfo[],
  where: string,
  code: CertificateErrorCode,
): NamedIdentity[] {
  if (!Array.isArray(given)) throw new LwsError(code, `${where} must be an array of certificates`);
  return given.map((each, index) => {
    const name = `${where}[${index}]`;
    const identity = readCertificate(each, name, code);
    if ((identity.serverNames ?? identity.hostNames).length > 0) return identity;
    throw new LwsError(
      code,
      `${name}.serverNames must name a host, as the certificate itself names none`,
    );
  });
}
