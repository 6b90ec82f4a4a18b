/** Foreign programs, and what becomes of a test whose program is missing. */

/** Whether a missing program fails its tests instead of skipping them. */
const isRequired = Deno.env.get("LWS_PEERS") === "required";

/** Whether a program can be started. */
export function hasProgram(path: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A test that needs a foreign program; without it, it is skipped by name, or fails in CI. */
export function peerTest(
  name: string,
  program: { readonly name: string; readonly found: boolean },
  run: () => Promise<void>,
): void {
  Deno.test({
    name: program.found ? name : `${name} (needs ${program.name}, which is missing)`,
    ignore: !program.found && !isRequired,
    fn: async () => {
      if (!program.found) throw new Error(`${program.name} is missing`);
      await run();
    },
  });
}

export const CHROMIUM = {
  name: "chromium",
  path: "/usr/bin/chromium",
  found: hasProgram("/usr/bin/chromium", "--version"),
};

export const PYTHON = {
  name: "python3-websockets",
  path: "/usr/bin/python3",
  found: hasProgram("/usr/bin/python3", "-c", "import websockets"),
};

export const LWS_CLIENT = {
  name: "libwebsockets-test-client",
  path: "/usr/bin/libwebsockets-test-client",
  found: exists("/usr/bin/libwebsockets-test-client"),
};

export const LWS_SERVER = {
  name: "libwebsockets-test-server",
  path: "/usr/bin/libwebsockets-test-server",
  found: exists("/usr/bin/libwebsockets-test-server"),
};

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Resolves once something listens on the port; a server of somebody else's says so in no other way. */
export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** Runs a program to its end and returns what it printed. */
export async function output(path: string, args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(path, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** Starts a program that is ended with the test. */
export function start(path: string, args: string[]): AsyncDisposable & { readonly pid: number } {
  const process = new Deno.Command(path, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    pid: process.pid,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
      await process.status;
    },
  };
}
