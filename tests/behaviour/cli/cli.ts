/** The command in this process: its streams, its end and what it prints are the test's. */

import { PassThrough } from "node:stream";
import { type CliHost, type CliWatch, main } from "../../../src/cli/mod.ts";
import { systemClock } from "../../../src/service/clock.ts";

/** What of the machine a test has in its own hands. */
export interface CliOptions {
  readonly network?: CliHost["network"];
  readonly clock?: CliHost["clock"];
  readonly watch?: CliHost["watch"];
  /** What standard input has; left out, it stays open until {@linkcode RunningCli.endInput}. */
  readonly input?: string;
  /** Whether all three streams are a terminal. */
  readonly isTerminal?: boolean;
  readonly hasColors?: boolean;
  /** Whether standard error alone is a terminal. */
  readonly hasErrorTerminal?: boolean;
  /** Called with each piece of standard output; what it rejects with breaks the stream. */
  readonly onOutput?: (text: string) => Promise<void>;
}

/** A command that runs. */
export interface RunningCli extends AsyncDisposable {
  /** What it has written to standard output, or to its terminal. */
  readonly output: string;
  readonly errors: string;
  /** Waits until standard output has a text; throws when the command ends without it. */
  until(text: string | RegExp): Promise<string>;
  untilErrors(text: string | RegExp): Promise<string>;
  type(text: string): void;
  endInput(): void;
  /** Ctrl-C. */
  interrupt(): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/** Text that grows, and what waits for it. */
class Transcript {
  text = "";
  isOver = false;
  #waiting: (() => void)[] = [];
  readonly #decoder = new TextDecoder();

  add(bytes: Uint8Array): void {
    this.text += this.#decoder.decode(bytes, { stream: true });
    this.#wake();
  }

  end(): void {
    this.isOver = true;
    this.#wake();
  }

  async until(sought: string | RegExp): Promise<string> {
    const isThere = () =>
      typeof sought === "string" ? this.text.includes(sought) : sought.test(this.text);
    while (!isThere()) {
      if (this.isOver) throw new Error(`it ended without ${sought}; it printed: ${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.text;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Runs a command line. */
export function runCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const output = new Transcript();
  const errors = new Transcript();
  const interrupt = new AbortController();
  const isTerminal = options.isTerminal ?? false;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    undefined,
    { highWaterMark: 1_000 },
    { highWaterMark: 1_000 },
  );
  const input = writable.getWriter();
  const keys = new PassThrough();
  const screen = new PassThrough();
  screen.on("data", (bytes: Uint8Array) => output.add(bytes));
  const encoder = new TextEncoder();
  const type = (text: string) => {
    if (isTerminal) keys.write(text);
    else input.write(encoder.encode(text)).catch(() => {});
  };
  const endInput = () => void input.close().catch(() => {});
  const ended = main(args, {
    input: { isTerminal, bytes: readable },
    output: {
      isTerminal,
      async write(bytes) {
        await options.onOutput?.(new TextDecoder().decode(bytes));
        output.add(bytes);
      },
    },
    errors: {
      isTerminal: isTerminal || (options.hasErrorTerminal ?? false),
      write: (bytes) => Promise.resolve(errors.add(bytes)),
    },
    signal: interrupt.signal,
    hasColors: options.hasColors ?? false,
    clock: options.clock ?? systemClock,
    openTerminal: () => ({ input: keys, output: screen }),
    ...options.network === undefined ? {} : { network: options.network },
    ...options.watch === undefined ? {} : { watch: options.watch },
  });
  void ended.finally(() => {
    output.end();
    errors.end();
  });
  if (options.input !== undefined) {
    if (options.input !== "") type(options.input);
    endInput();
  }
  return {
    get output() {
      return output.text;
    },
    get errors() {
      return errors.text;
    },
    until: (text) => output.until(text),
    untilErrors: (text) => errors.until(text),
    type,
    endInput,
    interrupt: () => interrupt.abort(),
    ended,
    async [Symbol.asyncDispose]() {
      interrupt.abort();
      await ended;
      endInput();
      keys.destroy();
      screen.destroy();
    },
  };
}

/** Runs a command line to its end. */
export async function finishCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<{ code: number; output: string; errors: string }> {
  await using running = runCli(args, { input: "", ...options });
  const code = await running.ended;
  return { code, output: running.output, errors: running.errors };
}

/** A watch of no folder: a test says what changes. */
export function playWatch(): CliWatch & { change(...paths: string[]): void } {
  let wake: (() => void) | undefined;
  let isClosed = false;
  const changes: string[][] = [];
  return {
    change(...paths) {
      changes.push(paths);
      wake?.();
    },
    close() {
      isClosed = true;
      wake?.();
    },
    async *[Symbol.asyncIterator]() {
      while (!isClosed) {
        const next = changes.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => wake = resolve);
      }
    },
  };
}
