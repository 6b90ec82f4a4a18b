/** A context for one test, in memory. */

import { FakeClock } from "./fake_clock.ts";
import { MemoryNetwork } from "./memory_network.ts";
import type { MemoryPeer } from "./memory_peer.ts";
import type { MemoryWebSocket, MemoryWebSocketOptions } from "./memory_websocket.ts";
import type { Context } from "../api/context.ts";
import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { Protocol } from "../api/protocol.ts";
import { createContext } from "../context/face.ts";

/** The options of {@linkcode serve}: those of `createContext`, but for what it brings along itself. */
export type ServeOptions =
  & Omit<ContextCreationInfo, "clock" | "network" | "protocols">
  & {
    /** One that other contexts are on as well, or that is made otherwise. Default: a new one. */
    readonly network?: MemoryNetwork;
    /** One that other contexts go by as well. Default: a new one. */
    readonly clock?: FakeClock;
  };

/** A context that {@linkcode serve} has made, and what a test needs beside it. */
export interface Served extends AsyncDisposable {
  /** The context that is tested. */
  readonly context: Context;
  /** Where it listens, and tests connect. */
  readonly network: MemoryNetwork;
  /** Its time, which stands still. */
  readonly clock: FakeClock;
  /** Where it listens there: a free port, unless the options have one. */
  readonly port: number;
  /** Connects a peer that is played byte by byte, for HTTP or for what no client would send. */
  dial(): Promise<MemoryPeer>;
  /** Connects a WebSocket; see {@linkcode MemoryNetwork.dialWebSocket}. */
  dialWebSocket(options?: MemoryWebSocketOptions): Promise<MemoryWebSocket>;
  /**
   * Lets time go by, and then all happen that needs none: resolves when what became due is done.
   *
   * @param ms Milliseconds from 0.
   */
  advance(ms: number): Promise<void>;
  /** Destroys the context; peers that answer no close frame are not waited for. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Longer than any default of a limit that counts once a context is destroyed. */
const LONG_MS = 120_000;
/** As many turns as one thing may lead to another without time going by. */
const TURNS = 10;

/**
 * Makes a context on a network in memory, by a clock that stands still: no test opens a socket, asks for a
 * permission or waits. One that tests `service: "manual"` calls `context.service` itself.
 *
 * @param protocols One protocol, or a list of them.
 * @throws {LwsError} As `createContext`.
 *
 * @example A protocol's answer
 * ```ts
 * import { handlers } from "@x/lws";
 * import { serve } from "@x/lws/testing";
 *
 * const callback = handlers({ established: (wsi) => void wsi.write("welcome") });
 * await using served = serve({ name: "chat", callback });
 * const socket = await served.dialWebSocket({ protocol: "chat" });
 * if (await socket.next() !== "welcome") throw new Error("not welcome");
 * ```
 *
 * @example Time goes by
 * ```ts
 * import { handlers } from "@x/lws";
 * import { serve } from "@x/lws/testing";
 *
 * const callback = handlers({
 *   established: (wsi) => wsi.setTimeout("userReason", 30),
 * });
 * await using served = serve({ name: "chat", callback });
 * const socket = await served.dialWebSocket();
 * await served.advance(30_000);
 * const { code } = await socket.closed;
 * if (code !== 1006) throw new Error("not cut");
 * ```
 */
export function serve(
  protocols: Protocol | readonly Protocol[],
  options: ServeOptions = {},
): Served {
  const { network = new MemoryNetwork(), clock = new FakeClock(), ...rest } = options;
  const list = Array.isArray(protocols) ? protocols : [protocols];
  const context = createContext({ port: 0, ...rest, network, clock, protocols: list });
  const { port } = context;
  return {
    context,
    network,
    clock,
    port,
    dial: () => network.dial(port),
    dialWebSocket: (asked) => network.dialWebSocket(port, asked),
    advance(ms) {
      clock.advance(ms);
      return settled();
    },
    async [Symbol.asyncDispose]() {
      const destroyed = context.destroy();
      await settled();
      clock.advance(LONG_MS);
      await destroyed;
    },
  };
}

/** Lets everything happen that needs no time: microtasks, and turns of the scheduler. */
async function settled(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
}
