/**
 * The two halves of a conversation with a foreign program: an echo server of ours for its client,
 * and a client of ours for its echo server. Both halves know the same two commands, sent as text:
 * `close CODE REASON`, and `fragments`, which asks for "Hello" in three frames with pings in between.
 */

import { assert, assertEquals } from "@std/assert";
import type {
  ClientConnectInfo,
  CloseInfo,
  Context,
  ContextCreationInfo,
  Extension,
  Protocol,
  Wsi,
} from "../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, createContext, handlers } from "../../mod.ts";
import { LOOPBACK, PATIENT } from "../support/patience.ts";

const LONGEST = 64 * 1024 * 1024;

/** On both sides of where the length field grows (RFC 6455 section 5.2), and well beyond. */
export const LENGTHS = [0, 125, 126, 65_535, 65_536, 16 * 1024 * 1024];

/** Characters of one to four bytes, ten bytes in all, so that frames and reads split them anywhere. */
const LETTERS = "aß→😀";
const LETTERS_BYTES = 10;

/** A text of that many bytes of UTF-8; the foreign programs' scripts make the same. */
export function textOf(bytes: number): string {
  return LETTERS.repeat(Math.floor(bytes / LETTERS_BYTES)) + "a".repeat(bytes % LETTERS_BYTES);
}

/** That many bytes, none like its neighbour. */
export function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i % 251;
  return bytes;
}

/** Compares without printing megabytes when it fails. */
export function assertSame(actual: unknown, expected: string | Uint8Array): void {
  if (typeof expected === "string") {
    assert(typeof actual === "string", "bytes came in place of text");
    assertEquals(actual.length, expected.length);
    assert(actual === expected, `another text of ${expected.length} characters`);
    return;
  }
  assert(actual instanceof Uint8Array, "text came in place of bytes");
  assertEquals(actual.length, expected.length);
  const difference = actual.findIndex((byte, index) => byte !== expected[index]);
  assertEquals(difference, -1, `byte ${difference} differs`);
}

/** What an {@linkcode echoServer} saw of its connections. */
export interface EchoServer extends AsyncDisposable {
  readonly context: Context;
  readonly url: string;
  /** The payloads of the pings that came, and of the pongs. */
  readonly pings: string[];
  readonly pongs: string[];
  /** How the next connection to end has ended, in the order of their ends. */
  nextClose(): Promise<CloseInfo>;
}

interface Echoing {
  continues: boolean;
}

/**
 * A server that sends back every piece of a message as it comes, like `examples/echo.ts`; with `tls`,
 * members of the creation struct, over TLS.
 */
export function echoServer(
  extensions: readonly Extension[] = [],
  tls?: Partial<ContextCreationInfo>,
): EchoServer {
  const closes = new Mailbox<CloseInfo>();
  const pings: string[] = [];
  const pongs: string[] = [];
  const echo: Protocol<Echoing> = {
    name: "echo",
    perSessionData: () => ({ continues: false }),
    callback(wsi, reason, user, data) {
      switch (reason) {
        case "http":
          wsi.returnHttpStatus(200, "This port speaks WebSocket.");
          return wsi.httpTransactionCompleted();
        case "receive": {
          const fin = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
          if (fin && !user.continues && !wsi.frameIsBinary && obey(wsi, data)) return;
          const kind = wsi.frameIsBinary ? "binary" : "text";
          wsi.write(data, user.continues ? "continuation" : kind, { fin });
          user.continues = !fin;
          if (wsi.partialBuffered) {
            wsi.rxFlowControl(false);
            wsi.callbackOnWritable();
          }
          return;
        }
        case "serverWriteable":
          wsi.rxFlowControl(true);
          return;
        case "receivePing":
          return void pings.push(decode(data));
        case "receivePong":
          return void pongs.push(decode(data));
        case "closed":
          return closes.put(data);
      }
    },
  };
  const context = createContext({
    ...LOOPBACK,
    maxFramePayload: LONGEST,
    extensions,
    ...tls,
    protocols: [echo],
  });
  return {
    context,
    url: `${tls === undefined ? "ws" : "wss"}://127.0.0.1:${context.port}/`,
    pings,
    pongs,
    nextClose: () => closes.take(),
    [Symbol.asyncDispose]: () => context.destroy(),
  };
}

/** Does what a command says; false when the text is none. */
function obey(wsi: Wsi, data: Uint8Array): boolean {
  if (data.length > 100) return false;
  const text = decode(data);
  const close = /^close (\d+) (.*)$/.exec(text);
  if (close !== null) wsi.close(Number(close[1]), close[2]);
  else if (text === "fragments") sendFragments(wsi);
  else return false;
  return true;
}

/** A fragmented message with control frames between its frames (RFC 6455 section 5.4). */
function sendFragments(wsi: Wsi): void {
  wsi.write("Hel", "text", { fin: false });
  wsi.write("one", "ping");
  wsi.write("l", "continuation", { fin: false });
  wsi.write("two", "ping");
  wsi.write("o", "continuation");
}

/** A client of ours, message by message. */
export interface EchoClient extends AsyncDisposable {
  readonly wsi: Wsi;
  readonly pings: string[];
  readonly pongs: string[];
  /** The next message that comes. */
  receive(): Promise<string | Uint8Array>;
  /** How the connection ended. */
  readonly closed: Promise<CloseInfo>;
}

/**
 * Connects a client of ours, and resolves when its handshake is done.
 *
 * @param info more members of its context's creation struct
 * @param target more of where it connects, and of what it asks for
 */
export async function connectTo(
  port: number,
  protocol: string[] = [],
  extensions: readonly Extension[] = [],
  info: Partial<ContextCreationInfo> = {},
  target: Partial<ClientConnectInfo> = {},
): Promise<EchoClient> {
  const messages = new Mailbox<string | Uint8Array>();
  const pings: string[] = [];
  const pongs: string[] = [];
  const opened = Promise.withResolvers<Wsi>();
  const ended = Promise.withResolvers<CloseInfo>();
  const callback = handlers({
    clientConnectionError: (_wsi, _user, text) => opened.reject(new Error(text)),
    clientEstablished: (wsi) => opened.resolve(wsi),
    clientReceivePing: (_wsi, _user, payload) => void pings.push(decode(payload)),
    clientReceivePong: (_wsi, _user, payload) => void pongs.push(decode(payload)),
    message: (_wsi, _user, message) => messages.put(message),
    closed(_wsi, _user, info) {
      messages.fail(new Error(`closed ${info.code} ${info.reason}`));
      ended.resolve(info);
    },
  });
  const names = protocol.length > 0 ? protocol : ["client"];
  const context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    maxFramePayload: LONGEST,
    maxMessageSize: LONGEST,
    maxUnsentBytes: LONGEST,
    extensions,
    ...info,
    protocols: names.map((name) => ({ name, callback })),
  });
  context.clientConnect({ address: "127.0.0.1", port, path: "/", protocol, ...target });
  try {
    return {
      wsi: await opened.promise,
      pings,
      pongs,
      receive: () => messages.take(),
      closed: ended.promise,
      [Symbol.asyncDispose]: () => context.destroy(),
    };
  } catch (error) {
    await context.destroy();
    throw error;
  }
}

/** What a foreign echo server is asked for beside the echoes. */
export interface EchoServerSkills {
  /** Whether it can send a message in fragments with pings in between. */
  readonly sendsFragments: boolean;
}

/** What else there is to a conversation. */
export interface TalkOptions {
  /** The lengths of its messages; {@linkcode LENGTHS} without it. */
  readonly lengths?: readonly number[];
  /** What our client offers. */
  readonly extensions?: readonly Extension[];
  /** Messages to be echoed last. */
  readonly last?: readonly string[];
  /** More members of the creation struct. */
  readonly info?: Partial<ContextCreationInfo>;
  /** More of where our client connects. */
  readonly target?: Partial<ClientConnectInfo>;
}

/**
 * Talks to a foreign echo server: messages of every length, fragments with pings in between both
 * ways, and both ends beginning the closing handshake, ours with 3001 "done".
 */
export async function talkTo(
  port: number,
  skills: EchoServerSkills,
  { lengths = LENGTHS, extensions = [], last = [], info, target }: TalkOptions = {},
): Promise<void> {
  await using client = await connectTo(port, [], extensions, info, target);
  const { wsi, pings, pongs } = client;
  for (const length of lengths) {
    for (const message of [textOf(length), bytesOf(length)]) {
      wsi.write(message, typeof message === "string" ? "text" : "binary");
      assertSame(await client.receive(), message);
    }
  }
  sendFragments(wsi);
  assertSame(await client.receive(), "Hello");
  assertEquals(pongs, ["one", "two"]);
  if (skills.sendsFragments) {
    wsi.write("fragments");
    assertSame(await client.receive(), "Hello");
    assertEquals(pings, ["one", "two"]);
  }
  for (const message of last) {
    wsi.write(message);
    assertSame(await client.receive(), message);
  }
  wsi.close(3001, "done");
  const { code, wasClean } = await client.closed;
  assertEquals({ code, wasClean }, { code: 3001, wasClean: true });

  await using other = await connectTo(port, [], extensions, info, target);
  other.wsi.write("close 4001 bye");
  assertEquals(await other.closed, { code: 4001, reason: "bye", wasClean: true, cause: "peer" });
}

/** Values in the order of their coming, for whoever asks. */
export class Mailbox<T> {
  readonly #values: T[] = [];
  readonly #waiting: PromiseWithResolvers<T>[] = [];
  #error: Error | undefined;

  put(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#values.push(value);
    else waiting.resolve(value);
  }

  /** No more will come. */
  fail(error: Error): void {
    this.#error = error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }

  take(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift()!);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const waiting = Promise.withResolvers<T>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }
}

const decoder = new TextDecoder();

function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
