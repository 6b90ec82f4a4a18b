/**
 * A server of this module that has what one connection sends reach all of them: on `/loop` by a loop of
 * prepared writes, on `/topic` by a topic of all, on `/topics` by a topic of each one's own. A connection to
 * `/idle` subscribes to one of its own, and nothing more; one to `/nothing` not even that; one to `/heap` is told the
 * bytes of the heap that are in use. With `--broker redis 6379` topics are that broker's. Needs `--v8-flags=--expose-gc`.
 */

import {
  type Broker,
  createContext,
  prepareMessage,
  type Protocol,
  type Wsi,
} from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import type { BrokerId } from "./broker_ways.ts";
import { announce, PORT } from "./listening.mjs";

const audience = new Set<Wsi>();

const loop: Protocol = {
  name: "loop",
  callback(wsi, reason, _user, data) {
    if (reason === "established") audience.add(wsi);
    else if (reason === "closed") audience.delete(wsi);
    else if (reason === "receive") {
      const message = prepareMessage(data, wsi.frameIsBinary ? "binary" : "text");
      for (const each of audience) each.write(message);
    }
  },
};

const topic: Protocol = {
  name: "topic",
  callback(wsi, reason, _user, data) {
    if (reason === "established") void wsi.subscribe("all");
    else if (reason === "receive") void context.publish("all", data);
  },
};

/** Taken by connections that come, and given back by those that go. */
const free: string[] = [];
const own = new Map<Wsi, string>();
let count = 0;

const topics: Protocol = {
  name: "topics",
  callback(wsi, reason, _user, data) {
    if (reason === "established") {
      const name = free.pop() ?? `own ${count++}`;
      own.set(wsi, name);
      void wsi.subscribe(name);
    } else if (reason === "closed") {
      free.push(own.get(wsi)!);
      own.delete(wsi);
    } else if (reason === "receive") {
      for (const name of own.values()) void context.publish(name, data);
    }
  },
};

const idle: Protocol = {
  name: "idle",
  callback(...[wsi, reason]) {
    if (reason === "established") void wsi.subscribe(`idle ${count++}`);
  },
};

const nothing: Protocol = { name: "nothing", callback() {} };

const heap: Protocol = {
  name: "heap",
  callback(...[wsi, reason]) {
    if (reason !== "established") return;
    for (let i = 0; i < 3; i++) (globalThis as unknown as { gc(): void }).gc();
    const { heapUsed, external } = Deno.memoryUsage();
    wsi.write(String(heapUsed + external));
  },
};

const brokerAt = Deno.args.indexOf("--broker");

await using context = createContext({
  port: PORT,
  iface: "127.0.0.1",
  protocols: [loop, topic, topics, idle, nothing, heap],
  ...brokerAt >= 0 && { broker: await brokerFor(Deno.args.slice(brokerAt + 1)) },
  ...Deno.args.includes("--epoll") && { network: epollNetwork() },
});
announce(context.port);
await context.closed;

/** The client libraries are for those that ask for them. */
async function brokerFor([id, port]: readonly string[]): Promise<Broker> {
  const { brokerOf } = await import("./broker_ways.ts");
  return brokerOf(id as BrokerId, Number(port), 100);
}
