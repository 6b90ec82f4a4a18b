import { assertEquals, assertStrictEquals } from "@std/assert";
import { LazyAbort } from "../../../src/web/lazy_abort.ts";

Deno.test("it is aborted once, with the first reason, whenever its signal is asked for", () => {
  for (const isAskedBefore of [true, false]) {
    const abort = new LazyAbort();
    const before = isAskedBefore ? abort.signal : undefined;
    let times = 0;
    before?.addEventListener("abort", () => times++);
    assertEquals(before?.aborted ?? false, false);
    abort.abort("first");
    abort.abort("second");
    const { signal } = abort;
    assertEquals([signal.aborted, signal.reason], [true, "first"]);
    assertStrictEquals(abort.signal, signal);
    if (before === undefined) continue;
    assertStrictEquals(before, signal);
    assertEquals(times, 1);
  }
});
