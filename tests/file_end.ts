/** Loaded before all tests by tools/test.ts, which is told by this when a file has ended. */

// deno-lint-ignore no-console -- what Deno prints of it is the only way out of a test's worker
addEventListener("unload", () => console.log(`\n@file-end ${Deno.mainModule}`));

// It is a module by that.
export {};
