/** Redis servers of a test's own, on free ports of the loopback address, with their data in temporary folders. */

import { freePort } from "../../support/free_port.ts";
import { program } from "../peer.ts";

export const REDIS = program("redis-server", "/usr/bin/redis-server");

/** How one is started. */
export interface RedisSetup {
  /** Whether each write is on the disk when it is answered. Default: nothing is written. */
  readonly appendonly?: boolean;
  /** Default: a folder that is removed at the end. */
  readonly dir?: string;
  readonly port?: number;
  /** More of its command line. */
  readonly args?: readonly string[];
}

/** One that runs. */
export interface RedisProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it anew, on the same port and folder, after `kill` or in its place. */
  restart(args?: readonly string[]): Promise<void>;
  /** What it answers to a command, as `redis-cli` prints it. */
  cli(...args: readonly string[]): Promise<string>;
}

/** Resolves when it takes connections and has loaded its data. */
export async function startRedis(setup: RedisSetup = {}): Promise<RedisProcess> {
  const { port = freePort(), appendonly = false } = setup;
  const dir = setup.dir ?? await Deno.makeTempDir();
  let process: Deno.ChildProcess | undefined;

  const cli = async (...args: readonly string[]) => {
    const command = new Deno.Command("/usr/bin/redis-cli", {
      args: ["-p", String(port), ...args],
      stdin: "null",
      stderr: "null",
    });
    return new TextDecoder().decode((await command.output()).stdout).trim();
  };

  const start = async (args: readonly string[]) => {
    process = new Deno.Command(REDIS.path, {
      args: [
        ...["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""],
        ...["--appendonly", appendonly ? "yes" : "no", "--appendfsync", "always"],
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answering(port, process);
  };

  const kill = async () => {
    if (process === undefined) return;
    const ended = process;
    process = undefined;
    try {
      ended.kill("SIGKILL");
    } catch { /* It has ended by itself. */ }
    await ended.status;
  };

  await start(setup.args ?? []);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    kill,
    cli,
    async restart(args = setup.args ?? []) {
      await kill();
      await start(args);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      if (setup.dir === undefined) await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Asks until it answers: while it loads it says so, and takes no command. */
async function answering(port: number, process: Deno.ChildProcess): Promise<void> {
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  const buffer = new Uint8Array(64);
  while (!hasEnded) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(new TextEncoder().encode("PING\r\n"));
      const count = await conn.read(buffer) ?? 0;
      if (new TextDecoder().decode(buffer.subarray(0, count)).startsWith("+PONG")) return;
    } catch { /* It does not listen yet. */ }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("redis-server has ended");
}
