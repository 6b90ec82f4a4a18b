/**
 * The demo: a page with a counter, a canvas that all visitors draw on, and a list of them.
 *
 *     deno task demo --port 7681
 */

import { orEnd, readOptions, untilInterrupted } from "../arguments.ts";
import { serveDemo } from "./server.ts";

const { options } = readOptions({ port: 7681, hostname: "127.0.0.1" });
await using context = orEnd(() => serveDemo(options.port, options.hostname));
// deno-lint-ignore no-console -- a program's own output
console.log(`serving the demo on http://${options.hostname}:${context.port}/ (Ctrl-C stops it)`);
await untilInterrupted();
