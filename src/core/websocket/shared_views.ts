/** Views of the buffers that networks read to, kept for the next read: making one costs as much as a small message. */

/** Of a buffer up to this size, decrypted or not. */
const LARGEST_SHARED = 288 * 1024;

/** What the connections that read to one buffer have in common. */
let sharedView: DataView = new DataView(new ArrayBuffer(0));
/** The last whole message in it, and where that began: many are as long as the one before, at the front of a read. */
let sharedPiece: Uint8Array = new Uint8Array(0);
let sharedPieceAt = -1;

/** A view of the whole buffer. */
export function sharedViewOf(buffer: ArrayBufferLike): DataView {
  if (sharedView.buffer === buffer) return sharedView;
  const view = new DataView(buffer);
  if (buffer.byteLength <= LARGEST_SHARED) {
    sharedView = view;
    sharedPieceAt = -1;
  }
  return view;
}

/**
 * A message's bytes, valid until the next read.
 *
 * @param view of the same bytes
 */
export function pieceOf(bytes: Uint8Array, view: DataView, at: number, length: number): Uint8Array {
  if (view !== sharedView) return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
  if (at === sharedPieceAt && length === sharedPiece.length) return sharedPiece;
  sharedPieceAt = at;
  return sharedPiece = new Uint8Array(bytes.buffer, at, length);
}
