/**
 * The command `lws`: `connect URL` talks to a WebSocket server, `echo` is one, `serve FOLDER` serves files
 * and reloads pages that change, `bench URL` measures an echo server.
 *
 * ```sh
 * deno run -A jsr:@x/lws/cli connect wss://echo.example.com/
 * deno install -g -A -n lws jsr:@x/lws/cli # then: lws connect …
 * ```
 *
 * As a module it has {@linkcode main}, with which a program runs a command line by itself.
 *
 * @example
 * ```ts
 * import { main, systemHost } from "@x/lws/cli";
 *
 * let printed = "";
 * const write = (bytes: Uint8Array) => {
 *   printed += new TextDecoder().decode(bytes);
 *   return Promise.resolve();
 * };
 * const code = await main(["--version"], {
 *   ...systemHost(),
 *   output: { isTerminal: false, write },
 * });
 * if (code !== 0 || !printed.startsWith("lws ")) throw new Error(printed);
 * ```
 *
 * @module
 */

import { type CliHost, firstInterrupt, systemHost } from "./host.ts";
import { runCommand } from "./main.ts";

export { systemHost } from "./host.ts";
export type { CliHost, CliInput, CliOutput, CliTerminal, CliWatch } from "./host.ts";
export type { Clock } from "../api/service.ts";
export type { Network } from "../api/network.ts";
export type { LogEmitter, LogLevel } from "../base/log.ts";

/**
 * Runs a command line, such as `["echo", "--port", "9001"]`, and all that it says leaves before the promise
 * resolves. It never rejects. What it needs of `--allow-net` and `--allow-read` its complaints say.
 *
 * @param args The words behind the program's name.
 * @param host Streams, the signal that ends it, the clock and the network. Default: those of the process.
 * @returns The exit code: 0, or 1 where it failed, or 2 where the command line can't be followed.
 */
export function main(args: readonly string[], host: CliHost = systemHost()): Promise<number> {
  return runCommand(args, host);
}

if (import.meta.main) {
  Deno.exit(await main(Deno.args, { ...systemHost(), signal: firstInterrupt() }));
}
