/**
 * An echo and a chat on all cores: as many workers serve one port, and all of their clients are told what time it is.
 *
 *     deno run --allow-net --allow-read examples/all_cores.ts --port 7684
 *
 * With `--allow-ffi` it is faster on Linux, as each worker calls the C library itself then.
 */

import {
  type ContextCreationInfo,
  forkServiceLoop,
  handlers,
  memoryBroker,
  type Protocol,
} from "@x/lws";
import { epollNetwork, isEpollAvailable } from "@x/lws/epoll";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** Served by each worker, which loads this module anew: variables here are its own. */
export const protocols: readonly Protocol[] = [{
  name: "echo",
  callback: handlers({
    http: (wsi) => wsi.respond(426, "This port speaks WebSocket."),
    message: (wsi, _user, message) => void wsi.write(message),
    broadcast: (wsi, _user, data) => void wsi.write(data, "text"),
  }),
}, {
  name: "chat",
  callback: handlers({
    // By the broker below it is a topic of all workers.
    async established(wsi) {
      await wsi.subscribe("chat");
      wsi.write("you are in");
    },
    message: (wsi, _user, message) => void wsi.publish("chat", message),
  }),
}];

/** What can't be sent to a worker, so that each makes its own. */
export const info: Partial<ContextCreationInfo> = isEpollAvailable()
  ? { network: epollNetwork() }
  : {};

if (import.meta.main) {
  const { options: { port, hostname, workers, "every-ms": everyMs } } = readOptions({
    port: 7684,
    hostname: "127.0.0.1",
    workers: navigator.hardwareConcurrency,
    "every-ms": 1000,
  });
  const info = { port, iface: hostname };
  const choices = { workers, broker: memoryBroker() };
  const service = await orEnd(() => forkServiceLoop(import.meta.url, info, choices));
  const tell = () => void service.broadcast("echo", `it is ${new Date().toLocaleTimeString()}`);
  const timer = setInterval(tell, everyMs);
  // deno-lint-ignore no-console -- a program's own output
  console.log(`${workers} workers are listening on ws://${hostname}:${service.port}`);
  await untilInterrupted();
  clearInterval(timer);
  await service.stop();
}
