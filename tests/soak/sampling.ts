/** What a process of the soak holds, and how it is asked for it. */

// deno-lint-ignore-file no-console -- how it answers

import { getHeapSpaceStatistics } from "node:v8";
import type { Context } from "../../mod.ts";
import type { Sample } from "./series.ts";

const startedAt = performance.now();
const LOOK_MS = 20;
/** For what is closing; a connection that stays longer is a sample's. */
const QUIET_MS = 5_000;

/**
 * C's allocator gives back what is free when it likes, tens of MiB at a time: only once it was told to does what is
 * resident tell what is in use.
 */
const libc = Deno.build.os === "linux"
  ? Deno.dlopen("libc.so.6", { malloc_trim: { parameters: ["usize"], result: "i32" } })
  : undefined;

/** A sample of now, once nothing is connected any more. */
export async function sample(contexts: readonly Context[]): Promise<Sample> {
  const until = performance.now() + QUIET_MS;
  while (connectionsOf(contexts) > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("it is to be run with --v8-flags=--expose-gc");
  for (let i = 0; i < 2; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  libc?.symbols.malloc_trim(0n);
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const code = codeBytes();
  return {
    minute: (performance.now() - startedAt) / 60_000,
    heap: heapUsed + external - code,
    code,
    resident: rss,
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    timers: contexts.reduce((sum, context) => sum + context.stats().timers, 0),
    connections: connectionsOf(contexts),
  };
}

/** V8 has bytecode among what it trusts, and machine code by itself. */
const CODE = /^(code|trusted)_/;

function codeBytes(): number {
  return getHeapSpaceStatistics().filter(({ space_name }) => CODE.test(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}

function connectionsOf(contexts: readonly Context[]): number {
  return contexts.reduce((sum, context) => {
    const { http, servers, clients, connecting } = context.stats();
    return sum + http.now + servers.now + clients.now + connecting;
  }, 0);
}

/** Answers each line of the standard input with a line of JSON, until it ends. */
export async function answerLines(answer: () => Promise<unknown>): Promise<void> {
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (let i = text.split("\n").length; i > 1; i--) console.log(JSON.stringify(await answer()));
  }
}
