/** How much of what peers have sent, or have yet to read, is held. */

/** Bytes held in one place, which all that hold some count in: each counts what it takes and what it gives back. */
export class HeldBytes {
  bytes = 0;
  /** What the sum has to pass to be looked at. */
  most = Infinity;

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.most) this.onMost();
  }

  /** Called for each of those that take it past `most`, in the middle of their work. */
  protected onMost(): void {}
}

/** Where it counts nothing that would be looked at. */
export const UNCOUNTED = new HeldBytes();
