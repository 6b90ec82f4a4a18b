/**
 * Peers that break the protocol, over real TCP. Each is failed with the right close code while a
 * client beside it, and the server, go on undisturbed.
 */

import { assert, assertEquals } from "@std/assert";
import { type CloseInfo, createContext } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { concat, frame, type FrameOptions, KEY } from "../../support/frames.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { handshake } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const MAX_FRAME_PAYLOAD = 4096;
const MAX_MESSAGE_SIZE = 8192;

const masked = (options: FrameOptions) => frame({ key: KEY, ...options });
const text = (payload: Uint8Array | string, fin = true) => masked({ opcode: 1, payload, fin });
const rest = (payload: Uint8Array | string, fin = true) => masked({ opcode: 0, payload, fin });
const closing = (...payload: number[]) => masked({ opcode: 8, payload: Uint8Array.from(payload) });

/** 😀, whole and in part. */
const FACE = [0xf0, 0x9f, 0x98, 0x80];
const bytes = (...values: number[]) => Uint8Array.from(values);
const HALF = text(bytes(...FACE.slice(0, 2)), false);

/** What goes out, each part in a write of its own. */
type Sends = readonly Uint8Array[];

function keyed<Key>(
  keys: readonly Key[],
  name: (key: Key) => string,
  send: (key: Key) => Uint8Array,
) {
  return Object.fromEntries(keys.map((key) => [name(key), [send(key)]]));
}

/** By the section of RFC 6455 that is broken and the code that comes back, if the offender does not just go. */
const OFFENCES: Record<string, Record<string, Sends>> = {
  "5.1 1002": { "an unmasked frame": [frame({ opcode: 1, payload: "plain" })] },
  "5.2 1002": {
    "garbage bytes": [new Uint8Array(300).fill(0xff)],
    "HTTP after the handshake": [ascii("GET / HTTP/1.1")],
    ...keyed(
      [1, 2, 4],
      (rsv) => `reserved bits ${rsv.toString(2).padStart(3, "0")}`,
      (rsv) => masked({ opcode: 1, rsv, payload: "x" }),
    ),
    ...keyed(
      [3, 7, 11, 15],
      (opcode) => `the unknown opcode ${opcode}`,
      (opcode) => masked({ opcode, payload: "x" }),
    ),
    "a length in more bytes than it needs": [masked({ opcode: 1, payload: "x", lengthBytes: 2 })],
    "a length of 2^63": [bytes(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, ...KEY)],
  },
  "5.4 1002": {
    "a lone continuation": [rest("of nothing")],
    "a message inside another": [text("first", false), text("second")],
  },
  "5.5 1002": {
    "a ping of 126 bytes": [masked({ opcode: 9, payload: new Uint8Array(126) })],
    "a fragmented ping": [masked({ opcode: 9, payload: "x", fin: false })],
  },
  "5.5.1 1002": { "half a close code": [closing(3)] },
  "5.5.1 1007": { "a close reason that is not UTF-8": [closing(3, 0xe8, 0xff)] },
  "7.1.5": {
    "half a frame and then nothing": [text("half a frame").subarray(0, 9)],
    "half a header and then nothing": [text("half a header").subarray(0, 1)],
  },
  "7.4 1002": keyed(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535],
    (code) => `the close code ${code}`,
    (code) => closing(code >> 8, code & 255),
  ),
  "7.4.1 1009": {
    "a frame beyond the limit": [
      masked({ opcode: 2, payload: new Uint8Array(MAX_FRAME_PAYLOAD + 1) }),
    ],
    "the header of a frame beyond the limit": [
      bytes(0x82, 0xff, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, ...KEY),
    ],
    "a message beyond the limit, in fragments": [
      text("a".repeat(MAX_FRAME_PAYLOAD), false),
      rest("b".repeat(MAX_FRAME_PAYLOAD), false),
      rest("c"),
    ],
  },
  "8.1 1007": {
    "text that is not UTF-8": [text(bytes(0x61, 0xff, 0x62))],
    "text with a surrogate": [text(bytes(0xed, 0xa0, 0x80))],
    "text with an overlong form": [text(bytes(0xc0, 0xaf))],
    "text beyond U+10FFFF": [text(bytes(0xf4, 0x90, 0x80, 0x80))],
    "text that ends inside a character": [text(bytes(...FACE.slice(0, 3)))],
    "a character that goes wrong in the next read": split(
      text(bytes(...FACE.slice(0, 2), 0x61)),
      8,
    ),
    "a character that goes wrong in the next fragment": [HALF, rest("a", false)],
    "fragments that end inside a character": [HALF, rest(bytes(FACE[2]!))],
  },
};

const rows = Object.entries(OFFENCES).flatMap(([rule, offences]) => {
  const [section, code] = rule.split(" ") as [string, string | undefined];
  return Object.entries(offences).map(([what, sends]) => ({ what, section, code, sends }));
});

for (const { what, section, code, sends } of rows) {
  const outcome = code === undefined ? "is let go" : `is closed with ${code}`;
  Deno.test(`a peer that sends ${what} ${outcome} (RFC 6455 section ${section})`, async () => {
    const closes: CloseInfo[] = [];
    const ended = Promise.withResolvers<void>();
    const clock = new FakeClock();
    await using context = createContext({
      port: 0,
      iface: "127.0.0.1",
      maxFramePayload: MAX_FRAME_PAYLOAD,
      maxMessageSize: MAX_MESSAGE_SIZE,
      clock,
      closeTimeoutMs: 1_000,
      protocols: [named("echo", {
        message(wsi, _user, message) {
          wsi.write(message, typeof message === "string" ? "text" : "binary");
        },
        closed(_wsi, _user, info) {
          closes.push(info);
          ended.resolve();
        },
      })],
    });
    using bystander = await Peer.open(context.port);
    using offender = await Peer.open(context.port);
    await bystander.echoes("before");

    for (const part of sends) {
      // A server that has heard enough may have closed before the rest.
      if (!await offender.tries(part)) break;
      await bystander.echoes("meanwhile");
    }
    if (code === undefined) {
      offender[Symbol.dispose]();
      await ended.promise;
      assertEquals(closes, [{ code: 1006, reason: "", wasClean: false, cause: "peer" }]);
    } else {
      const answer = await offender.receive();
      assertEquals(answer?.opcode, 8);
      const { payload } = answer!;
      assertEquals(payload[0]! << 8 | payload[1]!, Number(code));
      // Where the server waits for the answer to its close frame, there is none.
      clock.advance(1_100);
      assertEquals(await offender.receive(), undefined, "more came after the close frame");
      offender[Symbol.dispose]();
      await ended.promise;
      assertEquals(closes.length, 1);
      assertEquals(closes[0]!.wasClean, false);
    }

    await bystander.echoes("after");
    // And who comes now is served.
    using newcomer = await Peer.open(context.port);
    await newcomer.echoes("hello");
    assertEquals(closes.length, 1, "only the offender was closed");
  });
}

for (
  const [what, request] of [
    ["bytes that are no HTTP", new Uint8Array(200).fill(0xfe)],
    ["a TLS hello on a plain port", bytes(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0x0d, 0x0a)],
    ["a handshake without a key", ascii(handshake().replace(/Sec-WebSocket-Key.*\r\n/, ""))],
    ["a handshake of another version", ascii(handshake().replace("Version: 13", "Version: 99"))],
  ] as const
) {
  Deno.test(`a peer that begins with ${what} gets a 4xx and is closed`, async () => {
    await using context = createContext({
      ...LOOPBACK,
      protocols: [named("echo", { message: (wsi, _user, message) => void wsi.write(message) })],
    });
    using bystander = await Peer.open(context.port);
    using offender = await Peer.dial(context.port);
    await offender.tries(request);
    await bystander.echoes("meanwhile");
    const answer = new TextDecoder("latin1").decode(await offender.readAll());
    assert(/^HTTP\/1\.1 4\d\d /.test(answer), answer);
    await bystander.echoes("after");
  });
}

function ascii(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function split(whole: Uint8Array, at: number): Uint8Array[] {
  return [whole.subarray(0, at), whole.subarray(at)];
}

/** A client on a TCP connection, played by hand. */
class Peer implements Disposable {
  readonly #conn: Deno.Conn;
  #unread = new Uint8Array(0);
  #isClosed = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async dial(port: number): Promise<Peer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new Peer(conn);
  }

  static async open(port: number): Promise<Peer> {
    const peer = await Peer.dial(port);
    await peer.tries(ascii(handshake()));
    const head = new TextDecoder("latin1").decode(await peer.#readHead());
    assert(head.startsWith("HTTP/1.1 101"), head);
    return peer;
  }

  /** Sends all of it; false when the server does not take it any more. */
  async tries(data: Uint8Array): Promise<boolean> {
    try {
      while (data.length > 0) data = data.subarray(await this.#conn.write(data));
      return true;
    } catch {
      return false;
    }
  }

  /** Sends a text and waits for it to come back. */
  async echoes(message: string): Promise<void> {
    assert(await this.tries(text(message)), `${message}: the connection is gone`);
    const echo = await this.receive();
    assertEquals(echo?.opcode, 1);
    assertEquals(new TextDecoder().decode(echo!.payload), message);
  }

  /** The next frame, an unmasked and short one; undefined at the end of the connection. */
  async receive(): Promise<{ opcode: number; payload: Uint8Array } | undefined> {
    const header = await this.#read(2);
    if (header === undefined) return undefined;
    assert(header[1]! < 126, "a long or masked frame");
    return { opcode: header[0]! & 15, payload: (await this.#read(header[1]!))! };
  }

  async readAll(): Promise<Uint8Array> {
    while (await this.#readMore());
    return this.#unread;
  }

  async #readHead(): Promise<Uint8Array> {
    for (;;) {
      const latin1 = new TextDecoder("latin1").decode(this.#unread);
      const end = latin1.indexOf("\r\n\r\n");
      if (end >= 0) return (await this.#read(end + 4))!;
      assert(await this.#readMore(), `the head ends after ${latin1}`);
    }
  }

  async #read(length: number): Promise<Uint8Array | undefined> {
    while (this.#unread.length < length) {
      if (await this.#readMore()) continue;
      assertEquals(this.#unread.length, 0, "the connection ended inside a frame");
      return undefined;
    }
    const taken = this.#unread.slice(0, length);
    this.#unread = this.#unread.slice(length);
    return taken;
  }

  async #readMore(): Promise<boolean> {
    const buffer = new Uint8Array(4096);
    const count = await this.#conn.read(buffer);
    if (count === null) return false;
    this.#unread = concat(this.#unread, buffer.subarray(0, count)) as Uint8Array<ArrayBuffer>;
    return true;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}
