/**
 * What tests of protocols need: a network in memory and a clock that stands still, so that no test
 * opens a socket, asks for a permission or waits. `serve` makes a context on them in one line.
 *
 * @example A protocol, and a client that speaks to it
 * ```ts
 * import { handlers } from "@x/lws";
 * import { serve } from "@x/lws/testing";
 *
 * const callback = handlers({ message: (wsi, _user, message) => void wsi.write(message) });
 * await using served = serve({ name: "echo", callback });
 * const socket = await served.dialWebSocket({ protocol: "echo" });
 * socket.send("hello");
 * if (await socket.next() !== "hello") throw new Error("no echo");
 * await socket.close(1000);
 * ```
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

export { type Clock } from "../api/service.ts";
export { brokerContract, type ContractCase } from "./broker_contract.ts";
export type { ContractOptions } from "./contract/stage.ts";
export { type BrokerCall, FaultyBroker, faultyBroker, type HeldCalls } from "./faulty_broker.ts";
export { FakeClock } from "./fake_clock.ts";
export {
  MemoryError,
  type MemoryErrorCode,
  type MemoryOptions,
  memoryPair,
  MemoryTransport,
} from "./memory_transport.ts";
export { MemoryNetwork } from "./memory_network.ts";
export {
  MemoryWebSocket,
  type MemoryWebSocketEnd,
  type MemoryWebSocketOptions,
} from "./memory_websocket.ts";
export { serve, type Served, type ServeOptions } from "./serve.ts";
export { MemoryPeer } from "./memory_peer.ts";
export {
  type Address,
  type Listener,
  type Network,
  type NetworkFeature,
  type NetworkTarget,
  type Transport,
  type TransportHandler,
} from "../api/network.ts";
