/**
 * A chat on several processes, or machines, over one Redis: each knows all guests of a room, and a page that loses
 * its server goes on at another one, where it was. Start it twice, and open the address that it prints:
 *
 *     redis-server --port 6379 --appendonly yes
 *     export NODES=http://127.0.0.1:7691,http://127.0.0.1:7692
 *     deno run --allow-net --allow-read examples/chat_cluster.ts --port 7691 --secret S --nodes $NODES
 *     deno run --allow-net --allow-read examples/chat_cluster.ts --port 7692 --secret S --nodes $NODES
 *
 * A Redis that starts anew is told to all pages; not with --aof, which says that its restart loses nothing.
 */

import { createContext, type Wsi } from "@x/lws";
import { redisBroker } from "@x/lws/redis";
import { resumable, resumeClientScript } from "@x/lws/resume";
import { fail, orEnd, readOptions, untilInterrupted } from "./arguments.ts";
import { guestKey } from "./chat_cluster/guests.ts";

const redis = "redis://127.0.0.1:6379";
const known = { port: 7691, hostname: "127.0.0.1", redis, nodes: "", secret: "", aof: false };
const { options: { port, hostname, secret, ...options } } = readOptions(known);
if (secret === "") fail("--secret is needed, the same for all: it signs the cookies", known);
const guests = await guestKey(secret);
const nodes = options.nodes.split(",").filter((origin) => origin !== "");
const page = await orEnd(() =>
  Deno.readTextFile(new URL("chat_cluster/page.html", import.meta.url))
);

/** The page at each room's path, its script, and the login. */
async function fetch(request: Request): Promise<Response> {
  const headers = { "content-type": "text/html; charset=utf-8", "x-frame-options": "DENY" };
  if (request.method === "POST") {
    const name = (await request.text()).replace(/\s+/g, " ").trim().slice(0, 20);
    if (name === "") return new Response("A name is needed.", { status: 400 });
    const cookie = `guest=${await guests.sign(name)}; Path=/; HttpOnly; SameSite=Strict`;
    return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
  }
  if (!request.url.endsWith("/resume.js")) return new Response(page, { headers });
  return new Response(resumeClientScript, { headers: { "content-type": "text/javascript" } });
}

const tell = (wsi: Wsi, data: unknown) => void wsi.write(JSON.stringify({ d: data }));

const chat = resumable({
  // By its path a load balancer knows the room: docs/guide/scale.md, "A room on one machine".
  path: "/chat/:room([\\w-]{1,40})",
  perSessionData: () => ({ key: "", name: "", topic: "" }),
  async upgrade({ cookies, params }, { user }) {
    const guest = await guests.verify(cookies.get("guest") ?? "");
    if (guest !== undefined) Object.assign(user, guest, { topic: `room/${params.room}` });
  },
  // A page sees the code of a close, and no status of a handshake that is refused.
  open(wsi, { key, name, topic }) {
    if (topic === "") wsi.close(4403, "log in first");
    else tell(wsi, { me: { key, name }, nodes });
  },
  authorize: (_wsi, user, topic) => topic === user.topic,
  async message(wsi, { key, name, topic }, data) {
    const { presence } = wsi.context;
    const { id, text } = Object(data);
    // What is rejected is logged; the page says it again, and by its id it is taken once.
    if (typeof id === "string" && typeof text === "string") {
      wsi.context.publish(topic, JSON.stringify({ id, key, name, text }), { id: `${key}/${id}` });
    } else if (data === "who") {
      await presence.join(wsi, topic, { key, info: name });
      tell(wsi, { here: await presence.list(topic) });
    } else wsi.close(1008, "neither said nor asked");
  },
  presence: (wsi, _user, { joins, leaves }) => tell(wsi, { joins, leaves }),
});

const broker = orEnd(() =>
  redisBroker({ url: options.redis, historySize: 500, restartKeepsEpoch: options.aof })
);
const limits = { maxMessageSize: 2000, kaTime: 20, allowedOrigins: nodes };
const info = { port, iface: hostname, protocols: [chat], broker, fetch, ...limits };
await using context = orEnd(() => createContext(info));
await orEnd(() => context.history("room/lobby", { limit: 1 }));
// deno-lint-ignore no-console -- a program's own output
console.log(`open http://${hostname}:${context.port}/lobby`);
await untilInterrupted();
// They come back at other nodes, not all at once.
await context.destroy({ spreadMs: 2000, graceMs: 4000 });
