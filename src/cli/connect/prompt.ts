/** A prompt on a terminal, above which lines appear without touching what is being typed. */

import {
  clearScreenDown,
  createInterface,
  cursorTo,
  type Interface,
  moveCursor,
} from "node:readline";
import type { CliTerminal } from "../host.ts";

const PROMPT = "> ";
const MOST_HISTORY = 1_000;

/** What a prompt tells. */
export interface PromptListener {
  onLine(line: string): void;
  /** Ctrl-D, or the terminal has gone. */
  onEnd(): void;
  /** Ctrl-C, which is no signal while keys are read one by one. */
  onInterrupt(): void;
}

/** The editor of one line, with a history, as shells have it. */
export class Prompt {
  readonly #terminal: CliTerminal;
  readonly #editor: Interface;
  #isOpen = true;

  /** @param words what the tab key completes at the begin of a line */
  constructor(terminal: CliTerminal, words: readonly string[], listener: PromptListener) {
    this.#terminal = terminal;
    this.#editor = createInterface({
      ...terminal,
      terminal: true,
      prompt: PROMPT,
      historySize: MOST_HISTORY,
      completer: (line: string) => [words.filter((each) => each.startsWith(line)), line],
    });
    this.#editor.on("line", (line) => {
      listener.onLine(line);
      if (this.#isOpen) this.#editor.prompt();
    });
    this.#editor.on("SIGINT", () => listener.onInterrupt());
    this.#editor.on("close", () => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      listener.onEnd();
    });
    this.#editor.prompt();
  }

  /** Shows a line above the prompt. */
  print(line: string): void {
    this.#leave();
    this.#terminal.output.write(`${line}\n`);
    if (this.#isOpen) this.#editor.prompt(true);
  }

  /** Gives the terminal back, without a prompt on it. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#leave();
    this.#editor.close();
  }

  /** Goes to where the prompt began, of however many rows, and has nothing there. */
  #leave(): void {
    const { output } = this.#terminal;
    moveCursor(output, 0, -this.#editor.getCursorPos().rows);
    cursorTo(output, 0);
    clearScreenDown(output);
    // The editor goes up by as many rows as it has shown; there are none now.
    (this.#editor as unknown as { prevRows: number }).prevRows = 0;
  }
}
