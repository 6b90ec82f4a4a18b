/** The lines of standard input. */

import { LwsError } from "../../base/errors.ts";

/** As much as a message may have. */
export const LONGEST_LINE = 64 * 1024 * 1024;

/**
 * Splits text in UTF-8 into lines, without their ends; what is behind the last end is a line as well, if it is
 * not empty. Reads no further than the lines that were taken.
 *
 * @param longest How many characters a line may have.
 * @throws {LwsError} `invalid-argument` for a longer one.
 */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  longest = LONGEST_LINE,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  const take = (last: string) => {
    const line = pieces.length === 0 ? last : pieces.join("") + last;
    pieces = [];
    length = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  for await (const bytes of input) {
    const text = decoder.decode(bytes, { stream: true });
    let at = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
      yield take(text.slice(at, end));
      at = end + 1;
    }
    const rest = text.slice(at);
    length += rest.length;
    if (length > longest) {
      throw new LwsError("invalid-argument", `a line of standard input is longer than ${longest}`);
    }
    if (rest !== "") pieces.push(rest);
  }
  const last = take(decoder.decode());
  if (last !== "") yield last;
}
