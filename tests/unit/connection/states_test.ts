/** That the tables of states are whole: every state is reached, and every event leads to one. */

import { assert, assertEquals } from "@std/assert";
import { STATE_TABLES } from "../../../src/connection/states.ts";
import { STATES_PATH, withStates } from "../../../tools/states_page.ts";

for (const { name, first, steps } of STATE_TABLES) {
  const states = Object.keys(steps);

  Deno.test(`${name}: every event leads to a state of the table`, () => {
    for (const [state, events] of Object.entries(steps)) {
      for (const [event, target] of Object.entries(events)) {
        assert(states.includes(target!), `${state}: ${event} → ${target}`);
      }
    }
  });

  Deno.test(`${name}: every state is reached from the first`, () => {
    const reached = new Set([first]);
    for (const state of reached) {
      for (const target of Object.values(steps[state]!)) reached.add(target!);
    }
    assertEquals([...reached].sort(), states.toSorted());
  });

  Deno.test(`${name}: nothing leads out of its last states, and every other has a way on`, () => {
    const last = states.filter((state) => Object.keys(steps[state]!).length === 0);
    assert(last.length > 0);
    assertEquals(last, states.slice(-last.length));
  });
}

Deno.test("ARCHITECTURE.md has the states that the tables have", () => {
  const page = Deno.readTextFileSync(STATES_PATH);
  assertEquals(page, withStates(page));
});
