/** An echo server of `npm:ws`: `deno run -A bench/peers/servers/ws_on_deno.ts`. */

import { type WebSocket, WebSocketServer } from "npm:ws@8.18.3";
import type { AddressInfo } from "node:net";
import { announce, option } from "../arguments.ts";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(option("port", "0")),
  perMessageDeflate: false,
});
server.on("listening", () => announce((server.address() as AddressInfo).port));
server.on("connection", (socket: WebSocket) => {
  socket.on("message", (data: Uint8Array, isBinary: boolean) => {
    socket.send(data, { binary: isBinary });
  });
});
