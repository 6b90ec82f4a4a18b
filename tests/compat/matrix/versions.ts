/** The versions of the protocol that each generation speaks. */

import type { WireVersion } from "../../../mod.ts";
import type { GenerationName } from "./types.ts";

/** One end of connections. */
export interface VersionsOf<Version> {
  /** What it spoke in C. */
  readonly inC: string;
  /** What it speaks here unless it is told otherwise. */
  readonly here: readonly Version[];
}

/** What a generation speaks. */
export interface VersionRow {
  readonly servers: VersionsOf<WireVersion>;
  /** By `ietf_version_or_minus_one`, beside −1. */
  readonly clients: VersionsOf<number>;
}

const SINCE_2013: VersionRow = {
  servers: { inC: "13", here: [13] },
  clients: { inC: "13; others changed a line of the request alone", here: [13] },
};

/** A row for each; what servers of 2010 speak is up to their `protocol`. */
export const VERSION_ROWS: Readonly<Record<GenerationName, VersionRow>> = {
  nov10: { servers: { inC: "0, 2 or 76", here: [] }, clients: { inC: "", here: [] } },
  feb11: {
    servers: { inC: "0, 4, 5", here: [0, 4, 5, 13] },
    clients: { inC: "4, 5", here: [4, 5, 13] },
  },
  oct12: {
    servers: { inC: "0, 4 to 8, 13", here: [0, 4, 5, 6, 7, 8, 13] },
    clients: { inC: "0, 4 to 8, 13", here: [0, 4, 5, 6, 7, 8, 13] },
  },
  mar13: SINCE_2013,
  dec15: SINCE_2013,
};
