/**
 * A socket to a server, in the form in which the client library takes one. Its own drops the listener for errors while
 * one is under way, as when a login is refused, and that ends the program.
 */

import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { isIP } from "node:net";
import { LwsError } from "../../../base/errors.ts";
import type { NatsTls, ServerAddress } from "../options.ts";

/** The most bytes that a server may send in front of the end of its first line. */
const LONGEST_INFO = 64 * 1024;
const LF = 10;

/** What the client library needs to know of a `WebSocket`. */
export class ServerSocket {
  binaryType = "arraybuffer";
  /** It is never waited for: what must have arrived has been acknowledged. */
  readonly bufferedAmount: number = 0;
  onopen: unknown;
  onerror: unknown;
  onclose: ((event: { wasClean: boolean; reason: string }) => void) | null = null;
  #onmessage: ((event: { data: Uint8Array }) => void) | null = null;
  readonly #socket: Socket;
  /** What has come before it could be told. */
  #waiting: Uint8Array[];

  /** @param first what the server has sent already */
  constructor(socket: Socket, first: Uint8Array) {
    this.#socket = socket;
    this.#waiting = [first];
    let failure = "";
    socket.on("error", (error) => failure = error.message);
    socket.on("data", (data) => this.#take(data));
    socket.resume();
    socket.on("close", () => this.onclose?.({ wasClean: failure === "", reason: failure }));
  }

  #take(data: Uint8Array): void {
    if (this.#onmessage === null) this.#waiting.push(data);
    else this.#onmessage({ data });
  }

  set onmessage(listener: ((event: { data: Uint8Array }) => void) | null) {
    this.#onmessage = listener;
    if (listener === null) return;
    for (const data of this.#waiting.splice(0)) listener({ data });
  }

  send(data: ArrayBuffer): void {
    this.#socket.write(new Uint8Array(data));
  }

  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Connects, over TLS if the server is to have that.
 *
 * @param timeoutMs how long that may take
 * @throws {LwsError} `unsupported` if one end wants TLS and the other does not
 */
export async function openSocket(
  server: ServerAddress,
  tls: NatsTls,
  timeoutMs: number,
): Promise<ServerSocket> {
  const { hostname, port, isTls } = server;
  const socket = connect({ host: hostname, port, noDelay: true });
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within connectTimeoutMs (${timeoutMs})`));
  }, timeoutMs);
  try {
    await until(socket, "connect");
    const info = await firstLine(socket);
    const { tls_required, tls_available } = infoOf(info);
    if (!isTls && tls_required === true) throw mismatch("needs TLS; set tls: true");
    if (!isTls) return new ServerSocket(socket, info);
    if (tls_required !== true && tls_available !== true) throw mismatch("has no TLS");
    const secured = connectTls({
      socket,
      ...(tls.caCerts !== undefined && { ca: [...tls.caCerts] }),
      ...(tls.cert !== undefined && { cert: tls.cert, key: tls.key! }),
      ...(isIP(hostname) === 0 ? { servername: hostname } : { host: hostname }),
    });
    await until(secured, "secureConnect");
    return new ServerSocket(secured, info);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for an event of it. The listener for errors stays. */
function until(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("it was closed")));
    socket.once(event, resolve);
  });
}

/** The line that a server begins with, and all that came with it: it waits for an answer then. */
function firstLine(socket: Socket): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let got = new Uint8Array();
    const take = (data: Uint8Array) => {
      const all = new Uint8Array(got.length + data.length);
      all.set(got);
      all.set(data, got.length);
      got = all;
      if (got.includes(LF)) {
        socket.off("data", take);
        socket.pause();
        resolve(got);
      } else if (got.length > LONGEST_INFO) reject(new Error("it is no server of NATS"));
    };
    socket.on("data", take);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("it was closed")));
  });
}

interface Info {
  readonly tls_required?: boolean;
  readonly tls_available?: boolean;
}

function infoOf(line: Uint8Array): Info {
  const [, json] = /^INFO ({.*})/.exec(new TextDecoder().decode(line)) ?? [];
  try {
    if (json !== undefined) return JSON.parse(json);
  } catch { /* It is none. */ }
  throw new Error("it is no server of NATS");
}

function mismatch(what: string): LwsError {
  return new LwsError("unsupported", `natsBroker: the server ${what}`);
}
