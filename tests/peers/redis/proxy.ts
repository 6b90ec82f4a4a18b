/** A way to a server that a test cuts, or lets go dead without a word. */

/** One that listens. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** How many connections there are. */
  readonly count: number;
  /** How many answers are held back. */
  readonly held: number;
  /** Nothing that the server says comes through any more, and no connection ends. */
  holdAnswers(): void;
  /** As that, for those connections on which the server has said such a text. */
  holdAnswersOf(sign: string): void;
  /** New connections work again; those that were held stay so. */
  letNew(): void;
  /** All connections end. */
  cut(): void;
}

/** @param port of the server, on the loopback address */
export function startProxy(port: number): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Link>();
  const relays: Promise<void>[] = [];
  let holdsNew = false;
  let held = 0;

  class Link {
    isHeld = holdsNew;
    heard = "";
    constructor(readonly near: Deno.TcpConn, readonly far: Deno.TcpConn) {}

    async run(): Promise<void> {
      open.add(this);
      await Promise.allSettled([
        this.#carry(this.near, this.far),
        this.#carry(this.far, this.near),
      ]);
      open.delete(this);
    }

    async #carry(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
      const buffer = new Uint8Array(65_536);
      try {
        for (;;) {
          const count = await from.read(buffer);
          if (count === null) break;
          const isAnswer = from === this.far;
          if (isAnswer) this.heard += new TextDecoder().decode(buffer.subarray(0, count));
          if (isAnswer && this.isHeld) held++;
          else await writeAll(to, buffer.subarray(0, count));
        }
      } catch { /* One of them has gone. */ }
      this.close();
    }

    close(): void {
      for (const conn of [this.near, this.far]) {
        try {
          conn.close();
        } catch { /* It is closed. */ }
      }
    }
  }

  const listening = (async () => {
    for await (const near of listener) {
      try {
        const far = await Deno.connect({ hostname: "127.0.0.1", port });
        relays.push(new Link(near, far).run());
      } catch {
        near.close();
      }
    }
  })();

  return {
    url: `redis://127.0.0.1:${listener.addr.port}`,
    get count() {
      return open.size;
    },
    get held() {
      return held;
    },
    holdAnswers() {
      holdsNew = true;
      for (const link of open) link.isHeld = true;
    },
    holdAnswersOf(sign) {
      for (const link of open) link.isHeld ||= link.heard.includes(sign);
    },
    letNew() {
      holdsNew = false;
    },
    cut() {
      for (const link of open) link.close();
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await listening;
      for (const link of open) link.close();
      await Promise.all(relays);
    },
  };
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
