/** The runtime: Deno itself, and where that is missing what the modules of Node make of it. */

import { nodeRuntime } from "./node.ts";
import type { Runtime } from "./types.ts";

/** Whether this is Deno, whose own sockets are used then. */
export const isDeno: boolean = "Deno" in globalThis;

/** Whether this is Bun, whose modules of Node differ in places. */
export const isBun: boolean = "Bun" in globalThis;

/** What is asked, whatever this is. */
export const runtime: Runtime = isDeno ? Deno : nodeRuntime;
