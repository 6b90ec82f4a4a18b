/**
 * A server of `ws`, for Deno and for Node; the second argument is where the package is:
 *
 *     deno run -A --no-lock bench/peers/servers/ws.mjs 9001 npm:ws@8.23.0
 *     node bench/peers/servers/ws.mjs 9001 file:///…/node_modules/ws/wrapper.mjs
 */

import { createServer } from "node:https";
import process from "node:process";
import { announce, DEFLATES, PORT, TLS } from "./listening.mjs";

const { WebSocketServer } = await import(process.argv[3] ?? "ws");

const audience = new Set();
const perMessageDeflate = DEFLATES && {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 0,
};
const https = TLS && createServer(TLS);
const server = new WebSocketServer({
  ...https ? { server: https } : { host: "127.0.0.1", port: PORT },
  perMessageDeflate,
});
server.on("listening", () => announce(server.address().port));
https?.listen(PORT, "127.0.0.1");
server.on("connection", (socket, request) => {
  if (request.url === "/broadcast") join(socket);
  else socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

function join(socket) {
  audience.add(socket);
  socket.on("close", () => audience.delete(socket));
  socket.on("message", (data, isBinary) => {
    for (const each of audience) each.send(data, { binary: isBinary });
  });
}
