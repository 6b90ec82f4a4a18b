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

/** Descriptors that a server and a load generator need beside those of connections. */
const SPARE_DESCRIPTORS = 100;

/** Why so many connections can't be had; undefined where they can. */
export function tooFewDescriptors(connections: number): string | undefined {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const needed = connections + SPARE_DESCRIPTORS;
  if (hard === "unlimited" || Number(hard) >= needed) return undefined;
  return `the limit of open files (ulimit -Hn) is ${hard}, and ${needed} are needed`;
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}
