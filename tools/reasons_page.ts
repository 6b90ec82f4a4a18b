/**
 * Writes `docs/reasons.md` from the docstrings and types of `ReasonData`, and from the constants of the C names:
 *
 * ```sh
 * deno task reasons
 * ```
 */

import { fromFileUrl, join } from "@std/path";
import { REASONS } from "../src/api/reasons.ts";
import * as dec15 from "../src/compat/constants/dec15.ts";
import * as feb11 from "../src/compat/constants/feb11.ts";
import * as mar13 from "../src/compat/constants/mar13.ts";
import * as nov10 from "../src/compat/constants/nov10.ts";
import * as oct12 from "../src/compat/constants/oct12.ts";
import { camelCase } from "../src/compat/engine/names.ts";
import { tableOf } from "./conformance_table.ts";
import { readTask } from "./task.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
/** Where the page is kept. */
export const REASONS_PATH: string = join(ROOT, "docs/reasons.md");

const INTRODUCTION = `# The reasons for a callback

What a protocol's \`callback\` is called for, and [\`handlers\`](guide/model.md) has a function for
each. Where nothing is said of a number that is returned, it is of no consequence; in \`handlers\` −1
closes in every reason. A promise is awaited in filters and HTTP reasons: \`deno doc mod.ts Protocol\`
says in which. \`user:\` and a name of the program's own are reasons too, for
\`context.callbackAllProtocol\`, with no data.

"First" are the reasons that come to the first protocol of the list, for connections of any; the
others come to the connection's own. The generations of libwebsockets are those of
[\`@x/lws/compat\`](porting.md).

\`deno task reasons\` writes this page from \`ReasonData\` of \`src/api/reasons.ts\`.`;

const PREFIX = "LWS_CALLBACK_";
const GENERATIONS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  nov10,
  feb11,
  oct12,
  mar13,
  dec15,
};

/** What the page tells of a reason. */
export interface ReasonRow {
  readonly name: string;
  /** The C name; empty for one that C has not. */
  readonly cName: string;
  /** The generations of the C library that have it. */
  readonly generations: readonly string[];
  /** Whether it comes to the first protocol of the list. */
  readonly isFirst: boolean;
  /** When it comes. */
  readonly when: string;
  /** The type of its data; empty for none. */
  readonly data: string;
  /** What a number that is returned does. */
  readonly result: string;
}

const MEMBER = /\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s+(\w+): ([^;]+);/g;
const OF_FIRST = "First protocol; ";
/** A sentence of a docstring that tells what a number does. */
const OF_RESULT = /\b(?:non-zero|negative|any number|a number other than|the result)\b/i;

/** The reasons in the order of the code. */
export function reasonRows(): ReasonRow[] {
  const source = Deno.readTextFileSync(join(ROOT, "src/api/reasons.ts"));
  const from = source.indexOf("export interface ReasonData {");
  const body = source.slice(from, source.indexOf("\n}\n", from));
  const rows = [...body.matchAll(MEMBER)].map(([, comment, name, type]) => {
    const text = comment!.replace(/^\s*\*/gm, "").replace(/\s+/g, " ").trim();
    const isFirst = text.startsWith(OF_FIRST);
    const sentences = (isFirst ? text.slice(OF_FIRST.length) : text).split(/(?<=[.)]) (?=[A-Z`(])/);
    const names = cNamesOf(name!);
    return {
      name: name!,
      cName: names[0]?.[1] ?? "",
      generations: names.map(([generation]) => generation),
      isFirst,
      when: capitalised(sentences.filter((each) => !OF_RESULT.test(each)).join(" ")),
      data: type!.split(" | ").filter((each) => each !== "undefined").join(" | "),
      result: sentences.filter((each) => OF_RESULT.test(each)).join(" "),
    };
  });
  const missing = REASONS.filter((reason) => !rows.some(({ name }) => name === reason));
  if (missing.length > 0) throw new Error(`no docstring was found of ${missing.join(", ")}`);
  return rows;
}

/** The page. */
export function reasonsPage(): string {
  return [
    INTRODUCTION,
    "",
    ...tableOf(
      ["Reason", "In C", "Generations", "When it comes", "`data`", "A number returned"],
      reasonRows().map(({ name, cName, generations, isFirst, when, data, result }) => [
        `<a id="${name}"></a>\`${name}\``,
        code(cName),
        generations.length === Object.keys(GENERATIONS).length ? "all" : generations.join(", "),
        isFirst ? `First. ${when}` : when,
        code(data).replaceAll("|", "\\|"),
        result,
      ]),
    ),
    "",
  ].join("\n");
}

function cNamesOf(reason: string): [generation: string, name: string][] {
  return Object.entries(GENERATIONS).flatMap(([generation, constants]) => {
    const name = Object.keys(constants).find((each) =>
      each.startsWith(PREFIX) && camelCase(each.slice(PREFIX.length)) === reason
    );
    return name === undefined ? [] : [[generation, name]];
  });
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

if (import.meta.main) {
  readTask({ name: "reasons", summary: "Writes docs/reasons.md." }, () => {});
  Deno.writeTextFileSync(REASONS_PATH, reasonsPage());
}
