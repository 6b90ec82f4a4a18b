/**
 * Carries out one attack: its name, how many milliseconds, and the ports, as JSON. It says that it is there, and
 * begins when its standard input ends.
 */

import { ATTACKS } from "./list/mod.ts";
import { Crowd } from "./wire.ts";

const [name, ms, target] = Deno.args;
const attack = ATTACKS.find((each) => each.name === name)!;
// deno-lint-ignore no-console -- who starts it waits for it
console.log("ready");
for await (const _ of Deno.stdin.readable);
const time = new AbortController();
const crowd = new Crowd(JSON.parse(target!), time.signal);
// A send that the server doesn't take ends with its connection.
setTimeout(() => {
  time.abort();
  crowd.close();
}, Number(ms));
await attack.run(crowd);
crowd.close();
// deno-lint-ignore no-console -- its result
console.log(JSON.stringify({ made: crowd.made, done: crowd.done }));
Deno.exit(0);
