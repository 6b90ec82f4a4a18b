/** Reads DER: ASN.1 as certificates are encoded (ITU-T X.690). */

export const BOOLEAN = 0x01;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const SEQUENCE = 0x30;

/** One value; what is inside is read by {@linkcode elementsOf} again. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/**
 * The values that these bytes are, one behind the other; undefined when they are no DER, or have a tag of
 * more than one byte (section 8.1.2.4), as nothing in a certificate has.
 */
export function elementsOf(bytes: Uint8Array): readonly DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!;
    if ((tag & 0x1f) === 0x1f) return undefined;
    const first = bytes[at + 1] ?? INDEFINITE;
    const size = first < INDEFINITE ? 0 : first - INDEFINITE;
    const from = at + 2 + size;
    if (first === INDEFINITE || size > MOST_OF_LENGTH || from > bytes.length) return undefined;
    const length = size === 0 ? first : longLength(bytes.subarray(at + 2, from));
    if (length === undefined || length > bytes.length - from) return undefined;
    at = from + length;
    elements.push({ tag, content: bytes.subarray(from, at) });
  }
  return elements;
}

/** The one value that these bytes are, if it has that tag. */
export function soleElement(bytes: Uint8Array, tag: number): DerElement | undefined {
  const elements = elementsOf(bytes);
  return elements?.length === 1 && elements[0]!.tag === tag ? elements[0] : undefined;
}

/** Section 8.1.3.6: the end is marked instead, which DER doesn't do (section 10.1). */
const INDEFINITE = 0x80;
/** Bytes of a length; more than 16 MiB no handshake carries. */
const MOST_OF_LENGTH = 3;

/** Section 10.1: in as few bytes as will do. */
function longLength(bytes: Uint8Array): number | undefined {
  const length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes[0] === 0 || length < INDEFINITE ? undefined : length;
}
