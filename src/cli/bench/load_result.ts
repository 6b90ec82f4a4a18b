/** What a load has measured, for people and for programs. */

import type { Load } from "./load.ts";

/** The result, as `--json` writes it. */
export interface Result {
  readonly url: string;
  readonly connections: number;
  readonly pipeline: number;
  readonly size: number;
  readonly seconds: number;
  /** Whether it was ended before its time. */
  readonly wasInterrupted: boolean;
  readonly isCompressed: boolean;
  /** Connections that ended meanwhile. */
  readonly lost: number;
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** Of payload, each way; a megabyte is a million bytes. */
  readonly megabytesPerSecond: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

export function resultOf(load: Load, url: string, wasInterrupted: boolean): Result {
  const { plan, latencies, messages } = load;
  const seconds = load.elapsedMs / 1000;
  const rate = seconds === 0 ? 0 : messages / seconds;
  const inMs = (microseconds: number) => microseconds / 1000;
  return {
    url,
    connections: plan.connections,
    pipeline: plan.pipeline,
    size: plan.size,
    seconds: rounded(seconds, 3),
    wasInterrupted,
    isCompressed: load.isCompressed,
    lost: load.lost,
    messages,
    messagesPerSecond: Math.round(rate),
    megabytesPerSecond: rounded(rate * plan.size / 1e6, 3),
    latencyMs: {
      p50: inMs(latencies.percentile(50)),
      p90: inMs(latencies.percentile(90)),
      p99: inMs(latencies.percentile(99)),
      max: inMs(latencies.max),
    },
  };
}

/** The result in a few lines. */
export function resultLines(result: Result): string[] {
  const { connections, pipeline, size, seconds, latencyMs } = result;
  const early = result.wasInterrupted ? ", ended before its time" : "";
  const kind = result.isCompressed ? " compressed" : "";
  const times = (["p50", "p90", "p99", "max"] as const)
    .map((name) => `${name} ${latencyMs[name].toFixed(2)} ms`);
  return [
    result.url,
    `${count(connections)} connections × ${count(pipeline)} messages of ${
      count(size)
    } bytes${kind}, ` +
    `${seconds.toFixed(1)} s${early}`,
    `messages/s  ${count(result.messagesPerSecond)}`,
    `MB/s        ${result.megabytesPerSecond.toFixed(1)} each way`,
    `latency     ${times.join("   ")}`,
    ...result.lost === 0 ? [] : [`lost        ${count(result.lost)} connections`],
  ];
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function rounded(number: number, digits: number): number {
  return Number(number.toFixed(digits));
}
