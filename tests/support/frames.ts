/** Frames as a peer would send them, written out byte by byte and independent of `src`. */

export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** The masking key; left out: an unmasked frame. */
  readonly key?: readonly [number, number, number, number];
  /** Bytes of the length field beyond the seven bits; default: the fewest that hold it. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** What the header says of the payload's length, where that is not what it has. */
  readonly length?: bigint;
}

const encoder = new TextEncoder();

export const KEY: readonly [number, number, number, number] = [0x37, 0xfa, 0x21, 0x3d];

export function frame(options: FrameOptions): Uint8Array {
  const { fin = true, rsv = 0, opcode, key } = options;
  const payload = typeof options.payload === "string"
    ? encoder.encode(options.payload)
    : options.payload ?? new Uint8Array(0);
  const said = options.length ?? BigInt(payload.length);
  const lengthBytes = options.lengthBytes ?? (said < 126n ? 0 : said <= 0xffffn ? 2 : 8);
  const header = [(fin ? 0x80 : 0) | rsv << 4 | opcode];
  const maskBit = key === undefined ? 0 : 0x80;
  if (lengthBytes === 0) header.push(maskBit | Number(said));
  else {
    header.push(maskBit | (lengthBytes === 2 ? 126 : 127));
    const digits = said.toString(16).padStart(lengthBytes * 2, "0");
    for (let i = 0; i < digits.length; i += 2) header.push(parseInt(digits.slice(i, i + 2), 16));
  }
  if (key !== undefined) header.push(...key);
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  for (let i = 0; i < payload.length; i++) {
    bytes[header.length + i] = payload[i]! ^ (key === undefined ? 0 : key[i % 4]!);
  }
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

/** A frame of drafts 04 to 06 (section 4.2): opcodes of their own, and a fourth reserved bit. */
export interface DraftFrameOptions extends Omit<FrameOptions, "key"> {
  /** 0 continuation, 1 close, 2 ping, 3 pong, 4 text, 5 binary. */
  readonly opcode: number;
  readonly rsv4?: boolean;
  /** What stands in front of a client's frame; left out: the frame of a server. */
  readonly nonce?: readonly [number, number, number, number];
  /** What its bytes are masked with, round and round. Default: the nonce, as in drafts 05 and 06. */
  readonly key?: ArrayLike<number>;
}

export function draftFrame(options: DraftFrameOptions): Uint8Array {
  const { nonce, rsv4 = false, key = nonce ?? [0], ...rest } = options;
  const open = frame(rest);
  if (rsv4) open[1]! |= 0x80;
  for (let i = 0; i < open.length; i++) open[i]! ^= key[i % key.length]!;
  return nonce === undefined ? open : concat(Uint8Array.from(nonce), open);
}
