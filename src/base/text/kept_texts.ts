/** Texts that live long and are mostly the same ones. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this length V8 makes a text of its own of a part of another one. */
const LONGEST_COPIED = 12;
/** How many texts are shared, and of what length at most. */
const MOST = 64;
const LONGEST = 256;

/**
 * Gives equal texts as one. A part of a text keeps all of it in memory, as a path does its query, and what is
 * secret in there; none that comes from here does.
 */
export class KeptTexts {
  readonly #texts = new Map<string, string>();

  /** The same text. */
  of(text: string): string {
    if (text.length <= LONGEST_COPIED) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = decoder.decode(encoder.encode(text));
    // The first ones stay: what a program is mostly asked for is among them.
    if (this.#texts.size < MOST && copy.length <= LONGEST) this.#texts.set(copy, copy);
    return copy;
  }
}
