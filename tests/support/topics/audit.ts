/** What followers were told beside what was published: whether anything is missing without a word, or came twice. */

import type { Position } from "../../../mod.ts";
import type { Entry, Followed, Numbered, Published } from "./trace.ts";

/** What must not happen, each as a count. */
export interface Faults {
  /** Missing, and not told before the next message. */
  lost: number;
  /** Came again, on one connection or over a resume that was told to be a whole one. */
  doubled: number;
  /** Came behind one that it was published before. */
  disordered: number;
  /** Taken twice by the broker, with the same id and without a loss between. */
  repeated: number;
  /** A gap was told, and nothing is missing. */
  falseAlarms: number;
  /** A resume told of more messages than had come. */
  miscounted: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  ...{ lost: 0, doubled: 0, disordered: 0, repeated: 0, falseAlarms: 0, miscounted: 0 },
};

/** What became of a run. */
export interface Account {
  readonly faults: Faults;
  /** The first faults, in words. */
  readonly complaints: readonly string[];
  readonly delivered: number;
  readonly published: number;
  /** Publications that were refused, and made again. */
  readonly refused: number;
  /** Resumes that were told to be whole, and those that were not. */
  readonly recovered: number;
  readonly unrecovered: number;
  /** Gaps that were told on a connection, by their causes. */
  readonly gaps: Readonly<Record<string, number>>;
  /** Publications that followers did not get, and were told so. */
  readonly lostOpenly: number;
}

/** What was truly published: of each topic and epoch the offsets, ascending. */
class Ledger {
  readonly #offsets = new Map<string, number[]>();

  constructor(all: readonly Published[]) {
    for (const { confirmed } of all) {
      for (const [topic, , epoch, offset] of confirmed) {
        const key = `${topic} ${epoch}`;
        const known = this.#offsets.get(key);
        if (known === undefined) this.#offsets.set(key, [offset]);
        else known.push(offset);
      }
    }
    // The same id has the same offset, each time that it is confirmed.
    for (const [key, offsets] of this.#offsets) {
      this.#offsets.set(key, [...new Set(offsets)].sort((a, b) => a - b));
    }
  }

  /** How many were confirmed behind one offset and before another one. */
  between(topic: string, { epoch, offset }: Position, before: number): number {
    const offsets = this.#offsets.get(`${topic} ${epoch}`) ?? [];
    return Math.max(0, firstAtLeast(offsets, before) - firstAtLeast(offsets, offset + 1));
  }
}

/** The index of the first of sorted values that is not less. */
function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Compares what followers were told with what nodes have published. */
export function audit(followers: readonly Followed[], all: readonly Published[]): Account {
  const ledger = new Ledger(all);
  const sum = new Sum();
  for (const [i, { topic, trace }] of followers.entries()) {
    new Reader(topic, ledger, sum, `follower ${i} of ${topic}`).read(trace);
  }
  return {
    ...{ faults: sum.faults, complaints: sum.complaints, delivered: sum.delivered },
    published: all.reduce((all, { confirmed }) => all + confirmed.length, 0),
    refused: all.reduce((all, { refused }) => all + refused, 0),
    ...{ recovered: sum.recovered, unrecovered: sum.unrecovered },
    ...{ gaps: sum.gaps, lostOpenly: sum.lostOpenly },
  };
}

/** What all followers add up to. */
class Sum {
  readonly faults: Faults = { ...NO_FAULTS };
  readonly complaints: string[] = [];
  readonly gaps: Record<string, number> = {};
  delivered = 0;
  recovered = 0;
  unrecovered = 0;
  lostOpenly = 0;

  fault(kind: keyof Faults, count: number, where: string, what: () => string): void {
    this.faults[kind] += count;
    if (this.complaints.length < 10) this.complaints.push(`${where}: ${kind} ${count}: ${what()}`);
  }
}

/** Reads what one follower was told. */
class Reader {
  readonly #topic: string;
  readonly #ledger: Ledger;
  readonly #sum: Sum;
  readonly #where: string;
  /** Behind which the next message has to follow. */
  #at: Position | undefined;
  readonly #latest = new Map<string, number>();
  /** Publishers of which something may be missing, or come again, as was told. */
  #excused = new Set<string>();
  #seen = new Set<string>();

  constructor(topic: string, ledger: Ledger, sum: Sum, where: string) {
    this.#topic = topic;
    this.#ledger = ledger;
    this.#sum = sum;
    this.#where = where;
  }

  read(trace: readonly Entry[]): void {
    for (const entry of trace) {
      if (entry.kind === "message") this.#message(entry.message);
      else if (entry.kind === "gap") {
        this.#sum.gaps[entry.cause] = (this.#sum.gaps[entry.cause] ?? 0) + 1;
        this.#missed(entry.start);
      } else this.#begun(entry);
    }
  }

  #begun({ since, recovered, start, count, came }: Entry & { kind: "begun" }): void {
    if (came < count) this.#fault("miscounted", count - came, () => `${came} of ${count} had come`);
    if (since === undefined) {
      this.#at = start;
      return;
    }
    if (recovered) this.#sum.recovered++;
    else {
      this.#sum.unrecovered++;
      this.#missed(start);
    }
  }

  /** It was told that what is between is not for it. */
  #missed(start: Position): void {
    const at = this.#at!;
    const missing = this.#ledger.between(this.#topic, at, start.offset + 1);
    if (at.epoch === start.epoch) {
      this.#sum.lostOpenly += missing;
      if (missing === 0) {
        this.#fault("falseAlarms", 1, () => `${text(at)} to ${text(start)}`);
      }
    } else {
      this.#sum.lostOpenly += this.#ledger.between(this.#topic, at, Infinity);
      this.#seen.clear();
    }
    this.#at = start;
    this.#excused = new Set(this.#latest.keys());
  }

  #message({ publisher, number, epoch, offset }: Numbered & Position): void {
    this.#sum.delivered++;
    const at = this.#at!;
    const isSame = at.epoch === epoch || (at.epoch === "" && at.offset === 0);
    const which = () => `${publisher} ${number} at ${text({ epoch, offset })} behind ${text(at)}`;
    if (!isSame) this.#fault("lost", 1, () => `another epoch: ${which()}`);
    else if (offset <= at.offset) {
      const isAgain = this.#seen.has(`${epoch} ${offset}`);
      this.#fault(isAgain ? "doubled" : "disordered", 1, which);
    } else {
      const missing = this.#ledger.between(this.#topic, { epoch, offset: at.offset }, offset);
      if (missing > 0) this.#fault("lost", missing, which);
      else this.#count(publisher, number, which);
    }
    this.#latest.set(publisher, number);
    this.#excused.delete(publisher);
    this.#seen.add(`${epoch} ${offset}`);
    this.#at = { epoch, offset };
  }

  /** The numbers of a publisher, whose order is that of its publications. */
  #count(publisher: string, number: number, which: () => string): void {
    const latest = this.#latest.get(publisher);
    if (latest === undefined || this.#excused.has(publisher)) return;
    if (number <= latest) this.#fault("repeated", 1, () => `${which()}, ${latest} had come`);
    else if (number > latest + 1) {
      this.#fault("lost", number - latest - 1, () => `${which()}, after number ${latest}`);
    }
  }

  #fault(kind: keyof Faults, count: number, what: () => string): void {
    this.#sum.fault(kind, count, this.#where, what);
  }
}

function text({ epoch, offset }: Position): string {
  return `${offset} of ${JSON.stringify(epoch.slice(0, 20))}`;
}
