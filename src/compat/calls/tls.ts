/** What the C face says about TLS before the main API does, and where TLS reasons have their data. */

import type { ContextOptions } from "../../api/creation_info.ts";
import { LwsError } from "../../base/errors.ts";
import type { Generation, Placements } from "../engine/generation.ts";
import type { CreationStruct } from "../engine/structs.ts";

type Files = Pick<
  CreationStruct<never, never>,
  "ssl_cert_filepath" | "ssl_private_key_filepath"
>;

/**
 * Refuses a certificate without its key, in generations that had no reason to ask for the key. They served
 * without TLS then, against the wish of a program that gives a certificate.
 *
 * @throws {LwsError} `invalid-option`, which names the key.
 */
export function checkKeyPair({ reasons }: Generation, files: Files): void {
  if (reasons.number("opensslContextRequiresPrivateKey") !== undefined) return;
  if (!hasCertificate(files) || (files.ssl_private_key_filepath ?? null) !== null) return;
  const allowed = "a path, beside ssl_cert_filepath";
  throw new LwsError("invalid-option", `ssl_private_key_filepath is null; allowed: ${allowed}`);
}

/** Whether there is a certificate; a key, and its passphrase, are ignored without one. */
export function hasCertificate({ ssl_cert_filepath }: Pick<Files, "ssl_cert_filepath">): boolean {
  return (ssl_cert_filepath ?? null) !== null;
}

/**
 * Leaves out bits that loosen what is not tight, as programs set them in any case: plain HTTP on a port
 * without TLS, and "not required" for a certificate that is not asked for.
 */
export function withoutEffectlessBits(
  options: ContextOptions,
  files: Files,
): ContextOptions {
  const { allowNonSslOnSslPort, peerCertNotRequired, ...others } = options;
  const hasTls = hasCertificate(files);
  return {
    ...others,
    ...(allowNonSslOnSslPort && hasTls ? { allowNonSslOnSslPort } : {}),
    ...(peerCertNotRequired && others.requireValidClientCert ? { peerCertNotRequired } : {}),
  };
}

/** `SSL_CTX *` over OpenSSL, and else a loader in its place. */
function loaded(_user: unknown, loader: { readonly sslCtx?: object | undefined }) {
  return [loader.sslCtx ?? loader, null, 0] as const;
}

/** Where the reasons of TLS have their data, in all generations that have them. */
export const TLS_PLACEMENTS: Placements = {
  opensslLoadExtraClientVerifyCerts: loaded,
  opensslLoadExtraServerVerifyCerts: loaded,
  opensslContextRequiresPrivateKey: loaded,
  opensslPerformClientCertVerification: (_user, { info, isTrusted, x509StoreCtx, ssl }) => [
    x509StoreCtx ?? info.peerCertificate ?? null,
    ssl ?? info,
    isTrusted ? 1 : 0,
  ],
};
