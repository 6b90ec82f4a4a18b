/**
 * One event loop for a WebSocket echo and a plain TCP echo: the context tells the program what to
 * watch, and the program's own loop serves both in turns.
 *
 *     deno run --allow-net examples/shared_loop.ts --port 7681 --plain-port 7682
 */

import { type Context, createContext, type PollFd, POLLIN, type Protocol } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

/** The loop of a program that was there before the library came. */
class HostLoop {
  /** All that is watched; the program's own descriptors lie below 0. */
  readonly table: PollFd[] = [];
  readonly #own = new Map<number, () => Promise<void>>();
  #lastOwn = 0;

  /** Runs until the context is destroyed. */
  async run(context: Context): Promise<void> {
    while (await context.poll(this.table, 1_000) >= 0) {
      context.serviceFd(null);
      for (const entry of [...this.table]) {
        if (entry.revents === 0) continue;
        context.serviceFd(entry);
        // Not the context's, as it would be 0 now.
        if (entry.revents !== 0) await this.#own.get(entry.fd)!();
      }
    }
  }

  /**
   * Watches a socket of the program's own. `next` waits for what comes, `serve` handles it in the
   * loop's turn and says whether to go on.
   */
  watch<Event>(
    context: Context,
    next: () => Promise<Event>,
    serve: (event: Event) => boolean | Promise<boolean>,
  ): void {
    const entry: PollFd = { fd: --this.#lastOwn, events: POLLIN, revents: 0 };
    let event: Event | undefined;
    const arm = async () => {
      event = await next().catch(() => undefined);
      entry.revents = POLLIN;
      context.cancelService();
    };
    this.table.push(entry);
    this.#own.set(entry.fd, async () => {
      entry.revents = 0;
      if (event !== undefined && await serve(event)) return void arm();
      this.table.splice(this.table.indexOf(entry), 1);
      this.#own.delete(entry.fd);
    });
    void arm();
  }

  /** A WebSocket echo that keeps the table up to date. */
  echo(): Protocol {
    const { table } = this;
    return {
      name: "echo",
      callback(wsi, reason, _user, data) {
        switch (reason) {
          case "addPollFd":
            table.push({ fd: data.fd, events: data.events, revents: 0 });
            break;
          case "changeModePollFd":
            table.find(({ fd }) => fd === data.fd)!.events = data.events;
            break;
          case "delPollFd":
            table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
            break;
          case "http":
            return wsi.respond(426, "This port speaks WebSocket.");
          case "receive":
            wsi.write(data, wsi.frameIsBinary ? "binary" : "text");
            break;
        }
      },
    };
  }
}

function listenPlain(port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new Deno.errors.AddrInUse(`port ${port} for plain TCP is in use`);
  }
}

/** Serves both until `signal` aborts; `onReady` is told the ports. */
export async function sharedLoop(
  options: { port: number; plainPort: number; signal: AbortSignal },
  onReady: (port: number, plainPort: number) => void,
): Promise<void> {
  const loop = new HostLoop();
  const context = createContext({
    port: options.port,
    iface: "127.0.0.1",
    service: "external",
    protocols: [loop.echo()],
    signal: options.signal,
  });
  const listener = listenPlain(options.plainPort);
  const conns = new Set<Deno.Conn>();

  loop.watch(context, () => listener.accept(), (conn) => {
    const buffer = new Uint8Array(16 * 1024);
    conns.add(conn);
    const read = async () => buffer.subarray(0, await conn.read(buffer).catch(() => null) ?? 0);
    loop.watch(context, read, async (bytes) => {
      try {
        for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
        if (bytes.length > 0) return true;
      } catch { /* The peer is gone. */ }
      conns.delete(conn);
      conn.close();
      return false;
    });
    return true;
  });
  onReady(context.port, listener.addr.port);

  await loop.run(context);
  listener.close();
  for (const conn of conns) conn.close();
  await context.closed;
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7681, "plain-port": 7682 });
  const ending = new AbortController();
  const place = { port: options.port, plainPort: options["plain-port"], signal: ending.signal };
  const served = orEnd(() =>
    sharedLoop(place, (port, plainPort) =>
      // deno-lint-ignore no-console -- a program's own output
      console.log(`listening on ws://127.0.0.1:${port}/, and on port ${plainPort} for plain TCP`))
  );
  await untilInterrupted();
  ending.abort();
  await served;
}
