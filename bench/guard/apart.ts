/** Measurements in isolates of their own. */

import type { Measurement } from "./measure.ts";
import type { Order } from "./worker.ts";

/** Measures the part of that name. */
export function measureApart(order: Order): Promise<Measurement> {
  const { promise, resolve, reject } = Promise.withResolvers<Measurement>();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Measurement>) => resolve(data);
  worker.onerror = (event) => {
    // Or the runtime would end the whole program.
    event.preventDefault();
    reject(new Error(`${order.name}: ${event.message}`));
  };
  worker.postMessage(order);
  return promise.finally(() => worker.terminate());
}
