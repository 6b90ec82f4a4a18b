/** The class `WebSocket` of the WHATWG's WebSockets Standard. */

import { describeValue } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { authorizationOf, placeOf } from "../core/http/websocket_url.ts";
import { EventHandlers } from "./event_handlers.ts";
import { failSoon, type Feedback, Link } from "./link.ts";
import { checkOptions, inOwnNames } from "./options.ts";
import { bytesAt, utf8Length } from "./outgoing.ts";
import { checkProtocols, parseUrl, withAuthorization } from "./target.ts";
import {
  type Bytes,
  clampToShort,
  isBinary,
  makeInterface,
  optionsOf,
  protocolsOf,
  sizeOf,
} from "./web_idl.ts";
import {
  closeEvent,
  errorEvent,
  type WebSocketEvents,
  type WebSocketHandler,
} from "./websocket_events.ts";
import type { WebSocketOptions } from "./websocket_options.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const CLOSE_NORMAL = 1000;
const [MAX_REASON, MAX_CONTROL_PAYLOAD] = [123, 125];

/**
 * A WebSocket connection of a client, by the WHATWG's WebSockets Standard, with what that leaves out: header
 * fields, TLS, proxies, pings and limits, as {@linkcode WebSocketOptions}. It is for programs that are
 * written for the web's interface, and for packages that are given a class of it.
 *
 * Needs `--allow-net` for the server or the proxy. Where that is denied the connection fails: an `error`
 * event that names the reason, then `close` with 1006. A connection keeps the program running; once all have
 * ended nothing does.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { WebSocket } from "@x/lws/websocket";
 *
 * await using server = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, "echo");
 * socket.onopen = () => socket.send("hello");
 * const echoed = await new Promise((resolve) => {
 *   socket.onmessage = ({ data }) => resolve(data);
 * });
 * if (echoed !== "hello") throw new Error("no echo");
 * const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
 * socket.close(1000, "done");
 * await closed;
 * ```
 */
export class WebSocket extends EventTarget implements globalThis.WebSocket {
  /** 0: the connection is not open yet. */
  declare static readonly CONNECTING: 0;
  /** 1: the connection is open. */
  declare static readonly OPEN: 1;
  /** 2: the closing handshake has begun, or `close()` was called. */
  declare static readonly CLOSING: 2;
  /** 3: the connection has ended, or could not be opened. */
  declare static readonly CLOSED: 3;
  /** 0: the connection is not open yet. */
  declare readonly CONNECTING: 0;
  /** 1: the connection is open. */
  declare readonly OPEN: 1;
  /** 2: the closing handshake has begun, or `close()` was called. */
  declare readonly CLOSING: 2;
  /** 3: the connection has ended, or could not be opened. */
  declare readonly CLOSED: 3;

  readonly #url: URL;
  readonly #handlers = new EventHandlers(this);
  /** Undefined where nothing was connected. */
  readonly #link: Link | undefined;
  readonly #signal: AbortSignal | undefined;
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #bufferedAmount = 0;
  #binaryType: BinaryType = "blob";
  #protocol = "";
  #extensions = "";

  /**
   * Begins to connect; what becomes of it events tell, none of them before this returns.
   *
   * @param url `ws:` or `wss:`, or `http:` or `https:`, which mean the same; relative ones where the program has
   *   a `location`. User and password are sent as `Authorization: Basic`.
   * @param options the subprotocols, as a name or a list, or {@linkcode WebSocketOptions}
   * @throws {DOMException} `SyntaxError` when the URL is none, has another scheme or a fragment, and when a
   *   subprotocol is no token or comes twice, in whatever case.
   * @throws {LwsError} `invalid-option`, which names the option; `permission-denied` when a file of `tls`
   *   may not be read.
   */
  constructor(url: string | URL, options?: string | readonly string[] | WebSocketOptions) {
    super();
    if (arguments.length === 0) {
      throw new TypeError("WebSocket: 1 argument required, but only 0 present");
    }
    this.#url = parseUrl(`${url}`);
    const more = optionsOf(options);
    const { settings, connect, allowsSelfSigned, signal } = checkOptions(more);
    const protocols = protocolsOf(more.protocols);
    checkProtocols(protocols);
    const target = placeOf(this.#url);
    const feedback = this.#feedback();
    if (signal?.aborted) {
      failSoon(feedback, aborted(signal));
      return;
    }
    const headers = withAuthorization(connect.headers, authorizationOf(this.#url));
    const ssl: 0 | 1 | 2 = target.ssl === 1 && allowsSelfSigned ? 2 : target.ssl;
    try {
      const info = { ...target, ...connect, headers, ssl };
      this.#link = new Link(feedback, settings, protocols, info);
    } catch (error) {
      if (!isOfUrl(error)) throw inOwnNames(error);
      failSoon(feedback, new LwsError("connect-failed", error.message));
      return;
    }
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The URL as it was parsed, `http:` as `ws:` and `https:` as `wss:`. */
  get url(): string {
    return this.#url.href;
  }

  /** One of the constants. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /**
   * Bytes that were sent by {@linkcode send} and have not left yet: of texts their UTF-8, without headers and
   * before compression. It gets less between tasks only. Once the connection closes it only grows, by what
   * is sent in vain.
   */
  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  /** The extensions in use, as the server's answer has them; empty before, and without any. */
  get extensions(): string {
    return this.#extensions;
  }

  /** The subprotocol that the server has chosen; empty before, and without any. */
  get protocol(): string {
    return this.#protocol;
  }

  /** What binary messages are given as. Another value than the two is ignored. Default: `"blob"`. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    const type = `${value}`;
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  /** Called when the connection is open. Default: `null`, as of all handlers. */
  get onopen(): WebSocketHandler<Event> {
    return this.#handlers.get("open") as WebSocketHandler<Event>;
  }

  set onopen(handler: WebSocketHandler<Event>) {
    this.#handlers.set("open", handler);
  }

  /** Called with each message. */
  // deno-lint-ignore no-explicit-any -- as the standard's own types have it
  get onmessage(): WebSocketHandler<MessageEvent<any>> {
    // deno-lint-ignore no-explicit-any
    return this.#handlers.get("message") as WebSocketHandler<MessageEvent<any>>;
  }

  // deno-lint-ignore no-explicit-any
  set onmessage(handler: WebSocketHandler<MessageEvent<any>>) {
    this.#handlers.set("message", handler);
  }

  /** Called when the connection has failed, before `close`; the event is an `ErrorEvent`. */
  get onerror(): WebSocketHandler<Event | ErrorEvent> {
    return this.#handlers.get("error") as WebSocketHandler<Event | ErrorEvent>;
  }

  set onerror(handler: WebSocketHandler<Event | ErrorEvent>) {
    this.#handlers.set("error", handler);
  }

  /** Called when the connection has ended. */
  get onclose(): WebSocketHandler<CloseEvent> {
    return this.#handlers.get("close") as WebSocketHandler<CloseEvent>;
  }

  set onclose(handler: WebSocketHandler<CloseEvent>) {
    this.#handlers.set("close", handler);
  }

  /** Called with each ping of the server's, which has been answered. No part of the standard. */
  get onping(): WebSocketHandler<MessageEvent<ArrayBuffer>> {
    return this.#handlers.get("ping") as WebSocketHandler<MessageEvent<ArrayBuffer>>;
  }

  set onping(handler: WebSocketHandler<MessageEvent<ArrayBuffer>>) {
    this.#handlers.set("ping", handler);
  }

  /** Called with each pong of the server's. No part of the standard. */
  get onpong(): WebSocketHandler<MessageEvent<ArrayBuffer>> {
    return this.#handlers.get("pong") as WebSocketHandler<MessageEvent<ArrayBuffer>>;
  }

  set onpong(handler: WebSocketHandler<MessageEvent<ArrayBuffer>>) {
    this.#handlers.set("pong", handler);
  }

  /**
   * Sends a message, in the order of the calls, behind the bytes of Blobs that come late. Bytes are taken at the
   * call. Once the connection closes it counts in {@linkcode bufferedAmount} and goes nowhere.
   *
   * @param data A string is sent as text, in which lone surrogates become U+FFFD; all of a buffer, of a view its
   *   bytes, and a Blob as binary. Anything else is made a string.
   * @throws {DOMException} `InvalidStateError` while the connection is not open yet.
   */
  send(data: string | Blob | ArrayBufferLike | ArrayBufferView): void {
    if (arguments.length === 0) {
      throw new TypeError("send: 1 argument required, but only 0 present");
    }
    const message = isBinary(data) ? data : `${data}`;
    this.#checkOpened("send");
    this.#bufferedAmount += this.#readyState === OPEN ? this.#send(message) : sizeOf(message);
  }

  /**
   * Closes the connection: begins the closing handshake behind all that was sent, or fails a connection that is
   * not open yet. Does nothing once it is closing or closed.
   *
   * @param code 1000, or 3000 to 4999. Default: none, but 1000 beside a reason.
   * @param reason At most 123 bytes of UTF-8. Default: none.
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  close(code?: number, reason?: string): void {
    const given = code === undefined ? undefined : clampToShort(code);
    if (given !== undefined && given !== CLOSE_NORMAL && (given < 3000 || given > 4999)) {
      const why = `close: code is ${describeValue(code)}; allowed: 1000, and 3000 to 4999`;
      throw new DOMException(why, "InvalidAccessError");
    }
    const text = reason === undefined ? "" : `${reason}`.toWellFormed();
    if (utf8Length(text) > MAX_REASON) {
      throw new DOMException(`close: reason is longer than ${MAX_REASON} bytes`, "SyntaxError");
    }
    if (this.#readyState === CONNECTING) {
      this.#fail(new LwsError("aborted", "closed before it was established"));
    } else if (this.#readyState === OPEN) {
      this.#readyState = CLOSING;
      this.#link!.outgoing.close(given ?? (text === "" ? undefined : CLOSE_NORMAL), text);
    }
  }

  /**
   * Sends a ping, in front of messages that wait; the answer is a `pong` event. Does nothing once the
   * connection is closing or closed. No part of the standard.
   *
   * @param data At most 125 bytes. Default: none.
   * @throws {DOMException} `InvalidStateError` while the connection is not open yet.
   * @throws {LwsError} `invalid-argument` for more bytes, or what is neither text nor bytes.
   *
   * @example
   * ```ts
   * import type { WebSocket } from "@x/lws/websocket";
   *
   * function measure(socket: WebSocket): void {
   *   const start = performance.now();
   *   socket.addEventListener("pong", () => console.log(performance.now() - start), { once: true });
   *   socket.ping();
   * }
   * ```
   */
  ping(data: string | ArrayBufferLike | ArrayBufferView = ""): void {
    const isText = typeof data === "string";
    if (!isText && (!isBinary(data) || data instanceof Blob)) {
      const why = `ping: data is ${describeValue(data)}; allowed: a text or bytes`;
      throw new LwsError("invalid-argument", why);
    }
    const bytes = isText ? new TextEncoder().encode(data) : bytesAt(data);
    if (bytes.length > MAX_CONTROL_PAYLOAD) {
      const why = `ping: data has ${bytes.length} bytes; allowed: at most ${MAX_CONTROL_PAYLOAD}`;
      throw new LwsError("invalid-argument", why);
    }
    this.#checkOpened("ping");
    if (this.#readyState === OPEN) this.#link!.ping(bytes);
  }

  /**
   * As of every `EventTarget`, with the types of this one's events.
   *
   * @param type such as `"message"`
   * @param listener called with each event of the type
   * @param options as of every `EventTarget`
   */
  override addEventListener<Type extends keyof WebSocketEvents>(
    type: Type,
    listener: (this: globalThis.WebSocket, event: WebSocketEvents[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** As of every `EventTarget`. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any -- of either signature
    listener: any,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  /**
   * As of every `EventTarget`, with the types of this one's events.
   *
   * @param type such as `"message"`
   * @param listener the one to take away
   * @param options as of every `EventTarget`
   */
  override removeEventListener<Type extends keyof WebSocketEvents>(
    type: Type,
    listener: (this: globalThis.WebSocket, event: WebSocketEvents[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  /** As of every `EventTarget`. */
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any -- of either signature
    listener: any,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener, options);
  }

  /** What a log or a debugger shows of it. */
  get [Symbol.toStringTag](): string {
    return "WebSocket";
  }

  #send(message: string | Blob | Bytes): number {
    const { outgoing } = this.#link!;
    const size = typeof message === "string"
      ? outgoing.sendText(message)
      : message instanceof Blob
      ? outgoing.sendBlob(message)
      : outgoing.sendBytes(bytesAt(message));
    // Nothing tells of the server's close frame before its connection ends.
    if (outgoing.isShut) this.#readyState = CLOSING;
    return size;
  }

  #checkOpened(call: string): void {
    if (this.#readyState !== CONNECTING) return;
    throw new DOMException(`${call}: the connection is not open yet`, "InvalidStateError");
  }

  #fail(error: LwsError): void {
    this.#readyState = CLOSING;
    this.#link?.fail(error);
  }

  readonly #onAbort = (): void => {
    if (this.#readyState === CONNECTING) this.#fail(aborted(this.#signal!));
    else this.close();
  };

  /** "Feedback from the protocol"; each is called in a task of its own. */
  #feedback(): Feedback {
    const origin = this.#url.origin;
    const dispatchMessage = (type: string, data: unknown) =>
      void this.dispatchEvent(new MessageEvent(type, { data, origin }));
    return {
      onOpen: (protocol, extensions) => {
        if (this.#readyState !== CONNECTING) return;
        this.#readyState = OPEN;
        this.#protocol = protocol;
        this.#extensions = extensions;
        this.dispatchEvent(new Event("open"));
      },
      onMessage: (message) => {
        if (this.#readyState !== OPEN) return;
        dispatchMessage("message", typeof message === "string" ? message : this.#binary(message));
      },
      onPing: (payload) => {
        if (this.#readyState === OPEN) dispatchMessage("ping", payload.buffer);
      },
      onPong: (payload) => {
        if (this.#readyState === OPEN) dispatchMessage("pong", payload.buffer);
      },
      onSent: (bytes) => this.#bufferedAmount -= bytes,
      onFailure: (error) => {
        this.#readyState = CLOSED;
        this.dispatchEvent(errorEvent({ message: error.message, error }));
      },
      onEnd: ({ code, reason, wasClean }) => {
        this.#signal?.removeEventListener("abort", this.#onAbort);
        this.#readyState = CLOSED;
        this.dispatchEvent(closeEvent({ code, reason, wasClean }));
      },
    };
  }

  /** The type that counts is the one at the time of the event. */
  #binary(message: Uint8Array): Blob | ArrayBuffer {
    const bytes = message as Uint8Array<ArrayBuffer>;
    if (this.#binaryType === "blob") return new Blob([bytes]);
    const { buffer, byteLength } = bytes;
    return buffer.byteLength === byteLength ? buffer : bytes.slice().buffer;
  }
}

makeInterface(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });

/** Whether a URL names what can't be connected to, such as port 0. */
function isOfUrl(error: unknown): error is LwsError {
  return error instanceof LwsError &&
    /^clientConnect: (?:address|port|host|path) is /.test(error.message);
}

function aborted(signal: AbortSignal): LwsError {
  return new LwsError("aborted", "signal has aborted", { cause: signal.reason });
}
