/** The header fields of a message (RFC 9110 section 5), and the check of one field line. */

import { COLON, HttpSyntaxError, isBlank, isTokenByte } from "./syntax.ts";

/** A field name by which lines are found; to lower the case of one takes as long as to find it. */
export type FieldName = Lowercase<string>;

/** The field name that a name in any case is. */
export function fieldName(name: string): FieldName {
  return name.toLowerCase() as FieldName;
}

/**
 * Field lines by field name, whose case does not matter (RFC 9110 section 5.1): lines come in any, and are
 * asked for in lower case. A list that is searched: a handful of lines is found sooner in it than in a map,
 * which has to be built first.
 */
export class HeaderFields {
  /** In lower case, in the order of arrival. */
  readonly #names: FieldName[] = [];
  readonly #values: string[] = [];

  /** Field lines, repeated ones counted each. */
  get size(): number {
    return this.#names.length;
  }

  /** Adds a field line behind those that the name already has. */
  add(name: string, value: string): void {
    this.addLower(fieldName(name), value);
  }

  /** The same of a name in lower case. */
  addLower(name: FieldName, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /**
   * The value of the field, `undefined` when it is absent. Repeated lines are joined with `", "`
   * (RFC 9110 section 5.3); `set-cookie` alone can't be joined, so read it with
   * {@linkcode HeaderFields.getAll}.
   */
  get(name: FieldName): string | undefined {
    const first = this.#names.indexOf(name);
    if (first < 0) return undefined;
    if (this.#names.indexOf(name, first + 1) < 0) return this.#values[first];
    return this.getAll(name).join(", ");
  }

  /** The value of each line of the field, in the order of arrival. */
  getAll(name: FieldName): readonly string[] {
    return this.#values.filter((_, line) => this.#names[line] === name);
  }

  /** Whether the field is there, be it empty. */
  has(name: FieldName): boolean {
    return this.#names.includes(name);
  }

  /** How many lines the field has. */
  count(name: FieldName): number {
    let count = 0;
    for (const other of this.#names) if (other === name) count++;
    return count;
  }

  /** The characters of {@linkcode HeaderFields.get}; 0 when the field is absent or empty. */
  totalLength(name: FieldName): number {
    return this.get(name)?.length ?? 0;
  }

  /** The names in lower case, each once, in the order of first arrival. */
  names(): FieldName[] {
    return [...new Set(this.#names)];
  }

  /** Each field line as its lower-case name and its value; lines of one name come together. */
  *entries(): IterableIterator<[FieldName, string]> {
    for (const name of this.names()) {
      for (const value of this.getAll(name)) yield [name, value];
    }
  }
}

/**
 * Checks the field line between `start` and `end`, its CRLF excluded, and returns where its colon is
 * (RFC 9112 section 5). The caller has seen to it that each byte may stand in a field value. Throws
 * {@linkcode HttpSyntaxError} with `status`.
 */
export function checkFieldLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  status: number,
): number {
  // Section 5.2: what begins with a blank would continue the line before.
  if (isBlank(bytes[start]!)) throw new HttpSyntaxError(status, "obsolete line folding");
  let colon = start;
  while (colon < end && isTokenByte[bytes[colon]!] === 1) colon++;
  if (colon === end) throw new HttpSyntaxError(status, "a header line without a colon");
  if (bytes[colon] !== COLON) {
    // Section 5.1: a blank here has made proxies and servers read different headers.
    throw new HttpSyntaxError(
      status,
      isBlank(bytes[colon]!) ? "a blank before the colon of a header" : "a bad header name",
    );
  }
  if (colon === start) throw new HttpSyntaxError(status, "a header without a name");
  return colon;
}
