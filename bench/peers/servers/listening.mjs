/** What every script here needs, in plain JavaScript, as it runs in Deno, Node and Bun. */

import process from "node:process";

/** The port to listen on, from the first argument; 0 takes a free one. */
export const PORT = Number(process.argv[2] ?? "0");

/** Whether to compress, each message on its own, every one of them. */
export const DEFLATES = process.argv.includes("--deflate");

/**
 * Says on standard output that a server listens; `server_process.ts` waits for this line.
 *
 * @param {number} port
 */
export function announce(port) {
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ws://127.0.0.1:${port}`);
}
