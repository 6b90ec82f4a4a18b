/** A contender in a process of its own, and what Linux tells about that process. */

import type { Contender } from "./contenders.ts";
import { SERVER_CORES } from "./cores.ts";
import { end, start } from "./processes.ts";

/**
 * Raises the limit of open files as far as it goes, for some runs have 10,000 connections, and leaves
 * the core of the load generator alone; then becomes the server, and so keeps its id.
 */
const PREPARE = `
  ulimit -n "$(ulimit -Hn)" 2>/dev/null
  cores=$1; shift
  if [ -n "$cores" ]; then exec taskset -c "$cores" "$@"; fi
  exec "$@"
`;
/** How long a server may take until it listens. */
const START_TIMEOUT_MS = 20_000;
/** `USER_HZ`, the unit of times in `/proc`, which is 100 wherever Deno runs. */
const TICKS_PER_SECOND = 100;

/** A server that listens. */
export interface ServerProcess extends AsyncDisposable {
  readonly contender: Contender;
  readonly port: number;
  /** Why it isn't there any more; undefined while it runs. */
  readonly death: string | undefined;
  /** Bytes of memory that are resident now. */
  residentBytes(): number;
  /** Seconds of processor time, of all of its threads, so far. */
  cpuSeconds(): number;
}

/** Starts a contender and waits until it listens. */
export async function startServer(contender: Contender): Promise<ServerProcess> {
  const child = start(["sh", "-c", PREPARE, "sh", SERVER_CORES, ...contender.command]);
  let death: string | undefined;
  const complaint = lastLines(child.stderr);
  child.status.then(async ({ code, signal }) => {
    const how = signal === null ? `code ${code}` : signal;
    death = `the server ended (${how}) ${(await complaint).slice(-300)}`.trim();
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => void end(child), START_TIMEOUT_MS);
  try {
    let text = "";
    for (;;) {
      const port = /listening on ws:\/\/127\.0\.0\.1:(\d+)\n/.exec(text)?.[1];
      if (port !== undefined) {
        // A server that prints more must not stall on a full pipe.
        void drain(reader);
        return {
          contender,
          port: Number(port),
          get death() {
            return death;
          },
          residentBytes: () => residentBytes(child.pid),
          cpuSeconds: () => cpuSeconds(child.pid),
          [Symbol.asyncDispose]: () => end(child),
        };
      }
      const { value, done } = await reader.read();
      if (done) throw new Error(`the server did not start: ${(await complaint).slice(0, 300)}`);
      text += value;
    }
  } catch (error) {
    await end(child);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done) continue;
}

/** The end of what a process says, on one line. */
async function lastLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + piece).slice(-4096);
  }
  return text.trim().replace(/\s*\n\s*/g, " | ");
}

function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]) * 1024;
}

function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name of the program, the second field, may have spaces and parentheses in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
