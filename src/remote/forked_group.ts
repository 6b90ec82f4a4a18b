/** Several workers that serve one port. */

import type { Bytes } from "../base/bytes.ts";
import { LwsError } from "../base/errors.ts";
import type { SharedBroker } from "./broker/share.ts";
import type { ForkedProtocol, ForkedService } from "./forked_service.ts";

/** All of them as one service. */
export class ForkedGroup implements ForkedService {
  readonly port: number;
  readonly protocols: readonly ForkedProtocol[];
  readonly workers: readonly ForkedService[];
  readonly done: Promise<void>;

  readonly #share: SharedBroker | undefined;

  /**
   * @param workers which serve already
   * @param share the broker that they have in common; closed with the last of them
   */
  constructor(workers: readonly ForkedService[], share?: SharedBroker) {
    const [first] = workers;
    this.port = first!.port;
    this.protocols = first!.protocols;
    this.workers = workers;
    this.#share = share;
    this.done = this.#allDone();
    // It may be left alone, as that of each.
    this.done.catch(() => {});
  }

  broadcast(protocol: string, data: Bytes | string): number {
    return this.#toEach((worker) => worker.broadcast(protocol, data));
  }

  callbackOnWritableAllProtocol(protocol: string): number {
    return this.#toEach((worker) => worker.callbackOnWritableAllProtocol(protocol));
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.stop()));
    return await this.done;
  }

  terminate(): void {
    for (const worker of this.workers) worker.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #toEach(call: (worker: ForkedService) => number): number {
    const isTaken = this.workers.map(call).includes(0);
    return isTaken ? 0 : -1;
  }

  async #allDone(): Promise<void> {
    const ends = await Promise.allSettled(this.workers.map((worker) => worker.done));
    await this.#share?.[Symbol.asyncDispose]();
    const failed = ends.flatMap((end, i) =>
      end.status === "rejected" ? [`workers[${i}] failed: ${end.reason.message}`] : []
    );
    if (failed.length > 0) throw new LwsError("worker-failed", failed.join("\n"));
  }
}
