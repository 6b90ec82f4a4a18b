/** A node: a context with a broker in a process of its own, whose connections follow topics and which publishes. */

// deno-lint-ignore-file no-console -- a program's own output

import { type Context, createContext, handlers, LwsError, memoryBroker } from "../../../mod.ts";
import { type Broker, setLogLevel } from "../../../mod.ts";
import type { NatsOptions } from "../../../src/brokers/nats/mod.ts";
import type { RedisBrokerOptions } from "../../../src/brokers/redis/mod.ts";
import { LOOPBACK } from "../../support/patience.ts";
import type { Confirmed } from "../../support/topics/trace.ts";
import {
  type BrokerChoice,
  type NodeChoice,
  type Order,
  type Stopped,
  type Wish,
  writeMessage,
  writeNumbered,
  writeTold,
} from "./wire.ts";

// It would tell of each publication that is refused.
setLogLevel(["err"]);

const choice = JSON.parse(Deno.args[0]!) as NodeChoice;

const following = handlers({
  async message(wsi, _user, message) {
    const { topic, since } = JSON.parse(String(message)) as Wish;
    try {
      const begun = await wsi.subscribe(topic, since === undefined ? {} : { since });
      wsi.write(writeTold({ kind: "begun", ...begun }));
    } catch (error) {
      // Its connection is gone, or is told.
      const { code } = error as LwsError;
      if (code !== "connection-closed") wsi.write(writeTold({ kind: "refused", code }));
    }
  },
  topicGap(wsi, _user, { position, cause }) {
    wsi.write(writeTold({ kind: "gap", cause, ...position }));
  },
});

const context = createContext({
  ...LOOPBACK,
  protocols: [{
    name: "following",
    callback: following,
    encode: (publication) => writeMessage(publication, publication.data),
  }],
  broker: await makeBroker(choice.broker),
  topics: choice.topics,
});

/** Only what a node needs is loaded. */
async function makeBroker({ kind, options }: BrokerChoice): Promise<Broker> {
  switch (kind) {
    case "memory":
      return memoryBroker(options);
    case "redis": {
      const { redisBroker } = await import("../../../src/brokers/redis/mod.ts");
      return redisBroker(options as unknown as RedisBrokerOptions);
    }
    case "nats": {
      const { natsBroker } = await import("../../../src/brokers/nats/mod.ts");
      return natsBroker(options as unknown as NatsOptions);
    }
  }
}

/** Publishes to topics, each at a pace, and one at a time: so its numbers are in the broker's order. */
class Publisher {
  readonly name: string;
  readonly confirmed: Confirmed[] = [];
  refused = 0;
  #isStopped = false;
  readonly #done: Promise<unknown>;

  constructor(name: string, context: Context, topics: readonly string[], rate: number) {
    this.name = name;
    this.#done = Promise.all(topics.map((topic, i) => {
      return this.#publishTo(context, topic, 1000 / rate, i / topics.length);
    }));
  }

  async stop(): Promise<this> {
    this.#isStopped = true;
    await this.#done;
    return this;
  }

  async #publishTo(
    context: Context,
    topic: string,
    everyMs: number,
    phase: number,
  ): Promise<void> {
    const begin = performance.now() + phase * everyMs;
    for (let number = 1; !this.#isStopped; number++) {
      const early = begin + number * everyMs - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      await this.#publish(context, topic, number);
    }
  }

  /** Until the broker has it: what it has taken, and not confirmed, it takes no second time. */
  async #publish(context: Context, topic: string, number: number): Promise<void> {
    const data = writeNumbered({ publisher: this.name, number });
    for (;;) {
      try {
        const { epoch, offset } = await context.publish(topic, data, { id: data });
        this.confirmed.push([topic, number, epoch, offset]);
        return;
      } catch (error) {
        const { code } = error as LwsError;
        // The test has failed, and doesn't ask any more.
        if (code === "destroyed") return;
        if (code !== "broker-unavailable") throw error;
        this.refused++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

console.log(JSON.stringify({ port: context.port }));
let publisher: Publisher | undefined;
let runs = 0;
for await (const order of orders()) {
  if ("publish" in order) {
    const name = `${choice.name}.${++runs}`;
    publisher = new Publisher(name, context, order.publish, order.rate);
  } else if (publisher !== undefined) {
    // Not awaited, as the test may end meanwhile.
    publisher.stop().then(tell);
    publisher = undefined;
  }
}
// The test has closed our input, or is no more.
await context.destroy();

function tell({ name, confirmed, refused }: Publisher): void {
  const heapBytes = Deno.memoryUsage().heapUsed;
  const stopped: Stopped = { publisher: name, confirmed, refused, heapBytes };
  console.log(JSON.stringify(stopped));
}

async function* orders(): AsyncGenerator<Order> {
  let unread = "";
  for await (const piece of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    unread += piece;
    const lines = unread.split("\n");
    unread = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Order;
  }
}
