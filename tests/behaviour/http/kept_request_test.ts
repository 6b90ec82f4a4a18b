/** A request that the program keeps, or what it has made of it, outlives its connection and keeps nothing of that. */

import { assertEquals } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { keptOf } from "../../support/collected.ts";
import { request } from "../../support/http.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { settle } from "../../support/serve.ts";

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
  assertEquals([kept.length, seen.size, await keptOf(seen)], [REQUESTS, REQUESTS - 1, []]);
});
