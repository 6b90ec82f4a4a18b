/** An attacker's connections: sockets that say what they like, and are all gone at the end. */

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { frame, KEY } from "../support/frames.ts";

/** Where the server listens. */
export interface Target {
  readonly plain: number;
  readonly tls: number;
  /** Behind a proxy that it trusts, whose header it waits for. */
  readonly proxied: number;
}

/** One connection. Nothing that goes wrong with it is an error: the server may end it at any time. */
export class Wire {
  readonly socket: Socket;
  /** What has come so far, at most its first kilobytes, in Latin-1. */
  text = "";
  isGone = false;
  #whenChanged = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (this.text.length < 16_384) this.text += data.toString("latin1");
      this.#whenChanged();
    });
    const over = () => {
      this.isGone = true;
      this.#whenChanged();
    };
    // Its own half ends with the server's.
    socket.on("end", over);
    socket.on("close", over);
  }

  /** Sends; resolves when the system has it, or the connection is gone. */
  send(data: string | Uint8Array): Promise<void> {
    // In a turn of its own: who goes on until the connection is gone would never hear of it.
    if (this.isGone || !this.socket.writable) {
      return new Promise((resolve) => setImmediate(resolve));
    }
    return new Promise((resolve) => {
      this.socket.once("close", resolve);
      this.socket.write(typeof data === "string" ? new TextEncoder().encode(data) : data, () => {
        this.socket.off("close", resolve);
        resolve();
      });
    });
  }

  /** Sends a masked frame. */
  frame(opcode: number, payload: Uint8Array | string = "", more = {}): Promise<void> {
    return this.send(frame({ opcode, payload, key: KEY, ...more }));
  }

  /** Waits until what came fits, or the connection is gone. */
  async until(fits: (text: string) => boolean): Promise<boolean> {
    while (!this.isGone && !fits(this.text)) {
      await new Promise<void>((resolve) => this.#whenChanged = resolve);
    }
    return fits(this.text);
  }

  /** Waits for the end of the connection. */
  async untilGone(): Promise<void> {
    await this.until(() => false);
  }

  /** Reads no more; what the server sends fills its buffers. */
  stopReading(): void {
    this.socket.pause();
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The head of a handshake; fields can be replaced by name, or left out by `undefined`. */
export function handshake(changes: Record<string, string | undefined> = {}, path = "/"): string {
  const fields: Record<string, string | undefined> = {
    Host: "attacked.example",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`]
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** What the offer of compression is. */
export const DEFLATE = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** All connections of an attack, and its time. */
export class Crowd {
  readonly target: Target;
  readonly signal: AbortSignal;
  /** How many connections were made, and how many things done on them. */
  made = 0;
  done = 0;
  readonly #wires = new Set<Wire>();

  constructor(target: Target, signal: AbortSignal) {
    this.target = target;
    this.signal = signal;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** A connection, which may be refused: then it is gone at once. */
  open(port: keyof Target = "plain", withTls = port === "tls"): Promise<Wire> {
    const options = { host: "127.0.0.1", port: this.target[port] };
    const { promise, resolve } = Promise.withResolvers<Wire>();
    const socket = withTls
      ? connectTls({ ...options, rejectUnauthorized: false }, () => resolve(wire))
      : connectTcp(options, () => resolve(wire));
    const wire = new Wire(socket);
    this.made++;
    this.#wires.add(wire);
    socket.on("close", () => {
      this.#wires.delete(wire);
      resolve(wire);
    });
    return promise;
  }

  /** An established WebSocket. */
  async upgrade(changes: Record<string, string | undefined> = {}, path = "/"): Promise<Wire> {
    const wire = await this.open();
    await wire.send(handshake(changes, path));
    await wire.until((text) => text.includes("\r\n\r\n"));
    return wire;
  }

  /** Some at once, each again and again until the time is over; at most some 2,000 a second in all. */
  async again(count: number, act: (index: number) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: count }, async (_, index) => {
      while (!this.isOver) {
        await act(index);
        this.done++;
        await this.pause(count / 2);
      }
    }));
  }

  /** As many at once, each of which stays until the time is over. */
  async hold(
    count: number,
    act: (wire: Wire, index: number) => Promise<void>,
    port: keyof Target = "plain",
  ): Promise<void> {
    await Promise.all(Array.from({ length: count }, async (_, index) => {
      await this.pause(index / 2);
      const wire = await this.open(port, false);
      await act(wire, index);
      this.done++;
      if (!this.isOver) await this.pause(60_000);
    }));
  }

  /** Waits, or until the time is over. */
  pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.isOver) return Promise.resolve();
    const timer = setTimeout(resolve, ms);
    this.signal.addEventListener("abort", resolve as () => void, { once: true });
    return promise.finally(() => {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", resolve as () => void);
    });
  }

  close(): void {
    for (const wire of this.#wires) wire.destroy();
  }
}

/** What is done to the server. */
export interface Attack {
  readonly name: string;
  /** What it does, for the table. */
  readonly what: string;
  /** What stops it. */
  readonly stoppedBy: string;
  /** By how many MiB the server may grow at its peak. */
  readonly mostMemory?: number;
  /** Whether the short form has it. */
  readonly isShort?: boolean;
  run(crowd: Crowd): Promise<void>;
}
