/** Requests that are answered by `fetch`: who is asked in which order, and how a `Response` is sent. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createContext,
  type FetchHandler,
  handlers,
  LwsError,
  type Protocol,
  type ServicePolicy,
} from "../../../mod.ts";
import { fieldOf, get, request, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { handshake, readHead, readResponse, serve, settle } from "../../support/serve.ts";

const decoder = new TextDecoder("latin1");

/** A context with that `fetch` alone. */
const fetching = (fetch: FetchHandler) => serve([], { fetch });

// What the program is given.

Deno.test("fetch gets the request in the web's own types, and its connection", async () => {
  const seen: unknown[] = [];
  await using served = fetching(async (request, wsi) => {
    const { method, url, headers, body, bodyUsed, signal } = request;
    seen.push(
      [method, url, headers.get("x-a"), headers.get("cookie"), body === null, bodyUsed],
      [signal.aborted, wsi.uri, wsi.method, wsi.request!.url.href === url, await request.text()],
    );
    return new Response();
  });
  const peer = await served.dial(
    get("/a%20b?x=1", "X-A: 1", "X-A: \xe9", "Cookie: a=1", "Cookie: b=2") +
      request("PATCH", "/c", "Content-Length: 3") + "abc" +
      request("POST", "/d", "Transfer-Encoding: chunked") + "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" +
      request("POST", "/e", "Content-Length: 0"),
  );
  for (let i = 0; i < 4; i++) assertEquals(statusOf((await readResponse(peer)).head), 200);
  assertEquals(seen, [
    // The test sends UTF-8, and each byte is a character.
    ["GET", "http://localhost/a%20b?x=1", "1, Ã©", "a=1; b=2", true, false],
    [false, "/a b", "GET", true, ""],
    ["PATCH", "http://localhost/c", null, null, false, false],
    [false, "/c", "PATCH", true, "abc"],
    ["POST", "http://localhost/d", null, null, false, false],
    [false, "/d", "POST", true, "abcdef"],
    ["POST", "http://localhost/e", null, null, true, false],
    [false, "/e", "POST", true, ""],
  ]);
});

Deno.test("a GET with a body has none for fetch, and the connection stays", async () => {
  await using served = fetching((request) => Response.json(request.body));
  const peer = await served.dial(get("/", "Content-Length: 3") + "abc" + get("/"));
  for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "null");
});

Deno.test("a method that no Request can have is answered 501 without a call", async () => {
  for (const method of ["TRACE", "TRACK", "trace"]) {
    let calls = 0;
    await using served = serve([], { methods: "any", fetch: () => (calls++, new Response()) });
    const peer = await served.dial(request(method, "/"));
    assertEquals([statusOf(await readHead(peer)), calls], [501, 0]);
  }
  await using served = serve([], { methods: "any", fetch: ({ method }) => new Response(method) });
  assertEquals((await readResponse(await served.dial(request("PURGE", "/")))).body, "PURGE");
});

// How a response is sent.

const ANSWERS: Record<string, {
  respond: () => Response;
  /** Fields but `date`, in order; of HEAD, too. */
  fields: string[];
  body: string;
  status?: number;
  head?: string[];
}> = {
  "a text": {
    respond: () => new Response("café"),
    fields: ["content-type: text/plain;charset=UTF-8", "content-length: 5"],
    body: "cafÃ©",
  },
  "no body": {
    respond: () => new Response(),
    fields: ["content-length: 0"],
    // GET might have been answered with one.
    head: [],
    body: "",
  },
  "an empty text": {
    respond: () => new Response(""),
    fields: ["content-type: text/plain;charset=UTF-8", "content-length: 0"],
    body: "",
  },
  "a 204 with a length": {
    respond: () => new Response(null, { status: 204, headers: { "content-length": "3" } }),
    fields: [],
    body: "",
    status: 204,
  },
  "a 304 with the length of what there is": {
    respond: () => new Response(null, { status: 304, headers: { "content-length": "3" } }),
    fields: ["content-length: 3"],
    body: "",
    status: 304,
  },
  "several cookies": {
    respond: () => {
      const headers = new Headers({ "X-A": "caf\xe9" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response(null, { headers, status: 201, statusText: "Odd" });
    },
    fields: ["set-cookie: a=1", "set-cookie: b=2", "x-a: caf\xe9", "content-length: 0"],
    head: ["set-cookie: a=1", "set-cookie: b=2", "x-a: caf\xe9"],
    body: "",
    status: 201,
  },
  "a transfer-encoding of the program's": {
    respond: () => new Response("abc", { headers: { "transfer-encoding": "gzip, chunked" } }),
    fields: ["content-type: text/plain;charset=UTF-8", "content-length: 3"],
    body: "abc",
  },
  "a stream": {
    respond: () => new Response(ReadableStream.from([new Uint8Array([97]), new Uint8Array([98])])),
    fields: ["transfer-encoding: chunked"],
    head: [],
    body: "1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
  },
  "a stream with its length": {
    respond: () => {
      const body = ReadableStream.from([new Uint8Array([97]), new Uint8Array([98])]);
      return new Response(body, { headers: { "content-length": "2" } });
    },
    fields: ["content-length: 2"],
    body: "ab",
  },
};

for (
  const [name, { respond, fields, body, status = 200, head = fields }] of Object.entries(ANSWERS)
) {
  Deno.test(`${name}: the head says what GET and HEAD have, and the connection stays`, async () => {
    await using served = fetching(respond);
    const peer = await served.dial(get("/") + request("HEAD", "/") + get("/"));
    const answers = [[fields, body], [head, ""], [fields, body]] as const;
    for (const [expected, content] of answers) {
      const [line, ...lines] = (await readHead(peer)).trimEnd().split("\r\n");
      assertEquals(statusOf(line!), status, line);
      assertEquals(lines.filter((each) => !each.startsWith("date: ")), expected);
      assertEquals(decoder.decode(await peer.readBytes(content.length)), content);
    }
  });
}

Deno.test("connection: close is obeyed, and a client of HTTP/1.0 gets what it can read", async () => {
  await using served = fetching((request) => {
    const body = ReadableStream.from([new Uint8Array([97]), new Uint8Array([98])]);
    return new Response(body, new URL(request.url).pathname === "/close" ? CLOSE : {});
  });
  const closing = await served.dial(get("/close"));
  assertEquals(fieldOf(await readHead(closing), "connection"), "close");
  assertEquals(decoder.decode(await closing.readToEnd()), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  const old = await served.dial("GET / HTTP/1.0\r\n\r\n");
  const head = await readHead(old);
  assertEquals([fieldOf(head, "transfer-encoding"), fieldOf(head, "connection")], [
    undefined,
    "close",
  ]);
  assertEquals(decoder.decode(await old.readToEnd()), "ab");
});

const CLOSE = { headers: { connection: "close" } };

Deno.test("a length that is wrong is put right where the body is there, which the log says", async () => {
  using log = captureLog();
  const headers = { "content-length": "9" };
  await using served = fetching(({ url }) =>
    new Response(url.endsWith("/none") ? null : "abc", { headers })
  );
  const peer = await served.dial(get("/some") + get("/none") + request("HEAD", "/none"));
  assertEquals((await readResponse(peer)).body, "abc");
  assertEquals(fieldOf(await readHead(peer), "content-length"), "0");
  assertEquals(fieldOf(await readHead(peer), "content-length"), "9", "for all that is known");
  assertEquals(log.lines.map((each) => each.replace(/^.*?fetch/, "fetch")), [
    "fetch of GET /some: content-length is 9, and the body has 3 bytes",
    "fetch of GET /none: content-length is 9, and the body has 0 bytes",
  ]);
});

// What can't be sent.

const read = async () => {
  const response = new Response("x");
  await response.text();
  return response;
};

const FAULTS: Record<string, { fetch: () => unknown; logged: string }> = {
  "one that throws": {
    fetch: () => {
      throw new Error("no database");
    },
    logged: "no database",
  },
  "one that rejects": {
    fetch: () => Promise.reject(new Error("no database")),
    logged: "no database",
  },
  "one that rejects with nothing": { fetch: () => Promise.reject(), logged: "undefined" },
  "a network error": { fetch: () => Response.error(), logged: "the status of the response is 0" },
  "a body that was read": { fetch: read, logged: "was read already" },
  "a body that is being read": {
    fetch: () => {
      const response = new Response("x");
      response.body!.getReader();
      return response;
    },
    logged: "was read already",
  },
  "a stream that is broken": {
    fetch: () =>
      new Response(new ReadableStream({ start: (each) => each.error(new Error("broken")) })),
    logged: "broken",
  },
  "nothing": { fetch: () => undefined, logged: "it returned no Response" },
  "a text": { fetch: () => "text", logged: "it returned no Response" },
  "an object that looks like one": {
    fetch: () => ({ status: 200, headers: new Headers(), body: null }),
    logged: "it returned no Response",
  },
  "a field that can't be sent": {
    fetch: () => new Response("x", { headers: { "x-a": "a\x01b" } }),
    logged: "x-a",
  },
  "a thenable that throws": {
    fetch: () => ({
      then() {
        throw new Error("odd");
      },
    }),
    logged: "odd",
  },
};

for (const [name, { fetch, logged }] of Object.entries(FAULTS)) {
  Deno.test(`${name} is answered 500 and logged, and the connection goes on`, async () => {
    using log = captureLog();
    let calls = 0;
    await using served = fetching(() => calls++ === 0 ? fetch() as Response : new Response("next"));
    const peer = await served.dial(get("/odd") + get("/"));
    assertEquals(statusOf((await readResponse(peer)).head), 500);
    assertEquals((await readResponse(peer)).body, "next");
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "fetch of GET /odd: ");
    assertStringIncludes(log.lines[0]!, logged);
  });
}

Deno.test("a status that is no answer is answered 500", async () => {
  using log = captureLog();
  // No constructor makes one with 101, but a Response of the runtime's own upgrade has it.
  const odd = new Proxy(new Response(), {
    get: (each, name) => name === "status" ? 101 : Reflect.get(each, name, each),
  });
  Object.defineProperty(odd, Symbol.toStringTag, { value: "Response" });
  await using served = fetching(() => odd);
  assertEquals(statusOf((await readResponse(await served.dial(get("/")))).head), 500);
  assertStringIncludes(log.lines.join(), "the status of the response is 101");
});

// Who is asked.

const answer = (text: string): FetchHandler => () => new Response(text);

Deno.test("the filter, the mounts, the protocols' fetch, the context's and http are asked in this order", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.txt`, "mounted");
  try {
    const http: Protocol = {
      name: "first",
      callback: handlers({ http: (wsi) => wsi.respond(200, "http") }),
    };
    const filter: Protocol = {
      name: "first",
      callback: handlers({
        filterHttpConnection: (wsi) => wsi.uri === "/no" ? wsi.respond(200, "filter") : 0,
        http: (wsi) => wsi.respond(200, "http"),
      }),
    };
    const second: Protocol = { name: "second", callback: () => 0, fetch: answer("second") };
    const third: Protocol = { name: "third", callback: () => 0, fetch: answer("third") };
    const mounts = [{ path: "/", folder }];
    const orders: [readonly Protocol[], FetchHandler | undefined, paths: string, texts: string][] =
      [
        [[http], undefined, "/x", "http"],
        [[http], answer("context"), "/x", "context"],
        [[http, second, third], answer("context"), "/x", "second"],
        [[http, second], undefined, "/x", "second"],
        [[filter, second], answer("context"), "/no", "filter"],
        [[filter, second], answer("context"), "/a.txt", "mounted"],
        [[], answer("context"), "/x", "context"],
        [[], answer("context"), "/a.txt", "mounted"],
      ];
    for (const [protocols, fetch, path, text] of orders) {
      await using served = serve(protocols, fetch === undefined ? { mounts } : { fetch, mounts });
      assertEquals((await readResponse(await served.dial(get(path)))).body, text);
    }
    await using served = serve([], { mounts, fetch: ({ method }) => new Response(method) });
    const posted = await served.dial(request("POST", "/a.txt", "Content-Length: 0"));
    assertEquals((await readResponse(posted)).body, "POST", "what mounts don't take");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without protocols an upgrade is a request for fetch, whatever it looks like", async () => {
  await using served = fetching(({ method, headers }) => {
    return new Response(`${method} ${headers.get("upgrade")}`, { status: 426 });
  });
  for (const version of [13, 99]) {
    const head = handshake().replace("Version: 13", `Version: ${version}`);
    const peer = await served.dial(head + get("/"));
    for (const upgrade of ["websocket", "null"]) {
      const { head, body } = await readResponse(peer);
      assertEquals([statusOf(head), body], [426, `GET ${upgrade}`]);
    }
  }
});

Deno.test("with a protocol an upgrade is for that, and fetch answers beside it", async () => {
  const echo: Protocol = {
    name: "echo",
    callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }),
  };
  await using served = serve([echo], { fetch: answer("page") });
  const socket = await served.open();
  socket.send({ opcode: 1, payload: "hi" });
  assertEquals(await socket.receiveText(), "hi");
  assertEquals((await readResponse(await served.dial(get("/")))).body, "page");
  const refused = await served.dial(handshake({ protocol: "none" }));
  assertEquals(statusOf(await readHead(refused)), 400);
});

// What a program may do beside it.

Deno.test("a program that answers by wsi is done, and a response beside that is logged", async () => {
  using log = captureLog();
  let cancelled = 0;
  const body = () => new ReadableStream({ cancel: () => void cancelled++ });
  await using served = fetching(async ({ url }, wsi) => {
    if (url.endsWith("/late")) await Promise.resolve();
    assertEquals(wsi.respond(200, "by wsi"), 0);
    return url.endsWith("/both") ? new Response(body()) : undefined as never;
  });
  const peer = await served.dial(get("/") + get("/late") + get("/both") + get("/"));
  for (let i = 0; i < 4; i++) assertEquals((await readResponse(peer)).body, "by wsi");
  await settle();
  assertEquals([cancelled, log.lines.length], [1, 1]);
  assertStringIncludes(log.lines[0]!, "it returned a response, and has answered by wsi before");
});

Deno.test("requests that came in one packet are answered in their order, each behind the last", async () => {
  const waiting: ((response: Response) => void)[] = [];
  await using served = fetching(() => new Promise((resolve) => waiting.push(resolve)));
  const peer = await served.dial(get("/1") + get("/2") + get("/3"));
  for (let i = 0; i < 3; i++) {
    await settle();
    assertEquals(waiting.length, i + 1);
    waiting[i]!(new Response(`${i}`));
    assertEquals((await readResponse(peer)).body, `${i}`);
  }
});

for (const service of ["manual", "external"] satisfies ServicePolicy[]) {
  Deno.test(`${service}: fetch is asked and answers in service alone`, async () => {
    const pump = async () => {
      for (let i = 0; i < 20; i++) await served.context.service(0);
    };
    let calls = 0;
    const { promise, resolve } = Promise.withResolvers<Response>();
    await using served = serve([], {
      service,
      fetch: async (request) => {
        calls++;
        return new Response(await request.text() + await (await promise).text());
      },
    });
    const peer = await served.dial(request("POST", "/", "Content-Length: 3") + "abc");
    await settle();
    assertEquals(calls, 0);
    await pump();
    assertEquals(calls, 1);
    await settle();
    await pump();
    resolve(new Response("def"));
    await settle();
    assertEquals(peer.received.length, 0);
    const answered = readResponse(peer);
    await pump();
    assertEquals((await answered).body, "abcdef");
  });
}

Deno.test("fetch is a function, of a context and of a protocol, or refused by name", () => {
  const callback = () => 0;
  const odd = { port: 0, fetch: "x", protocols: [{ name: "a", callback, fetch: {} }] };
  const error = assertThrows(() => createContext(odd as never), LwsError);
  assertEquals(error.code, "invalid-option");
  assertStringIncludes(error.message, 'fetch is "x"; allowed: a function');
  assertStringIncludes(error.message, "protocols[0].fetch is");
  assert(assertThrows(() => createContext({ port: 0 }), LwsError).message.startsWith("protocols"));
});
