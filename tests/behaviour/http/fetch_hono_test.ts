/** Hono behind `fetch`, on the port of a WebSocket, over the system's sockets. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Hono } from "npm:hono@^4";
import { type Context, createContext, handlers, type Wsi } from "../../../mod.ts";
import { captureLog } from "../../support/recorder.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { made, TLS } from "../tls/server.ts";

function app(): Hono<{ Bindings: Wsi }> {
  const app = new Hono<{ Bindings: Wsi }>();
  app.use(async (c, next) => {
    await next();
    c.header("x-served-by", c.env.protocol.name);
  });
  app.get("/", (c) => c.text("hello"));
  app.get("/user/:id", (c) => c.json({ id: c.req.param("id"), page: c.req.query("page") }));
  app.post("/echo", async (c) => c.body(await c.req.arrayBuffer()));
  app.post("/through", (c) => new Response(c.req.raw.body));
  app.get("/count", () => new Response(ReadableStream.from(count())));
  app.get("/cookies", (c) => {
    c.header("set-cookie", "a=1");
    c.header("set-cookie", "b=2", { append: true });
    return c.redirect("/");
  });
  app.get("/fault", () => {
    throw new Error("no database");
  });
  app.onError((error, c) => c.text(error.message, 500));
  app.get("/url", (c) => c.text(`${c.req.url} ${c.env.isSsl}`));
  return app;
}

async function* count(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 100; i++) yield await Promise.resolve(new TextEncoder().encode(`${i} `));
}

function serveApp(info: Partial<typeof TLS> = {}): Context {
  return createContext({
    ...LOOPBACK,
    ...info,
    maxBodySize: 64 * 1024 * 1024,
    protocols: [{
      name: "echo",
      callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
    }],
    fetch: app().fetch,
  });
}

for (const hasTls of [false, true]) {
  Deno.test(`Hono's routes, streams and middleware answer ${hasTls ? "over TLS" : "in plain HTTP"}`, async () => {
    await using context = serveApp(hasTls ? TLS : {});
    using client = Deno.createHttpClient({ caCerts: [made.ca.cert] });
    const origin = `${hasTls ? "https" : "http"}://localhost:${context.port}`;
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(origin + path, { redirect: "manual", ...init, client });
      assertEquals(response.headers.get("x-served-by"), "echo");
      return { response, text: await response.text() };
    };
    assertEquals((await ask("/")).text, "hello");
    assertEquals((await ask("/user/7?page=2")).text, '{"id":"7","page":"2"}');
    assertEquals((await ask("/url")).text, `${origin}/url ${hasTls ? 1 : 0}`);
    assertEquals((await ask("/none")).response.status, 404);
    const head = (await ask("/", { method: "HEAD" })).response;
    assertEquals([head.status, head.headers.get("content-type")], [
      200,
      "text/plain;charset=UTF-8",
    ]);
    const { response } = await ask("/cookies");
    assertEquals([response.status, response.headers.getSetCookie()], [302, ["a=1", "b=2"]]);
    assertStringIncludes((await ask("/count")).text, "0 1 2 3");
    const large = new Uint8Array(8 * 1024 * 1024);
    for (let i = 0; i < large.length; i += 4096) large[i] = i / 4096;
    for (const path of ["/echo", "/through"]) {
      const response = await fetch(origin + path, { method: "POST", body: large, client });
      assertEquals(new Uint8Array(await response.arrayBuffer()), large);
    }
  });
}

Deno.test("a WebSocket is served on the port of Hono, and a fault of its is its own", async () => {
  await using context = serveApp();
  const origin = `127.0.0.1:${context.port}`;
  const socket = new WebSocket(`ws://${origin}/`);
  const echoed = new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = resolve);
  using log = captureLog();
  const fault = await fetch(`http://${origin}/fault`);
  assertEquals([fault.status, await fault.text()], [500, "no database"]);
  socket.send("still here");
  assertEquals(await echoed, "still here");
  socket.close();
  await closed;
  assertEquals(log.lines, []);
});
