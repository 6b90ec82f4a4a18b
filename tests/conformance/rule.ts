/** Tests that are named by a section of RFC 6455 and the rule of it that they hold the module to. */

import { DIALECTS } from "./dialects.ts";
import { clientOf, serverOf, type Side } from "./sides.ts";
import { isTestedIn } from "./versions.ts";

/**
 * A rule for one of the two sides, which the sentence names. Both texts are literals, since
 * `tools/conformance_table.ts` reads them from the source.
 */
export function rule(section: string, sentence: string, test: () => void | Promise<void>): void {
  Deno.test(`${section} ${sentence}`, test);
}

type SideTest = (side: Side) => void | Promise<void>;

/** A rule for endpoints, tested on either side, in each version that has what it is about. */
export function ruleOfBoth(section: string, sentence: string, test: SideTest): void {
  testAll(section, sentence, test, ["server", "client"]);
}

/** The same of servers alone. */
export function ruleOfServer(section: string, sentence: string, test: SideTest): void {
  testAll(section, sentence, test, ["server"]);
}

/** The same of clients alone. */
export function ruleOfClient(section: string, sentence: string, test: SideTest): void {
  testAll(section, sentence, test, ["client"]);
}

function testAll(
  section: string,
  sentence: string,
  test: SideTest,
  names: readonly Side["name"][],
): void {
  for (const dialect of DIALECTS) {
    const { version } = dialect;
    if (!isTestedIn(version, section, sentence)) continue;
    for (const name of names) {
      // Our clients speak all versions but the oldest.
      if (name === "client" && version === "hixie-75") continue;
      const side = name === "server" ? serverOf(dialect) : clientOf(dialect);
      const where = version === 13 ? name : `${name}, version ${version}`;
      Deno.test(`${section} ${sentence} (${where})`, () => test(side));
    }
  }
}
