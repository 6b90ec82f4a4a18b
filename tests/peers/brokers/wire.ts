/** What nodes and followers of these tests say to each other, and what a node tells the test. */

import type { Position } from "../../../mod.ts";
import type { Numbered, Published } from "../../support/topics/trace.ts";

/** Which broker a node has: its options, as far as JSON has them. */
export interface BrokerChoice {
  readonly kind: "memory" | "redis" | "nats";
  readonly options: Readonly<Record<string, unknown>>;
}

/** How a node is set up: the first word of its command line, as JSON. */
export interface NodeChoice {
  /** Names its publishers. */
  readonly name: string;
  readonly broker: BrokerChoice;
  /** Limits of its topics. */
  readonly topics: Readonly<Record<string, number>>;
}

/** What the test orders of a node, a line each. */
export type Order =
  /** One publication after the other to each of these topics, so many a second to each. */
  | { readonly publish: readonly string[]; readonly rate: number }
  /** The end of that: it answers with a {@linkcode Stopped}. */
  | { readonly stop: true };

/** What a node has published, once nothing of it is under way any more, and its memory then. */
export interface Stopped extends Published {
  readonly heapBytes: number;
}

/** What a node sends on a connection. */
export type Told =
  | ({ readonly kind: "message" } & Numbered & Position)
  /** The answer to `subscribe`. */
  | ({ readonly kind: "begun"; readonly recovered: boolean; readonly count: number } & Position)
  | ({ readonly kind: "gap"; readonly cause: string } & Position)
  /** `subscribe` was rejected. */
  | { readonly kind: "refused"; readonly code: string };

/** Where a follower wants to begin: a topic, and a position to go on from. */
export interface Wish {
  readonly topic: string;
  readonly since?: Position;
}

/** A message as it travels: short, as there are many. */
export function writeMessage({ epoch, offset }: Position, data: Uint8Array): string {
  return `m ${epoch} ${offset} ${new TextDecoder().decode(data)}`;
}

/** The data of a publication. */
export function writeNumbered({ publisher, number }: Numbered): string {
  return `${publisher} ${number}`;
}

/** Anything else. */
export function writeTold(told: Exclude<Told, { kind: "message" }>): string {
  return JSON.stringify(told);
}

/** Reads what a node has sent. */
export function readTold(text: string): Told {
  if (!text.startsWith("m ")) return JSON.parse(text) as Told;
  const [, epoch, offset, publisher, number] = text.split(" ") as [string, ...string[]];
  return {
    ...{ kind: "message", epoch: epoch!, offset: Number(offset) },
    ...{ publisher: publisher!, number: Number(number) },
  };
}
