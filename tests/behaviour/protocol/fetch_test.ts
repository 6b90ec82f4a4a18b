/** The `fetch` of protocols goes by their paths, as handshakes do. */

import { assertEquals } from "@std/assert";
import { protocol } from "../../../mod.ts";
import { get, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, serve, type Served } from "../../support/serve.ts";

/** A protocol that answers with its name and what its path has matched. */
const at = (name: string, path?: string) =>
  protocol({
    name,
    ...path === undefined ? {} : { path },
    fetch: (_request, wsi) => {
      const { pathParams, request } = wsi;
      return new Response(
        `${name} ${JSON.stringify(pathParams)} ${pathParams === request!.params}`,
      );
    },
    open: (wsi) => void wsi.write(name),
  });

async function body(served: Served, target: string): Promise<string> {
  const peer = await served.dial(get(target));
  return (await readResponse(peer)).body;
}

Deno.test("the first protocol with a fetch whose path fits answers, with wsi.pathParams", async () => {
  const plain = protocol({ name: "plain", path: "/a/:x" });
  await using served = serve([plain, at("a", "/a/:id"), at("b", "/b/*"), at("rest")]);
  assertEquals(await body(served, "/a/1%2F2?x"), 'a {"id":"1/2"} true');
  assertEquals(await body(served, "/b/c/d"), 'b {"0":"c/d"} true');
  assertEquals(await body(served, "/c"), "rest {} true");
});

Deno.test("each request of a connection has its own parameters", async () => {
  await using served = serve([at("a", "/a/:id"), at("rest")]);
  const peer = await served.dial();
  for (const [target, text] of [["/a/1", '{"id":"1"}'], ["/a/2", '{"id":"2"}'], ["/", "{}"]]) {
    peer.send(get(target!));
    assertEquals((await readResponse(peer)).body.split(" ")[1], text);
  }
  peer.close();
});

Deno.test("where no path fits the context's fetch answers, and without one the first http", async () => {
  const first = protocol({ name: "x", path: "/x", http: (wsi) => wsi.respond(200, "http") });
  const protocols = [first, at("a", "/a")];
  await using served = serve(protocols, { fetch: () => new Response("context") });
  assertEquals(await body(served, "/elsewhere"), "context");
  await using bare = serve(protocols);
  assertEquals(await body(bare, "/elsewhere"), "http");
});

Deno.test("an upgrade that no path fits goes to the context's fetch, as a GET with its fields", async () => {
  const asked: string[] = [];
  await using served = serve([at("a", "/a/:id")], {
    subprotocols: "optional",
    fetch(request) {
      asked.push(
        `${request.method} ${new URL(request.url).pathname} ${request.headers.get("upgrade")}`,
      );
      return new Response("no such place", { status: 410 });
    },
  });
  const peer = await served.dial(handshake({ path: "/b/1", protocol: "a" }));
  const answer = await readResponse(peer);
  assertEquals([statusOf(answer.head), answer.body], [410, "no such place"]);
  assertEquals(asked, ["GET /b/1 websocket"]);
  assertEquals(served.context.stats().handshakesRefused, {});
  assertEquals(await (await served.open({ path: "/a/1" })).receiveText(), "a");
});

Deno.test("the fetch of a protocol gets no upgrade that is for its WebSockets, nor any other", async () => {
  using _log = captureLog([]);
  await using served = serve([at("a", "/a")]);
  assertEquals(await (await served.open({ path: "/a" })).receiveText(), "a");
  const peer = await served.dial(handshake({ path: "/b" }));
  assertEquals(statusOf(await readHead(peer)), 404);
});
