/**
 * The client of `@x/lws/resume` by itself, for bundles of pages and for programs that serve nothing: it loads nothing
 * else.
 *
 * @example
 * ```ts
 * import { resumeClient } from "@x/lws/resume/client";
 *
 * const client = resumeClient("ws://127.0.0.1:9/", { onLost: ({ delayMs }) => console.log(delayMs) });
 * client.subscribe("news", { onMessage: (text) => console.log(text) });
 * client.close();
 * ```
 *
 * @module
 */

export { resumeClient } from "./client.ts";
export type {
  ResumeClient,
  ResumeClientOptions,
  ResumeGap,
  ResumePosition,
  ResumeRefusal,
  ResumeSocket,
  ResumeSubscribing,
  ResumeSubscription,
} from "./types.ts";
