/** A WebSocket client of so few lines that it can't hide a fault of the server's, and that can go away without a word. */

const HEAD_END = "\r\n\r\n";
/** Nothing here needs another mask: what is masked with zeros is as it was. */
const MASK = new Uint8Array(4);

/** An open WebSocket that takes text messages. */
export class PlainClient {
  readonly #conn: Deno.Conn;
  readonly #onText: (text: string) => void;
  readonly #onEnd: () => void;
  #unread = new Uint8Array(0);

  private constructor(conn: Deno.Conn, onText: (text: string) => void, onEnd: () => void) {
    this.#conn = conn;
    this.#onText = onText;
    this.#onEnd = onEnd;
  }

  /** Connects. `onEnd` is called once, when the connection is gone and {@linkcode cut} was not the cause. */
  static async open(
    port: number,
    onText: (text: string) => void,
    onEnd: () => void,
  ): Promise<PlainClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const client = new PlainClient(conn, onText, onEnd);
    await client.#write(new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        `Sec-WebSocket-Protocol: following${HEAD_END}`,
    ));
    await client.#readHead();
    client.#readFrames();
    return client;
  }

  /** Sends a text of up to 65,535 bytes. */
  async send(text: string): Promise<void> {
    const payload = new TextEncoder().encode(text);
    const length = payload.length < 126
      ? [0x80 | payload.length]
      : [0xfe, payload.length >> 8, payload.length & 0xff];
    await this.#write(new Uint8Array([0x81, ...length, ...MASK, ...payload]));
  }

  /** Goes away at once. */
  cut(): void {
    this.#isCut = true;
    this.#conn.close();
  }

  #isCut = false;

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async #readHead(): Promise<void> {
    let head = "";
    while (!head.includes(HEAD_END)) {
      if (!await this.#read()) throw new Error(`the handshake ended after ${head}`);
      head = new TextDecoder("latin1").decode(this.#unread);
    }
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`the handshake failed: ${head}`);
    this.#unread = this.#unread.slice(head.indexOf(HEAD_END) + HEAD_END.length);
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(16_384);
    const count = await this.#conn.read(buffer).catch(() => null);
    if (count === null) return false;
    const more = new Uint8Array(this.#unread.length + count);
    more.set(this.#unread);
    more.set(buffer.subarray(0, count), this.#unread.length);
    this.#unread = more;
    return true;
  }

  /** Of one that is cut nothing is taken any more, be it read already or not. */
  async #readFrames(): Promise<void> {
    do {
      let at = 0;
      for (let end = frameEnd(this.#unread, at); end > 0; end = frameEnd(this.#unread, at)) {
        if (this.#isCut) return;
        this.#take(this.#unread.subarray(at, end));
        at = end;
      }
      this.#unread = this.#unread.slice(at);
    } while (await this.#read());
    if (this.#isCut) return;
    this.cut();
    this.#onEnd();
  }

  #take(frame: Uint8Array): void {
    // Whole text messages; a close is followed by the end of the connection.
    if (frame[0] === 0x81) {
      this.#onText(new TextDecoder().decode(frame.subarray(headLength(frame[1]!))));
    }
  }
}

function headLength(second: number): number {
  return second === 126 ? 4 : 2;
}

/** Where a frame ends, which nodes send in lengths of up to 65,535; 0 if it is not all there. */
function frameEnd(bytes: Uint8Array, at: number): number {
  const rest = bytes.length - at;
  if (rest < 2) return 0;
  const second = bytes[at + 1]!;
  const head = headLength(second);
  if (rest < head) return 0;
  const length = second === 126 ? bytes[at + 2]! << 8 | bytes[at + 3]! : second;
  return rest < head + length ? 0 : at + head + length;
}
