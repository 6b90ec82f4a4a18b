/** What the proxy does to a connection: decided by the seed alone, and by where in the stream a byte is. */

import { crc32 } from "node:zlib";
import { random } from "../properties/random.ts";

/** So many bytes go on in one piece, after this wait. */
export interface Step {
  readonly bytes: number;
  /** Milliseconds; 0 is a turn of the event loop, and undefined no wait at all. */
  readonly waitMs: number | undefined;
}

/**
 * How a direction is broken off. `halfClose`: its receiver gets the end of the stream, and the other direction
 * goes on. `reset`: one end gets a reset, or both. `silence`: nothing goes on any more in this direction, and
 * then there is a reset of both.
 */
export interface Break {
  readonly kind: "halfClose" | "reset" | "silence";
  /** Behind so many bytes. */
  readonly at: number;
  /** Which ends get a reset; the others get the end of the stream. */
  readonly resets: "sender" | "receiver" | "both";
  /** Milliseconds of the silence. */
  readonly silenceMs: number;
}

/** What is done to one direction. */
export interface Direction {
  readonly end: Break | undefined;
  /** The next step; there is always one more. */
  next(): Step;
}

/** What is done to one connection. */
export interface Decisions {
  readonly fromClient: Direction;
  readonly fromServer: Direction;
}

/** Milliseconds that a direction is held up in all: a connection has to come to its end. */
const MOST_WAIT_MS = 1_500;
const LONGEST_STALL_MS = 800;
const LONGEST_PIECE = 65_536;

/** Numbers for a name, such as that of a connection of a run. */
export function randomOf(name: string): (below: number) => number {
  return random(crc32(name) | 0);
}

/** A whole number from 0 to `most`, of each order of magnitude as often. */
export function anyMagnitude(below: (most: number) => number, most: number): number {
  const bits = below(Math.ceil(Math.log2(most + 1)) + 1);
  return Math.min(most, below(2 ** bits));
}

/** The decisions for the connection of this name. */
export function decide(name: string): Decisions {
  const below = randomOf(name);
  const broken = [undefined, undefined, "fromClient", "fromServer", "fromServer"][below(5)];
  return {
    fromClient: direction(below, broken === "fromClient"),
    fromServer: direction(below, broken === "fromServer"),
  };
}

function direction(parent: (below: number) => number, isBroken: boolean): Direction {
  // Numbers of its own: how far the other direction has come makes no difference.
  const below = random(parent(2 ** 31));
  const end: Break = {
    kind: (["halfClose", "halfClose", "reset", "reset", "silence"] as const)[below(5)]!,
    at: anyMagnitude(below, 2 ** 18),
    resets: (["sender", "receiver", "both"] as const)[below(3)]!,
    silenceMs: 200 + below(1_500),
  };
  let waitLeft = MOST_WAIT_MS;
  return {
    end: isBroken ? end : undefined,
    next() {
      const chance = below(100);
      const bytes = 1 + (chance % 2 === 0 ? below(24) : anyMagnitude(below, LONGEST_PIECE));
      if (chance < 40) return { bytes, waitMs: undefined };
      const stall = 1 + below(LONGEST_STALL_MS);
      const wanted = chance < 85 ? 0 : chance < 99 ? 1 + below(10) : stall;
      const waitMs = Math.min(wanted, waitLeft);
      waitLeft -= waitMs;
      return { bytes, waitMs };
    },
  };
}
