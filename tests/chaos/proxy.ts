/** The proxy between a client and a server, which does to their bytes what the seed decides. */

import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { type Break, decide, type Direction } from "./decisions.ts";

/** Where something listens: a port of the loopback address, or a unix socket. */
export type Place = { readonly port: number } | { readonly path: string };

/** A proxy for one client, which connects once at a time. */
export interface Proxy extends AsyncDisposable {
  readonly place: Place;
  /** Connections that are open. */
  readonly open: number;
  /**
   * What comes from now on is the connection of this name, for which its decisions are made. A client that connects
   * again by itself, as the runtime's does with TLS, gets others the second time.
   */
  begin(name: string): void;
  /** Whether something was broken off since. */
  readonly wasBroken: boolean;
}

/** Starts a proxy, over a unix socket if it is given a path. */
export async function startProxy(to: Place, path?: string): Promise<Proxy> {
  const open = new Set<Socket>();
  let name = "";
  let attempts = 0;
  let wasBroken = false;
  const onBreak = () => wasBroken = true;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...target(to), allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    const { fromClient, fromServer } = decide(`${name}/${attempts++}`);
    new Carrier(near, far, fromClient, onBreak);
    new Carrier(far, near, fromServer, onBreak);
  });
  await listening(server, path);
  return {
    place: path === undefined ? { port: (server.address() as AddressInfo).port } : { path },
    get open() {
      return open.size;
    },
    get wasBroken() {
      return wasBroken;
    },
    begin(next) {
      name = next;
      attempts = 0;
      wasBroken = false;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function target(to: Place) {
  return "port" in to ? { host: "127.0.0.1", port: to.port } : { path: to.path };
}

function listening(server: Server, path: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
}

/** One direction of a connection. */
export class Carrier {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #onBreak: () => void;
  #passed = 0;
  /** What the step in hand still lets through. */
  #stepLeft = 0;
  #isBroken = false;
  /** What is being passed on. */
  #work: Promise<void> = Promise.resolve();

  constructor(from: Socket, to: Socket, direction: Direction, onBreak: () => void) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#onBreak = onBreak;
    from.on("data", (bytes: Uint8Array) => this.#work = this.#take(bytes));
    from.on("end", () => void this.#work.then(() => this.#isBroken || to.end()));
    // A reset goes on as one, behind what came before it.
    from.on("error", () => void this.#work.then(() => reset(to)));
    from.on("close", () => void this.#work.then(() => to.destroyed || to.end()));
    if (direction.end?.at === 0) this.#breakOff(direction.end);
  }

  async #take(bytes: Uint8Array): Promise<void> {
    // What follows a half-close is lost.
    if (this.#isBroken) return;
    this.#from.pause();
    await this.#pass(bytes);
    if (this.#direction.end?.kind !== "silence" || !this.#isBroken) this.#from.resume();
  }

  async #pass(bytes: Uint8Array): Promise<void> {
    const { end } = this.#direction;
    for (let at = 0; at < bytes.length;) {
      if (this.#stepLeft === 0) await this.#step();
      if (this.#to.destroyed || this.#to.writableEnded) return;
      const untilEnd = (end?.at ?? Infinity) - this.#passed;
      const count = Math.min(this.#stepLeft, bytes.length - at, untilEnd);
      const piece = bytes.slice(at, at + count);
      at += count;
      this.#passed += count;
      this.#stepLeft -= count;
      if (!this.#to.write(piece)) await drained(this.#to);
      if (this.#passed === end?.at) return this.#breakOff(end);
    }
  }

  async #step(): Promise<void> {
    const { bytes, waitMs } = this.#direction.next();
    this.#stepLeft = bytes;
    if (waitMs === 0) await new Promise((resolve) => setImmediate(resolve));
    else if (waitMs !== undefined) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  #breakOff({ kind, resets, silenceMs }: Break): void {
    if (this.#from.destroyed && this.#to.destroyed) return;
    this.#isBroken = true;
    this.#onBreak();
    switch (kind) {
      case "halfClose":
        this.#to.end();
        break;
      case "reset":
        this.#reset(resets);
        break;
      case "silence":
        setTimeout(() => this.#reset("both"), silenceMs);
    }
  }

  #reset(resets: Break["resets"]): void {
    for (const [socket, role] of [[this.#from, "sender"], [this.#to, "receiver"]] as const) {
      if (resets === "both" || resets === role) reset(socket);
      else socket.destroySoon();
    }
  }
}

/** A reset; over a unix socket, which has none, the end of both ways. */
function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteAddress === undefined || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Resolves when the socket takes more, or nothing any more. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
