// Posts bodies through undici's pool, and prints how many of each outcome there were as JSON.
// deno-lint-ignore-file no-console -- a program's own output

import process from "node:process";
import { Pool } from "npm:undici@7.16.0";

const [url, count, length, concurrency] = process.argv.slice(2);
const pool = new Pool(url, { connections: Number(concurrency) });
const sent = new Uint8Array(Number(length));

async function post() {
  try {
    const { statusCode, body } = await pool.request({ path: "/", method: "POST", body: sent });
    await body.dump();
    return String(statusCode);
  } catch (error) {
    return error.code ?? String(error);
  }
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
console.log(JSON.stringify(outcomes));
process.exit(0);
