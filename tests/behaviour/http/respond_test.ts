/** `respond`, and answers that are completed without the program's doing. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError, type Protocol, type Wsi } from "../../../mod.ts";
import { fieldOf, get, readPage, request, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder();
const GET_1_0 = "GET / HTTP/1.0\r\n\r\n";

function answeredBy(answer: (wsi: Wsi) => number | void | Promise<number | void>): Protocol {
  return {
    name: "http",
    callback: (...[wsi, reason]) => reason === "http" ? answer(wsi) as number : 0,
  };
}

/** What a chunked body has as payload, whole. */
function payloadOf(text: string): string {
  let payload = "";
  for (let at = 0;;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (size === 0) return payload;
    payload += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

async function* pieces<T>(...all: T[]): AsyncGenerator<T> {
  for (const each of all) yield await Promise.resolve(each);
}

const bytes = (text: string) => new TextEncoder().encode(text);

// Bodies with a length.

const WHOLE: readonly [name: string, body: unknown, type: string | undefined, text: string][] = [
  ["a text", "café", "text/plain; charset=utf-8", "café"],
  ["an empty text", "", "text/plain; charset=utf-8", ""],
  ["bytes", bytes("abc"), "application/octet-stream", "abc"],
  ["a view", new DataView(bytes("xabc").buffer, 1), "application/octet-stream", "abc"],
  ["a buffer", bytes("abc").buffer, "application/octet-stream", "abc"],
  ["nothing", undefined, undefined, ""],
  ["null", null, undefined, ""],
];

for (const [name, body, type, text] of WHOLE) {
  Deno.test(`respond with ${name} has its length and type, and the connection stays`, async () => {
    await using served = serve([answeredBy((wsi) => {
      // The same for all, however long it takes.
      assertEquals(wsi.respond(200, body as string, [["date", "now"]]), 0);
      assertEquals([wsi.respond(200), wsi.returnHttpStatus(200)], [-1, 1], "once a request");
      return 0;
    })]);
    const peer = await served.dial(get("/") + request("HEAD", "/") + get("/"));
    const first = await readHead(peer);
    assertEquals(fieldOf(first, "content-length"), String(bytes(text).length));
    assertEquals(fieldOf(first, "content-type"), type);
    assertEquals(decoder.decode(await peer.readBytes(bytes(text).length)), text);
    assertEquals(await readHead(peer), first, "HEAD gets the head alone");
    assertEquals(await readHead(peer), first);
  });
}

Deno.test("respond may be returned, from async callbacks as well, and completed once more", async () => {
  const ways: ((wsi: Wsi) => number | Promise<number | void>)[] = [
    (wsi) => wsi.respond(200, "page"),
    async (wsi) => (await Promise.resolve(), wsi.respond(200, "page")),
    (wsi) => (wsi.respond(200, "page"), wsi.httpTransactionCompleted()),
    async (wsi) => {
      wsi.respond(200, "page");
      await Promise.resolve();
      assertEquals(wsi.httpTransactionCompleted(), 0);
    },
  ];
  for (const way of ways) {
    await using served = serve([answeredBy(way)]);
    const peer = await served.dial(get("/") + get("/") + get("/", "Connection: close"));
    for (let i = 0; i < 3; i++) assertEquals((await readResponse(peer)).body, "page");
    assertEquals((await peer.readToEnd()).length, 0);
  }
});

Deno.test("respond takes fields, and refuses what contradicts its body", async () => {
  const refused: readonly [status: number, body: unknown, fields: unknown, named: string][] = [
    [200, "abc", [["content-length", "2"]], "content-length is 2, and body has 3 bytes"],
    [200, "abc", [["content-length", "3"], ["content-length", "3"]], "content-length"],
    [200, "abc", [["x-a", "b\n"]], "x-a"],
    [200, "abc", "x", "headers"],
    [199, "abc", [], "status"],
    [204, "abc", [], "body"],
    [205, bytes("a"), [], "body"],
    [304, pieces("a"), [], "body"],
    [200, 5, [], "body"],
    [200, { length: 3 }, [], "JSON.stringify"],
    [200, [1, 2], [], "or a stream"],
    [200, lockedStream(), [], "body"],
    [200, { [Symbol.asyncIterator]: () => undefined }, [], "its iterator has no next"],
    [200, { [Symbol.asyncIterator]: () => ({}) }, [], "its iterator has no next"],
    [200, { getReader: () => undefined }, [], "its reader has no read"],
  ];
  await using served = serve([answeredBy((wsi) => {
    for (const [status, body, fields, named] of refused) {
      const call = () => wsi.respond(status, body as string, fields as []);
      assertEquals(assertThrows(call, LwsError, named).code, "invalid-argument", named);
    }
    return wsi.respond(201, "made", [["Content-Type", "text/x"], ["content-length", "4"]]);
  })]);
  const { head, body } = await readResponse(await served.dial(get("/")));
  assertEquals([statusOf(head), body], [201, "made"]);
  assertEquals(head.match(/^content-type:.*$/gim), ["Content-Type: text/x"]);
});

function lockedStream(): ReadableStream<string> {
  const stream = new ReadableStream<string>();
  stream.getReader();
  return stream;
}

for (const status of [204, 205, 304]) {
  Deno.test(`respond(${status}) has no body, and the connection stays`, async () => {
    await using served = serve([answeredBy((wsi) => wsi.respond(status))]);
    const peer = await served.dial(get("/") + get("/"));
    for (let i = 0; i < 2; i++) assertEquals(statusOf(await readHead(peer)), status);
  });
}

// Streams.

const STREAMS: Record<string, () => unknown> = {
  "a generator of texts": () => pieces("one ", "", "two"),
  "a generator of bytes": () => pieces(bytes("one "), bytes("two")),
  "a stream of bytes": () => new Blob(["one two"]).stream(),
  "a stream of texts": () => ReadableStream.from(["one ", "two"]),
  "an iterable of both": () => ({
    async *[Symbol.asyncIterator]() {
      yield await Promise.resolve("one ");
      yield bytes("two").buffer;
    },
  }),
};

for (const [name, make] of Object.entries(STREAMS)) {
  for (const service of ["automatic", "manual"] as const) {
    Deno.test(`respond with ${name} streams it, with ${service} service`, async () => {
      const protocol = answeredBy((wsi) => wsi.respond(200, make() as ReadableStream));
      await using served = serve([protocol], { service });
      const { context } = served;
      const pump = async <T>(awaited: Promise<T>): Promise<T> => {
        let isDone = false;
        void awaited.finally(() => void (isDone = true));
        while (service === "manual" && !isDone) {
          await context.service(0);
          await new Promise((resolve) => setImmediate(resolve));
        }
        return await awaited;
      };
      const peer = await pump(served.dial());
      peer.send(get("/"));
      assertEquals(fieldOf(await pump(readHead(peer)), "transfer-encoding"), "chunked");
      assertEquals(payloadOf(decoder.decode(await pump(peer.readUntil(endsChunks)))), "one two");
      peer.send(GET_1_0);
      await pump(readHead(peer));
      assertEquals(decoder.decode(await pump(peer.readToEnd())), "one two");
    });
  }
}

function endsChunks(unread: Uint8Array): boolean {
  return decoder.decode(unread).endsWith("0\r\n\r\n");
}

Deno.test("a stream with a content-length goes out as it is", async () => {
  const protocol = answeredBy((wsi) =>
    wsi.respond(200, pieces("one ", "two"), [["content-length", "7"]])
  );
  await using peer = await dialAlone([protocol], get("/") + get("/"));
  for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "one two");
});

Deno.test("a stream is read as the client reads, however long its pieces are", async () => {
  let asked = 0;
  const piece = new Uint8Array(300_000).fill(97);
  async function* long() {
    for (; asked < 20; asked++) yield await Promise.resolve(piece);
  }
  let wsi!: Wsi;
  await using peer = await dialAlone([answeredBy((one) => (wsi = one).respond(200, long()))]);
  peer.transport.stopReading();
  peer.send(get("/", "Connection: close"));
  await settle();
  assert(asked <= 1, `${asked} pieces though nobody reads`);
  assert(wsi.unsentBytes < 300_000, `${wsi.unsentBytes} bytes unsent`);
  peer.transport.startReading();
  await readHead(peer);
  assertEquals(payloadOf(decoder.decode(await peer.readToEnd())).length, 20 * piece.length);
  assertEquals(asked, 20);
});

/** Streams that fail, and what the log says of it. */
const FAULTY: Record<string, [make: () => AsyncIterable<unknown> | ReadableStream, says: string]> =
  {
    "throws": [
      async function* () {
        yield await Promise.resolve("one");
        throw new Error("on purpose");
      },
      "on purpose",
    ],
    "errors": [
      () => new ReadableStream({ pull: (controller) => controller.error(new Error("on purpose")) }),
      "on purpose",
    ],
    "yields a number": [() => pieces<unknown>("one", 5), "a piece of the body"],
    "yields an object": [() => pieces<unknown>("one", { length: 2 }), "a piece of the body"],
    "yields undefined": [() => pieces<unknown>("one", undefined), "a piece of the body"],
    "is a broken iterator": [
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(null) }) }) as never,
      "",
    ],
  };

for (const [name, [make, says]] of Object.entries(FAULTY)) {
  for (const head of [get("/"), GET_1_0]) {
    const version = head === GET_1_0 ? "1.0" : "1.1";
    Deno.test(`a stream that ${name} cuts an answer to HTTP/${version}, with a line in the log`, async () => {
      using log = captureLog();
      const protocol = answeredBy((wsi) => wsi.respond(200, make() as ReadableStream));
      await using peer = await dialAlone([protocol], head);
      const text = decoder.decode(await peer.readToEnd());
      assert(!text.includes("\r\n0\r\n"), text);
      if (version === "1.0") assertStringIncludes(String(await peer.closed), "reset");
      assertEquals(log.lines.length, 1);
      assertStringIncludes(log.lines[0]!, "err: ");
      assertStringIncludes(log.lines[0]!, says);
    });
  }
}

Deno.test("a stream of more or fewer bytes than its length cuts the answer", async () => {
  for (const [length, level] of [["2", "err"], ["4", "warn"]] as const) {
    using log = captureLog();
    const fields: [string, string][] = [["content-length", length]];
    await using served = serve([answeredBy((wsi) => wsi.respond(200, pieces("abc"), fields))]);
    await (await served.dial(get("/") + get("/"))).readToEnd();
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `${level}: `);
    assertStringIncludes(log.lines[0]!, "content-length");
  }
});

for (const kind of ["stream", "generator"] as const) {
  for (const way of ["gone", "HEAD", "closed"] as const) {
    Deno.test(`a ${kind} is cancelled when ${way === "HEAD" ? "HEAD asks" : `it is ${way}`}`, async () => {
      const cancelled = Promise.withResolvers<void>();
      async function* endless() {
        try {
          for (;;) yield await Promise.resolve("more");
        } finally {
          cancelled.resolve();
        }
      }
      const stream = () =>
        new ReadableStream({
          pull: (controller) => controller.enqueue("more"),
          cancel: () => cancelled.resolve(),
        });
      let wsi!: Wsi;
      await using peer = await dialAlone([answeredBy((one) => {
        wsi = one;
        return one.respond(200, kind === "stream" ? stream() : endless());
      })]);
      if (way === "HEAD") {
        peer.send(request("HEAD", "/") + request("HEAD", "/"));
        for (let i = 0; i < 2; i++) assertEquals(statusOf(await readHead(peer)), 200);
        // A generator that was never begun has nothing to clean up.
        if (kind === "generator") return;
      } else {
        peer.send(get("/"));
        await readHead(peer);
        if (way === "gone") peer.reset();
        else {
          wsi.close();
          peer.close();
        }
      }
      await cancelled.promise;
    });
  }
}

Deno.test("what is written beside a stream is not taken, and completing it has no effect", async () => {
  const results: number[] = [];
  const protocol = answeredBy((wsi) => {
    results.push(wsi.respond(200, pieces("all ", "of it")));
    results.push(wsi.write("x", "http"), wsi.httpTransactionCompleted());
  });
  await using peer = await dialAlone([protocol], get("/"));
  await readHead(peer);
  assertEquals(payloadOf(decoder.decode(await peer.readUntil(endsChunks))), "all of it");
  assertEquals(results, [0, -1, 0]);
});

// Completed without the program's doing.

const FORGETFUL: Record<string, (wsi: Wsi) => void | Promise<void>> = {
  "in the callback": (wsi) => void wsi.returnHttpStatus(200, wsi.uri),
  "in an awaited callback": async (wsi) => {
    await Promise.resolve();
    wsi.returnHttpStatus(200, wsi.uri);
    await Promise.resolve();
  },
  "outside of callbacks": (wsi) => void setImmediate(() => wsi.returnHttpStatus(200, wsi.uri)),
};

for (const [where, answer] of Object.entries(FORGETFUL)) {
  Deno.test(`a page ${where} is completed by the library, and the next request is served`, async () => {
    await using served = serve([answeredBy(answer)]);
    const peer = await served.dial(get("/1") + get("/2") + get("/3", "Connection: close"));
    for (const path of ["/1", "/2", "/3"]) assertEquals(await readPage(peer), path);
    assertEquals((await peer.readToEnd()).length, 0);
  });
}

for (const reason of ["filterHttpConnection", "httpBodyCompletion", "httpWriteable"] as const) {
  Deno.test(`a page in ${reason} is completed as well, and nothing follows it`, async () => {
    const seen: string[] = [];
    await using peer = await dialAlone([named("http", {
      http(wsi) {
        seen.push(wsi.uri);
        if (reason === "httpWriteable") wsi.callbackOnWritable();
      },
      [reason]: (wsi: Wsi) => void wsi.returnHttpStatus(200, wsi.uri),
    })]);
    const one = (path: string) => request("POST", path, "Content-Length: 0");
    peer.send(one("/1") + one("/2"));
    assertEquals(await readPage(peer), "/1");
    assertEquals(await readPage(peer), "/2");
    assertEquals(seen, reason === "filterHttpConnection" ? [] : ["/1", "/2"]);
  });
}

Deno.test("a completion that comes late is none of the next request's", async () => {
  const wsis: Wsi[] = [];
  await using served = serve([answeredBy((wsi) => {
    wsis.push(wsi);
    if (wsi.uri === "/1") wsi.returnHttpStatus(200, "/1");
  })]);
  const peer = await served.dial(get("/1") + get("/2"));
  assertEquals(await readPage(peer), "/1");
  await settle();
  assertEquals(wsis.length, 2);
  assertEquals(wsis[0]!.httpTransactionCompleted(), 0, "late, for /1");
  wsis[1]!.returnHttpStatus(200, "/2");
  assertEquals(wsis[1]!.httpTransactionCompleted(), 0);
  assertEquals(await readPage(peer), "/2");
});

// Programs that answer nothing.

for (
  const [name, where] of [["http", "/a"], ["httpBodyCompletion", "/b"], ["await", "/c"]] as const
) {
  Deno.test(`a program that answers nothing for sendTimeoutMs in ${name} is told of, and may answer still`, async () => {
    using log = captureLog();
    let wsi!: Wsi;
    const decided = Promise.withResolvers<void>();
    await using served = serve([answeredBy((one) => {
      wsi = one;
      if (name === "await") return decided.promise;
    })], { sendTimeoutMs: 10_000 });
    const peer = await served.dial();
    const hasBody = name === "httpBodyCompletion";
    const POST = request("POST", where, "Content-Length: 1") + "x";
    for (let i = 0; i < 2; i++) {
      peer.send(hasBody ? POST : get(where));
      await settle();
      await served.pass(9_900);
      assertEquals(log.lines, []);
      await served.pass(200);
      const method = hasBody ? "POST" : "GET";
      assertEquals(log.lines.length, 1);
      assertStringIncludes(log.lines.pop()!, `${method} ${where} was answered with nothing`);
      await served.pass(60_000);
      assertEquals(log.lines, [], "once a request");
      wsi.respond(200, "at last");
      decided.resolve();
      assertEquals((await readResponse(peer)).body, "at last");
      if (name === "await") return;
    }
  });
}

Deno.test("a timeout of the program's own cuts a request that it has not answered", async () => {
  using log = captureLog();
  await using served = serve([answeredBy((wsi) => wsi.setTimeout("httpContent", 20))], {
    sendTimeoutMs: 1000,
  });
  const peer = await served.dial(get("/"));
  await settle();
  served.clock.advance(21_000);
  assertEquals((await peer.readToEnd()).length, 0);
  assertEquals(log.lines, []);
});

Deno.test("a second answer within the promise of a request is none to the next request", async () => {
  let late: number | undefined;
  let goOn!: () => void;
  const { protocol } = record("x", {
    http(wsi) {
      if (wsi.uri !== "/1") return wsi.respond(200, "two");
      wsi.respond(200, "one");
      return new Promise<void>((resolve) => goOn = resolve).then(() => {
        late = wsi.respond(200, "late");
      });
    },
  });
  await using served = serve([protocol]);
  const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const peer = await served.dial(ask("/1") + ask("/2"));
  await settle();
  goOn();
  await settle();
  assertEquals(late, -1);
  const first = await readResponse(peer);
  const second = await readResponse(peer);
  assertEquals([first.body, second.body], ["one", "two"]);
  peer.close();
});
