/** Deno programs in processes of their own, which tests talk to line by line. */

import { fromFileUrl } from "@std/path";

/** A program of tests/fixtures. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #unread = "";

  /** @param command what goes before `deno`, such as a parent that opens sockets */
  constructor(
    command: readonly string[],
    fixture: string,
    flags: readonly string[],
    more: readonly string[] = [],
  ) {
    const module = fromFileUrl(new URL(`../fixtures/${fixture}`, import.meta.url));
    const [program, ...args] = [...command, Deno.execPath(), "run", "--no-prompt", "--quiet"];
    this.#process = new Deno.Command(program!, {
      args: [...args, ...flags, module, ...more],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line that it prints; throws when it ends without one. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`the child ended after: ${this.#unread}`);
      this.#unread += value;
    }
  }

  /** Sends a line. */
  async send(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    try {
      this.#process.kill("SIGKILL");
    } catch { /* It has ended. */ }
    await this.#output.cancel();
    await this.#process.status;
  }
}

/** Whether a program is on this machine. */
export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
