/**
 * An API by Hono, uploads that are streamed to a folder, the folder itself, and a WebSocket that tells
 * of each new note, all on one port. With a certificate it speaks TLS, and sends plain HTTP there.
 *
 *     deno run -A examples/rest.ts --folder /tmp --cert cert.pem --key key.pem
 *     curl -k https://127.0.0.1:7688/notes --json '{"text":"hello"}'
 *     curl -k https://127.0.0.1:7688/files/photo.jpg -T photo.jpg
 *     curl -kL http://127.0.0.1:7688/files/
 */

import { Hono } from "npm:hono@^4";
import { type Context, createContext, protocol, type Wsi } from "@x/lws";
import { orEnd, readOptions, TLS_OPTIONS, tlsMembers, untilInterrupted } from "./arguments.ts";

const { options } = readOptions({ port: 7688, folder: ".", ...TLS_OPTIONS });
const hasTls = options.cert !== "";
const notes: { text: string; by: string }[] = [];

// What Hono calls the environment of a request is its connection.
const app = new Hono<{ Bindings: Wsi }>();
app.get("/notes", (c) => c.json(notes));
app.post("/notes", async (c) => {
  const { text } = await c.req.json();
  if (typeof text !== "string") return c.json({ error: "text is missing" }, 400);
  const id = notes.push({ text, by: c.env.peerAddresses.ip }) - 1;
  await context.publish("news", JSON.stringify(notes[id]));
  return c.json({ id }, 201);
});
app.put("/files/:name{[\\w-][\\w.-]*}", async (c) => {
  // An upload that breaks off stays behind a dot, where nothing is served.
  const part = `${options.folder}/.${crypto.randomUUID()}`;
  await Deno.writeFile(part, c.req.raw.body ?? new Uint8Array());
  await Deno.rename(part, `${options.folder}/${c.req.param("name")}`);
  return c.body(null, 201);
});

const news = protocol({
  name: "news",
  filterHttpConnection(wsi) {
    const { url } = wsi.request!;
    if (!hasTls || url.protocol === "https:") return;
    url.protocol = "https:";
    wsi.respond(308, null, [["location", url.href]]);
  },
  open: (wsi) => void wsi.subscribe("news"),
});
const web = { port: options.port, iface: "127.0.0.1", maxBodySize: 2 ** 30, fetch: app.fetch };
const mounts = [{ path: "/files", folder: options.folder, listing: true }];
const tls = { ...tlsMembers(options, options), options: { allowNonSslOnSslPort: hasTls } };
await using context: Context = orEnd(() =>
  createContext({ ...web, ...tls, mounts, protocols: [news] })
);
// deno-lint-ignore no-console -- a program's own output
console.log(`serving http${hasTls ? "s" : ""}://127.0.0.1:${context.port}/`);
await untilInterrupted();
