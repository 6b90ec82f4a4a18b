/** `wsi.request`: when it is there, and of which request it is. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { handlers, type IncomingRequest, type Protocol, type Wsi } from "../../../mod.ts";
import { get, request } from "../../support/http.ts";
import { handshake, readResponse, serve, settle } from "../../support/serve.ts";

/** What is told of a request, to be compared. */
function tell(each: IncomingRequest | undefined): unknown {
  if (each === undefined) return undefined;
  const { method, url, path, args, headers, cookies, httpVersion, remoteAddress } = each;
  const [host, nick] = [headers.get("host"), cookies.get("nick")];
  return { method, url: url.href, path, args: [...args], host, nick, httpVersion, remoteAddress };
}

const hosted = (told: object) => ({
  host: "localhost",
  nick: undefined,
  httpVersion: "1.1",
  ...told,
});

Deno.test("a request of HTTP is there in each of its callbacks, and each request has its own", async () => {
  const seen: unknown[] = [];
  const kept: IncomingRequest[] = [];
  await using served = serve([{
    name: "http",
    callback: handlers({
      filterHttpConnection(wsi) {
        if (wsi.method === "POST") kept.push(wsi.request!);
      },
      http(wsi) {
        if (wsi.method === "POST") return;
        seen.push(tell(wsi.request));
        return wsi.respond(200);
      },
      httpBodyCompletion(wsi) {
        assertStrictEquals(wsi.request, kept[0]);
        assertEquals(wsi.respond(200), 0);
        assertStrictEquals(wsi.request, kept[0], "answered, and the last one until the next comes");
      },
    }),
  }]);
  const peer = await served.dial(
    request("POST", "/a", "Content-Length: 1") + "x" + get("/b?x=1", "Cookie: nick=ann"),
  );
  await readResponse(peer);
  await readResponse(peer);
  peer.send("GET /c HTTP/1.0\r\n\r\n");
  await readResponse(peer);
  const remoteAddress = "127.0.0.1";
  assertEquals(seen, [
    hosted({
      method: "GET",
      url: "http://localhost/b?x=1",
      path: "/b",
      args: [["x", "1"]],
      nick: "ann",
      remoteAddress,
    }),
    hosted({
      method: "GET",
      url: "http://unknown.invalid/c",
      path: "/c",
      args: [],
      host: null,
      httpVersion: "1.0",
      remoteAddress,
    }),
  ]);
  assertEquals(kept[0]!.url.pathname, "/a", "what is kept lasts");
});

/** Calls `touch` in one reason of a WebSocket's life; `later` is its `wsi`. */
function touching(reason: string, touch: (wsi: Wsi) => void) {
  const later: Wsi[] = [];
  const protocol: Protocol = {
    name: "ws",
    callback(...[wsi, each]) {
      if (each === "established") later.push(wsi);
      if (each === reason) touch(wsi);
    },
  };
  return { protocol, later };
}

for (const reason of ["filterProtocolConnection", "established"]) {
  Deno.test(`asked for in ${reason}, a WebSocket's request lasts as long as the connection`, async () => {
    let first: IncomingRequest | undefined;
    const { protocol, later } = touching(reason, (wsi) => first = wsi.request);
    await using served = serve([protocol]);
    const { peer } = await served.open({ path: "/room?x=1", headers: ["Cookie: nick=ann"] });
    await settle();
    const [wsi] = later as [Wsi];
    assert(first !== undefined);
    assertEquals(wsi.headerNames(), [], "the headers themselves are gone");
    assertStrictEquals(wsi.request, first);
    assertEquals(
      tell(wsi.request),
      hosted({
        method: "GET",
        url: "http://localhost/room?x=1",
        path: "/room",
        args: [["x", "1"]],
        nick: "ann",
        remoteAddress: "127.0.0.1",
      }),
    );
    assertStrictEquals(wsi.request!.params, wsi.pathParams);
    peer.close();
    await settle();
    assertStrictEquals(wsi.request, first, "and behind it");
  });
}

Deno.test("a WebSocket's request that is asked for too late is none, not that of an elder request", async () => {
  const { protocol, later } = touching("http", (wsi) => {
    assertEquals(wsi.request?.path, "/login");
    wsi.respond(200);
  });
  await using served = serve([protocol]);
  const peer = await served.dial(get("/login"));
  await readResponse(peer);
  peer.send(handshake({ path: "/room" }));
  await readResponse(peer);
  await settle();
  assertEquals([later[0]!.uri, later[0]!.request], ["/room", undefined]);
});

Deno.test("clients have no request", async () => {
  await using served = serve([{ name: "ws", callback: () => 0 }]);
  const seen: unknown[] = [];
  const client = served.client([{
    name: "ws",
    callback(...[wsi, reason]) {
      if (reason.startsWith("client")) seen.push(wsi.request, Object.keys(wsi.pathParams).length);
    },
  }]);
  client.clientConnect({ address: "localhost", port: 80 });
  await settle();
  assert(seen.length >= 4);
  assertEquals([...new Set(seen)], [undefined, 0]);
});

Deno.test("a proxy that is believed says the scheme and the client's address, another one doesn't", async () => {
  const lines = ["X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.7"];
  for (const trustProxy of [true, false]) {
    let seen: unknown;
    const protocol: Protocol = {
      name: "http",
      callback(...[wsi, reason]) {
        if (reason !== "http") return;
        const { url, remoteAddress } = wsi.request!;
        seen = [url.protocol, remoteAddress];
        return wsi.respond(200);
      },
    };
    await using served = serve([protocol], { trustProxy });
    await readResponse(await served.dial(get("/", ...lines)));
    assertEquals(seen, trustProxy ? ["https:", "192.0.2.7"] : ["http:", "127.0.0.1"]);
  }
});

Deno.test("what tokenLimits cut is cut of a request, too", async () => {
  let seen: unknown;
  const protocol: Protocol = {
    name: "http",
    callback(...[wsi, reason]) {
      if (reason !== "http") return;
      const { url, args, headers, cookies } = wsi.request!;
      seen = [url.search, [...args], headers.get("user-agent"), [...cookies]];
      return wsi.respond(200);
    },
  };
  const tokenLimits = { "uri args": 3, "user-agent": 1, cookie: 4 };
  await using served = serve([protocol], { tokenLimits });
  await readResponse(await served.dial(get("/?a=123", "User-Agent: 12", "Cookie: a=123; b=1")));
  assertEquals(seen, ["?a=1", [["a", "1"]], "1", [["a", "12"]]]);
});
