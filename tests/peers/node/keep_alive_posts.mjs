// Posts bodies through a keep-alive agent, and prints how many of each outcome there were as JSON.
// deno-lint-ignore-file no-console -- a program's own output

import process from "node:process";
import { Agent, request } from "node:http";

const [url, count, length, concurrency] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(concurrency) });
const body = new Uint8Array(Number(length));

function post() {
  return new Promise((resolve) => {
    const headers = { "Content-Length": body.length };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
      response.on("error", (error) => resolve(error.code));
    });
    sent.on("error", (error) => resolve(error.code));
    sent.end(body);
  });
}

const outcomes = {};
let left = Number(count);
async function work() {
  while (left-- > 0) {
    const outcome = await post();
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
}
await Promise.all(Array.from({ length: Number(concurrency) }, work));
agent.destroy();
console.log(JSON.stringify(outcomes));
