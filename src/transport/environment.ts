/** Environment variables, where the program may read them. */

/**
 * The variable's value; `undefined` when it isn't set, `null` when the program may not read it.
 * Never prompts: what isn't granted (`--allow-env=NAME`) is not asked for.
 */
export function readVariable(name: string): string | undefined | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : null;
}
