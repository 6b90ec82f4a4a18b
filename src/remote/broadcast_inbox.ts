/** What comes to a context from other workers and other processes. */

import type { Limits } from "../api/limits.ts";
import type { Network } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { BroadcastSocket } from "./broadcast_socket.ts";
import { ContextPort, type PortHost } from "./message_port.ts";
import type { TimerWheel } from "../service/timer_wheel.ts";

/** What it needs of its context. */
export interface ElsewhereHost extends Omit<PortHost, "forget"> {
  readonly limits: Limits;
  readonly wheel: TimerWheel;
}

/** The broadcast sockets of a context, one a protocol or none at all, and its ports. */
export class Elsewhere {
  readonly #host: ElsewhereHost;
  readonly #sockets: BroadcastSocket[] = [];
  readonly #ports = new Set<ContextPort>();

  constructor(host: ElsewhereHost) {
    this.#host = host;
  }

  /** Opens a socket for each protocol; nobody is accepted before {@linkcode open}. */
  listen(names: readonly string[], network: Network, clock: Clock): void {
    try {
      for (const name of names) {
        this.#sockets.push(new BroadcastSocket(name, network, clock, this.#host));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The socket of the protocol with this index, if there is one. */
  socket(index: number): BroadcastSocket | undefined {
    return this.#sockets[index];
  }

  /** Accepts from now on. */
  open(): void {
    for (const socket of this.#sockets) socket.open();
  }

  /** The other end of a new port. */
  openPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const host = { ...this.#host, forget: (port: ContextPort) => void this.#ports.delete(port) };
    this.#ports.add(new ContextPort(port1, host));
    return port2;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    for (const port of this.#ports) port.close();
    this.#ports.clear();
  }
}
