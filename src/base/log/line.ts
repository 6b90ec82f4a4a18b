/** A line of the log as a template and its values, of which the template says whether two are of one kind. */

import { harmless, LONGEST_SHOWN, shown } from "./escaping.ts";
import { describeError, describeFailure, isOwnError } from "./thrown.ts";

/** The longest text of the program's own, as an error's message that lists what is allowed. */
const LONGEST_OWN = 1_000;
const MOST_FRAMES = 30;

/** A line, and its kind, which no text of a stranger is part of. */
export interface Line {
  readonly kind: string;
  readonly text: string;
}

/** A text that the program or the library has written. */
class OwnText {
  /** @param isOfKind whether lines with other texts in this place are of another kind */
  constructor(readonly text: string, readonly isOfKind: boolean) {}
}

/** What may stand in a line. */
export type Value = string | number | undefined | OwnText;

/**
 * The tag of a line's template: `` line`connection ${fd}: ${reason}` ``. A text among its values may be a
 * stranger's: it is cut and escaped, and is no part of the line's kind, unless {@linkcode own} or
 * {@linkcode thrown} says otherwise.
 */
export function line(
  template: TemplateStringsArray,
  ...values: readonly Value[]
): Line {
  let kind = template[0]!;
  let text = kind;
  for (const [i, value] of values.entries()) {
    const isOwn = value instanceof OwnText;
    const rest = template[i + 1]!;
    text += (isOwn ? value.text : shown(String(value))) + rest;
    kind += (isOwn && value.isOfKind ? value.text : "..") + rest;
  }
  return { kind, text };
}

/** A value of a line that comes from a few of the program's or the library's own. */
export function own(text: string | number): OwnText {
  return new OwnText(harmless(String(text), LONGEST_OWN), true);
}

/** What the program threw, as a value of a line: with its stack, of which its message can't forge a part. */
export function thrown(error: unknown): OwnText {
  const stack = describeError(error);
  const message = describeFailure(error);
  // The library's own have lists of what is allowed; in the others may be what a stranger has sent.
  const longest = isOwnError(error) ? LONGEST_OWN : LONGEST_SHOWN;
  return traced(stack, longest, stack.startsWith(message) ? message.length : undefined);
}

/**
 * The text of an error with its stack, as a value of a line.
 *
 * @param longest of what stands before the stack more is cut
 * @param length of what stands before the stack. Default: up to the first frame.
 */
export function traced(
  text: string,
  longest: number = LONGEST_SHOWN,
  length: number = text.search(/\n {4}at /),
): OwnText {
  const end = length < 0 ? text.length : length;
  const lines = text.slice(end).split("\n").filter((each) => each.startsWith("    at "));
  const frames = lines.slice(0, MOST_FRAMES).map((each) => `\n${harmless(each, LONGEST_OWN)}`);
  return new OwnText(shown(text.slice(0, end), longest) + frames.join(""), false);
}

/** A line that is one text of the library's own. */
export function plain(text: string): Line {
  const safe = harmless(text, 2 * LONGEST_OWN);
  return { kind: safe, text: safe };
}
