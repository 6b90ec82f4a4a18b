/** A server of Deno's own: `deno run --allow-net bench/peers/servers/deno_builtin.ts 9001`. */

import { announce, PORT, TLS } from "./listening.mjs";

const audience = new Set<WebSocket>();

Deno.serve({
  hostname: "127.0.0.1",
  port: PORT,
  onListen: ({ port }) => announce(port),
  ...TLS,
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  if (request.url.endsWith("/broadcast")) join(socket);
  else socket.onmessage = (event) => socket.send(event.data);
  return response;
});

function join(socket: WebSocket): void {
  socket.onopen = () => audience.add(socket);
  socket.onclose = () => audience.delete(socket);
  socket.onmessage = (event) => {
    for (const each of audience) each.send(event.data);
  };
}
