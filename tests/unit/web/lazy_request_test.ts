import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { lazyRequest, type RequestSource } from "../../../src/web/lazy_request.ts";

/** What its parts are asked for. */
function watched(method = "GET") {
  const abort = new AbortController();
  const asked: string[] = [];
  const source: RequestSource = {
    method,
    get url() {
      asked.push("url");
      return "http://a.example/p/../q?x";
    },
    get headers(): [string, string][] {
      asked.push("headers");
      return [["b", "c"], ["cookie", "d=e"]];
    },
    get signal() {
      asked.push("signal");
      return abort.signal;
    },
  };
  return { abort, asked, request: lazyRequest(source) };
}

const real = (method = "GET") =>
  new Request("http://a.example/q?x", { method, headers: [["b", "c"], ["cookie", "d=e"]] });

/** Every attribute, as text. */
function all(request: Request): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name in request) {
    const value = request[name as keyof Request];
    if (typeof value !== "function") values[name] = String(value);
  }
  return values;
}

Deno.test("it has all that a request has, whichever is asked for first", async () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "get", "patch"]) {
    assertEquals(all(watched(method).request), all(real(method)), method);
    for (const name of Object.keys(all(real()))) {
      const { request } = watched(method);
      assertEquals(String(request[name as keyof Request]), all(real(method))[name], name);
    }
    const { request } = watched(method);
    assertEquals([...request.headers], [...real().headers]);
    assertEquals([request.body, request.bodyUsed, await request.text()], [null, false, ""]);
    assertEquals([request.bodyUsed, await request.text()], [false, ""]);
  }
});

Deno.test("it is one to instanceof, to its name, and to whatever shows it", () => {
  const { request } = watched();
  assert(request instanceof Request);
  assertStrictEquals(request.constructor, Request);
  assertEquals(Object.prototype.toString.call(request), "[object Request]");
  assertEquals(Deno.inspect(watched().request), Deno.inspect(real()));
});

Deno.test("what is behind a Proxy, inherits from it, or is copied from it has its parts", async () => {
  const copy = (from: object) =>
    Object.create(Object.getPrototypeOf(from), Object.getOwnPropertyDescriptors(from));
  const derived: ((request: Request) => Request)[] = [
    (request) => new Proxy(request, {}),
    (request) => Object.create(request),
    copy,
    (request) => Object.assign(Object.create(Request.prototype), request),
    (request) => Object.setPrototypeOf(request, class extends Request {}.prototype),
    (request) => new Request(new Proxy(request, {})),
  ];
  for (const derive of derived) {
    assertEquals(all(derive(watched().request)), all(real()), String(derive));
    const request = derive(watched().request);
    assertEquals([request.headers.get("b"), await request.text()], ["c", ""], String(derive));
    assertEquals(all(derive(watched().request).clone()), all(real()), String(derive));
  }
});

Deno.test("with another prototype it is aborted as well, whenever its signal is asked for", () => {
  for (const isLate of [false, true]) {
    const { request, abort } = watched();
    Object.setPrototypeOf(request, class extends Request {}.prototype);
    if (isLate) abort.abort();
    const { signal } = request;
    abort.abort();
    assertEquals([signal.aborted, request.signal === signal], [true, true]);
  }
});

Deno.test("its own keys, its order of names and its getters are those of a request", () => {
  const names = (request: Request) => {
    const all = [];
    for (const name in request) all.push(name);
    return [all, Reflect.ownKeys(request), Object.keys({ ...request })];
  };
  assertEquals(names(watched().request), names(real()));
  const { request } = watched();
  for (const name of ["signal", "url", "method", "headers"] as const) {
    const { get } = Object.getOwnPropertyDescriptor(Request.prototype, name)!;
    assertStrictEquals(get!.call(request), request[name], name);
  }
});

Deno.test("its headers can be changed, and are those of what is made of it", () => {
  const { request } = watched();
  assertStrictEquals(request.headers, request.headers);
  request.headers.set("b", "changed");
  const made = [request.clone(), new Request(request), new Request("http://b.example/", request)];
  for (const each of made) assertEquals(each.headers.get("b"), "changed");
  made[0]!.headers.set("b", "other");
  assertEquals(request.headers.get("b"), "changed");
});

Deno.test("what is made of it has its parts, and is aborted with it", () => {
  const { request, abort } = watched();
  const copies = [request.clone(), new Request(request), new Request(new Request(request))];
  for (const copy of copies) {
    assertNotStrictEquals(copy, request);
    assertEquals([copy.method, copy.url, copy.headers.get("b")], [
      "GET",
      "http://a.example/q?x",
      "c",
    ]);
  }
  const other = new Request(request, { method: "POST", body: "f", headers: { g: "h" } });
  assertEquals([other.method, other.url, other.headers.get("b")], [
    "POST",
    "http://a.example/q?x",
    null,
  ]);
  abort.abort("gone");
  for (const each of [request, other, ...copies]) {
    assertEquals([each.signal.aborted, each.signal.reason], [true, "gone"]);
  }
});

Deno.test("it can be fetched as it is, and given up", async () => {
  let seen = "";
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (got) => {
    seen = `${got.method} ${new URL(got.url).pathname} ${got.headers.get("b")}`;
    return new Response("there");
  });
  const abort = new AbortController();
  const { port } = server.addr as Deno.NetAddr;
  const source = {
    method: "GET",
    url: `http://127.0.0.1:${port}/i`,
    headers: [["b", "c"]] as [string, string][],
    signal: abort.signal,
  };
  const response = await fetch(lazyRequest(source));
  assertEquals([await response.text(), seen], ["there", "GET /i c"]);
  abort.abort();
  const error = await fetch(lazyRequest(source)).catch((error) => error);
  assertEquals(error.name, "AbortError");
});

Deno.test("nothing is made of it before it is asked for", () => {
  const { request, asked } = watched();
  assertEquals([request.method, request.body, request.bodyUsed], ["GET", null, false]);
  assertEquals(asked, []);
  assertEquals([request.url, request.url], ["http://a.example/q?x", "http://a.example/q?x"]);
  assertEquals(asked, ["url"]);
});

Deno.test("what the runtime keeps of it can be set, and is that of the one that is made", () => {
  const { request } = watched();
  for (const key of Object.getOwnPropertySymbols(real())) {
    const [before, set] = [Reflect.get(request, key), {}];
    Reflect.set(request, key, set);
    assertStrictEquals(Reflect.get(request, key), set);
    Reflect.set(request, key, before);
  }
  assertEquals(request.headers.get("b"), "c");
});
