/** Programs of this project in processes of their own, run as their users run them. */

import { fromFileUrl } from "@std/path";

const SLOW_CLOCK = fromFileUrl(new URL("clocks/slow_clock.ts", import.meta.url));

/** A program that runs beside the test. */
export interface Program {
  readonly process: Deno.ChildProcess;
  /** Waits until it has printed `text`; returns all that it has printed. Throws when it ends before. */
  until(text: string): Promise<string>;
  type(text: string): Promise<void>;
  /** Waits for its end, with nothing more to read for it. */
  end(): Promise<Deno.CommandStatus>;
}

/** The arguments of `deno` that run a module with these flags. */
export function runArguments(flags: string[], module: string, args: string[] = []): string[] {
  return ["run", ...flags, "--quiet", "--preload", SLOW_CLOCK, module, ...args];
}

/** Starts a module with these flags and arguments. */
export function runProgram(flags: string[], module: string, args: string[] = []): Program {
  const process = new Deno.Command(Deno.execPath(), {
    args: runArguments(flags, module, args),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stdin = process.stdin.getWriter();
  let printed = "";
  return {
    process,
    async until(text) {
      while (!printed.includes(text)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${module} ended; it printed: ${printed}`);
        printed += value;
      }
      return printed;
    },
    type: (text) => stdin.write(new TextEncoder().encode(text)),
    async end() {
      await stdin.close().catch(() => {});
      const status = await process.status;
      await reader.cancel();
      return status;
    },
  };
}
