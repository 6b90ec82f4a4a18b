/** Every process that a run starts, so that none outlives it. */

/** Whether standard input is a pipe; the other streams always are. */
export interface StartOptions {
  readonly stdin?: "piped" | "null";
}

const running = new Set<Deno.ChildProcess>();

/** Starts a program, which `endAll` ends if it still runs then. */
export function start(command: readonly string[], options: StartOptions = {}): Deno.ChildProcess {
  const [program, ...args] = command;
  const child = new Deno.Command(program!, {
    args,
    stdin: options.stdin ?? "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child);
  child.status.then(() => running.delete(child));
  return child;
}

/** Ends a process by its id, and waits until it is gone. */
export async function end(child: Deno.ChildProcess): Promise<void> {
  kill(child);
  await child.status;
}

/** Ends whatever still runs. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(end));
}

/** Ends the run, and all that it started, when it is interrupted. */
export function endAllOnSignals(): void {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    Deno.addSignalListener(signal, () => {
      // At once and without waiting: a measure that fails now must not go on with the next.
      for (const child of running) kill(child);
      Deno.exit(code);
    });
  }
}

/** Runs a program to its end. */
export async function output(
  command: readonly string[],
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const child = start(command);
  const [stdout, stderr, { success }] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  return { success, stdout, stderr };
}

/** What `--version` of a program says, or undefined when there is no such program. */
export async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await output([program, "--version"]);
    return success ? stdout.trim().split("\n")[0] : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch { /* It has ended by itself. */ }
}
