/** What both floors do with the frames of a connection. No checks, no limits. */

const FIRST_OUTPUT = 512;

/** Turns frames into their echoes. */
export class FloorEcho {
  /** The echoes; `filled` bytes of it count. */
  output: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_OUTPUT);
  filled = 0;

  /** Echoes the whole frames in the first `end` bytes, unmasked in place; returns where they end. */
  take(input: Uint8Array<ArrayBuffer>, view: DataView, end: number): number {
    let at = 0;
    let out = 0;
    let output = this.output;
    while (end - at >= 6) {
      let length = input[at + 1]! & 127;
      let header = 6;
      if (length === 126) {
        length = view.getUint16(at + 2);
        header = 8;
      } else if (length === 127) {
        length = view.getUint32(at + 6);
        header = 14;
      }
      if (end - at < header + length) break;
      const key = view.getUint32(at + header - 4, true);
      unmask(input, view, at + header, at + header + length, key);
      if (out + length + 10 > output.length) {
        const grown = new Uint8Array(output.length * 2 + length);
        grown.set(output.subarray(0, out));
        this.output = output = grown;
      }
      output[out++] = input[at]!;
      if (length < 126) output[out++] = length;
      else if (length < 65_536) {
        output[out++] = 126;
        output[out++] = length >>> 8;
        output[out++] = length;
      } else {
        output.set([127, 0, 0, 0, 0], out);
        new DataView(output.buffer).setUint32(out + 5, length);
        out += 9;
      }
      output.set(input.subarray(at + header, at + header + length), out);
      out += length;
      at += header + length;
    }
    this.filled = out;
    return at;
  }
}

function unmask(bytes: Uint8Array, view: DataView, at: number, end: number, key: number): void {
  if (end - at >= 256) {
    const half = BigInt(key);
    const wide = BigInt.asUintN(64, half << 32n | half);
    for (; at + 8 <= end; at += 8) {
      view.setBigUint64(at, view.getBigUint64(at, true) ^ wide, true);
    }
  }
  for (; at + 4 <= end; at += 4) view.setUint32(at, view.getUint32(at, true) ^ key, true);
  for (let shift = 0; at < end; at++, shift += 8) bytes[at]! ^= key >>> shift;
}
