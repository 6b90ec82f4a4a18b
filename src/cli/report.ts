/** What a command tells: data on standard output, everything else on standard error. */

import { messageOf } from "../base/log.ts";
import type { CliHost, CliOutput } from "./host.ts";

/** Bytes that wait to be written, above which more should not be made. */
const MOST_WAITING = 64 * 1024;

const ERASE_LINE = "\r\x1b[K";

/** How a piece of text looks on a terminal. */
const STYLES = { dim: "2", error: "31", received: "36", strong: "1" } as const;

const encoder = new TextEncoder();

/** One of the two streams: writes one piece after the other. */
class Stream {
  readonly #output: CliOutput;
  readonly #onBroken: (error: unknown) => void;
  readonly #onWritten: () => void;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;

  constructor(output: CliOutput, onBroken: (error: unknown) => void, onWritten: () => void) {
    this.#output = output;
    this.#onBroken = onBroken;
    this.#onWritten = onWritten;
  }

  get isTerminal(): boolean {
    return this.#output.isTerminal;
  }

  get waiting(): number {
    return this.#bytes;
  }

  write(data: string | Uint8Array): void {
    if (this.#isBroken) return;
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    this.#writing ??= this.#writeAll();
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      for (let pieces = this.#waiting; pieces.length > 0; pieces = this.#waiting) {
        this.#waiting = [];
        // Lines are short: a write for each would take longer than what comes of them.
        const bytes = joined(pieces);
        await this.#output.write(bytes);
        this.#bytes -= bytes.length;
        this.#onWritten();
      }
    } catch (error) {
      this.#isBroken = true;
      this.#waiting = [];
      this.#bytes = 0;
      this.#onBroken(error);
      this.#onWritten();
    } finally {
      this.#writing = undefined;
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** How a terminal with a line that is being typed shows lines; see {@linkcode Report.showBy}. */
export type Shower = (line: string) => void;

/** The voice of one command. */
export class Report {
  readonly #host: CliHost;
  readonly #data: Stream;
  readonly #notices: Stream;
  readonly #isVerbose: boolean;
  readonly #ending = new AbortController();
  #progress = "";
  #show: Shower | undefined;
  #onCaughtUp: (() => void) | undefined;

  constructor(host: CliHost, isVerbose: boolean) {
    this.#host = host;
    this.#isVerbose = isVerbose;
    const onWritten = () => this.#catchUp();
    // As `head` does, what reads may have had enough: then there is nothing more to do.
    const onBroken = () => this.#ending.abort();
    this.#data = new Stream(host.output, onBroken, onWritten);
    this.#notices = new Stream(host.errors, onBroken, onWritten);
  }

  get host(): CliHost {
    return this.#host;
  }

  /** Aborts when the command is to end: by Ctrl-C, or as nothing reads what it writes any more. */
  get signal(): AbortSignal {
    const { signal } = this.#host;
    const ending = this.#ending.signal;
    return signal === undefined ? ending : AbortSignal.any([signal, ending]);
  }

  /** Whether a person reads the data as it comes. */
  get isTerminal(): boolean {
    return this.#data.isTerminal;
  }

  /** A line of data. */
  say(line: string): void {
    if (this.#show !== undefined) return this.#show(line);
    this.#hideProgress();
    this.#data.write(`${line}\n`);
    this.#showProgress();
  }

  /** Bytes of data, as they are. */
  sayBytes(bytes: Uint8Array): void {
    this.#data.write(bytes);
  }

  /** A line beside the data. */
  note(line: string): void {
    if (this.#show !== undefined) return this.#show(this.paint("dim", line));
    this.#hideProgress();
    this.#notices.write(`${line}\n`);
    this.#showProgress();
  }

  /** A line for those that asked for more. */
  detail(line: string): void {
    if (this.#isVerbose) this.note(line);
  }

  /** What went wrong, in one line. */
  complain(error: unknown): void {
    this.complainOf(messageOf(error));
    const stack = error instanceof Error ? error.stack : undefined;
    if (this.#isVerbose && stack !== undefined) this.note(stack);
  }

  /** A complaint, in one line. */
  complainOf(text: string): void {
    const line = `${this.#paintIf(this.#notices.isTerminal, "error", "lws:")} ${oneLine(text)}`;
    if (this.#show !== undefined) return this.#show(line);
    this.#hideProgress();
    this.#notices.write(`${line}\n`);
  }

  /** How far long work is; only a terminal shows it, in one line that the next one takes the place of. */
  progress(line: string): void {
    this.#hideProgress();
    this.#progress = line;
    this.#showProgress();
  }

  /** A text as standard output shows it. */
  paint(style: keyof typeof STYLES, text: string): string {
    return this.#paintIf(this.#data.isTerminal, style, text);
  }

  /** From now on lines go to a terminal that has a prompt; undefined gives it up. */
  showBy(show: Shower | undefined): void {
    this.#show = show;
  }

  /** Whether all that was said has left. */
  get isWritten(): boolean {
    return this.#data.waiting === 0;
  }

  /** Whether what was said has not left: then say no more, until `onCaughtUp` is called, once. */
  isBehind(onCaughtUp: () => void): boolean {
    if (this.#data.waiting <= MOST_WAITING) return false;
    this.#onCaughtUp = onCaughtUp;
    return true;
  }

  /** Resolves when all has left. */
  async flush(): Promise<void> {
    this.#hideProgress();
    this.#progress = "";
    await this.#data.flush();
    await this.#notices.flush();
  }

  #catchUp(): void {
    const onCaughtUp = this.#onCaughtUp;
    if (onCaughtUp === undefined || this.#data.waiting > MOST_WAITING / 2) return;
    this.#onCaughtUp = undefined;
    onCaughtUp();
  }

  #paintIf(isTerminal: boolean, style: keyof typeof STYLES, text: string): string {
    if (!isTerminal || !this.#host.hasColors) return text;
    return `\x1b[${STYLES[style]}m${text}\x1b[0m`;
  }

  #hideProgress(): void {
    if (this.#progress !== "" && this.#notices.isTerminal) this.#notices.write(ERASE_LINE);
  }

  #showProgress(): void {
    if (this.#progress !== "" && this.#notices.isTerminal) this.#notices.write(this.#progress);
  }
}

/** Several complaints, each of which has a line of its own elsewhere. */
function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}

/** Resolves once a signal has aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
