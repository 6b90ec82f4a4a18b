/** The client for pages, which can't import TypeScript. */

import { resumeClient } from "./client.ts";

/**
 * {@linkcode resumeClient} as a module of JavaScript that imports nothing: the text of a file for pages, to be served
 * with the type `text/javascript`. It exports `resumeClient`. What makes programs smaller must leave functions whole.
 *
 * @category Client
 * @example A page that imports it from its server
 * ```ts
 * import { createContext, memoryBroker } from "@x/lws";
 * import { resumable, resumeClientScript } from "@x/lws/resume";
 *
 * const page = `<!doctype html><ul></ul>
 *   <script type="module">
 *     import { resumeClient } from "/resume.js";
 *     const client = resumeClient(location.origin.replace("http", "ws"));
 *     client.subscribe("news", {
 *       onMessage: (text) => document.querySelector("ul").append(text),
 *       onGap: ({ waitMs }) => setTimeout(() => location.reload(), waitMs),
 *     });
 *   </script>`;
 * const files = new Map([
 *   ["/", { body: page, type: "text/html; charset=utf-8" }],
 *   ["/resume.js", { body: resumeClientScript, type: "text/javascript" }],
 * ]);
 *
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   broker: memoryBroker({ historySize: 100 }),
 *   protocols: [resumable({ authorize: (_wsi, _user, topic) => topic === "news" })],
 *   fetch(request) {
 *     const file = files.get(new URL(request.url).pathname);
 *     if (file === undefined) return new Response("not found", { status: 404 });
 *     return new Response(file.body, { headers: { "content-type": file.type } });
 *   },
 * });
 * const script = await (await fetch(`http://127.0.0.1:${context.port}/resume.js`)).text();
 * if (!script.startsWith("export function resumeClient(")) throw new Error(script);
 * ```
 */
export const resumeClientScript: string = `export ${resumeClient}\n`;
