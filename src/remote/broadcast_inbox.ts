/** What comes to a context from other workers and other processes. */

import type { Context } from "../api/context.ts";
import type { Network } from "../api/network.ts";
import { type Clock, POLLIN } from "../api/service.ts";
import { log } from "../base/log.ts";
import { BroadcastSocket, type BroadcastSocketHost } from "./broadcast_socket.ts";
import { ContextPort, type PortInbox } from "./message_port.ts";
import type { Polling } from "../service/polling.ts";
import type { TimerWheel } from "../service/timer_wheel.ts";

/** How messages get to a context that its program serves. Given by ServingContext. */
export interface InboxService {
  /** Unless the context serves by itself. */
  readonly polling: Polling | undefined;
  /** Returns a descriptor that nothing in the context has had. */
  newFd(): number;
}

/** The broadcast sockets of a context, one a protocol or none at all, and its ports. */
export class BroadcastInbox implements BroadcastSocketHost, PortInbox {
  readonly context: Context;
  readonly wheel: TimerWheel;
  readonly #service: InboxService;
  readonly #sockets: BroadcastSocket[] = [];
  readonly #ports = new Set<ContextPort>();
  /** The descriptor of them all, once something has come and the program polls. */
  #fd: number | undefined;

  constructor(context: Context, wheel: TimerWheel, service: InboxService) {
    this.context = context;
    this.wheel = wheel;
    this.#service = service;
  }

  /** Opens a socket for each protocol; connections are accepted from {@linkcode open} on. */
  listen(names: readonly string[], network: Network, clock: Clock): void {
    for (const name of names) {
      this.#sockets.push(new BroadcastSocket(name, network, clock, this));
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
    this.#ports.add(new ContextPort(port1, this));
    return port2;
  }

  deliver(work: () => void): void {
    const { polling, newFd } = this.#service;
    if (polling === undefined) return work();
    if (this.#fd === undefined) {
      this.#fd = newFd();
      if (polling.watch(this.#fd) === undefined) {
        log("err", "addPollFd can't watch for broadcasts, which are delivered at once therefore");
      }
    }
    polling.scheduler.arrived({ socketFd: this.#fd, service: work }, POLLIN);
  }

  cancelService(): void {
    this.#service.polling?.scheduler.cancel();
  }

  forget(port: ContextPort): void {
    this.#ports.delete(port);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    for (const port of this.#ports) port.close();
    this.#ports.clear();
    if (this.#fd !== undefined) this.#service.polling?.scheduler.unwatch(this.#fd);
  }
}
