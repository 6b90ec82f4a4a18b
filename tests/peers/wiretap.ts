/** What two programs send each other, seen on the way: it believes neither of them. */

import { assert, AssertionError } from "@std/assert";

/** A message as it was sent. */
export interface WireMessage {
  /** Whether RSV1 says that it is compressed (RFC 7692 section 7.2.1). */
  readonly isCompressed: boolean;
  /** The payload of all its frames. */
  bytes: number;
  frames: number;
}

/** One direction of a WebSocket connection. */
export interface WireDirection {
  /** The `Sec-WebSocket-Extensions` of its handshake; `undefined` without one. */
  extensions: string | undefined;
  /** The data messages, in their order. */
  readonly messages: WireMessage[];
}

/** A WebSocket connection, both ways. */
export interface WireConnection {
  readonly fromClient: WireDirection;
  readonly fromServer: WireDirection;
}

/** A port that leads to another one. */
export interface Wiretap extends AsyncDisposable {
  readonly port: number;
  /** The WebSocket connections that came, in the order of their answers. */
  readonly connections: WireConnection[];
}

/** Listens in on what goes to a port of this machine, and on what comes from it. */
export function tap(port: number): Wiretap {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: WireConnection[] = [];
  const open = new Set<Deno.TcpConn>();
  const relays: Promise<void>[] = [];

  const relay = async (near: Deno.TcpConn) => {
    let far: Deno.TcpConn;
    try {
      far = await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      return near.close();
    }
    for (const conn of [near, far]) open.add(conn);
    const fromClient = new Reader();
    const fromServer = new Reader((status) => {
      if (status === 101) connections.push({ fromClient, fromServer });
    });
    await Promise.all([carry(near, far, fromClient), carry(far, near, fromServer)]);
    for (const conn of [near, far]) {
      open.delete(conn);
      close(conn);
    }
  };
  const listening = (async () => {
    for await (const conn of listener) relays.push(relay(conn));
  })();
  return {
    port: listener.addr.port,
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await listening;
      for (const conn of open) close(conn);
      await Promise.all(relays);
    },
  };
}

/** Carries everything from one end to the other, and then its end. */
async function carry(from: Deno.TcpConn, to: Deno.TcpConn, reader: Reader): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      reader.read(buffer.subarray(0, count));
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
    await to.closeWrite();
  } catch (error) {
    // One of both is gone, so the other shall go, too.
    for (const conn of [from, to]) close(conn);
    if (error instanceof AssertionError) throw error;
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch { /* It is closed. */ }
}

const FIN = 0x80;
const RSV1 = 0x40;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
const CONTINUATION = 0;
const FIRST_CONTROL = 8;

/** Reads the head and the frames of one direction, a piece after the other. */
class Reader implements WireDirection {
  extensions: string | undefined;
  readonly messages: WireMessage[] = [];
  readonly #onStatus: (status: number) => void;
  #isInHead = true;
  /** What has come of a head, or of a frame's header. */
  #pending: number[] = [];
  #payloadLeft = 0;

  constructor(onStatus: (status: number) => void = () => {}) {
    this.#onStatus = onStatus;
  }

  read(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const skipped = Math.min(this.#payloadLeft, bytes.length - at);
      this.#payloadLeft -= skipped;
      at += skipped;
      if (at === bytes.length) return;
      this.#pending.push(bytes[at++]!);
      if (this.#isInHead) this.#readHead();
      else this.#readHeader();
    }
  }

  #readHead(): void {
    if (this.#pending.at(-1) !== 10) return;
    const head = String.fromCharCode(...this.#pending);
    if (!head.endsWith("\r\n\r\n")) return;
    this.#isInHead = false;
    this.#pending = [];
    if (!/^upgrade: *websocket/im.test(head)) {
      // It is about a page.
      this.#payloadLeft = Infinity;
      return;
    }
    this.extensions = /^sec-websocket-extensions: *(.*?) *$/im.exec(head)?.[1];
    const status = /^HTTP\/1\.1 (\d+)/.exec(head)?.[1];
    if (status !== undefined) this.#onStatus(Number(status));
  }

  #readHeader(): void {
    const [first = 0, second = 0] = this.#pending;
    const short = second & LENGTH;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const headerBytes = 2 + lengthBytes + ((second & MASKED) === 0 ? 0 : 4);
    if (this.#pending.length < headerBytes) return;
    const length = lengthBytes === 0
      ? short
      : this.#pending.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    this.#pending = [];
    this.#payloadLeft = length;
    const opcode = first & OPCODE;
    const isCompressed = (first & RSV1) !== 0;
    if (opcode >= FIRST_CONTROL) return assert((first & FIN) !== 0 && !isCompressed);
    if (opcode !== CONTINUATION) {
      this.messages.push({ isCompressed, bytes: length, frames: 1 });
      return;
    }
    const message = this.messages.at(-1)!;
    assert(!isCompressed, "RSV1 on a continuation frame");
    message.bytes += length;
    message.frames++;
  }
}
