/** What a loop of the program's own does that goes on behind the end of its context. */

import { assertEquals } from "@std/assert";
import { record } from "../../support/recorder.ts";
import { serve } from "../../support/serve.ts";

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: service behind destroy is negative, and lets the runtime do the rest`, async () => {
    await using served = serve([record("x").protocol], { service });
    const { context } = served;
    await context.destroy();
    let isOver = false;
    // What a microtask that follows another would starve.
    setTimeout(() => isOver = true, 0);
    let calls = 0;
    while (!isOver && calls < 1_000_000) {
      assertEquals(await context.service(20), -1);
      calls++;
    }
    assertEquals(isOver, true);
    assertEquals([await context.poll([], 20), context.serviceFd(null)], [-1, -1]);
  });
}
