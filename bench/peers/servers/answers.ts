/**
 * Answers by a function of the web's types, on Deno by this module or by Deno's own server, on Bun by Bun's:
 * `deno run --allow-net bench/peers/servers/answers.ts 0 [--builtin | --epoll]`.
 */

import process from "node:process";
import { contentOf } from "../content.ts";
import { announce, PORT } from "./listening.mjs";

const body = contentOf(1024);

/** As a program has it that waits for something else. */
async function answer(request: Request): Promise<Response> {
  await undefined;
  const { pathname } = new URL(request.url);
  const isFound = pathname === "/url" || request.headers.get("host") !== null;
  return isFound ? new Response(body) : new Response("There is nothing.", { status: 404 });
}

/** What is used here of Bun: Deno has no types of it. */
interface BunsServe {
  serve(options: { hostname: string; port: number; fetch: typeof answer }): { port: number };
}

const hostname = "127.0.0.1";
const bun = (globalThis as { Bun?: BunsServe }).Bun;
if (bun !== undefined) announce(bun.serve({ hostname, port: PORT, fetch: answer }).port);
else if (process.argv.includes("--builtin")) {
  Deno.serve({ hostname, port: PORT, onListen: ({ port }) => announce(port) }, answer);
} else {
  const { createContext } = await import("../../../mod.ts");
  const { epollNetwork } = await import("../../../src/transport/epoll/mod.ts");
  const context = createContext({
    port: PORT,
    iface: hostname,
    fetch: answer,
    ...process.argv.includes("--epoll") && { network: epollNetwork() },
  });
  announce(context.port);
}
