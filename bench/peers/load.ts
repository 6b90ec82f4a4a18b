/** The load generator, `load.c`, compiled and run. */

import { compile } from "./compile.ts";
import { lines, runLoad, words } from "./load_process.ts";
import { end, start } from "./processes.ts";
import type { ServerProcess } from "./server_process.ts";

/** Which server, how many connections, and on what path. */
interface Target {
  readonly server: ServerProcess;
  readonly connections: number;
  /** @default {"/"} */
  readonly path?: string;
  /** The subprotocol that is asked for. */
  readonly protocol?: string;
  /** Whether permessage-deflate is asked for, and messages are compressed. @default {false} */
  readonly deflate?: boolean;
  /** Whether it goes over TLS. @default {false} */
  readonly tls?: boolean;
}

/** How long to measure, after how long a warm-up, with how many bytes a message. */
interface Timing {
  readonly size: number;
  readonly warmup: number;
  readonly seconds: number;
}

/** What came back. */
export interface LoadResult {
  readonly messages: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly p999us: number;
  /** In throughput that of a message without an answer is what it has waited. */
  readonly maxus: number;
  /** The server's processor time for a message. */
  readonly cpuUs: number;
  /** How late the generator itself sent, at the 99th percentile; only with an offered rate. */
  readonly lagP99us: number;
  /** Connections on which nothing came while it was measured. */
  readonly starved: number;
  /** Messages of an offered rate that had no answer two seconds after the end. */
  readonly unanswered: number;
  readonly errors: number;
}

/** Connections that do nothing, until they are disposed of. */
export interface HeldConnections extends AsyncDisposable {
  readonly handshakesPerSecond: number;
  /** Closes them; fails when the server has closed some before. */
  release(): Promise<void>;
}

/** Runs of the load generator; each fails with what went wrong first. */
export interface Load {
  /** Why it can't compress; undefined when it can. */
  readonly withoutDeflate: string | undefined;
  /** Why it has no TLS; undefined when it has. */
  readonly withoutTls: string | undefined;
  /** Keeps `pipeline` messages in flight on each connection. */
  throughput(options: Target & Timing & { pipeline: number }): Promise<LoadResult>;
  /** Offers `rate` messages a second in total. */
  rate(options: Target & Timing & { rate: number }): Promise<LoadResult>;
  /** Publishes on one connection; a message is counted for each that receives it. */
  broadcast(options: Target & Timing & { pipeline: number }): Promise<LoadResult>;
  /** Opens connections one after the other, and holds them. */
  hold(target: Target): Promise<HeldConnections>;
}

/** The longest that connections are held, whatever becomes of this process. */
const HOLD_SECONDS = 300;

/** Compiles the load generator. */
export async function prepareLoad(cache: string): Promise<Load> {
  if (Deno.build.os !== "linux") throw new Error("the load generator runs on Linux only (epoll)");
  const { program, withoutDeflate, withoutTls } = await build(cache);

  async function run(mode: string, { server, ...options }: Target & Timing): Promise<LoadResult> {
    const result = await runLoad<Omit<LoadResult, "cpuUs">>([program, mode], server, options);
    return { ...result, cpuUs: result.cpuSeconds / result.messages * 1_000_000 };
  }

  return {
    withoutDeflate,
    withoutTls,
    throughput: (options) => run("throughput", options),
    rate: (options) => run("rate", options),
    broadcast: (options) => run("broadcast", options),
    async hold({ server: { port }, ...target }) {
      const command = [program, "idle", ...words({ port, ...target, seconds: HOLD_SECONDS })];
      const child = start(command, { stdin: "piped" });
      const complaint = new Response(child.stderr).text();
      const output = lines(child.stdout);
      const { value, done } = await output.next();
      if (done) {
        await end(child);
        throw new Error((await complaint).trim());
      }
      const { handshakesPerSecond } = JSON.parse(value) as { handshakesPerSecond: number };
      return {
        handshakesPerSecond,
        async release() {
          await child.stdin.close();
          for await (const _line of output) continue;
          if (!(await child.status).success) throw new Error((await complaint).trim());
        },
        [Symbol.asyncDispose]: () => end(child),
      };
    },
  };
}

/** What it can be built with, or without where that is not there. */
const LIBRARIES = [
  {
    options: ["-DWITH_ZLIB", "-lz"],
    isMissing: /zlib\.h|-lz\b/,
    reason: "zlib's header or library is not there (Debian's zlib1g-dev)",
  },
  {
    options: ["-DWITH_OPENSSL", "-lssl", "-lcrypto"],
    isMissing: /openssl\/ssl\.h|-lssl\b|-lcrypto\b/,
    reason: "OpenSSL's header or library is not there (Debian's libssl-dev)",
  },
] as const;

interface Built {
  readonly program: string;
  readonly withoutDeflate: string | undefined;
  readonly withoutTls: string | undefined;
}

async function build(cache: string): Promise<Built> {
  const [zlib, openssl] = LIBRARIES;
  const there = new Set<typeof LIBRARIES[number]>(LIBRARIES);
  const reasonFor = (library: typeof LIBRARIES[number]) =>
    there.has(library) ? undefined : library.reason;
  for (;;) {
    try {
      const program = await compile("load.c", cache, ...[...there].flatMap((each) => each.options));
      return { program, withoutDeflate: reasonFor(zlib), withoutTls: reasonFor(openssl) };
    } catch (error) {
      const { message } = error as Error;
      // The compiler stops at the first.
      const missing = [...there].find(({ isMissing }) => isMissing.test(message));
      if (missing === undefined) throw error;
      there.delete(missing);
    }
  }
}
