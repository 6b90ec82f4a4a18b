/** Messages a second: so many connections, each with so many messages of one length in flight. */

import { compressing } from "../contenders.ts";
import type { Figure } from "../results.ts";
import { takeTurns } from "../turns.ts";
import { type Case, leftOut } from "./case.ts";

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

/** What a case may have besides its shape. */
interface Kind {
  readonly isQuick?: boolean;
  /** Whether messages are compressed, among the servers that can. */
  readonly deflate?: boolean;
}

/** The name of a compressed case, before its shape. */
const DEFLATE = "deflate-";

/** The case that has a name, if that is a shape's, such as `64x16x125` or `deflate-16x16x1024`. */
export function throughputCaseNamed(name: string): Case | undefined {
  const deflate = name.startsWith(DEFLATE);
  const shape = readShape(deflate ? name.slice(DEFLATE.length) : name);
  return shape && throughputCase(shape, { deflate });
}

/** The case of a shape. */
export function throughputCase(shape: Shape, kind: Kind = {}): Case {
  const { isQuick = false, deflate = false } = kind;
  const [connections, pipeline, size] = shape;
  const name = (deflate ? DEFLATE : "") + shape.join("x");
  const unit = connections === 1 ? "connection" : "connections";
  const title = `${connections} ${unit}, ${pipeline} in flight on each, ${size} bytes` +
    (deflate ? " of text, compressed" : "");
  return {
    name,
    isQuick,
    async measure({ contenders, load, effort: { rounds, seconds, warmup } }) {
      const head = { name, title, figures: THROUGHPUT_FIGURES };
      if (deflate && load.withoutDeflate !== undefined) return leftOut(head, load.withoutDeflate);
      const notes = new Set<string>();
      const target = { connections, pipeline, size, warmup, deflate };
      const taken = await takeTurns({
        name,
        contenders: deflate ? compressing(contenders) : contenders,
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
      return { ...head, ...taken, notes: [...notes] };
    },
  };
}
