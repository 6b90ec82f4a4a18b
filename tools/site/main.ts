/**
 * Writes the guide and the API as pages of HTML into a folder, `_site` unless another one is named:
 *
 * ```sh
 * deno task site && deno run -A src/cli/mod.ts serve _site
 * ```
 */

import { resolve } from "@std/path";
import { writeSite } from "./build.ts";

const folder = resolve(Deno.args[0] ?? "_site");
const count = await writeSite(folder);
// deno-lint-ignore no-console
console.log(`${count} pages in ${folder}`);
