/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

/** One measurement in an isolate of its own: no part meets code that was compiled for another. */

import { measure, type Measurement } from "./measure.ts";
import { PARTS } from "./parts/all.ts";

/** What to measure. */
export interface Order {
  readonly name: string;
  readonly rounds: number;
}

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const part = PARTS.find(({ name }) => name === data.name)!;
  const measurement: Measurement = measure(part, data.rounds);
  self.postMessage(measurement);
};
