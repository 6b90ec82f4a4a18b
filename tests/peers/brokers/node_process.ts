/** Nodes in processes of their own. */

import { fromFileUrl } from "@std/path";
import type { NodeChoice, Order, Stopped } from "./wire.ts";

const NODE = fromFileUrl(new URL("node.ts", import.meta.url));
/** Has it use the network that these tests are run over. */
const NETWORK = fromFileUrl(new URL("../../network.ts", import.meta.url));
const FLAGS = ["-A", "--no-prompt", "--quiet", "--no-check", "--preload", NETWORK];

/** How long the last publications may take, which time out and are made again in less. */
const STOPPED_MS = 60_000;

/** A node that serves. */
export class NodeProcess implements AsyncDisposable {
  readonly port: number;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    process: Deno.ChildProcess,
    input: WritableStreamDefaultWriter<Uint8Array>,
    lines: AsyncIterator<string>,
    port: number,
  ) {
    this.#process = process;
    this.#input = input;
    this.#lines = lines;
    this.port = port;
  }

  /** Starts one; resolves once it serves. */
  static async start(choice: NodeChoice): Promise<NodeProcess> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", ...FLAGS, NODE, JSON.stringify(choice)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = linesOf(process.stdout);
    const { port } = JSON.parse(await nextLine(lines)) as { port: number };
    return new NodeProcess(process, process.stdin.getWriter(), lines, port);
  }

  async order(order: Order): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
  }

  /** Ends its publications, and tells what they were, unless the broker takes the last one no more. */
  async stopPublishing(): Promise<Stopped> {
    await this.order({ stop: true });
    const { promise, reject } = Promise.withResolvers<never>();
    const late = () => reject(new Error("the node can't publish what it has begun to"));
    const timer = setTimeout(late, STOPPED_MS);
    try {
      return JSON.parse(await Promise.race([nextLine(this.#lines), promise])) as Stopped;
    } finally {
      clearTimeout(timer);
    }
  }

  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    await this.#process.status;
    clearTimeout(late);
    await this.#lines.return?.();
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new Error("the node has ended");
  return value;
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let unread: string[] = [];
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    const [first, ...more] = piece.split("\n");
    unread.push(first!);
    for (const each of more) {
      yield unread.join("");
      unread = [each];
    }
  }
}
