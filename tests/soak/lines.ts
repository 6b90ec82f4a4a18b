/** A process of the soak, which answers line by line. */

/** One that is asked. */
export interface Asked extends AsyncDisposable {
  /** Sends an empty line. */
  send(): Promise<void>;
  /** The next line that it prints, as JSON. */
  line(): Promise<unknown>;
}

/**
 * A young generation of one size: by itself it grows by tens of MiB when there is much to do, stays so, and tells nothing
 * of what is held.
 */
const V8_FLAGS = "--v8-flags=--expose-gc,--min-semi-space-size=4,--max-semi-space-size=4";

/** Each thread has an area of C's heap else: what is free in one of them stays there, and more so the busier they are. */
const ENV = { MALLOC_ARENA_MAX: "1" };

/** Starts a module with an order. */
export function start(module: string, order: object): Asked {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      V8_FLAGS,
      module,
      JSON.stringify(order),
    ],
    env: ENV,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let unread = "";
  return {
    send: () => input.write(new TextEncoder().encode("\n")),
    async line() {
      while (!unread.includes("\n")) {
        const { value, done } = await lines.read();
        if (done) throw new Error(`${module} has ended: ${unread}`);
        unread += value;
      }
      const end = unread.indexOf("\n");
      const line = unread.slice(0, end);
      unread = unread.slice(end + 1);
      return JSON.parse(line);
    },
    async [Symbol.asyncDispose]() {
      await input.close().catch(() => {});
      await lines.cancel();
      await process.status;
    },
  };
}
