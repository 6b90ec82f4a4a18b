/** A request that the program keeps, or what it has made of it, outlives its connection and keeps nothing of that. */

import { assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createContext } from "../../../mod.ts";
import { request } from "../../support/http.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { settle } from "../../support/serve.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** The collector leaves what is on the stack, and some of it for the next time. */
const COLLECTIONS = 10;

const KEPT: Record<string, (request: Request) => unknown> = {
  itself: (request) => request,
  headers: (request) => (request.headers.get("host"), request),
  signal: (request) => request.signal,
  clone: (request) => request.clone(),
  body: async (request) => (await request.text(), request),
  unread: (request) => request,
  drained: (request) => request,
  aborted: async (request) => {
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    return request;
  },
};

/** One of each, and one behind another. */
const REQUESTS = Object.keys(KEPT).length + 1;

Deno.test("what the program keeps of a request keeps no connection", async () => {
  const kept: unknown[] = [];
  const seen = new Map<string, WeakRef<object>>();
  await using context = createContext({
    ...LOOPBACK,
    fetch: async (request, wsi) => {
      const name = new URL(request.url).pathname.slice(1);
      seen.set(name, new WeakRef(wsi));
      kept.push(await KEPT[name]!(request));
      return new Response();
    },
  });
  for (const name of Object.keys(KEPT)) {
    const peer = await Deno.connect({ port: context.port, hostname: "127.0.0.1" });
    const body = /^(?:body|unread|drained)$/.test(name) ? "abc" : "";
    const method = body === "" ? "GET" : "POST";
    const lines = [`Content-Length: ${body.length}`];
    // Behind a body that is read away there is another request.
    const last = name === "drained" ? request("GET", "/itself", "Connection: close") : "";
    if (last === "") lines.push("Connection: close");
    const all = request(method, `/${name}`, ...lines) + body + last;
    await peer.write(new TextEncoder().encode(all));
    if (name === "aborted") {
      while (!seen.has(name)) await settle();
      peer.close();
      while (kept.length < REQUESTS) await settle();
    } else for await (const _answer of peer.readable);
  }
  const stillThere = () => [...seen].filter(([, wsi]) => wsi.deref()).map(([name]) => name);
  let left = stillThere();
  for (let i = 0; i < COLLECTIONS && left.length > 0; i++) {
    await settle();
    collect();
    left = stillThere();
  }
  assertEquals([kept.length, seen.size, left], [REQUESTS, REQUESTS - 1, []]);
});
