/** Ports for programs that have to be told one. */

/** Below those that systems give to who asks for any, so that no test beside this one is given it. */
const FIRST = 10_000;
const COUNT = 20_000;

/** A port of the loopback address that nobody listens on. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
