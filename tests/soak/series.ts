/** Whether what was sampled has stayed flat. */

/** What one process holds at a moment at which nothing is connected. */
export interface Sample {
  /** Minutes since the start. */
  readonly minute: number;
  /** Bytes of the heap behind a collection, but for code, and of the buffers that belong to it. */
  readonly heap: number;
  /** Bytes of code: what is compiled late, or again and better, at any time and as the machine finds time. */
  readonly code: number;
  /** Bytes of resident memory. */
  readonly resident: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** Armed timers of all contexts. */
  readonly timers: number;
  /** Connections of all contexts. */
  readonly connections: number;
}

/** What is judged of a sample. */
export type SeriesName = Exclude<keyof Sample, "minute">;

/**
 * How much a series may grow in a minute, in its own unit. A heap that keeps nothing still grows by some 20 KiB, what
 * functions that become hot are told of their arguments, and their code by three times as much; an object that each
 * connection leaves behind makes some hundred KiB on a machine that has little time, and more where it has.
 */
export const MOST_A_MINUTE: Readonly<Record<SeriesName, number>> = {
  heap: 128 * 1024,
  code: 256 * 1024,
  resident: 2 * 1024 * 1024,
  descriptors: 0.5,
  timers: 0.5,
  connections: 0.5,
};
/** The last third's median, in those of the first third behind the warm-up. */
const MOST_GROWTH = 1.1;
/** The part at the beginning that does not count. */
const WARM_UP = 1 / 4;

/** What the rule makes of a series. */
export interface Verdict {
  readonly isFlat: boolean;
  /**
   * Growth in a minute over the second half: the median of the slopes of all pairs of samples (Theil and Sen), which a
   * sample that was taken at a bad moment makes no difference to.
   */
  readonly slope: number;
  /** The medians of the first third behind the warm-up, and of the last one. */
  readonly first: number;
  readonly last: number;
}

/**
 * Judges a series. It is flat when its slope over the second half is at most {@linkcode MOST_A_MINUTE}, and the median
 * of its last third at most 1.1 of that of its first third; the first quarter is warm-up.
 *
 * @throws {Error} with fewer than 12 samples
 */
export function judge(samples: readonly Sample[], name: SeriesName): Verdict {
  if (samples.length < 12) throw new Error(`${samples.length} samples are too few to judge`);
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const third = Math.floor(warm.length / 3);
  const first = median(warm.slice(0, third).map((sample) => sample[name]));
  const last = median(warm.slice(-third).map((sample) => sample[name]));
  const slope = slopeOf(
    samples.slice(Math.floor(samples.length / 2)).map((sample) => [sample.minute, sample[name]]),
  );
  const isFlat = slope <= MOST_A_MINUTE[name] && last <= first * MOST_GROWTH;
  return { isFlat, slope, first, last };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  return median(
    points.flatMap(([x, y], i) =>
      points.slice(i + 1).map(([later, value]) => (value - y) / (later - x))
    ),
  );
}
