/** nats-server, started for a test on a port of its own, with its data in a folder of its own. */

import { freePort } from "../../support/free_port.ts";
import { type Program, program, untilListening } from "../peer.ts";

export const NATS_SERVER: Program = program("nats-server", "/usr/sbin/nats-server");

/** How it is started. */
export interface NatsChoices {
  /** Default: true. */
  readonly jetstream?: boolean;
  /** Where its data is. Default: a folder that goes with it. */
  readonly dir?: string;
  /** Default: one that is free. */
  readonly port?: number;
  readonly args?: readonly string[];
}

/** One that runs. */
export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  /** As the option `servers` takes it. */
  readonly url: string;
  readonly dir: string;
  /** Ends it by SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again at the same port, after killing it if it runs, with the data that it has. */
  restart(): Promise<void>;
}

/** Starts one, and waits until it listens. */
export async function startNats(choices: NatsChoices = {}): Promise<NatsServer> {
  const { jetstream = true, port = freePort(), args = [] } = choices;
  const dir = choices.dir ?? await Deno.makeTempDir({ prefix: "nats_" });
  let process: Deno.ChildProcess | undefined;

  async function run(): Promise<void> {
    const where = ["-a", "127.0.0.1", "-p", String(port)];
    process = new Deno.Command(NATS_SERVER.path, {
      args: [...where, ...(jetstream ? ["-js", "-sd", dir] : []), ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const running = process;
    const ended = running.status.then(({ code }) => {
      throw new Error(`nats-server has ended with ${code}`);
    });
    await Promise.race([untilListening(port), ended]);
    ended.catch(() => {});
  }

  async function kill(): Promise<void> {
    const running = process;
    process = undefined;
    if (running === undefined) return;
    try {
      running.kill("SIGKILL");
    } catch { /* It has ended by itself. */ }
    await running.status;
  }

  await run();
  return {
    port,
    url: `127.0.0.1:${port}`,
    dir,
    kill,
    async restart() {
      await kill();
      await run();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      if (choices.dir === undefined) await Deno.remove(dir, { recursive: true });
    },
  };
}
