/** Reading a request head that is whole: decode, split, look for colons. No checks, no limits. */

/** A request line's parts and the fields by their lower-case names. */
export interface BareHead {
  readonly method: string;
  readonly target: string;
  readonly fields: Map<string, string>;
}

const decoder = new TextDecoder();

/** Reads the head that `bytes` are. */
export function readHead(bytes: Uint8Array): BareHead {
  const lines = decoder.decode(bytes).split("\r\n");
  const [method, target] = lines[0]!.split(" ");
  const fields = new Map<string, string>();
  for (let i = 1; i < lines.length - 2; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { method: method!, target: target!, fields };
}
