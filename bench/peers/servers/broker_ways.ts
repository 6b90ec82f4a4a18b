/** The ways to publish by a broker's server: by a bare loop of its client library, and by contexts of this module. */

import { createClient } from "npm:@redis/client@^6.3";
import { connect } from "npm:@nats-io/transport-node@^3.4";
import { Buffer } from "node:buffer";
import { type Broker, createContext, type Protocol } from "../../../mod.ts";
import { natsBroker } from "../../../src/brokers/nats/mod.ts";
import { redisBroker } from "../../../src/brokers/redis/mod.ts";
import type { Question } from "./broker_receiver.ts";
import { Received, type Taken } from "./broker_received.ts";

export type BrokerId = "redis" | "nats";

/** A way from here to a receiver. */
export interface Way {
  /** Resolves when the broker has it. */
  publish(text: string): Promise<unknown>;
  /** Resolves with what has been received, once that is so much. */
  received(count: number): Promise<Taken>;
  close(): Promise<void>;
}

const TOPIC = "measured";

/** The broker of a context, which keeps what is published if it says so. */
export function brokerOf(id: BrokerId, port: number, historySize: number): Broker {
  switch (id) {
    case "redis":
      return redisBroker({ url: `redis://127.0.0.1:${port}`, historySize });
    case "nats":
      return natsBroker({ servers: `127.0.0.1:${port}`, historySize });
  }
}

/** Publishes by a context, and receives by a WebSocket of its own thread. */
export async function contextWay(broker: Broker): Promise<Way> {
  const { promise: subscribed, resolve } = Promise.withResolvers<void>();
  const following: Protocol = {
    name: "following",
    callback(...[wsi, reason]) {
      if (reason === "established") wsi.subscribe(TOPIC).then(() => resolve());
    },
  };
  const context = createContext({ port: 0, iface: "127.0.0.1", protocols: [following], broker });
  const worker = new Worker(new URL("broker_receiver.ts", import.meta.url), { type: "module" });
  const ask = <Answer>(question: Question) => {
    return new Promise<Answer>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
      worker.postMessage(question);
    });
  };
  await ask({ port: context.port });
  await subscribed;
  return {
    publish: (text) => context.publish(TOPIC, text),
    received: (count) => ask({ count }),
    async close() {
      worker.terminate();
      await context.destroy();
    },
  };
}

/** Publishes and receives by the client library, and nothing else. */
export async function bareWay(id: BrokerId, port: number): Promise<Way> {
  const received = new Received();
  const { publish, close } = id === "redis"
    ? await bareRedis(port, received)
    : await bareNats(port, received);
  return {
    publish,
    async received(count) {
      while (received.count < count) await new Promise((resolve) => setTimeout(resolve, 2));
      return received.take();
    },
    close,
  };
}

type Bare = Pick<Way, "publish" | "close">;

async function bareRedis(port: number, received: Received): Promise<Bare> {
  const options = { socket: { host: "127.0.0.1", port }, RESP: 3, maintNotifications: "disabled" };
  // deno-lint-ignore no-explicit-any -- the library's options are a union that depends on the version
  const make = () => createClient(options as any);
  const [publisher, subscriber] = [make(), make()];
  await Promise.all([publisher.connect(), subscriber.connect()]);
  await subscriber.subscribe(TOPIC, (text: string) => received.add(text));
  return {
    publish: (text) => publisher.sendCommand(["PUBLISH", TOPIC, Buffer.from(text)]),
    close() {
      publisher.destroy();
      subscriber.destroy();
      return Promise.resolve();
    },
  };
}

/** Core NATS confirms nothing: that what was sent has gone is all that can be waited for. */
async function bareNats(port: number, received: Received): Promise<Bare> {
  const options = { servers: `127.0.0.1:${port}`, noAsyncTraces: true };
  const [publisher, subscriber] = await Promise.all([connect(options), connect(options)]);
  subscriber.subscribe(TOPIC, {
    callback: (_error, message) => received.add(message.string()),
  });
  await subscriber.flush();
  // As many as wait for their confirmation elsewhere go out with one flush.
  let flushing: Promise<void> | undefined;
  return {
    publish(text) {
      publisher.publish(TOPIC, text);
      return flushing ??= publisher.flush().finally(() => flushing = undefined);
    },
    async close() {
      await Promise.all([publisher.close(), subscriber.close()]);
    },
  };
}
