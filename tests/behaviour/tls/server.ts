/** What servers with TLS are tested with. */

import { type Protocol } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";

export const made = await makeCertificates();

export const CA = { ca: made.ca.cert };

export const TLS = {
  sslCertFilepath: made.localhost.cert,
  sslPrivateKeyFilepath: made.localhost.key,
};

export const TRUST = { sslCaFilepath: made.ca.cert };

/** Without the authorities of the world, which take the runtime a tenth of a second a handshake. */
export const TRUST_ONLY = { ...TRUST, options: { disableOsCaCerts: true } };

export const echo: Protocol = {
  name: "echo",
  callback(wsi, reason, _user, data) {
    if (reason !== "receive") return;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    const kind = wsi.isFirstFragment ? (wsi.frameIsBinary ? "binary" : "text") : "continuation";
    wsi.write(data, kind, { fin: isLast });
  },
};

export const CLIENT = { address: "localhost", port: 80, ssl: 1, protocol: "echo" } as const;
