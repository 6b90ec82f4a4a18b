/**
 * Writes the guide and the API as pages of HTML into a folder, `_site` unless another one is named:
 *
 * ```sh
 * deno task site && deno run -A src/cli/mod.ts serve _site
 * ```
 */

import { resolve } from "@std/path";
import { writeSite } from "./build.ts";

const [named = "_site", ...more] = Deno.args;
if (named.startsWith("-") || more.length > 0) {
  // deno-lint-ignore no-console
  console.error("deno task site [FOLDER]   writes the pages into FOLDER, _site by default");
  Deno.exit(named === "--help" ? 0 : 2);
}
const folder = resolve(named);
const count = await writeSite(folder);
// deno-lint-ignore no-console
console.log(`${count} pages in ${folder}`);
