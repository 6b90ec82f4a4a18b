/** Places in what a connection sends, of which the program is told once all before them has left. */

interface Mark {
  /** By how many bytes that have left since marks were there it is passed. */
  at: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class Marks {
  #left = 0;
  readonly #marks: Mark[] = [];

  get isEmpty(): boolean {
    return this.#marks.length === 0;
  }

  add(unsent: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#marks.push({ at: this.#left + unsent, resolve, reject });
    return promise;
  }

  pass(left: number): void {
    this.#left += left;
    let passed = 0;
    for (; passed < this.#marks.length && this.#marks[passed]!.at <= this.#left; passed++) {
      this.#marks[passed]!.resolve();
    }
    this.#marks.splice(0, passed);
  }

  move(bytes: number): void {
    for (const mark of this.#marks) mark.at += bytes;
  }

  drop(error: unknown): void {
    for (const { reject } of this.#marks.splice(0)) reject(error);
  }
}

const markings = new WeakMap<object, Marks>();

/** Resolves when the `unsent` bytes that an outbox has now have left; rejects by {@linkcode dropMarks}. */
export function markEnd(outbox: object, unsent: number): Promise<void> {
  let marks = markings.get(outbox);
  if (marks === undefined) markings.set(outbox, marks = new Marks());
  return marks.add(unsent);
}

/** So many bytes have left; false when no mark is there any more. */
export function passMarks(outbox: object, left: number): boolean {
  const marks = markings.get(outbox);
  marks?.pass(left);
  if (marks === undefined || !marks.isEmpty) return marks !== undefined;
  markings.delete(outbox);
  return false;
}

/** So many bytes were put in front of what is unsent. */
export function moveMarks(outbox: object, bytes: number): void {
  markings.get(outbox)?.move(bytes);
}

/** Nothing more leaves. */
export function dropMarks(outbox: object, why: () => unknown): void {
  const marks = markings.get(outbox);
  if (marks === undefined) return;
  markings.delete(outbox);
  marks.drop(why());
}
