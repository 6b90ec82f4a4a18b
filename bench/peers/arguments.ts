/** The command lines of the programs here. */

/** The value of `--name VALUE`, or `standard`. */
export function option(name: string, standard: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? standard : Deno.args[at + 1] ?? standard;
}

/** Whether `--name` is there. */
export function flag(name: string): boolean {
  return Deno.args.includes(`--${name}`);
}

/** Says on standard output that a server listens; `run.ts` waits for this line. */
export function announce(port: number): void {
  // deno-lint-ignore no-console -- a program's own output
  console.log(`listening on ws://127.0.0.1:${port}`);
}
