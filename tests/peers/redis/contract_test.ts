/** The broker over Redis does what every broker has to, over one server and over several. */

import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { REDIS, startRedis } from "./redis_server.ts";

/** Of the servers of the case that runs. */
let url: string | readonly string[] = "";

for (const historySize of [0, 10]) {
  const make = () => redisBroker({ url, historySize });
  for (const { name, run } of brokerContract(make, { historySize })) {
    REDIS.test(`redis, ${historySize} kept: ${name}`, async () => {
      await using server = await startRedis();
      url = server.url;
      await run();
    });
  }
}
