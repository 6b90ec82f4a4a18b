/** A server of Bun's own: `bun bench/peers/servers/bun.ts 9001`. */

import { announce, DEFLATES, PORT, TLS } from "./listening.mjs";

/** What is used here of Bun: Deno has no types of it. */
interface BunSocket {
  readonly data: { readonly broadcasts: boolean };
  send(message: string | Uint8Array, compress: boolean): number;
  subscribe(topic: string): void;
}
interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { data: BunSocket["data"] }): boolean;
  publish(topic: string, message: string | Uint8Array): number;
}
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    tls?: { cert: string; key: string } | undefined;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      perMessageDeflate: boolean;
      open(socket: BunSocket): void;
      message(socket: BunSocket, message: string | Uint8Array): void;
    };
  }): BunServer;
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: PORT,
  tls: TLS,
  fetch(request, server) {
    const data = { broadcasts: request.url.endsWith("/broadcast") };
    return server.upgrade(request, { data }) ? undefined : new Response(null, { status: 426 });
  },
  websocket: {
    // With `true` all connections share a compressor, and a decompressor.
    perMessageDeflate: DEFLATES,
    open(socket) {
      if (socket.data.broadcasts) socket.subscribe("broadcast");
    },
    message(socket, message) {
      if (socket.data.broadcasts) server.publish("broadcast", message);
      else socket.send(message, DEFLATES);
    },
  },
});
announce(server.port);
