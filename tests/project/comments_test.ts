/**
 * The style of comments: they name the subject, in the field's words. A sentence about `who` or
 * `nobody` leaves open which part of the program, which peer or which proxy it speaks of.
 */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";
import { walkSync } from "@std/fs";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const FOLDERS = ["src", "tools", "bench", "examples"];

/** Comments, several lines of `//` as one. */
const COMMENT = /(?<=^|[ \t])\/\*[\s\S]*?\*\/|(?<=^|[ \t])\/\/[ \t].*(?:\n[ \t]*\/\/[ \t].*)*/gm;
/** What stands in front of the words of a line. */
const MARGIN = /^[ \t]*(?:\/\*+|\/\/|\*(?!\/))?|\*\/$/gm;
/** Code and quotations, which are no prose. */
const QUOTED = /```[\s\S]*?```|`[^`]*`|"[^"]*"/g;

const VAGUE = /\b(?:whom|whoever|nobody|somebody|seeds)\b/i;
/** A subject begins a sentence, or follows a preposition: "who is gone", "for who asks". */
const WHO = /(?:^|[.:;!?] |@\w+ |@\w+ \w+ |\b(?:by|for|from|in|of|to|with) )who\b/i;

/** The comments of a source text that break the rule, without line ends. */
function vague(text: string): string[] {
  return [...text.matchAll(COMMENT)]
    .map(([comment]) => comment.replace(MARGIN, "").replace(/\s+/g, " ").trim())
    .filter((prose) => {
      const words = prose.replace(QUOTED, "…");
      return VAGUE.test(words) || WHO.test(words);
    });
}

Deno.test("the check of comments sees every kind of them, and spares code, quotations and questions", () => {
  assertEquals(vague("/** Called by whoever owns it. */\n").length, 1);
  assertEquals(vague("  /**\n   * Ends it.\n   *\n   * Nobody waits.\n   */\n").length, 1);
  assertEquals(vague("const a = 1; // as in the seeds\n").length, 1);
  assertEquals(vague("/** Who has it may go on. */").length, 1);
  assertEquals(vague("/** @param key who has it may go on */").length, 1);
  assertEquals(vague("// It is kept\n// for who asks again.\n").length, 1);
  assertEquals(vague("catch { /* somebody else's */ }").length, 1);
  assertEquals(vague('const text = "nobody"; const seeds = 1;'), []);
  assertEquals(vague('/**\n * ```ts\n * respond(401, "Who are you?");\n * ```\n */'), []);
  assertEquals(vague("// A proxy tells\n// who the client is, whose address it knows.\n"), []);
});

Deno.test("comments name their subject: no whoever, no nobody", () => {
  const files = FOLDERS.flatMap((folder) => [
    ...walkSync(join(ROOT, folder), { includeDirs: false, exts: [".ts"] }),
  ]);
  const paths = [join(ROOT, "mod.ts"), ...files.map(({ path }) => path)];
  const found = paths.flatMap((path) =>
    vague(Deno.readTextFileSync(path)).map((comment) => `${relative(ROOT, path)}: ${comment}`)
  );
  assertEquals(found, []);
});
