/** What every broker has to do, done by that of NATS. */

import { brokerContract } from "@x/lws/testing";
import { natsBroker } from "@x/lws/nats";
import { setLogLevel } from "@x/lws";
import { NATS_SERVER, type NatsServer, startNats } from "./nats_server.ts";

/** One server for all cases: each has topics of its own. */
let server: NatsServer | undefined;

Deno.test.beforeAll(async () => {
  // That this server is an old one is no fault of these.
  setLogLevel(["err"]);
  if (NATS_SERVER.isThere) server = await startNats();
});

Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

for (const historySize of [0, 10]) {
  const make = () =>
    natsBroker({ servers: server!.url, prefix: `size${historySize}`, historySize }).openNode!();
  for (const { name, run } of brokerContract(make, { historySize, presence: true })) {
    NATS_SERVER.test(`NATS keeps ${historySize}: ${name}`, run);
  }
}
