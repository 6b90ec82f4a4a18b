/** The runtime's own WebSocket, and its server's upgrade. */

import { Conversation, type Socket } from "../conversation.ts";
import { randomOf } from "../decisions.ts";
import { type ClientEnd, type Identity, portOf, type ServerEnd } from "./end.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Starts clients of the runtime, which trusts the authority by `DENO_CERT`. */
export function runtimeClient(isSecure = false): ClientEnd {
  return {
    talk(place, name) {
      const conversation = new Conversation(name);
      const path = ["pieces", "whole", "loop"][randomOf(`${name} reads`)(3)];
      const ws = new WebSocket(
        `${isSecure ? "wss://localhost" : "ws://127.0.0.1"}:${portOf(place)}/${path}`,
      );
      ws.binaryType = "arraybuffer";
      let isOpen = false;
      const socket: Socket = {
        hasFrames: false,
        send: (bytes, kind) => ws.send(kind === "text" ? decoder.decode(bytes) : bytes),
        ping() {},
        close: () => ws.close(1000),
      };
      ws.onopen = () => {
        isOpen = true;
        conversation.opened(socket);
      };
      ws.onmessage = ({ data }) => {
        const isText = typeof data === "string";
        conversation.received(isText, isText ? encoder.encode(data) : new Uint8Array(data));
      };
      ws.onclose = ({ code, wasClean }) => {
        conversation.ended(isOpen ? { code, wasClean } : undefined);
      };
      return conversation.done;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Starts `Deno.serve` with `Deno.upgradeWebSocket`. As of 2.9.6 an upgrade whose client is gone before the answer has left
 * comes to nothing: its `WebSocket` has no event ever, its socket stays open, and `shutdown` waits for it for good.
 */
export function runtimeServer(identity?: Identity): ServerEnd {
  const unopened = new Set<WebSocket>();
  const ending = new AbortController();
  const answer = (request: Request): Response => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    unopened.add(socket);
    socket.onopen = socket.onclose = () => unopened.delete(socket);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(data);
    };
    return response;
  };
  const listen = {
    port: 0,
    hostname: "127.0.0.1",
    signal: ending.signal,
    onListen() {},
    onError: () => new Response(null, { status: 400 }),
  };
  const server = identity === undefined
    ? Deno.serve(listen, answer)
    : Deno.serve({ ...listen, cert: identity.cert, key: identity.key }, answer);
  return {
    place: { port: server.addr.port },
    kept: () => unopened.size,
    [Symbol.asyncDispose]() {
      ending.abort();
      return server.finished;
    },
  };
}
