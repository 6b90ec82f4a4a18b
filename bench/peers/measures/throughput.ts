/** Messages a second: so many connections, each with so many messages of one length in flight. */

import type { Figure } from "../results.ts";
import { takeTurns } from "../turns.ts";
import type { Case } from "./case.ts";

export const THROUGHPUT_FIGURES: readonly Figure[] = [
  { name: "messagesPerSecond", title: "messages/s", better: "more" },
  { name: "p50us", title: "p50 µs" },
  { name: "p99us", title: "p99 µs" },
];

/** Connections, messages in flight on each, bytes of a message. */
export type Shape = readonly [connections: number, pipeline: number, size: number];

/** Bounds that every server here keeps to with its default limits. */
const MOST: Shape = [10_000, 1_000, 65_536];

/** Reads `64x16x125`; undefined when it is none, or too large. */
export function readShape(text: string): Shape | undefined {
  const match = /^(\d+)x(\d+)x(\d+)$/.exec(text);
  if (match === null) return undefined;
  const shape = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  const fits = shape.every((value, index) => value >= 1 && value <= MOST[index]!);
  return fits ? shape : undefined;
}

/** The case of a shape. */
export function throughputCase(shape: Shape, isQuick = false): Case {
  const [connections, pipeline, size] = shape;
  const name = shape.join("x");
  return {
    name,
    isQuick,
    async measure({ contenders, load, effort: { rounds, seconds, warmup } }) {
      const notes = new Set<string>();
      const target = { connections, pipeline, size, warmup };
      const taken = await takeTurns({
        name,
        contenders,
        rounds,
        async warmUp({ port }) {
          await load.throughput({ ...target, port, seconds: warmup });
        },
        async sample({ port, contender }) {
          const { messagesPerSecond, p50us, p99us, starved } = await load.throughput({
            ...target,
            port,
            seconds,
          });
          if (starved > 0) {
            notes.add(`${contender.title}: ${starved} connections got nothing in a whole round.`);
          }
          return { messagesPerSecond, p50us, p99us };
        },
      });
      const unit = connections === 1 ? "connection" : "connections";
      const title = `${connections} ${unit}, ${pipeline} in flight on each, ${size} bytes`;
      return { name, title, figures: THROUGHPUT_FIGURES, ...taken, notes: [...notes] };
    },
  };
}
