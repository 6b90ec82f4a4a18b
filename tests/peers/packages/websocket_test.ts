/** npm packages that take a class `WebSocket`, and servers of `npm:ws` and of our own. */

import { assertEquals } from "@std/assert";
import { buildSchema } from "npm:graphql@16.11.0";
import { type Client, createClient } from "npm:graphql-ws@6.0.6";
import { useServer } from "npm:graphql-ws@6.0.6/use/ws";
import reconnecting from "npm:reconnecting-websocket@4.4.0";
import { WebSocket as WsClient, WebSocketServer } from "npm:ws@8.18.3";
import * as Y from "npm:yjs@13.6.27";
import { WebsocketProvider } from "npm:y-websocket@3.0.0";
import type { AddressInfo } from "node:net";
import { createContext, handlers, type Wsi } from "../../../mod.ts";
import { WebSocket } from "../../../src/websocket_client/mod.ts";
import { LOOPBACK } from "../../support/patience.ts";

/** Its types have the class as a member, which is the module itself here. */
const ReconnectingWebSocket = reconnecting as unknown as typeof reconnecting.default;

/** A server of `npm:ws`. */
async function wsServer(options: object = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    server,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const next = <E extends Event>(target: EventTarget, type: string) =>
  new Promise<E>((resolve) =>
    target.addEventListener(type, (event) => resolve(event as E), { once: true })
  );

Deno.test("npm:ws and our WebSocket talk, compressed, to the close", async () => {
  await using side = await wsServer({ perMessageDeflate: true });
  side.server.on("connection", (socket: WsClient) => {
    socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
    socket.ping("beat");
  });
  const socket = new WebSocket(side.url);
  socket.binaryType = "arraybuffer";
  const beat = next<MessageEvent>(socket, "ping");
  await next(socket, "open");
  assertEquals(socket.extensions.split(";")[0], "permessage-deflate");
  assertEquals(new TextDecoder().decode((await beat).data), "beat");
  for (const size of [0, 1, 125, 126, 65_536, 1_000_000]) {
    const echoed = next<MessageEvent>(socket, "message");
    socket.send(new Uint8Array(size).fill(3));
    assertEquals(new Uint8Array((await echoed).data), new Uint8Array(size).fill(3));
  }
  const closed = next<CloseEvent>(socket, "close");
  socket.close(3001, "done");
  const { code, reason, wasClean } = await closed;
  assertEquals([code, reason, wasClean], [3001, "done", true]);
});

Deno.test("npm:graphql-ws asks and subscribes over our WebSocket", async () => {
  await using side = await wsServer();
  async function* countdown() {
    for (let n = 3; n > 0; n--) yield { countdown: await Promise.resolve(n) };
  }
  const schema = buildSchema("type Query { hello: String } type Subscription { countdown: Int }");
  const service = useServer({
    schema,
    roots: { query: { hello: "world" }, subscription: { countdown } },
  }, side.server);
  const client: Client = createClient({
    url: side.url,
    webSocketImpl: WebSocket,
    lazyCloseTimeout: 0,
  });
  const collect = async (query: string) => {
    const results: unknown[] = [];
    for await (const { data } of client.iterate({ query })) results.push({ ...data });
    return results;
  };
  assertEquals(await collect("{ hello }"), [{ hello: "world" }]);
  assertEquals(await collect("subscription { countdown }"), [
    { countdown: 3 },
    { countdown: 2 },
    { countdown: 1 },
  ]);
  await client.dispose();
  await service.dispose();
});

Deno.test("npm:reconnecting-websocket comes back over our WebSocket, and has lost nothing that it kept", async () => {
  const heard: string[] = [];
  const came: Wsi[] = [];
  const enough = Promise.withResolvers<void>();
  await using server = createContext({
    ...LOOPBACK,
    protocols: [{
      name: "chat",
      callback: handlers({
        established: (wsi) => {
          came.push(wsi);
          wsi.write(`welcome ${came.length}`);
        },
        message: (wsi, _user, message) => {
          heard.push(String(message));
          if (heard.length === 1) wsi.close(4000, "come again");
          else enough.resolve();
        },
      }),
    }],
  });
  const socket = new ReconnectingWebSocket(`ws://127.0.0.1:${server.port}/`, "chat", {
    WebSocket,
    minReconnectionDelay: 1,
    maxReconnectionDelay: 5,
  });
  const welcomes: string[] = [];
  socket.addEventListener("message", ({ data }: MessageEvent) => {
    welcomes.push(data);
    socket.send(`thanks ${welcomes.length}`);
  });
  await enough.promise;
  assertEquals([heard, welcomes], [["thanks 1", "thanks 2"], ["welcome 1", "welcome 2"]]);
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.close();
  await closed;
});

// The package leaves a timer behind for each socket that closes, which then finds that it is not wanted.
const LEAVES_TIMERS = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "npm:y-websocket keeps two documents the same over our WebSocket and our server",
  LEAVES_TIMERS,
  async () => {
    // What one says all others are told; a document is asked for, and answers, by the same messages.
    const members = new Set<Wsi>();
    await using server = createContext({
      ...LOOPBACK,
      protocols: [{
        name: "y",
        callback: handlers({
          established: (wsi) => void members.add(wsi),
          message: (wsi, _user, message) => {
            for (const each of members) if (each !== wsi) each.write(message);
          },
          closed: (wsi) => void members.delete(wsi),
        }),
      }],
    });
    const documents = [new Y.Doc(), new Y.Doc()];
    const providers = documents.map((document) =>
      new WebsocketProvider(`ws://127.0.0.1:${server.port}`, "room", document, {
        WebSocketPolyfill: WebSocket,
        disableBc: true,
      })
    );
    const [one, two] = documents.map((document) => document.getText("text"));
    const isSame = new Promise<void>((resolve) =>
      two!.observe(() => {
        if (two!.toString() === "hello, world") resolve();
      })
    );
    await Promise.all(providers.map((each) =>
      new Promise<void>((resolve) => {
        if (each.wsconnected) resolve();
        else each.on("status", ({ status }) => status === "connected" && resolve());
      })
    ));
    one!.insert(0, "hello");
    one!.insert(5, ", world");
    await isSame;
    const ends = providers.map((each) => next(each.ws as unknown as EventTarget, "close"));
    for (const each of providers) each.destroy();
    await Promise.all(ends);
    for (const each of documents) each.destroy();
  },
);
