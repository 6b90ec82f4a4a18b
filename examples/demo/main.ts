/**
 * The demo: a page with a counter, a canvas that all visitors draw on, and what the server carries.
 *
 *     deno task demo --port 7681
 */

import { orEnd, readOptions, untilInterrupted } from "../arguments.ts";
import { serveDemo } from "./server.ts";

const { options: { port, hostname } } = readOptions({ port: 7681, hostname: "127.0.0.1" });
await using context = orEnd(() => serveDemo(port, hostname));
// deno-lint-ignore no-console -- a program's own output
console.log(`open http://${hostname}:${context.port}/ twice, and draw (Ctrl-C stops it)`);
await untilInterrupted();
