/** Tests that are named by a section of RFC 6455 and the rule of it that they hold the module to. */

import { CLIENT, SERVER, type Side } from "./sides.ts";

/**
 * A rule for one of the two sides, which the sentence names. Both texts are literals, since
 * `tools/conformance_table.ts` reads them from the source.
 */
export function rule(section: string, sentence: string, test: () => void | Promise<void>): void {
  Deno.test(`${section} ${sentence}`, test);
}

/** A rule for endpoints, tested on either side. */
export function ruleOfBoth(
  section: string,
  sentence: string,
  test: (side: Side) => void | Promise<void>,
): void {
  for (const side of [SERVER, CLIENT]) {
    Deno.test(`${section} ${sentence} (${side.name})`, () => test(side));
  }
}
