// Sends requests with bodies over kept connections, by Node's agent or by fetch (undici), eight at a time, and
// prints how many answers of each status came, what failed, and over how many connections.
// deno-lint-ignore-file no-console -- a program's own output

import { Agent, request } from "node:http";

const [, , way, url, count] = process.argv;
/** Nothing, what comes with the head, what is drained, and more than that. */
const LENGTHS = [0, 1_000, 100_000, 1_000_000];
const AT_A_TIME = 8;

const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
const sockets = new Set();
const outcomes = {};

function byAgent(body) {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", agent, headers: { "content-length": body.length } };
    const sent = request(url, options, (answer) => {
      answer.on("end", () => resolve(answer.statusCode)).on("error", reject).resume();
    });
    sent.on("socket", (socket) => sockets.add(socket)).on("error", reject).end(body);
  });
}

async function byFetch(body) {
  const answer = await fetch(url, { method: "POST", body });
  await answer.arrayBuffer();
  return answer.status;
}

const send = way === "agent" ? byAgent : byFetch;
let next = 0;
await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
  while (next < Number(count)) {
    const body = Buffer.alloc(LENGTHS[next++ % LENGTHS.length], "x");
    const outcome = await send(body).catch((error) => (error.cause ?? error).code);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
}));
agent.destroy();
console.log(JSON.stringify({ outcomes, sockets: sockets.size }));
