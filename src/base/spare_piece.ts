/**
 * A piece that is alone in its buffer: what would copy it may keep it in place of that. One at a time is offered, for
 * as long as it is delivered.
 */

let offered: Uint8Array | undefined;

/** Offers a piece that is delivered next; {@linkcode wasKept} has to follow. */
export function offerToKeep(piece: Uint8Array): void {
  offered = piece;
}

/**
 * Whether the buffer of a piece that was offered is another one's now. Also where one that was delivered meanwhile
 * elsewhere has come in its place: then the collector has to see to it.
 */
export function wasKept(piece: Uint8Array): boolean {
  const isLeft = offered === piece;
  offered = undefined;
  return !isLeft;
}

/** The bytes of a piece in a buffer that is the caller's own: a copy, unless the piece is offered. */
export function keep(piece: Uint8Array): Uint8Array {
  if (piece !== offered) return piece.slice();
  offered = undefined;
  return piece;
}
