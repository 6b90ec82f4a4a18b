/** What the C face says about TLS before the main API does, and where TLS reasons have their data. */

import type { ContextOptions } from "../platform_options.ts";
import { LwsError } from "../errors.ts";
import type { Generation, Placements } from "./generation.ts";
import type { CreationStruct } from "./structs.ts";

type Files = Pick<
  CreationStruct<never, never>,
  "ssl_cert_filepath" | "ssl_private_key_filepath"
>;

/**
 * A certificate and its key come together, in generations that had no reason to ask for the key. They
 * served without TLS when one was missing, which nobody wants who gave the other.
 *
 * @throws {LwsError} `invalid-option`, which names the missing one.
 */
export function checkKeyPair({ reasons }: Generation, files: Files): void {
  if (reasons.number("opensslContextRequiresPrivateKey") !== undefined) return;
  const cert = files.ssl_cert_filepath ?? null;
  const key = files.ssl_private_key_filepath ?? null;
  if ((cert === null) === (key === null)) return;
  const names = ["sslCertFilepath", "sslPrivateKeyFilepath"];
  const [missing, given] = cert === null ? names : names.reverse();
  throw new LwsError("invalid-option", `${missing} is null; allowed: a path, beside ${given}`);
}

/**
 * Leaves out bits that loosen what is not tight, as programs set them in any case: plain HTTP on a port
 * without TLS, and no need of a certificate that nobody asks for.
 */
export function withoutEffectlessBits(
  options: ContextOptions,
  { ssl_cert_filepath }: Files,
): ContextOptions {
  const { allowNonSslOnSslPort, peerCertNotRequired, ...others } = options;
  const hasTls = (ssl_cert_filepath ?? null) !== null;
  return {
    ...others,
    ...(allowNonSslOnSslPort && hasTls ? { allowNonSslOnSslPort } : {}),
    ...(peerCertNotRequired && others.requireValidClientCert ? { peerCertNotRequired } : {}),
  };
}

/** A loader in place of `SSL_CTX`. */
function loaded(_user: unknown, loader: unknown): readonly [unknown, null, 0] {
  return [loader, null, 0];
}

/** Where the reasons of TLS have their data, in all generations that have them. */
export const TLS_PLACEMENTS: Placements = {
  opensslLoadExtraClientVerifyCerts: loaded,
  opensslLoadExtraServerVerifyCerts: loaded,
  opensslContextRequiresPrivateKey: loaded,
  opensslPerformClientCertVerification: (_user, { info, isTrusted }) => [
    info.peerCertificate ?? null,
    info,
    isTrusted ? 1 : 0,
  ],
};
