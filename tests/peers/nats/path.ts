/** A way between a broker and its server that can be cut, or go dead without a word. */

/** A port that forwards to another one. */
export class Path implements AsyncDisposable {
  readonly url: string;
  readonly #target: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #work = new Set<Promise<void>>();
  /** Those from the server that bring nothing any more. */
  readonly #mute = new Set<Deno.TcpConn>();

  constructor(target: number) {
    this.#target = target;
    this.url = `127.0.0.1:${this.#listener.addr.port}`;
    this.#add(this.#accept());
  }

  #add(work: Promise<void>): void {
    this.#work.add(work);
    work.finally(() => this.#work.delete(work));
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) this.#add(this.#lead(near));
    } catch { /* It is closed. */ }
  }

  async #lead(near: Deno.TcpConn): Promise<void> {
    let far: Deno.TcpConn | undefined;
    try {
      far = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#conns.add(near).add(far);
      await Promise.race([this.#pipe(near, far), this.#pipe(far, near)]);
    } catch { /* It is cut, or the server is not there. */ }
    for (const conn of [near, far]) this.#close(conn);
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return;
      if (this.#mute.has(from)) continue;
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
  }

  #close(conn: Deno.TcpConn | undefined): void {
    if (conn === undefined) return;
    this.#conns.delete(conn);
    try {
      conn.close();
    } catch { /* It is closed already. */ }
  }

  /** Nothing of the server comes through any more, on the connections that there are. */
  mute(): void {
    for (const conn of this.#conns) {
      if ((conn.remoteAddr as Deno.NetAddr).port === this.#target) this.#mute.add(conn);
    }
  }

  cut(): void {
    for (const conn of [...this.#conns]) this.#close(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await Promise.all(this.#work);
  }
}
