/** That the rules of options are what the docs, the docstrings and the checks say. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, LwsError } from "../../../mod.ts";
import { checkAll, type Rule } from "../../../src/base/option_rules.ts";
import { LIMIT_RULES } from "../../../src/context/options/limits.ts";
import { LISTEN_RULES } from "../../../src/context/options/listen.ts";
import { OPTION_SCHEMA } from "../../../src/context/option_schema.ts";
import { FETCH_RULES } from "../../../src/context/options/fetch.ts";
import { PROTOCOL_RULES } from "../../../src/context/options/protocols.ts";
import { RATE_RULES } from "../../../src/context/options/rates.ts";
import { SWITCH_RULES } from "../../../src/context/options/switches.ts";
import { TOPIC_LIMIT_RULES } from "../../../src/context/options/topics.ts";
import { WIRE_RULES } from "../../../src/context/options/wire.ts";
import { MOUNT_RULES } from "../../../src/files/mounts.ts";
import { OPTIONS_PATH, optionsPage } from "../../../tools/options_page.ts";
import { record } from "../../support/recorder.ts";

type Rules = Readonly<Record<string, Omit<Rule, "check">>>;

/** The interfaces that options stand in, by their files. */
const DECLARED: readonly (readonly [file: string, interfaceName: string, Rules])[] = [
  ["creation_info", "ContextCreationInfo", OPTION_SCHEMA],
  ["creation_info", "PlatformInfo", OPTION_SCHEMA],
  ["creation_info", "ListenInfo", LISTEN_RULES],
  ["creation_info", "ContextOptions", SWITCH_RULES],
  ["creation_info", "Mount", MOUNT_RULES],
  ["creation/fetch_info", "FetchInfo", FETCH_RULES],
  ["creation/rate_info", "RateInfo", RATE_RULES],
  ["creation/wire_info", "WireInfo", WIRE_RULES],
  ["limits", "Limits", LIMIT_RULES],
  ["topics/limits", "TopicLimits", TOPIC_LIMIT_RULES],
  ["protocol", "Protocol", PROTOCOL_RULES],
  ["tls", "TlsMembers", OPTION_SCHEMA],
];

/** A member and its docstring, whose text says the default: pages of deno doc leave `@default` out. */
const MEMBER = /^ {2}\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2}(?:readonly )?(\w+)\??[:(]/gm;

/** The defaults of an interface's members, as their docstrings say them. */
function documentedDefaults(file: string, interfaceName: string): [string, string | undefined][] {
  const source = Deno.readTextFileSync(new URL(`../../../src/api/${file}.ts`, import.meta.url));
  const from = source.search(new RegExp(`^export interface ${interfaceName}\\b`, "m"));
  const body = source.slice(from, source.indexOf("\n}\n", from));
  return [...body.matchAll(MEMBER)].map(([, text, name]) => {
    return [name!, /Default: (.*)\.[ *]*$/m.exec(text!)?.[1]];
  });
}

Deno.test("docs/options.md is what tools/options_page.ts makes of the rules", () => {
  assertEquals(Deno.readTextFileSync(OPTIONS_PATH), optionsPage());
});

Deno.test("docs/options.md has large numbers of bytes in their units, and Infinity as it is", () => {
  const page = optionsPage();
  assert(page.includes("`16384` (16 KiB)"));
  assert(page.includes("`10485760` (10 MiB)"));
  assert(!page.includes("Infinity MiB"));
});

for (const [file, name, rules] of DECLARED) {
  Deno.test(`the rules have the defaults that the docstrings of ${name} have`, () => {
    const documented = documentedDefaults(file, name);
    assert(documented.length > 0, "the docstrings are found");
    assert(documented.some(([, shown]) => shown !== undefined), "and their defaults");
    const different = documented.filter(([member, shown]) =>
      shown !== undefined && shown !== rules[member]?.default
    ).map(([member, shown]) => [member, shown, rules[member]?.default]);
    assertEquals(different, []);
    assertEquals(documented.filter(([member]) => rules[member] === undefined), []);
  });
}

Deno.test("a struct without anything has the defaults that the rules show", () => {
  for (const rules of [LIMIT_RULES, SWITCH_RULES, TOPIC_LIMIT_RULES]) {
    const problems: string[] = [];
    const info = { listensWithTls: false, requireValidClientCert: false };
    const checked = checkAll<Readonly<Record<string, Rule<unknown, typeof info>>>, typeof info>(
      rules,
      {},
      { info, problems },
    );
    for (const [name, rule] of Object.entries(rules)) {
      // That is the machine's.
      if (name === "maxConnections") continue;
      assertEquals(`\`${checked[name]}\``, rule.default, name);
    }
    assertEquals(problems, []);
  }
});

Deno.test("every option refuses by its name what is of no kind", () => {
  const { protocol } = record("x");
  for (const name of Object.keys(OPTION_SCHEMA)) {
    if (name === "user") continue;
    for (const value of [Symbol("odd"), 10n]) {
      const error = assertThrows(
        () => createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols: [protocol], [name]: value }),
        LwsError,
      );
      assertEquals(error.code, "invalid-option", name);
      assertStringIncludes(error.message, `${name} is `);
      assertStringIncludes(error.message, "allowed: ");
    }
  }
});

Deno.test("every limit takes its smallest and its largest value, and neither one past it", () => {
  for (const [name, rule] of Object.entries(LIMIT_RULES)) {
    const [, from, to] = /^a whole number from (\d+) to (\w+)/.exec(rule.allowed)!;
    const problemsOf = (value: number) => {
      const problems: string[] = [];
      checkAll({ [name]: rule }, { [name]: value }, {
        info: { maxLifetimeMs: 2 ** 31 - 1 },
        problems,
      });
      return problems;
    };
    assertEquals([...problemsOf(Number(from)), ...problemsOf(Number(to))], []);
    for (const value of [Number(from) - 1, Number(from) + 0.5, NaN, -Infinity]) {
      assertEquals(problemsOf(value), [`${name} is ${value}; allowed: ${rule.allowed}`]);
    }
    const past = to === "Infinity" ? undefined : Number(to) + 1;
    if (past !== undefined) assertEquals(problemsOf(past).length, 1, name);
  }
});
