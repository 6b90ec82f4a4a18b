/** A way between a node and its broker that can die without a word, as behind a router that has lost its state. */

/** What Redis is told, and what NATS is. */
const SUBSCRIBES = /^s?subscribe\r$|^SUB /im;

/** One of them: a port that forwards to another one. */
export class Path implements AsyncDisposable {
  readonly port: number;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.TcpConn>();
  /** Those of them that lead to the broker. */
  readonly #far = new Set<Deno.TcpConn>();
  readonly #forwarding = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Those of which nothing comes any more, though they stay open. */
  readonly #dead = new WeakSet<Deno.TcpConn>();
  /** Those on which something was subscribed to. */
  readonly #live = new WeakSet<Deno.TcpConn>();
  #isBlocked = false;

  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  /**
   * What the broker sends from now on goes nowhere, and what nodes send arrives: on all connections that there are, or
   * on those by which a node has subscribed. None of them ends by that. Returns how many they are.
   */
  freeze(which: "all" | "live"): number {
    const chosen = [...this.#far].filter((conn) => which === "all" || this.#live.has(conn));
    for (const conn of chosen) this.#dead.add(conn);
    return chosen.length;
  }

  /** Ends all connections, and takes no other one until {@linkcode open}. */
  block(): void {
    this.#isBlocked = true;
    for (const conn of [...this.#conns]) this.#close(conn);
  }

  open(): void {
    this.#isBlocked = false;
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        if (this.#isBlocked) {
          conn.close();
          continue;
        }
        const pair = this.#lead(conn);
        this.#forwarding.add(pair);
        pair.finally(() => this.#forwarding.delete(pair));
      }
    } catch { /* It is closed. */ }
  }

  async #lead(near: Deno.TcpConn): Promise<void> {
    this.#conns.add(near);
    try {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#conns.add(far);
      this.#far.add(far);
      await Promise.all([this.#pipe(near, far), this.#pipe(far, near)]);
    } catch {
      // The broker is not there, and the node hears of that.
      this.#close(near);
    }
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        if (this.#dead.has(from)) continue;
        const bytes = buffer.subarray(0, count);
        if (SUBSCRIBES.test(new TextDecoder().decode(bytes))) this.#live.add(from).add(to);
        for (let at = 0; at < count;) at += await to.write(bytes.subarray(at));
      }
    } catch { /* The other end has gone. */ }
    this.#close(from);
    // The end of one that is dead stays a secret, too.
    if (!this.#dead.has(from)) this.#close(to);
  }

  #close(conn: Deno.TcpConn): void {
    this.#far.delete(conn);
    if (this.#conns.delete(conn)) conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const conn of [...this.#conns]) this.#close(conn);
    await Promise.all(this.#forwarding);
  }
}
