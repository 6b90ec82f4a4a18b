/** What a command has of the machine: streams, an end, a file watcher. */

import process from "node:process";
import type { Readable, Writable } from "node:stream";
import type { Network } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import { type LogEmitter, type LogLevel, setLogLevel } from "../base/log.ts";
import { systemClock } from "../service/clock.ts";

/** Where a command writes: its standard output, or its standard error. */
export interface CliOutput {
  /** Whether a person reads it as it comes. */
  readonly isTerminal: boolean;
  /** Writes all of it; the next call comes when this one has resolved. Rejects once nothing reads it. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Where a command reads. */
export interface CliInput {
  /** Whether a person types it. */
  readonly isTerminal: boolean;
  /** Its bytes; iterated once at most, and not where {@linkcode CliHost.openTerminal} is used. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** The two ends of a terminal, for an editor of lines. */
export interface CliTerminal {
  /** Where keys come from. */
  readonly input: Readable;
  /** Where the screen is. */
  readonly output: Writable;
}

/** Tells which files of a folder have changed, until it is closed. */
export interface CliWatch extends AsyncIterable<readonly string[]> {
  /** Ends the iteration. */
  close(): void;
}

/** The machine, as a command sees it. Made by {@linkcode systemHost}; tests have others. */
export interface CliHost {
  /** Standard input. */
  readonly input: CliInput;
  /** Standard output, for data. */
  readonly output: CliOutput;
  /** Standard error, for all that is beside the data. */
  readonly errors: CliOutput;
  /** Asks the command to end, as Ctrl-C does: it says goodbye to its peers. Default: nothing does. */
  readonly signal?: AbortSignal;
  /** Whether a terminal may be written to in colours. */
  readonly hasColors: boolean;
  /** What timers and measurements go by. */
  readonly clock: Clock;
  /** The network. Default: the operating system's TCP. */
  readonly network?: Network;
  /** The terminal, where input and output are one; it is only called then. */
  openTerminal(): CliTerminal;
  /**
   * Watches a folder and all below it; paths are relative to it, with `/` between their parts. Left out where
   * the runtime can't.
   */
  readonly watch?: (folder: string) => CliWatch;
  /** Sets what the library logs, and where. Left out where that is not the command's to say. */
  readonly setLogLevel?: (levels: readonly LogLevel[], emit: LogEmitter) => void;
}

/** The machine that the program runs on, without a `signal`: Ctrl-C ends the program, as it does any. */
export function systemHost(): CliHost {
  return {
    input: {
      isTerminal: Deno.stdin.isTerminal(),
      get bytes() {
        return Deno.stdin.readable;
      },
    },
    output: outputTo(Deno.stdout),
    errors: outputTo(Deno.stderr),
    hasColors: !Deno.noColor,
    clock: systemClock,
    openTerminal: () => ({ input: process.stdin, output: process.stdout }),
    ...typeof Deno.watchFs === "function" ? { watch: watchFolder } : {},
    setLogLevel,
  };
}

function outputTo(stream: typeof Deno.stdout): CliOutput {
  return {
    isTerminal: stream.isTerminal(),
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
    },
  };
}

/** Aborts at the first Ctrl-C or SIGTERM; the second one ends the process. */
export function firstInterrupt(): AbortSignal {
  const controller = new AbortController();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const stop = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return controller.signal;
}

function watchFolder(folder: string): CliWatch {
  const root = Deno.realPathSync(folder);
  const watcher = Deno.watchFs(root);
  return {
    close: () => watcher.close(),
    async *[Symbol.asyncIterator]() {
      for await (const { kind, paths } of watcher) {
        if (kind === "access") continue;
        yield paths.filter((path) => path.startsWith(root))
          .map((path) => path.slice(root.length).replaceAll("\\", "/").replace(/^\//, ""));
      }
    },
  };
}
