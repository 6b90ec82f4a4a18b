/** Sockets by the web's standard on a network in memory, what they tell, and servers for them. */

import {
  type Context,
  type ContextCreationInfo,
  createContext,
  handlers,
  type Protocol,
} from "../../../mod.ts";
import { WebSocket, type WebSocketOptions } from "../../../src/websocket_client/mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";
import { readHead, retire, settle } from "../../support/serve.ts";

/** Sends back what comes. */
export const echo: Protocol = {
  name: "echo",
  callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
};

/** A server of ours, and a network on which it is the only one. */
export interface Standing extends AsyncDisposable {
  readonly server: Context;
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  /** What a socket needs to get there. */
  readonly way: Pick<WebSocketOptions, "network" | "clock">;
}

export function stand(
  protocols: readonly Protocol[] = [echo],
  info: Partial<ContextCreationInfo> = {},
): Standing {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const server = createContext({ port: 80, network, clock, ...info, protocols });
  return {
    server,
    network,
    clock,
    way: { network, clock },
    [Symbol.asyncDispose]: () => retire([server], clock),
  };
}

/** A server that the test plays. */
export interface Played extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly clock: FakeClock;
  readonly way: Pick<WebSocketOptions, "network" | "clock">;
  /** The next connection, before anything is read. */
  accept(): Promise<MemoryPeer>;
  /** The next connection, its handshake answered with these lines in addition. */
  open(...lines: string[]): Promise<{ peer: MemoryPeer; request: string }>;
}

export function play(): Played {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const listener = network.listen({ hostname: "server.example.com", port: 80 });
  const accept = async () => new MemoryPeer(await listener.accept() as MemoryTransport);
  return {
    network,
    clock,
    way: { network, clock },
    accept,
    async open(...lines) {
      const peer = await accept();
      const request = await readHead(peer);
      peer.send(headOf([...answerLines(request), ...lines]));
      return { peer, request };
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await settle();
      clock.advance(60_000);
      await settle();
    },
  };
}

/** The next event of a type. */
export function next<E extends Event = Event>(socket: EventTarget, type: string): Promise<E> {
  return new Promise((resolve) =>
    socket.addEventListener(type, (event) => resolve(event as E), { once: true })
  );
}

/** A socket that is open, plain unless told otherwise. */
export async function openSocket(
  way: WebSocketOptions,
  url = "ws://server.example.com/",
): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...way });
  await next(socket, "open");
  return socket;
}

/** Closes a socket, if need be, and waits until it has. */
export async function finish(socket: WebSocket, code?: number): Promise<CloseEvent> {
  const closed = next<CloseEvent>(socket, "close");
  socket.close(code);
  return await closed;
}

/** What a socket has told, one line an event. */
export function story(socket: WebSocket): string[] {
  const lines: string[] = [];
  for (const type of ["open", "message", "error", "close", "ping", "pong"] as const) {
    socket.addEventListener(type, (event: Event) => {
      const { data } = event as MessageEvent;
      const { code, reason, wasClean } = event as CloseEvent;
      if (type === "message") lines.push(`message ${data}`);
      else if (type === "close") lines.push(`close ${code} "${reason}" ${wasClean}`);
      else lines.push(type);
    });
  }
  return lines;
}
