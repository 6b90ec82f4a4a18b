/**
 * A chat with rooms by path, for guests that have logged in: open the address that it prints.
 *
 *     deno run --allow-net --allow-read examples/chat.ts --port 7682
 */

import { createContext, protocol } from "@x/lws";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

const page = await orEnd(() => Deno.readTextFile(new URL("chat/page.html", import.meta.url)));
/** The names of guests by what is in their cookie. */
const guests = new Map<string, string>();

/** Everything but the WebSockets: the page at each room's path, and the login. */
async function fetch(request: Request): Promise<Response> {
  const headers = { "content-type": "text/html; charset=utf-8", "x-frame-options": "DENY" };
  if (request.method !== "POST") return new Response(page, { headers });
  const name = (await request.text()).replace(/\s+/g, " ").trim().slice(0, 20);
  if (name === "") return new Response("A name is needed.", { status: 400 });
  const session = crypto.randomUUID();
  if (guests.size === 10_000) guests.clear();
  guests.set(session, name);
  const cookie = `session=${session}; Path=/; HttpOnly; SameSite=Strict`;
  return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
}

const chat = protocol({
  name: "chat",
  path: "/chat/:room([\\w-]{1,40})",
  perSessionData: () => ({ name: "", room: "" }),
  upgrade({ cookies, params }, { user }) {
    user.name = guests.get(cookies.get("session") ?? "") ?? "";
    user.room = params.room!;
    if (user.name === "") return new Response("Log in first.", { status: 403 });
  },
  async open(wsi, { name, room }) {
    await wsi.subscribe(room);
    await wsi.context.publish(room, `* ${name} came`);
  },
  message(wsi, { name, room }, text) {
    if (typeof text === "string") wsi.context.publish(room, `${name}: ${text}`);
    else wsi.close(1003, "text only");
  },
  close: (wsi, { name, room }) => void wsi.publish(room, `* ${name} left`),
});

const { options: { port, hostname } } = readOptions({ port: 7682, hostname: "127.0.0.1" });
// A guest that is silent is pinged, and one that reads too slowly is closed with 1013.
const limits = { maxMessageSize: 2000, kaTime: 20, topics: { maxUnsent: 64 * 1024 } };
const info = { port, iface: hostname, protocols: [chat], fetch, ...limits };
await using context = orEnd(() => createContext(info));
// deno-lint-ignore no-console -- a program's own output
console.log(`open http://${hostname}:${context.port}/lobby`);
await untilInterrupted();
