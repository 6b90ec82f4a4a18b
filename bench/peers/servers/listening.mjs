/** What every script here needs, in plain JavaScript, as it runs in Deno, Node and Bun. */

import { readFileSync } from "node:fs";
import process from "node:process";

/** The port to listen on, from the first argument; 0 takes a free one. */
export const PORT = Number(process.argv[2] ?? "0");

/** The folder to serve files of, the second argument of those that do. */
export const FOLDER = process.argv[3];

/** Whether to compress, each message on its own, every one of them. */
export const DEFLATES = process.argv.includes("--deflate");

const tlsAt = process.argv.indexOf("--tls");
const pem = (name) => readFileSync(`${process.argv[tlsAt + 1]}/${name}.pem`, "utf8");

/** The certificate and the key to speak TLS with, PEM text; undefined for none. */
export const TLS = tlsAt < 0 ? undefined : { cert: pem("cert"), key: pem("key") };

/**
 * Says on standard output that a server listens; `server_process.ts` waits for this line.
 *
 * @param {number} port
 */
export function announce(port) {
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ws://127.0.0.1:${port}`);
}
