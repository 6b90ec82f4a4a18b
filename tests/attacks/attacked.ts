/** The server under attack as a process: its memory, its descriptors, and what it says. */

import { fromFileUrl } from "@std/path";
import type { Target } from "./wire.ts";

const SAMPLE_MS = 50;

/** A server, until it is disposed of. */
export class Attacked implements AsyncDisposable {
  readonly target: Target;
  readonly #process: Deno.ChildProcess;
  readonly #sampler: ReturnType<typeof setInterval>;
  readonly #said: Promise<unknown>;
  /** The most resident memory that was seen, in MiB. */
  peak = 0;
  /** Lines that it wrote to its log. */
  logged = 0;
  hasEnded = false;

  private constructor(process: Deno.ChildProcess, target: Target, log: Promise<unknown>) {
    this.#process = process;
    this.target = target;
    this.#said = log;
    this.#sampler = setInterval(() => this.peak = Math.max(this.peak, this.memory()), SAMPLE_MS);
  }

  static async start(network: string, folder: string): Promise<Attacked> {
    const module = fromFileUrl(new URL("server.ts", import.meta.url));
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", module, network, folder],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await lines.read();
    const said = Promise.withResolvers<unknown>();
    const server = new Attacked(process, JSON.parse(value), said.promise);
    const counting = process.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({
        write(text) {
          server.logged += text.split("\n").length - 1;
        },
      }),
    );
    said.resolve(Promise.all([counting, lines.closed]));
    void process.status.then(() => server.hasEnded = true);
    return server;
  }

  /** Resident memory in MiB. */
  memory(): number {
    if (this.hasEnded) return 0;
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(status.match(/^VmRSS:\s*(\d+)/m)?.[1] ?? 0) / 1024;
  }

  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.#process.pid}/fd`)].length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampler);
    if (!this.hasEnded) this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#said.catch(() => {});
  }
}
