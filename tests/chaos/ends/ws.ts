/** `npm:ws`, as a client and as a server. */

import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type PerMessageDeflateOptions, WebSocket, WebSocketServer } from "npm:ws@8.18.3";
import { Conversation, type Socket } from "../conversation.ts";
import { randomOf } from "../decisions.ts";
import { type ClientEnd, type Identity, portOf, type ServerEnd } from "./end.ts";

/** How it is set up, on either side. */
export interface WsOptions {
  readonly deflate?: PerMessageDeflateOptions | boolean;
  readonly identity?: Identity | undefined;
}

/** Compresses each message on its own. */
export const NO_TAKEOVER: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
};

/** Starts clients of `npm:ws`. */
export function wsClient({ deflate = false, identity }: WsOptions = {}): ClientEnd {
  return {
    talk(place, name) {
      const conversation = new Conversation(name);
      const path = ["pieces", "whole", "loop"][randomOf(`${name} reads`)(3)];
      const url = `${identity ? "wss" : "ws"}://127.0.0.1:${portOf(place)}/${path}`;
      const ws = new WebSocket(url, {
        perMessageDeflate: deflate,
        ...identity && { ca: identity.ca, servername: "localhost" },
      });
      let isOpen = false;
      const socket: Socket = {
        hasFrames: true,
        send(bytes, kind, fin) {
          ws.send(bytes, { binary: kind !== "text", fin }, () => {});
        },
        ping: (payload) => ws.ping(payload, undefined, () => {}),
        close: () => ws.close(1000),
      };
      ws.on("open", () => {
        isOpen = true;
        conversation.opened(socket);
      });
      ws.on("message", (data: Uint8Array, isBinary: boolean) => {
        conversation.received(!isBinary, new Uint8Array(data));
      });
      ws.on("pong", (payload: Uint8Array) => conversation.ponged(new Uint8Array(payload)));
      // `close` follows.
      ws.on("error", () => {});
      ws.on("close", (code: number) => {
        conversation.ended(isOpen ? { code, wasClean: code !== 1006 } : undefined);
      });
      return conversation.done;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Starts a server of `npm:ws`. */
export async function wsServer({ deflate = false, identity }: WsOptions = {}): Promise<ServerEnd> {
  const server: Server = identity === undefined
    ? createServer()
    : createSecureServer({ cert: identity.cert, key: identity.key });
  server.on("clientError", (_error: Error, socket: { destroy(): void }) => socket.destroy());
  const sockets = new WebSocketServer({ server, perMessageDeflate: deflate });
  sockets.on("connection", (ws: WebSocket) => {
    ws.on("error", () => {});
    ws.on("message", (data: Uint8Array, isBinary: boolean) => {
      ws.send(data, { binary: isBinary }, () => {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    place: { port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
