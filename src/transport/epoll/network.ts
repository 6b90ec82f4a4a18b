/** A {@linkcode Network} over a table of libc's functions. */

import type { Listener, Network, NetworkTarget, Transport } from "../../api/network.ts";
import { bringTurnBudget } from "../../service/turn_budget.ts";
import { reverseLookup } from "../machine.ts";
import { connectTo } from "./connect.ts";
import type { Libc } from "./libc.ts";
import { listenOn } from "./listen.ts";
import { EpollLoop } from "./loop.ts";

/** What `epollNetwork` makes; tests give it a table with faults. */
export class EpollNetwork implements Network {
  readonly features = ["ipv6Only", "reusePort", "keepAliveTimes"] as const;
  readonly #loop: EpollLoop;

  /** @param busyWaitMs as `EpollOptions.busyWaitMs` */
  constructor(libc: Libc, busyWaitMs: number) {
    this.#loop = new EpollLoop(libc, busyWaitMs);
    bringTurnBudget(this, this.#loop.budget);
  }

  listen(target: NetworkTarget): Listener {
    return listenOn(this.#loop, target);
  }

  connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    return connectTo(this.#loop, target, signal);
  }

  reverse(ip: string): Promise<string> {
    return reverseLookup(ip);
  }

  closeAll(): Promise<void> {
    this.#loop.closeAll();
    return this.released();
  }

  released(): Promise<void> {
    return this.#loop.released();
  }
}
