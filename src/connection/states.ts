/** What states a connection and its phases have. `deno task states` draws them in ARCHITECTURE.md. */

import type { StateTable } from "../base/state_table.ts";

/** How far a connection is on its way out. */
export type ConnectionState = "OPEN" | "FLUSHING" | "LINGERING" | "GONE";

type ConnectionEvent =
  /** It ends, by either side, and what is unsent may still leave. */
  | "ends"
  /** All has left, and the peer is to close as well, or first. */
  | "lingers"
  /** Its transport is closed. */
  | "gone";

/** What is unsent leaves in FLUSHING; in LINGERING input is discarded until the peer closes. */
export const CONNECTION: StateTable<ConnectionState, ConnectionEvent> = {
  name: "connection",
  first: "OPEN",
  unlisted: "ignored",
  steps: {
    OPEN: { ends: "FLUSHING", gone: "GONE" },
    FLUSHING: { lingers: "LINGERING", gone: "GONE" },
    LINGERING: { gone: "GONE" },
    GONE: {},
  },
};

type AnyTable = StateTable<string, string>;

/** All of them, in the order in which they are drawn. */
export const STATE_TABLES: readonly AnyTable[] = [CONNECTION];
