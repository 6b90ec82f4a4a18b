/** A small HTTP proxy on loopback that opens tunnels, for clients to go through. */

export interface ConnectProxyOptions {
  /** `user:password` that it asks for. */
  readonly credentials?: string;
  /** Said in place of a tunnel, whatever was asked for; the connection is closed behind it. */
  readonly refusal?: string;
}

export interface ConnectProxy extends AsyncDisposable {
  readonly port: number;
  /** The heads of the requests that it got. */
  readonly requests: readonly string[];
}

/** Starts the proxy; it and all its tunnels end with the `await using` scope. */
export function connectProxy(options: ConnectProxyOptions = {}): ConnectProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const work: Promise<void>[] = [];

  async function serve(client: Deno.Conn): Promise<void> {
    open.add(client);
    const head = await readHead(client);
    requests.push(head);
    const answer = options.refusal ?? authorize(head, options.credentials);
    if (answer !== undefined) {
      await client.write(new TextEncoder().encode(answer));
      return client.close();
    }
    const [, hostname, port] = /^CONNECT \[?(.*?)\]?:(\d+) HTTP\/1\.1\r\n/.exec(head)!;
    const server = await Deno.connect({ hostname: hostname!, port: Number(port) });
    open.add(server);
    await client.write(new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n"));
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  }

  const accepting = (async () => {
    for await (const client of listener) work.push(serve(client).catch(() => {}));
  })();

  return {
    port: listener.addr.port,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of open) closeQuietly(conn);
      await Promise.all(work);
      for (const conn of open) closeQuietly(conn);
    },
  };
}

async function readHead(conn: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (await conn.read(byte) === null) throw new Error("no request");
    head += String.fromCharCode(byte[0]!);
  }
  return head;
}

function authorize(head: string, credentials: string | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  const expected = new TextEncoder().encode(credentials).toBase64();
  if (head.includes(`\r\nProxy-Authorization: Basic ${expected}\r\n`)) return undefined;
  return 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n';
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* It is closed. */ }
}
