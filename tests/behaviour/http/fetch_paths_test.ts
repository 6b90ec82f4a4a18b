/** `fetch` of protocols with a path, and upgrades that no path is for. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createContext, handlers, type Protocol, protocol, type Wsi } from "../../../mod.ts";
import { get, request, statusOf } from "../../support/http.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { handshake, readHead, readResponse, serve } from "../../support/serve.ts";

const answering = (name: string, path?: string): Protocol =>
  protocol({
    name,
    ...path === undefined ? {} : { path },
    fetch: (_request, wsi) => new Response(`${name} ${JSON.stringify(wsi.pathParams)}`),
  });

Deno.test("the first protocol whose fetch and path fit answers, and the context what is left", async () => {
  const protocols = [
    protocol({ name: "silent", path: "/a/*" }),
    answering("user", "/user/:id"),
    answering("users", "/user/*"),
    answering("exact", "/a/b"),
  ];
  await using served = serve(protocols, {
    fetch: (_request, wsi) => {
      return new Response(`context ${JSON.stringify(wsi.pathParams)}`);
    },
  });
  const answers: [path: string, body: string][] = [
    ["/user/7?x=1", 'user {"id":"7"}'],
    ["/user/a%2Fb", 'user {"id":"a/b"}'],
    ["/user/7/x", 'users {"0":"7/x"}'],
    ["/a/b", "exact {}"],
    ["/a/c", "context {}"],
    ["/", "context {}"],
  ];
  const peer = await served.dial(answers.map(([path]) => get(path)).join(""));
  for (const [, body] of answers) assertEquals((await readResponse(peer)).body, body);
});

Deno.test("wsi.request.params are wsi.pathParams, also where the request was asked for before", async () => {
  let seen = 0;
  const check = protocol({
    name: "check",
    path: "/user/:__proto__",
    filterHttpConnection(wsi) {
      if (wsi.uri === "/user/early") assertEquals(Object.keys(wsi.request!.params), []);
    },
    fetch(_request, wsi) {
      assertStrictEquals(wsi.request!.params, wsi.pathParams);
      assert(Object.isFrozen(wsi.pathParams));
      assertEquals(Object.getPrototypeOf(wsi.pathParams), null);
      seen++;
      return new Response(wsi.pathParams["__proto__"]);
    },
  });
  await using served = serve([check]);
  const peer = await served.dial(get("/user/early") + get("/user/late"));
  assertEquals((await readResponse(peer)).body, "early");
  assertEquals((await readResponse(peer)).body, "late");
  assertEquals(seen, 2);
});

Deno.test("no request reaches another path than the one that a filter was told", async () => {
  const told: string[] = [];
  const gate = (path: string) => {
    told.push(path);
    return path === "/login" || path.startsWith("/public/") ? 0 : 1;
  };
  const admin = protocol({
    name: "admin",
    path: "/admin/*",
    filterHttpConnection: (_wsi, _user, path) => gate(path),
    filterProtocolConnection: (wsi) => gate(wsi.uri),
    fetch: () => new Response("secrets"),
    open: () => void told.push("opened"),
  });
  await using served = serve([admin], { fetch: () => new Response("any") });
  const odd = [
    "..%2flogin",
    "..%2Fpublic%2fx",
    "/../public/x",
    "%2f/../public/x",
    "x%2fy/../../login",
  ];
  for (const path of [...odd.map((each) => `/admin/${each}`), "/x\\..\\admin/users"]) {
    for (const asked of [get(path), handshake({ path })]) {
      const peer = await served.dial(asked);
      assertEquals(statusOf(await readHead(peer)), 400, path);
    }
  }
  assertEquals(told, []);
});

Deno.test("fetch is asked for the path that a filter was told, or not at all", async () => {
  const gate = (path: string) => path === "/login" || path === "/@x;a=b" ? 0 : 1;
  const first = { filterHttpConnection: (_wsi: Wsi, _user: unknown, path: string) => gate(path) };
  const raw: Protocol["callback"] = (_wsi, reason, _user, data) =>
    reason === "filterHttpConnection" ? gate(data as string) : 0;
  const fetch = (request: Request, { request: shown }: Wsi) => {
    assertEquals(request.url, shown!.url.href);
    return new Response(new URL(request.url).pathname);
  };
  const answers: [path: string, status: number][] = [
    ["/login", 200],
    ["/%6cogin", 200],
    ["/x/../%6C%6fgin?a=%6c", 200],
    ["//login", 400],
    ["/%2flogin", 400],
    ["/%6cogin%2F", 403],
    ["/@x;a=b", 200],
    ["/%40x%3ba%3Db", 200],
    ["/admin//..//login", 400],
    ["/admin", 403],
  ];
  for (
    const protocols of [
      [protocol({ name: "x", ...first })],
      [{ name: "x", callback: handlers(first) }],
      [{ name: "x", callback: raw }],
      [protocol({ name: "x", ...first }), protocol({ name: "y", path: "/*", fetch })],
    ] satisfies Protocol[][]
  ) {
    await using served = serve(protocols, { fetch });
    for (const [path, status] of answers) {
      const peer = await served.dial(get(path));
      const { head, body } = await readResponse(peer);
      assertEquals(statusOf(head), status, path);
      if (status === 200) {
        assertEquals(body, path.includes("x%3b") || path.includes("@") ? "/@x;a=b" : "/login");
      }
    }
  }
});

Deno.test("without a filter fetch sees slashes as they were sent, and else a path in one form", async () => {
  const paths = {
    "//a%2fb//": "//a%2Fb//",
    "/%61dmin/%c3%a9": "/admin/%C3%A9",
    "/@x%2Fy": "/@x%2Fy",
  };
  const fetch = ({ url }: Request) => new Response(new URL(url).pathname);
  for (const protocols of [[], [protocol({ name: "x", open: () => {} })]]) {
    await using served = serve(protocols, { fetch });
    for (const [path, seen] of Object.entries(paths)) {
      assertEquals((await readResponse(await served.dial(get(path)))).body, seen);
    }
  }
  for (const path of ["/admin/*", "/%61dmin/:id", "/%61dmi%6e/:id([^/]*)"]) {
    await using served = serve([protocol({ name: "admin", path, fetch })]);
    for (const path of ["/%61dmin/x", "/x/%2e%2e/%61d%6Din/x"]) {
      assertEquals((await readResponse(await served.dial(get(path)))).body, "/admin/x");
    }
  }
});

Deno.test("where no path fits and the context has no fetch, http of the first protocol is asked", async () => {
  const http = protocol({ name: "first", path: "/ws", http: (wsi) => wsi.respond(200, "http") });
  await using served = serve([http, answering("user", "/user")]);
  const peer = await served.dial(get("/x") + get("/user"));
  assertEquals((await readResponse(peer)).body, "http");
  assertEquals((await readResponse(peer)).body, "user {}");
});

Deno.test("an upgrade that no protocol takes is a GET for fetch, and 404 without one", async () => {
  const chat = protocol({ name: "chat", path: "/chat" });
  const heads = [
    handshake({ path: "/other" }),
    handshake({ path: "/other", protocol: "chat" }),
    handshake({ path: "/other" }).replace("Version: 13", "Version: 7"),
    request("GET", "/other", "Upgrade: websocket", "Connection: Upgrade"),
  ];
  await using served = serve([chat], {
    fetch: ({ method, headers }) =>
      new Response(`${method} ${headers.get("upgrade")}`, { status: 418 }),
  });
  for (const head of heads) {
    const peer = await served.dial(head + get("/other"));
    const { head: answer, body } = await readResponse(peer);
    assertEquals([statusOf(answer), body], [418, "GET websocket"]);
    assertEquals((await readResponse(peer)).body, "GET null", "the connection stays");
  }
  const socket = await served.open({ path: "/chat" });
  socket.peer.close();
  await using other = serve([chat]);
  assertEquals(statusOf(await readHead(await other.dial(heads[0]))), 404);
});

Deno.test("a protocol of a fetch and no method of a WebSocket is for HTTP alone, and others take upgrades", async () => {
  const chat = protocol({ name: "chat", path: "/both", open: () => {} });
  const http = answering("http");
  await using served = serve([http, chat]);
  const heads = [handshake({ path: "/http" }), handshake({ path: "/http", protocol: "http" })];
  for (const head of heads) {
    const peer = await served.dial(head + get("/next"));
    assertEquals((await readResponse(peer)).body, "http {}");
    assertEquals((await readResponse(peer)).body, "http {}");
  }
  const socket = await served.open({ path: "/both" });
  socket.peer.close();
  const taking: Partial<Parameters<typeof protocol>[0]>[] = [
    { message: () => {} },
    { upgrade: () => {} },
    { receivePong: () => {} },
    { broadcast: () => {} },
  ];
  for (const methods of taking) {
    const fetch = () => new Response("http");
    const both = protocol({ name: "both", fetch, ...methods } as Parameters<typeof protocol>[0]);
    await using other = serve([both]);
    (await other.open()).peer.close();
  }
});

Deno.test("an upgrade of any version for fetch is one of HTTP, and takes nothing of what follows", async () => {
  const hixie76 = [
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Origin: http://localhost",
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
    "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
  ];
  for (const protocols of [[], [protocol({ name: "x", path: "/x" })]]) {
    await using served = serve(protocols, {
      versions: [13, 0, "hixie-75"],
      fetch: ({ url }) => new Response(new URL(url).pathname),
    });
    for (const lines of [hixie76, hixie76.slice(0, 3)]) {
      const peer = await served.dial(get("/upgrade", ...lines) + get("/next"));
      assertEquals((await readResponse(peer)).body, "/upgrade");
      assertEquals((await readResponse(peer)).body, "/next");
    }
  }
});

Deno.test("a protocol's fetch has the protocol as its this", async () => {
  class Counter {
    readonly name = "counter";
    readonly callback = handlers({});
    count = 0;
    fetch() {
      return new Response(`${++this.count}`);
    }
  }
  for (
    const counter of [
      new Counter(),
      protocol({ name: "counter", fetch: () => new Response("1") }),
    ]
  ) {
    await using context = createContext({ ...LOOPBACK, protocols: [counter] });
    const response = await fetch(`http://127.0.0.1:${context.port}/`);
    assertEquals(await response.text(), "1");
  }
});
