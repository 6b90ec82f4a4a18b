/** What a client of `lws.resume.v1` keeps of a topic, and what it is told. */

import type { ResumeGap, ResumePosition, ResumeSubscribing } from "./types.ts";

/** What was published as bytes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A topic that is subscribed to. */
export interface Entry extends Omit<ResumeSubscribing, "since"> {
  readonly topic: string;
  position: ResumePosition | undefined;
  /** Of what was asked for on this connection; 0 for nothing. */
  id: number;
  /** Whether that was answered by a yes. */
  isLive: boolean;
  /** How often in a row the broker could not be reached. */
  attempts: number;
  /** Asks again then. */
  timer: unknown;
}

/** A message of the server, which has some of these. */
export interface Told {
  readonly s?: number;
  readonly t?: string;
  readonly e: string;
  readonly o: number;
  readonly r?: boolean;
  readonly g?: ResumeGap["cause"];
  readonly w?: number;
  readonly x?: string;
  readonly d?: unknown;
}
