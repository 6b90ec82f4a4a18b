/** What the `Receiver` of npm:ws makes of the frames of RFC 6455. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { Receiver, WebSocketServer } from "npm:ws@8.18.3";

/** What came, up to a close frame or a failure. */
export interface Received {
  /** Messages, pings, pongs and the close frame, each as a text. */
  readonly events: readonly string[];
  /** The close code of the failure; undefined without one. */
  readonly failure: number | undefined;
  readonly message: string;
}

interface Inflating {
  decompress(data: Buffer, fin: boolean, done: (error: unknown, data?: Buffer) => void): void;
  cleanup(): void;
}

type InflatingClass = new (
  options: { readonly threshold: number },
  isServer: boolean,
  maxPayload: number,
) => Inflating & { accept(offers: readonly Record<string, unknown[]>[]): unknown };

interface ReceiverFace {
  on(event: string, listener: (...args: never[]) => void): void;
  _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void;
}

/** What its receiver is set up with. */
export interface ReceiverSetup {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly inflating?: Inflating;
}

/** Gives all of the bytes at once; what follows a close frame is not read. */
export function receive(wire: Uint8Array, setup: ReceiverSetup): Received | Promise<Received> {
  const { isServer, maxPayload, inflating } = setup;
  const events: string[] = [];
  const extensions = inflating === undefined ? {} : { "permessage-deflate": inflating };
  const make = Receiver as unknown as new (options: unknown) => ReceiverFace;
  const receiver = new make({ isServer, maxPayload, extensions, allowSynchronousEvents: true });
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    events.push(`${isBinary ? "binary" : "text"} ${data.toString("hex")}`);
  });
  receiver.on("ping", (data: Buffer) => events.push(`ping ${data.toString("hex")}`));
  receiver.on("pong", (data: Buffer) => events.push(`pong ${data.toString("hex")}`));
  receiver.on("conclude", (code: number, reason: Buffer) => {
    events.push(`close ${code} ${reason.toString("hex")}`);
    finish();
  });
  receiver.on("error", () => {});
  let result: Received | undefined;
  let resolve: ((received: Received) => void) | undefined;
  const finish = (error?: Error) => {
    const failure = error && codeOf(error);
    result ??= { events, failure, message: error?.message ?? "" };
    resolve?.(result);
  };
  receiver._write(Buffer.from(wire), "buffer", finish);
  return result ?? new Promise<Received>((settle) => resolve = settle);
}

/** The code is kept under a symbol. */
function codeOf(error: Error): number {
  const symbol = Object.getOwnPropertySymbols(error)
    .find((each) => each.description === "status-code");
  if (symbol === undefined) throw error;
  return (error as unknown as Record<symbol, number>)[symbol]!;
}

let inflatingClass: InflatingClass | undefined;

/** Its permessage-deflate, which it does not export; each has to be cleaned up. */
export function inflating(isServer: boolean, takeover: boolean, maxPayload: number): Inflating {
  inflatingClass ??= findInflatingClass();
  const made = new inflatingClass({ threshold: 0 }, isServer, maxPayload);
  const parameters: Record<string, unknown[]> = takeover ? {} : {
    client_no_context_takeover: [true],
    server_no_context_takeover: [true],
  };
  made.accept([parameters]);
  return made;
}

/** Taken from a connection that was accepted. */
function findInflatingClass(): InflatingClass {
  // Behind an inflater's error Deno calls back for its flush as well, and npm:ws has forgotten the inflater by then.
  addEventListener("error", (event) => {
    if (event.message.endsWith("(reading 'Symbol(error)')")) event.preventDefault();
  });
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  Object.assign(socket, { setTimeout() {}, setNoDelay() {} });
  const request = {
    method: "GET",
    url: "/",
    headers: {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
      "sec-websocket-extensions": "permessage-deflate",
    },
  };
  let found: InflatingClass | undefined;
  server.handleUpgrade(request as never, socket, Buffer.alloc(0), (client: unknown) => {
    const { _extensions } = client as { readonly _extensions: Record<string, Inflating> };
    found = _extensions["permessage-deflate"]!.constructor as InflatingClass;
    (client as { terminate(): void }).terminate();
  });
  if (found === undefined) throw new Error("npm:ws has no permessage-deflate");
  return found;
}
