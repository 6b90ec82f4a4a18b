/**
 * Clients that are never lost for long: a small ready-made subprotocol, `lws.resume.v1`, and its client for browsers
 * and Deno. A client subscribes to topics; when its connection is lost it connects again, and goes on where it was,
 * at whichever context has the same broker. It gets every publication in order, none twice, and what it has missed
 * for good is told.
 *
 * @example
 * ```ts
 * import { createContext, memoryBroker } from "@x/lws";
 * import { resumable, resumeClient } from "@x/lws/resume";
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   broker: memoryBroker({ historySize: 100 }),
 *   protocols: [resumable({
 *     authorize: (_wsi, _user, topic) => topic.startsWith("room/"),
 *     message: (wsi, _user, data) => void wsi.context.publish("room/1", String(data)),
 *   })],
 * });
 *
 * const client = resumeClient(`ws://127.0.0.1:${context.port}/`);
 * const heard = await new Promise((onMessage) => {
 *   client.subscribe("room/1", { onBegin: () => client.send("hello"), onMessage });
 * });
 * if (heard !== "hello") throw new Error(`${heard}`);
 * client.close();
 * ```
 *
 * @module
 */

export { resumable, type ResumableDefinition, type ResumableMembers } from "./resumable.ts";
export { resumeClient } from "./client/client.ts";
export { resumeClientScript } from "./client/script.ts";
export type {
  ResumeClient,
  ResumeClientOptions,
  ResumeGap,
  ResumePosition,
  ResumeRefusal,
  ResumeSocket,
  ResumeSubscribing,
  ResumeSubscription,
} from "./client/types.ts";
