/** The broker over Redis does what every broker has to, over one server and over several. */

import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import { brokerContract } from "../../../src/testing/broker_contract.ts";
import { REDIS, type RedisProcess, startRedis } from "./redis_server.ts";

/** All cases over the same servers, as their topics are their own; those that fail are named. */
async function holds(servers: readonly RedisProcess[], historySize: number): Promise<void> {
  const [first, ...others] = servers.map(({ url }) => url);
  const url = others.length === 0 ? first! : [first!, ...others];
  const failed: Error[] = [];
  for (const { name, run } of brokerContract(make, { historySize, presence: true })) {
    await run().catch((error) => failed.push(new Error(name, { cause: error })));
  }
  if (failed.length > 0) throw new AggregateError(failed, "the contract does not hold");

  function make() {
    return redisBroker({ url, historySize });
  }
}

for (const historySize of [0, 10]) {
  REDIS.test(`redis, ${historySize} kept: it does what a broker has to`, async () => {
    await using server = await startRedis();
    await holds([server], historySize);
  });

  REDIS.test(`redis, three servers, ${historySize} kept: they do what a broker has to`, async () => {
    await using one = await startRedis();
    await using two = await startRedis();
    await using three = await startRedis();
    await holds([one, two, three], historySize);
  });
}
