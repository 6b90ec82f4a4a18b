/** Environment variables, where the program may read them. */

/**
 * The variable's value; `undefined` when it isn't set, `null` when the program may not read it.
 * Never prompts: what isn't granted (`--allow-env=NAME`) is not asked for.
 */
export function readVariable(name: string): string | undefined | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : null;
}

/**
 * Sets a variable for what this process starts from now on, its workers included; `undefined` removes
 * it. False when the program may not (`--allow-env=NAME`); never prompts.
 */
export function writeVariable(name: string, value: string | undefined): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") return false;
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
  return true;
}
