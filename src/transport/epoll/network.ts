/** A {@linkcode Network} over a table of libc's functions. */

import type {
  Dialling,
  Network,
  NetworkFeature,
  NetworkTarget,
  PolledHost,
  PolledNetwork,
  Transport,
} from "../../api/network.ts";
import { bringTurnBudget } from "../../service/turn_budget.ts";
import { reverseLookup } from "../machine.ts";
import { AskedLoop } from "./asked_loop.ts";
import { connectTo, dialNow } from "./connect.ts";
import type { Libc } from "./libc.ts";
import { listenOn } from "./listen.ts";
import type { EpollListener } from "./listener.ts";
import { EpollLoop } from "./loop.ts";

/** What `epollNetwork` makes; tests give it a table with faults. */
export class EpollNetwork implements Network {
  readonly features = FEATURES;
  readonly reverse = reverseLookup;
  readonly #libc: Libc;
  readonly #loop: EpollLoop;
  readonly #asked = new Set<AskedNetwork>();

  /** @param busyWaitMs as `EpollOptions.busyWaitMs` */
  constructor(libc: Libc, busyWaitMs: number) {
    this.#libc = libc;
    this.#loop = new EpollLoop(libc, busyWaitMs);
    bringTurnBudget(this, this.#loop.budget);
  }

  listen(target: NetworkTarget): EpollListener {
    return listenOn(this.#loop, target);
  }

  connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    return connectTo(this.#loop, target, signal);
  }

  async closeAll(): Promise<void> {
    await Promise.all([this.#loop, ...this.#asked].map((each) => each.closeAll()));
  }

  released(): Promise<void> {
    return this.#loop.released();
  }

  polled(host: PolledHost): PolledNetwork {
    const asked: AskedNetwork = new AskedNetwork(this.#libc, host, () => this.#asked.delete(asked));
    this.#asked.add(asked);
    return asked;
  }
}

/** One context's, which reads and writes when it is asked. */
class AskedNetwork extends AskedLoop implements PolledNetwork {
  readonly features = FEATURES;
  readonly reverse = reverseLookup;

  listen(target: NetworkTarget): EpollListener {
    return listenOn(this, target);
  }

  connect(target: NetworkTarget, signal: AbortSignal): Promise<Transport> {
    return connectTo(this, target, signal);
  }

  connectNow(target: NetworkTarget, signal: AbortSignal, dialling: Dialling): boolean {
    return dialNow(this, target, signal, dialling);
  }
}

const FEATURES: readonly NetworkFeature[] = ["ipv6Only", "reusePort", "keepAliveTimes"];
