/** What states a topic has at a context with a broker. `deno task states` draws them in ARCHITECTURE.md. */

import type { StateTable } from "../../base/state_table.ts";

export type TopicState =
  /** The broker is asked to have it come, and where it stands. */
  | "OPENING"
  /** What comes goes out. */
  | "LIVE"
  /** Something was missed, or may have been: what comes waits until that is made up for. */
  | "REPAIRING"
  /** It has no subscribers, and is kept for those that come back soon. */
  | "CLOSING"
  | "GONE";

export type TopicEvent =
  /** Its position is known, and it comes. */
  | "opened"
  /** What came does not follow what came before, or the live feed was interrupted. */
  | "missed"
  /** It goes on at a known position. */
  | "repaired"
  /** The last subscriber has left. */
  | "left"
  /** One has come again. */
  | "joined"
  /** None has come in time. */
  | "lingered";

/** What of a topic without subscribers would have to be repaired is not worth it, and gone. */
export const TOPIC: StateTable<TopicState, TopicEvent> = {
  name: "topic",
  first: "OPENING",
  unlisted: "ignored",
  steps: {
    OPENING: { opened: "LIVE", left: "GONE" },
    LIVE: { missed: "REPAIRING", left: "CLOSING" },
    REPAIRING: { repaired: "LIVE", left: "GONE" },
    CLOSING: { joined: "LIVE", missed: "GONE", lingered: "GONE" },
    GONE: {},
  },
};
