/** What was published to topics, and what those that follow them were told. */

import type { Position } from "../../../mod.ts";

/** One publication that the broker has confirmed: topic, number of its publisher's there, position. */
export type Confirmed = readonly [topic: string, number: number, epoch: string, offset: number];

/** What a node has published, once nothing of it is under way any more. */
export interface Published {
  /** The name that its publications carry. */
  readonly publisher: string;
  readonly confirmed: readonly Confirmed[];
  /** How many attempts were refused, and made again with the same id. */
  readonly refused: number;
}

/** What a publication carries. */
export interface Numbered {
  readonly publisher: string;
  readonly number: number;
}

/** What a follower was told, in the order in which a program would see it. */
export type Entry =
  | { readonly kind: "message"; readonly message: Numbered & Position }
  | {
    readonly kind: "begun";
    readonly since: Position | undefined;
    readonly recovered: boolean;
    readonly start: Position;
    /** How many messages the node says to have sent for the resume, and how many had come. */
    readonly count: number;
    readonly came: number;
  }
  | { readonly kind: "gap"; readonly start: Position; readonly cause: string };

/** One that follows a topic. */
export interface Followed {
  readonly topic: string;
  readonly trace: readonly Entry[];
}
