/**
 * A `WebSocket` by the web's standard, for programs and packages that are written for it, with what the
 * standard leaves out.
 *
 * @example Header fields, and what a refusal says
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { WebSocket } from "@x/lws/websocket";
 *
 * await using server = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{
 *     name: "news",
 *     callback: handlers({ filterProtocolConnection: (wsi) => wsi.cookie("id") === "1" ? 0 : 1 }),
 *   }],
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, { headers: { cookie: "id=2" } });
 * const why = await new Promise<string>((resolve) => {
 *   socket.addEventListener("error", ({ message }) => resolve(message));
 * });
 * if (!why.includes("403")) throw new Error(why);
 * ```
 *
 * @module
 */

export { WebSocket } from "./websocket.ts";
export type { WebSocketEvents, WebSocketHandler } from "./websocket_events.ts";
export type {
  WebSocketKeepAlive,
  WebSocketOptions,
  WebSocketTlsOptions,
} from "./websocket_options.ts";
export { LwsError, type LwsErrorCode } from "../base/errors.ts";
export type { PermessageDeflateOptions } from "../extensions/permessage_deflate_params.ts";
export type { Clock } from "../api/service.ts";
export type { Network } from "../api/network.ts";
