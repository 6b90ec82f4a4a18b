/** On what a run was made. */

import { LOAD_CORE } from "./cores.ts";

/** Processor, cores and kernel in one line. */
export async function describeMachine(): Promise<string> {
  const model = /^model name\s*:\s*(.*)$/m.exec(await textOf("/proc/cpuinfo"))?.[1];
  const cores = navigator.hardwareConcurrency;
  const kernel = `${Deno.build.os === "linux" ? "Linux" : Deno.build.os} ${Deno.osRelease()}`;
  const load = LOAD_CORE === undefined ? "load on any core" : "load on a core of its own";
  const count = `${cores} ${cores === 1 ? "core" : "cores"}`;
  return `${model ?? Deno.build.arch}, ${count}, ${kernel}; ${load}`;
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}
