/**
 * Writes the guide and the API as pages of HTML into a folder, `_site` unless another one is named:
 *
 * ```sh
 * deno task site && deno run -A src/cli/mod.ts serve _site
 * ```
 */

import { resolve } from "@std/path";
import { readTask } from "../task.ts";
import { writeSite } from "./build.ts";

const named = readTask({
  name: "site",
  operand: "FOLDER",
  isOptional: true,
  summary: "Writes the guide and the API as pages of HTML into a folder, _site by default.",
}, (args) => args.operand ?? "_site");
const folder = resolve(named);
const count = await writeSite(folder);
// deno-lint-ignore no-console
console.log(`${count} pages in ${folder}`);
