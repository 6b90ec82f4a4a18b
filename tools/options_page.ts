/**
 * Writes `docs/options.md` from the rules by which options are checked:
 *
 * ```sh
 * deno task options
 * ```
 */

import { fromFileUrl, join } from "@std/path";
import type { Rule } from "../src/base/option_rules.ts";
import { FETCH_RULES } from "../src/context/options/fetch.ts";
import { LIMIT_RULES } from "../src/context/options/limits.ts";
import { LISTEN_RULES } from "../src/context/options/listen.ts";
import { OWN_RULES } from "../src/context/option_schema.ts";
import { SYSTEM_RULES, TLS_RULES } from "../src/context/options/platform.ts";
import { PROTOCOL_RULES } from "../src/context/options/protocols.ts";
import { RATE_RULES } from "../src/context/options/rates.ts";
import { SWITCH_RULES } from "../src/context/options/switches.ts";
import { TOPIC_LIMIT_RULES, TOPIC_RULES } from "../src/context/options/topics.ts";
import { WIRE_RULES } from "../src/context/options/wire.ts";
import { MOUNT_RULES } from "../src/files/mounts.ts";
import { tableOf } from "./conformance_table.ts";
import { readTask } from "./task.ts";

/** Where the page is kept. */
export const OPTIONS_PATH: string = join(
  fromFileUrl(new URL("../", import.meta.url)),
  "docs/options.md",
);

const INTRODUCTION = `# The options of \`createContext\`

What each one is for in a line, and what may stand there. \`deno doc mod.ts ContextCreationInfo\` has
all that is to be said of it. A context refuses what is no option, and what is out of its range: the
error has the code \`invalid-option\`, and names every field that is wrong, its value and what is
allowed.

\`deno task options\` writes this page from the rules by which options are checked.`;

/** What a page reads of a rule. */
type AnyRule = Omit<Rule, "check">;

interface Section {
  readonly title: string;
  /** What its options' anchors begin with, as `path` and others are options of several. */
  readonly anchor: string;
  readonly text: string;
  readonly rules: Readonly<Record<string, AnyRule>>;
}

const SECTIONS: readonly Section[] = [
  {
    title: "Listening",
    anchor: "option",
    text: "Beside a `socketPath`, a `listenFd` or a `listener` nothing else says where.",
    rules: LISTEN_RULES,
  },
  {
    title: "What is served, and how",
    anchor: "option",
    text: "",
    rules: { ...FETCH_RULES, ...OWN_RULES, ...TOPIC_RULES },
  },
  {
    title: "Members of a protocol",
    anchor: "protocol",
    text: "Those of the entries of `protocols`. The list may end at one with a `null` callback.",
    rules: PROTOCOL_RULES,
  },
  {
    title: "Members of a mount",
    anchor: "mount",
    text: "Those of the entries of `mounts`. `--allow-read` has to cover the folders.",
    rules: MOUNT_RULES,
  },
  {
    title: "Versions of the protocol",
    anchor: "option",
    text: "Which they are, and what each lacks: [the guide](guide/old-wire-versions.md).",
    rules: WIRE_RULES,
  },
  {
    title: "Limits",
    anchor: "option",
    text: "What a limit costs, it costs the connection that is past it, and no other.",
    rules: { ...LIMIT_RULES, ...RATE_RULES },
  },
  {
    title: "Limits of topics",
    anchor: "topics",
    text: "Members of `topics`.",
    rules: TOPIC_LIMIT_RULES,
  },
  {
    title: "TLS",
    anchor: "option",
    text: "Files are read when the context is made.",
    rules: TLS_RULES,
  },
  { title: "The system, keep-alive and proxies", anchor: "option", text: "", rules: SYSTEM_RULES },
  {
    title: "Switches",
    anchor: "switch",
    text: "Members of `options`.",
    rules: SWITCH_RULES,
  },
];

/** The page. */
export function optionsPage(): string {
  const sections = SECTIONS.flatMap(({ title, anchor, text, rules }) => [
    `## ${title}`,
    "",
    ...(text === "" ? [] : [text, ""]),
    ...tableOf(
      ["Name", "Kind", "Default", "Allowed", "What it is for"],
      Object.entries(rules).map(([name, rule]) => [
        `<a id="${anchor}-${name}"></a>\`${name}\``,
        rule.kind,
        shownDefault(rule),
        escaped(rule.allowed.replaceAll("Infinity", "∞")),
        rule.about,
      ]),
    ),
    "",
  ]);
  return [INTRODUCTION, "", ...sections].join("\n");
}

/** Large numbers of bytes in their units as well. */
function shownDefault({ kind, default: shown }: AnyRule): string {
  const bytes = Number(shown.replaceAll("`", ""));
  if (kind !== "bytes" || !(bytes >= 1024) || bytes === Infinity) return shown;
  const isMany = bytes >= 1024 * 1024;
  return `${shown} (${bytes / (isMany ? 1024 * 1024 : 1024)} ${isMany ? "MiB" : "KiB"})`;
}

/** What a complaint says, as Markdown that shows it as it is. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("*", "\\*");
}

if (import.meta.main) {
  readTask({ name: "options", summary: "Writes docs/options.md." }, () => {});
  Deno.writeTextFileSync(OPTIONS_PATH, optionsPage());
}
