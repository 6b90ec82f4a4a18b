/** Which frames a version of the protocol has. */

import type { Digests } from "../digests.ts";
import type { Draft04Masking, WireVersion } from "../wire_version.ts";
import type { WireCodec } from "./codec.ts";
import { draftCodec } from "./draft_codec.ts";
import { hixieCodec } from "./hixie_codec.ts";

/** What the frames of some version depend on. */
export interface CodecSetup {
  readonly isClient: boolean;
  readonly digests: Digests;
  readonly draft04Masking: Draft04Masking;
  /** What the handshake of draft 04 has agreed on; `undefined` in every other one. */
  readonly connectionKey: Uint8Array | undefined;
}

/** The codec of one connection; `undefined` where frames are those of RFC 6455. */
export function codecOf(version: WireVersion, setup: CodecSetup): WireCodec | undefined {
  switch (version) {
    case "hixie-75":
      return hixieCodec(75);
    case 0:
      return hixieCodec(76);
    case 4:
    case 5:
    case 6:
      return draftCodec(version, {
        isClient: setup.isClient,
        sha1: setup.digests.sha1,
        connectionKey: setup.connectionKey,
        cCompatible: setup.draft04Masking === "libwebsockets",
      });
    default:
      return undefined;
  }
}
