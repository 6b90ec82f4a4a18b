/**
 * What tests of protocols need: a network in memory and a clock that stands still, so that no test
 * opens a socket, asks for a permission or waits.
 *
 * @example A server's side in memory, and a client played by hand
 * ```ts
 * import { MemoryNetwork } from "@x/lws/testing";
 *
 * const network = new MemoryNetwork();
 * const listener = network.listen({ hostname: "127.0.0.1", port: 7681 });
 * const [peer, server] = await Promise.all([network.dial(7681), listener.accept()]);
 *
 * peer.transport.peer.chop(1); // what the client sends reaches the server byte by byte
 * let calls = 0;
 * server.start({
 *   onBytes(bytes) {
 *     calls++;
 *     return bytes.length;
 *   },
 *   onDrain() {},
 *   onEnd: () => server.close(),
 *   onClose() {},
 * });
 * peer.send("hello");
 * peer.end();
 * await peer.readToEnd();
 * if (calls !== 5) throw new Error("not byte by byte");
 * peer.close();
 * listener.close();
 * ```
 *
 * @example Fifteen seconds in no time
 * ```ts
 * import { FakeClock } from "@x/lws/testing";
 *
 * const clock = new FakeClock();
 * let late = false;
 * clock.setTimer(() => late = true, 15_000);
 * clock.advance(15_000);
 * if (!late) throw new Error("time stands still");
 * ```
 *
 * @module
 */

export type { Clock } from "./service/clock.ts";
export { FakeClock } from "./service/fake_clock.ts";
export {
  MemoryError,
  type MemoryErrorCode,
  MemoryNetwork,
  type MemoryOptions,
  memoryPair,
  MemoryPeer,
  MemoryTransport,
} from "./transport/memory.ts";
export type {
  Address,
  Listener,
  Network,
  NetworkTarget,
  Transport,
  TransportHandler,
} from "./transport/transport.ts";
