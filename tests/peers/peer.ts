/** Foreign programs, and what becomes of a test whose program is missing. */

import { fromFileUrl } from "@std/path";

/** A program that others wrote. */
export interface Program {
  /** What to install. */
  readonly name: string;
  readonly path: string;
  readonly isThere: boolean;
  /** A test that needs the program; without it, it is skipped by name, or fails in CI. */
  test(name: string, run: () => Promise<void>): void;
}

/** Whether a missing program fails its tests instead of skipping them. */
const isRequired = Deno.env.get("LWS_PEERS") === "required";

const DEADLINE_MS = 600_000;

/** A foreign program that has gone silent fails its test, and not one that is slow. */
async function withDeadline(work: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it has gone silent")), DEADLINE_MS);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export const BASH = program("bash", "/bin/bash");
export const CHROMIUM = program("chromium", "/usr/bin/chromium");
export const CURL = program("curl", "/usr/bin/curl");
export const HAPROXY = program("haproxy", "/usr/sbin/haproxy");
export const LWS_CLIENT = program(
  "libwebsockets-test-client",
  "/usr/bin/libwebsockets-test-client",
);
export const LWS_SERVER = program(
  "libwebsockets-test-server",
  "/usr/bin/libwebsockets-test-server",
);
export const NGINX = program("nginx-light", "/usr/sbin/nginx");
/** A module of its own, which nginx loads by its path. */
export const NGINX_STREAM = program(
  "libnginx-mod-stream",
  "/usr/lib/nginx/modules/ngx_stream_module.so",
);
export const NODE = program("node 20.10 or newer", "node", "--experimental-websocket", "--version");
export const OPENSSL = program("openssl", "/usr/bin/openssl");
export const PROMTOOL = program("prometheus", "/usr/bin/promtool");
// With its path: another Python may come first on PATH, without Debian's packages.
export const PYTHON = program("python3-websockets", "/usr/bin/python3", "-c", "import websockets");

export const TINYPROXY = program("tinyproxy", "/usr/bin/tinyproxy");

/** A program, which is there when its file is, or when `probe` succeeds. */
export function program(name: string, path: string, ...probe: string[]): Program {
  const isThere = probe.length > 0 ? succeeds(path, probe) : exists(path);
  return {
    name,
    path,
    isThere,
    test(title, run) {
      Deno.test({
        name: isThere ? title : `${title} (needs ${name})`,
        ignore: !isThere && !isRequired,
        async fn() {
          if (!isThere) throw new Error(`${name} is not installed`);
          await withDeadline(run());
        },
      });
    },
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function succeeds(path: string, args: string[]): boolean {
  try {
    return new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** The path of a script beside this file. */
export function scriptPath(name: string): string {
  return fromFileUrl(new URL(name, import.meta.url));
}

/** Resolves once something listens on the port; a server of somebody else's says so in no other way. */
export async function untilListening(port: number, program?: Running): Promise<void> {
  for (;;) {
    if (program?.hasEnded) throw new Error("the program has ended, and listens nowhere");
    try {
      using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Runs a program to its end and returns what it printed; its failure is an error. */
export async function output(
  path: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const command = new Deno.Command(path, { args, env, stdin: "null" });
  const { success, code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${path} ended with ${code}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** A program that runs beside the test, and ends with it. */
export interface Running extends AsyncDisposable {
  readonly hasEnded: boolean;
  /** The next line of its standard output. */
  nextLine(): Promise<string>;
}

/** Starts a program. */
export function start(path: string, args: string[]): Running {
  const process = new Deno.Command(path, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  return {
    get hasEnded() {
      return hasEnded;
    },
    async nextLine() {
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${path} has ended`);
        text += value;
      }
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return line;
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
      await reader.cancel();
      await process.status;
    },
  };
}
