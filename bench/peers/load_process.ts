/** How a load generator is run: the options it reads, and the lines of JSON that it writes. */

import { LOAD_CORE } from "./cores.ts";
import { end, start } from "./processes.ts";
import type { ServerProcess } from "./server_process.ts";

/** The two moments that a run tells: after the warm-up, and before the last answers are awaited. */
type Phase = "measuring" | "measured";

/** What opening and the last answers may take beside the run itself. */
const GRACE_MS = 150_000;

/** How long to measure, after how long a warm-up, in seconds. */
interface LoadTiming {
  readonly warmup: number;
  readonly seconds: number;
}

/**
 * Runs a load generator to its end, on its core, and returns what it tells, with the processor time that the
 * server took while it measured. Fails with what went wrong first.
 */
export async function runLoad<Result extends object>(
  command: readonly string[],
  server: ServerProcess,
  options: LoadTiming,
): Promise<Result & { cpuSeconds: number }> {
  const cpu = { measuring: 0, measured: 0 };
  const child = start([...command, ...words({ port: server.port, ...options })]);
  const timer = setTimeout(
    () => void end(child),
    (options.warmup + options.seconds) * 1000 + GRACE_MS,
  );
  try {
    const complaint = new Response(child.stderr).text();
    let result: Result | undefined;
    for await (const line of lines(child.stdout)) {
      const told = JSON.parse(line) as Result | { phase: Phase };
      if ("phase" in told) cpu[told.phase] = server.cpuSeconds();
      else result = told;
    }
    const { success } = await child.status;
    if (success && result !== undefined) {
      return { ...result, cpuSeconds: cpu.measured - cpu.measuring };
    }
    throw new Error((await complaint).trim() || "the load generator was ended");
  } finally {
    clearTimeout(timer);
    await end(child);
  }
}

/** Options as the C programs read them. */
export function words(options: object): string[] {
  const core = LOAD_CORE === undefined ? {} : { core: LOAD_CORE };
  return Object.entries({ ...options, ...core }).flatMap((
    [name, value],
  ) => [`--${name}`, String(typeof value === "boolean" ? Number(value) : value)]);
}

/** The lines of a stream, as they come. */
export async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const whole = text.split("\n");
    text = whole.pop()!;
    yield* whole;
  }
}
