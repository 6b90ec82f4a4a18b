import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fetchRequest, isFetchable, takesBody } from "../../../src/web/fetch_request.ts";
import { LazyAbort } from "../../../src/web/lazy_abort.ts";

const bodyOf = (text: string, gather = () => {}) => ({
  stream: new Blob([text]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>,
  gather,
});

const shown = (method: string) => ({
  head: { method, path: "/p", host: "a.example", minorVersion: 1 as const },
  rawUri: "/p?x",
  names: () => ["host", "cookie"],
  values: (name: string) => name === "host" ? ["a.example"] : ["a=1", "b=2"],
});

Deno.test("a request has the head's parts, the scheme, and the body where there is one", async () => {
  const abort = new LazyAbort();
  const request = fetchRequest(shown("PUT"), {
    origin: { isSecure: true, isFiltered: false },
    abort,
    body: bodyOf("abc"),
  });
  assertEquals([request.method, request.url], ["PUT", "https://a.example/p?x"]);
  assertEquals([...request.headers], [["cookie", "a=1; b=2"], ["host", "a.example"]]);
  assertEquals(await request.text(), "abc");
  const bare = fetchRequest(shown("PUT"), {
    origin: { isSecure: false, isFiltered: false },
    abort,
    body: undefined,
  });
  assertEquals([bare.body, bare.url], [null, "http://a.example/p?x"]);
});

Deno.test("the signal of a request is that which it is given", () => {
  for (const method of ["GET", "PUT"]) {
    const abort = new LazyAbort();
    const request = fetchRequest(shown(method), {
      origin: { isSecure: false, isFiltered: false },
      abort,
      body: undefined,
    });
    abort.abort("gone");
    assertEquals([request.signal.aborted, request.signal.reason], [true, "gone"]);
  }
});

Deno.test("what is not fetchable is what the constructor refuses, and so it is with a body", () => {
  for (const method of ["GET", "get", "M-SEARCH", "TRACE", "trace", "TRACK", "CONNECT", "TRACED"]) {
    const make = () => new Request("http://a.example/", { method });
    if (isFetchable(method)) make();
    else assertThrows(make, TypeError);
  }
  for (const method of ["GET", "get", "HEAD", "Head", "POST", "GETS", "OPTIONS"]) {
    const make = () => new Request("http://a.example/", { method, body: "x" });
    if (takesBody(method)) make();
    else assertThrows(make, TypeError);
  }
});

/** One with a body, which counts how often it is told. */
function counted() {
  const told = { times: 0 };
  const body = bodyOf("{}", () => void told.times++);
  const parts = { origin: { isSecure: false, isFiltered: false }, abort: new LazyAbort(), body };
  return { told, request: fetchRequest(shown("PUT"), parts) };
}

Deno.test("it is told when the body is put together, by any method, and not when it is streamed", async () => {
  for (const name of ["arrayBuffer", "blob", "bytes", "json", "text"] as const) {
    const { told, request } = counted();
    const whole = request[name]();
    assertEquals(told.times, 1, name);
    await whole;
    await assertRejects(() => request[name](), TypeError);
  }
  const { told, request } = counted();
  for await (const _piece of request.body!);
  assertEquals(told.times, 0);
});

Deno.test("it is told behind a Proxy as well, and in what inherits from it", async () => {
  for (const derive of [(of: Request) => new Proxy(of, {}), (of: Request) => Object.create(of)]) {
    const { told, request } = counted();
    assertEquals([await derive(request).text(), told.times], ["{}", 1]);
  }
});

Deno.test("one without a body is not made before its headers are asked for", () => {
  let asked = 0;
  const head = shown("GET");
  const watched = { ...head, names: () => (asked++, head.names()) };
  const parts = {
    origin: { isSecure: true, isFiltered: false },
    abort: new LazyAbort(),
    body: undefined,
  };
  const request = fetchRequest(watched, parts);
  assertEquals([request.method, request.url, request.body, asked], [
    "GET",
    "https://a.example/p?x",
    null,
    0,
  ]);
  assertEquals([request.headers.get("host"), asked], ["a.example", 1]);
});
