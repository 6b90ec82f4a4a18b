/**
 * A program that blocks finds its timers due before anything is read, on real sockets: what came
 * meanwhile counts. Peers write right before the block, so that it lies in the socket.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { connect as connectTls } from "node:tls";
import type { Context, ContextCreationInfo, Protocol } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { JumpingClock } from "./jumping_clock.ts";
import { PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { handshake } from "../../support/serve.ts";
import { reply } from "../../support/http.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** Longer than a machine with too much to do takes for anything here. */
const TIMEOUT_MS = 600_000;

/** Patient with peers that have something to do behind the block. */
const clock = new JumpingClock(10);
/** For limits that are to come to their end. */
const hasty = new JumpingClock(1);

/** Keeps the runtime from all else, as a program does that computes. */
const block = (by = clock) => by.block(TIMEOUT_MS + 200);

function create(protocol: Protocol, info: Partial<ContextCreationInfo> = {}): Context {
  return createContext({
    port: 0,
    iface: "127.0.0.1",
    clock,
    kaTime: 0,
    ...PATIENT,
    ...info,
    protocols: [protocol],
  });
}

/** A client by hand. */
class Peer implements Disposable {
  readonly #conn: Deno.Conn;
  #unread: Uint8Array = new Uint8Array(0);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async dial(context: Context): Promise<Peer> {
    return new Peer(await Deno.connect({ hostname: "127.0.0.1", port: context.port }));
  }

  static async open(context: Context): Promise<Peer> {
    const peer = await Peer.dial(context);
    await peer.send(handshake());
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    return peer;
  }

  /** What is small leaves within the call. */
  send(data: string | Uint8Array): Promise<number> {
    return this.#conn.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  async read(length: number): Promise<Uint8Array> {
    while (this.#unread.length < length) {
      const buffer = new Uint8Array(4096);
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error("it ended");
      this.#unread = concat(this.#unread, buffer.subarray(0, count));
    }
    const bytes = this.#unread.slice(0, length);
    this.#unread = this.#unread.slice(length);
    return bytes;
  }

  async readHead(): Promise<string> {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += new TextDecoder().decode(await this.read(1));
    return head;
  }

  /** How it ends: what still comes. */
  async readToEnd(): Promise<number> {
    for (let count = this.#unread.length;; count++) {
      try {
        await this.read(1);
      } catch {
        return count;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Answers requests, and writes down what it is told. */
function answering() {
  return record("http", (wsi, reason, _user, _data) => {
    if (reason === "http" && wsi.method === "GET" || reason === "httpBodyCompletion") {
      return reply(wsi);
    }
    if (reason === "receive") wsi.setTimeout("noPendingTimeout", 0);
  });
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";
/** A local connection of version 2, which says nothing of addresses. */
const PROXY = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x20, 0, 0, 0);

Deno.test("the headers that came while the program blocked are answered", async () => {
  const { protocol, until } = answering();
  await using context = create(protocol, { headerTimeoutMs: TIMEOUT_MS });
  using peer = await Peer.dial(context);
  await until("wsiCreate");
  void peer.send(GET);
  block();
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
});

Deno.test("the body that came while the program blocked is taken", async () => {
  const { protocol, until } = answering();
  await using context = create(protocol, { contentTimeoutMs: TIMEOUT_MS });
  using peer = await Peer.dial(context);
  await peer.send(POST + "ab");
  await until("httpBody");
  void peer.send("cd");
  block();
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
});

Deno.test("the next request that came while the program blocked is answered", async () => {
  const { protocol } = answering();
  await using context = create(protocol, { keepAliveTimeoutMs: TIMEOUT_MS });
  using peer = await Peer.dial(context);
  await peer.send(GET);
  const head = await peer.readHead();
  await peer.read(Number(/content-length: (\d+)/i.exec(head)![1]));
  void peer.send(GET);
  block();
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
});

Deno.test("the PROXY header that came while the program blocked lets its connection in", async () => {
  const { protocol } = answering();
  using log = captureLog();
  await using context = create(protocol, { headerTimeoutMs: TIMEOUT_MS, proxyProtocol: true });
  using peer = await Peer.dial(context);
  // Its time begins when it is accepted.
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  void peer.send(concat(PROXY, new TextEncoder().encode(GET)));
  block();
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 200 /);
  assertEquals(log.lines, []);
});

Deno.test("the pong that came while the program blocked answers its probe", async () => {
  const { protocol, reasons } = answering();
  await using context = create(protocol, {
    clock: hasty,
    kaTime: 600,
    kaProbes: 1,
    kaInterval: 600,
  });
  using peer = await Peer.open(context);
  block(hasty);
  const [first, length] = await peer.read(2);
  assertEquals(first, 0x89, "a ping");
  const payload = await peer.read(length!);
  const pong = frame({ opcode: 10, payload, key: KEY });
  void peer.send(concat(pong, frame({ opcode: 9, payload: "x", key: KEY })));
  block(hasty);
  // The answer to the ping behind it.
  assertEquals(await peer.read(3), Uint8Array.of(0x8a, 1, 0x78));
  // The next probe comes as to any peer that is alive.
  block(hasty);
  assertEquals((await peer.read(2))[0], 0x89);
  assertEquals(reasons.includes("closed"), false);
});

Deno.test("the answer to a close frame that came while the program blocked makes it clean", async () => {
  let wasClean: boolean | undefined;
  const { protocol, until } = record("http", (wsi, reason, _user, data) => {
    if (reason === "established") wsi.close(3000);
    if (reason === "closed") ({ wasClean } = data);
  });
  await using context = create(protocol, { closeTimeoutMs: TIMEOUT_MS });
  {
    using peer = await Peer.open(context);
    assertEquals((await peer.read(4))[0], 0x88);
    void peer.send(frame({ opcode: 8, payload: Uint8Array.of(0x0b, 0xb8), key: KEY }));
    block();
    await peer.readToEnd();
  }
  await until("closed");
  assertEquals(wasClean, true);
});

Deno.test("a timeout of the program's own is lifted by what came while it blocked", async () => {
  const { protocol, until, reasons } = record("http", (wsi, reason, _user, _data) => {
    if (reason === "established") wsi.setTimeout("userReason", TIMEOUT_MS / 1000);
    if (reason === "receive") wsi.setTimeout("noPendingTimeout", 0);
  });
  await using context = create(protocol);
  using peer = await Peer.open(context);
  void peer.send(frame({ opcode: 1, payload: "x", key: KEY }));
  block();
  await Promise.race([until("receive"), until("closed")]);
  assertEquals(reasons.includes("closed"), false);
});

Deno.test("a client gets the answer that came while it blocked", async () => {
  const { protocol, until, reasons } = record("http");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    clock,
    clientTimeoutMs: TIMEOUT_MS,
    protocols: [protocol],
  });
  const { port } = listener.addr;
  context.clientConnect({ address: "127.0.0.1", port });
  using server = new Peer(await listener.accept());
  const [, key] = /sec-websocket-key: (.*)\r\n/i.exec(await server.readHead())!;
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key! + guid));
  void server.send(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${new Uint8Array(hash).toBase64()}\r\n\r\n`,
  );
  block();
  await Promise.race([until("clientEstablished"), until("clientConnectionError")]);
  assertEquals(reasons.includes("clientEstablished"), true);
});

Deno.test("a TLS handshake that the program's block stopped goes on", async () => {
  const { ca, localhost } = await makeCertificates();
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.writeTextFile(cert, localhost.cert);
  await Deno.writeTextFile(key, localhost.key);
  const { protocol, until } = answering();
  await using context = create(protocol, {
    headerTimeoutMs: TIMEOUT_MS,
    sslCertFilepath: cert,
    sslPrivateKeyFilepath: key,
  });
  const { port } = context;
  const socket = connectTls({ port, host: "127.0.0.1", ca: ca.cert, servername: "localhost" });
  const answer = new Promise<string>((resolve, reject) => {
    socket.on("data", (bytes) => resolve(String(bytes)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("it was closed")));
  });
  answer.catch(() => {});
  socket.on("secureConnect", () => socket.write(GET));
  await until("wsiCreate");
  block();
  assertMatch(await answer, /^HTTP\/1\.1 200 /);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.destroy();
  await closed;
});

Deno.test("who has said nothing is let go, however long the program has blocked", async () => {
  const { protocol, until } = answering();
  await using context = create(protocol, { clock: hasty, headerTimeoutMs: TIMEOUT_MS });
  using peer = await Peer.dial(context);
  await until("wsiCreate");
  block(hasty);
  assertEquals(await peer.readToEnd(), 0);
});
