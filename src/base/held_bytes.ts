/** How much of what peers have sent, or have yet to read, is held. */

/** Bytes held in one place, which all that hold some count in: each counts what it takes and what it gives back. */
export class HeldBytes {
  bytes = 0;
}

/** Where it counts nothing that would be looked at. */
export const UNCOUNTED = new HeldBytes();
