/**
 * Which cores the load generator and the servers run on. Left to itself, a scheduler now and then
 * keeps both ends of a conversation on one core, for minutes, and halves the figures.
 */

import { versionOf } from "./processes.ts";

const cores = allowedCores();
const hasTaskset = await versionOf("taskset") !== undefined;

/** The core of the load generator; undefined where it can't have one of its own. */
export const LOAD_CORE: number | undefined = cores.length > 1 && hasTaskset
  ? cores.at(-1)
  : undefined;

/** The cores of the servers as `taskset` reads them; empty for all. */
export const SERVER_CORES: string = LOAD_CORE === undefined ? "" : cores.slice(0, -1).join();

/** The cores that this process may use. */
function allowedCores(): number[] {
  if (Deno.build.os !== "linux") return [];
  const status = Deno.readTextFileSync("/proc/self/status");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").filter((range) => range !== "").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
