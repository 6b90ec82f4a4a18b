/** Messages a second: so many connections, each with so many messages of one length in flight. */

import { compressing } from "../contenders.ts";
import { tooFewDescriptors } from "../machine.ts";
import type { Figure } from "../results.ts";
import { takeTurns } from "../turns.ts";
import { type Case, leftOut } from "./case.ts";

const FIGURES: readonly Figure[] = [
  { name: "messagesPerSecond", title: "messages/s", better: "more" },
  { name: "cpuUs", title: "CPU µs/message", digits: 2 },
  { name: "p50us", title: "p50 µs" },
  { name: "p99us", title: "p99 µs" },
  { name: "worstMs", title: "worst ms", digits: 1 },
];

/** Where so many are busy, the longest time tells whether each has its turn. */
const CROWD = 1_000;
const CROWD_FIGURES: readonly Figure[] = [
  ...FIGURES.slice(0, -1),
  { name: "worstMs", title: "worst ms", digits: 1, better: "less" },
  { name: "starved", title: "starved" },
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
  /** Connections beside them on which nothing comes. @default {0} */
  readonly idle?: number;
}

/** The name of a compressed case, before its shape. */
const DEFLATE = "deflate-";
/** The name of a case with idle connections, between their number and the shape. */
const BESIDE = "-idle-";

/** The case that has a name, if that is a shape's, such as `64x16x125` or `deflate-16x16x1024`. */
export function throughputCaseNamed(name: string): Case | undefined {
  const deflate = name.startsWith(DEFLATE);
  const shape = readShape(deflate ? name.slice(DEFLATE.length) : name);
  return shape && throughputCase(shape, { deflate });
}

/** The case of a shape. */
export function throughputCase(shape: Shape, kind: Kind = {}): Case {
  const { isQuick = false, deflate = false, idle = 0 } = kind;
  const [connections, pipeline, size] = shape;
  const name = (deflate ? DEFLATE : "") + (idle > 0 ? idle + BESIDE : "") + shape.join("x");
  const unit = connections === 1 ? "connection" : "connections";
  const title = `${connections} ${unit}, ${pipeline} in flight on each, ${size} bytes` +
    (deflate ? " of text, compressed" : "") + (idle > 0 ? `, beside ${idle} idle ones` : "");
  const figures = connections < CROWD ? FIGURES : CROWD_FIGURES;
  return {
    name,
    isQuick,
    async measure({ contenders, load, effort: { rounds, seconds, warmup } }) {
      const head = { name, title, figures };
      if (deflate && load.withoutDeflate !== undefined) return leftOut(head, load.withoutDeflate);
      const reason = tooFewDescriptors(connections + idle);
      if (reason !== undefined) return leftOut(head, reason);
      const notes = new Set<string>();
      const target = { connections, pipeline, size, warmup, deflate };
      const taken = await takeTurns({
        name,
        contenders: deflate ? compressing(contenders) : contenders,
        rounds,
        async warmUp(server) {
          await load.throughput({ ...target, server, seconds: warmup });
        },
        async sample(server) {
          await using held = idle === 0
            ? undefined
            : await load.hold({ server, connections: idle, deflate });
          const result = await load.throughput({ ...target, server, seconds });
          await held?.release();
          const { messagesPerSecond, cpuUs, p50us, p99us, maxus, starved } = result;
          if (starved > 0) {
            const { title } = server.contender;
            notes.add(`${title}: ${starved} connections got nothing in a whole round.`);
          }
          return { messagesPerSecond, cpuUs, p50us, p99us, worstMs: maxus / 1000, starved };
        },
      });
      return { ...head, ...taken, notes: [...notes] };
    },
  };
}
