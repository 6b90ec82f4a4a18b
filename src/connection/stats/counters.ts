/** What is counted while connections are served: plain numbers, as each message goes by here. */

import type { CloseCause, CloseInfo } from "../../api/reasons.ts";
import {
  type ClientFailureCause,
  type LimitName,
  MOST_CODES,
  OTHER_CODES,
  type RefusalCause,
  type TurnedAwayCause,
} from "../../api/stats/stats.ts";
import type { Failure } from "../../core/websocket/close.ts";

/** The limits that a peer hits by what it sends. */
const LIMITS: { readonly [Name in Failure]?: LimitName } = {
  frameTooBig: "maxFramePayload",
  messageTooBig: "maxMessageSize",
  tooManyFragments: "maxFragments",
  tooManyEmptyFragments: "maxEmptyFragments",
  messageTimeout: "messageTimeoutMs",
  tooManyMessages: "maxMessagesPerSecond",
  tooManyBytes: "maxBytesPerSecond",
};

/** From here on a code is its peer's to choose (RFC 6455 section 7.4.2). */
const FIRST_FREE_CODE = 3000;

/** Of one protocol. */
export class ProtocolCounters {
  servers = 0;
  clients = 0;
  messagesReceived = 0;
  payloadReceived = 0;
  wireReceived = 0;
  messagesSent = 0;
  payloadSent = 0;
  wireSent = 0;
  probesMissed = 0;
  readonly closesByCode: Map<number, number> = new Map();
  readonly closesByCause: Map<CloseCause, number> = new Map();
  #freeCodes = 0;

  closed({ code, cause }: CloseInfo): void {
    increment(this.closesByCode, this.#countedAs(code));
    increment(this.closesByCause, cause);
  }

  /** A peer that closes with one code after the other must not make as many counts. */
  #countedAs(code: number): number {
    if (code < FIRST_FREE_CODE || this.closesByCode.has(code)) return code;
    if (this.#freeCodes === MOST_CODES) return OTHER_CODES;
    this.#freeCodes++;
    return code;
  }
}

/** Of a context as a whole. */
export class ContextCounters {
  /** Connections of servers. */
  accepted = 0;
  /** Attempts of clients to connect again. */
  retried = 0;
  readonly refused: Map<RefusalCause, number> = new Map();
  readonly failed: Map<ClientFailureCause, number> = new Map();
  readonly limits: Map<LimitName, number> = new Map();
  readonly turnedAway: Map<TurnedAwayCause, number> = new Map();

  refusedFor(cause: RefusalCause): void {
    increment(this.refused, cause);
  }

  failedFor(cause: ClientFailureCause): void {
    increment(this.failed, cause);
  }

  turnAway(cause: TurnedAwayCause): void {
    increment(this.turnedAway, cause);
  }

  hit(limit: LimitName): void {
    increment(this.limits, limit);
  }

  /** A connection fails for what its peer has sent. */
  failsFor(failure: Failure): void {
    const limit = LIMITS[failure];
    if (limit !== undefined) this.hit(limit);
  }
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
