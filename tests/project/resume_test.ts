/** examples/resume.ts, with a server that is gone for a while. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { freePort } from "../support/free_port.ts";
import { runProgram } from "../support/program.ts";

const EXAMPLE = fromFileUrl(new URL("../../examples/resume.ts", import.meta.url));
const run = (...args: string[]) => runProgram(["--allow-net"], EXAMPLE, args);

/** Those of whole lines. */
function numbersIn(printed: string): number[] {
  return [...printed.matchAll(/^(\d+)\n/gm)].map(([, number]) => Number(number));
}

Deno.test("resume.ts goes on where it was when its server is back, and misses no number", async () => {
  const port = String(freePort());
  const serve = async () => {
    const server = run("--serve", "--port", port, "--every-ms", "10");
    await server.until(`counting on ws://127.0.0.1:${port}/\n`);
    return server;
  };
  const stop = async (server: Awaited<ReturnType<typeof serve>>) => {
    server.process.kill("SIGINT");
    assertEquals((await server.end()).code, 0);
  };
  let server = await serve();
  const client = run(`ws://127.0.0.1:${port}/`);
  const before = await client.until("\n3\n");
  await stop(server);
  await client.until("lost; attempt 1 follows in ");
  server = await serve();
  const printed = await client.until(`\n${numbersIn(before).at(-1)! + 20}\n`);
  const numbers = numbersIn(printed);
  assertEquals(numbers, numbers.map((_, i) => i + 1));
  client.process.kill("SIGINT");
  assertEquals((await client.end()).code, 0);
  await stop(server);
});
