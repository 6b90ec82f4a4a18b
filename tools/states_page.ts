/**
 * Draws the states of connections in `ARCHITECTURE.md` from the tables that the code goes through:
 *
 * ```sh
 * deno task states
 * ```
 */

import { fromFileUrl, join } from "@std/path";
import { STATE_TABLES } from "../src/connection/states.ts";
import { readTask } from "./task.ts";

/** Where the drawings are kept. */
export const STATES_PATH: string = join(
  fromFileUrl(new URL("../", import.meta.url)),
  "ARCHITECTURE.md",
);

const BEGIN = "<!-- states: written by `deno task states` -->\n";
const END = "<!-- end of states -->";

/** The page with the drawings of today in place of those that it has. */
export function withStates(page: string): string {
  const from = page.indexOf(BEGIN) + BEGIN.length;
  const sections = STATE_TABLES.flatMap(drawn);
  return page.slice(0, from) + ["", ...sections, ""].join("\n") + page.slice(page.indexOf(END));
}

type Table = (typeof STATE_TABLES)[number];

/** A table as text, and as a drawing for what shows Mermaid. */
function drawn({ name, first, steps }: Table): string[] {
  const states = Object.entries(steps);
  const width = Math.max(...states.map(([state]) => state.length));
  return [
    `### ${name}`,
    "",
    "```text",
    ...states.map(([state, events]) => {
      const ways = Object.entries(events).map(([event, target]) => `${event} → ${target}`);
      return `${state.padEnd(width)}  ${ways.join(", ") || "the end"}`;
    }),
    "```",
    "",
    "```mermaid",
    "stateDiagram-v2",
    `  [*] --> ${first}`,
    ...states.flatMap(([state, events]) => {
      const ways = Object.entries(events);
      if (ways.length === 0) return [`  ${state} --> [*]`];
      return ways.map(([event, target]) => `  ${state} --> ${target}: ${event}`);
    }),
    "```",
    "",
  ];
}

if (import.meta.main) {
  readTask({ name: "states", summary: "Draws the states of ARCHITECTURE.md." }, () => {});
  Deno.writeTextFileSync(STATES_PATH, withStates(Deno.readTextFileSync(STATES_PATH)));
}
