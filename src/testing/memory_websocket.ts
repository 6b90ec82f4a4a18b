/** A WebSocket client of RFC 6455 for tests: what a program's own client would be, in memory. */

import { MemoryError } from "./memory_transport.ts";
import type { MemoryPeer } from "./memory_peer.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { digests } from "../context/digests.ts";
import { type ResponseHead, ResponseHeadParser } from "../core/http/head.ts";
import {
  CLOSE_ABNORMAL,
  closePayload,
  type CloseStatus,
  decodeClose,
  encodeClose,
  type Failure,
  FAILURES,
} from "../core/websocket/close.ts";
import {
  FIN,
  headerLength,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  writeHeader,
} from "../core/websocket/frame.ts";
import { type FrameHandler, FrameParser } from "../core/websocket/frame_parser.ts";
import { FrameRules } from "../core/websocket/frame_rules.ts";
import { newOpening } from "../core/websocket/handshake/opening.ts";
import { FRESH_KEY, maskPayload } from "../core/websocket/send_queue.ts";

/** How {@linkcode MemoryNetwork.dialWebSocket} asks. */
export interface MemoryWebSocketOptions {
  /** Path and query of the request. Default: `"/"`. */
  readonly path?: string;
  /** The subprotocols to ask for, the best first. Default: none. */
  readonly protocol?: string | readonly string[];
  /**
   * More header fields of the request, as `origin`, `cookie` or `authorization`; `host` in place of
   * `localhost`. No extensions, as this client has none. Default: none.
   */
  readonly headers?: HeadersInit;
}

/** How a {@linkcode MemoryWebSocket} has closed. */
export interface MemoryWebSocketEnd {
  /** The code of the server's close frame; 1005 for one without a code, 1006 where none came. */
  readonly code: number;
  /** Its reason; empty for none. */
  readonly reason: string;
}

const HEAD_LIMITS = { maxHeaderBytes: 1 << 20, maxHeaderFields: 10_000 };
/** A server's frames, as strict as RFC 6455 is, of any size. */
const RULES = new FrameRules({
  masked: false,
  pieceSize: 1 << 30,
  limits: { maxFramePayload: Infinity, maxFragments: Infinity, maxEmptyFragments: Infinity },
});

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Message = string | Uint8Array;

/**
 * The client's side of a WebSocket in memory, made by {@linkcode MemoryNetwork.dialWebSocket}. It masks,
 * puts fragments together, answers pings and close frames, and takes nothing from a server that RFC 6455 forbids.
 *
 * @example
 * ```ts
 * import { handlers } from "@x/lws";
 * import { serve } from "@x/lws/testing";
 *
 * const callback = handlers({ message: (wsi, _user, message) => void wsi.write(message) });
 * await using served = serve({ name: "echo", callback });
 * const socket = await served.dialWebSocket({ protocol: "echo" });
 * socket.send("hello");
 * if (await socket.next() !== "hello") throw new Error("no echo");
 * const { code } = await socket.close(1000);
 * if (code !== 1000) throw new Error("another code");
 * ```
 */
export class MemoryWebSocket {
  /** What it speaks through: for bytes of one's own, and the faults of its transport. */
  readonly peer: MemoryPeer;
  /** The fields of the server's 101. */
  readonly headers: Headers;
  /** The subprotocol that the server chose; empty for none. */
  readonly protocol: string;
  /** Resolves when the connection is gone; never rejects. */
  readonly closed: Promise<MemoryWebSocketEnd>;
  readonly #parser: FrameParser;
  readonly #messages: Message[] = [];
  readonly #waiting: PromiseWithResolvers<Message>[] = [];
  #pieces: Uint8Array[] = [];
  #sentClose = false;
  #end: CloseStatus | undefined;
  #failure: string | undefined;

  /** Takes over a peer behind its handshake; `dialWebSocket` does, tests need not. */
  constructor(peer: MemoryPeer, head: ResponseHead) {
    this.peer = peer;
    this.headers = new Headers([...head.fields.entries()]);
    this.protocol = this.headers.get("sec-websocket-protocol") ?? "";
    const handler: FrameHandler = {
      onData: (piece) => this.#onData(piece),
      onControl: (opcode, payload) => this.#onControl(opcode, payload),
      onFail: (failure) => this.#onFail(failure),
    };
    this.#parser = new FrameParser(RULES, handler);
    this.closed = this.#receive();
  }

  /**
   * Sends a message: a string as text, bytes as binary.
   *
   * @throws {Error} when a close frame was sent.
   */
  send(data: string | Uint8Array): void {
    if (this.#sentClose) throw new Error("send came after the close frame");
    if (typeof data === "string") this.#sendFrame(OPCODE_TEXT, encoder.encode(data));
    else this.#sendFrame(OPCODE_BINARY, data);
  }

  /**
   * The next message, in the order in which they came. Rejects with a {@linkcode MemoryError}
   * `connection-ended`, which tells the code, when the connection ends before it.
   */
  next(): Promise<string | Uint8Array> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    const waiting = Promise.withResolvers<Message>();
    if (this.#end === undefined) this.#waiting.push(waiting);
    else waiting.reject(this.#endError(this.#end));
    return waiting.promise;
  }

  /**
   * Begins the closing handshake.
   *
   * @param code 1000–1003, 1007–1014 or 3000–4999; left out: a close frame without a code.
   * @returns What {@linkcode closed} is.
   * @throws {LwsError} `invalid-argument` for another code, or a reason of more than 123 bytes.
   */
  close(code?: number, reason = ""): Promise<MemoryWebSocketEnd> {
    this.#sendClose(closePayload(code, reason));
    return this.closed;
  }

  /** Reads until the server ends, and tells how. */
  async #receive(): Promise<MemoryWebSocketEnd> {
    let unread: Uint8Array = new Uint8Array(0);
    let received: CloseStatus | undefined;
    this.#onCloseFrame = (status) => received = status;
    try {
      for (;;) {
        const more = await this.peer.readSome();
        const bytes = new Uint8Array(unread.length + more.length);
        bytes.set(unread);
        bytes.set(more, unread.length);
        unread = bytes.slice(this.#parser.parse(bytes));
      }
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
    }
    this.peer.close();
    const end = received ?? { code: CLOSE_ABNORMAL, reason: "" };
    this.#end = end;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#endError(end));
    return end;
  }

  #onCloseFrame: (status: CloseStatus) => void = () => {};

  #endError({ code, reason }: CloseStatus): MemoryError {
    const said = reason === "" ? `${code}` : `${code} (${reason})`;
    const why = this.#failure === undefined
      ? ""
      : `; the server broke the protocol: ${this.#failure}`;
    return new MemoryError("connection-ended", `the WebSocket closed with ${said}${why}`);
  }

  #onData(piece: Uint8Array): void {
    const { isFinal, isBinary, remaining } = this.#parser;
    this.#pieces.push(piece.slice());
    if (!isFinal || remaining > 0) return;
    const whole = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const each of this.#pieces) {
      whole.set(each, at);
      at += each.length;
    }
    this.#pieces = [];
    const message = isBinary ? whole : decoder.decode(whole);
    const first = this.#waiting.shift();
    if (first === undefined) this.#messages.push(message);
    else first.resolve(message);
  }

  #onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_PING) return this.#sendFrame(OPCODE_PONG, payload);
    if (opcode !== OPCODE_CLOSE) return;
    const status = decodeClose(payload);
    if (typeof status === "string") return this.#onFail(status);
    this.#onCloseFrame(status);
    // Section 7.1.1: the server closes the connection, which ends the read.
    this.#sendClose(payload);
  }

  #onFail(failure: Failure): void {
    const [code, reason] = FAILURES[failure];
    this.#failure = reason;
    this.#sendClose(encodeClose(code, reason));
    this.peer.close();
  }

  #sendClose(payload: Uint8Array): void {
    if (this.#sentClose) return;
    this.#sendFrame(OPCODE_CLOSE, payload);
    this.#sentClose = true;
  }

  #sendFrame(opcode: number, payload: Uint8Array): void {
    const frame = new Uint8Array(headerLength(payload.length, true) + payload.length);
    const body = writeHeader(frame, 0, opcode | FIN, payload.length, true);
    frame.set(payload, body);
    maskPayload(frame, body, payload.length, FRESH_KEY);
    this.peer.send(frame);
  }
}

const OPTIONS = ["path", "protocol", "headers"];

/** @throws {LwsError} `invalid-argument` that names what is no option */
export function checkWebSocketOptions(options: MemoryWebSocketOptions): void {
  if (typeof options !== "object" || options === null) {
    refuseArgument("dialWebSocket", "options", options, "an object");
  }
  for (const [name, value] of Object.entries(options)) {
    if (OPTIONS.includes(name)) continue;
    const hint = didYouMean(name, OPTIONS);
    refuseArgument("dialWebSocket", name, value, `only ${OPTIONS.join(", ")}${hint}`);
  }
}

/** Shakes hands as a client. */
export async function openWebSocket(
  peer: MemoryPeer,
  { path = "/", protocol = [], headers }: MemoryWebSocketOptions,
): Promise<MemoryWebSocket> {
  const { host, ...fields } = Object.fromEntries(new Headers(headers));
  const opening = newOpening(13, {
    path,
    host: host ?? "localhost",
    origin: undefined,
    protocols: [protocol].flat(),
    fields: Object.entries(fields),
    extensions: "",
    isSecure: false,
  }, digests);
  try {
    peer.send(opening.write());
    const head = await readHead(peer);
    if (head.status !== 101) throw refusal(head);
    opening.check(head);
    return new MemoryWebSocket(peer, head);
  } catch (error) {
    peer.close();
    throw error;
  }
}

async function readHead(peer: MemoryPeer): Promise<ResponseHead> {
  const bytes = await peer.readUntil((unread) => {
    const { length } = unread;
    return length >= 4 && decoder.decode(unread.subarray(length - 4)) === "\r\n\r\n";
  });
  const parser = new ResponseHeadParser(HEAD_LIMITS);
  parser.parse(bytes);
  return parser.head;
}

function refusal({ status, reason }: ResponseHead): MemoryError {
  const text = `the server has answered the handshake with ${status} ${reason}`.trimEnd();
  return new MemoryError("handshake-refused", text, status);
}
