/** What the ported programs had of C's library. */

const encoder = new TextEncoder();

/** Prints a text as it is. */
export function printf(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

/** Has `handler` called at the signals that end a program; returns what undoes that. */
export function signal(handler: () => void): () => void {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const each of signals) Deno.addSignalListener(each, handler);
  return () => {
    for (const each of signals) Deno.removeSignalListener(each, handler);
  };
}
