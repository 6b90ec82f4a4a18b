/** Bodies of requests and responses on their way through `fetch`, and what becomes of them when one side goes. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type FetchHandler, LwsError } from "../../../mod.ts";
import { fieldOf, get, readToReset, request, statusOf } from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { readHead, readResponse, serve, settle } from "../../support/serve.ts";

const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);
const KIB = 1024;

/** A handler whose request a test takes in hand, and answers when it likes. */
function held(): {
  fetch: FetchHandler;
  request: Promise<Request>;
  answer: (response: Response) => void;
} {
  const asked = Promise.withResolvers<Request>();
  const answered = Promise.withResolvers<Response>();
  return {
    fetch: (request) => (asked.resolve(request), answered.promise),
    request: asked.promise,
    answer: answered.resolve,
  };
}

// Bodies of requests.

Deno.test("a body that is not read stays with the peer, but for maxHeaderBytes of it", async () => {
  const { fetch, request: asked, answer } = held();
  await using served = serve([], { fetch, maxHeaderBytes: 4 * KIB });
  const size = 256 * KIB;
  const peer = await served.dial(request("POST", "/", `Content-Length: ${size}`));
  const { body } = await asked;
  peer.send(new Uint8Array(size));
  await settle();
  const taken = () => Object.values(served.context.stats().protocols)[0]!.received.wireBytes;
  const before = taken();
  assert(before < KIB, "the head alone");
  const reader = body!.getReader();
  let got = (await reader.read()).value!.length;
  await settle();
  assertEquals(taken() - before, got, "one piece for one read");
  assert(got <= 64 * KIB, "and not all");
  for (let each = await reader.read(); !each.done; each = await reader.read()) {
    got += each.value.length;
  }
  assertEquals(got, size);
  answer(new Response("done"));
  const { head, body: text } = await readResponse(peer);
  assertEquals([text, fieldOf(head, "connection")], ["done", undefined]);
});

for (const framing of ["by length", "in chunks"]) {
  Deno.test(`50 MiB ${framing} go through in pieces, and few are held at a time`, async () => {
    const size = 50 * KIB * KIB;
    const part = new Uint8Array(64 * KIB);
    let [read, most, sent] = [0, 0, 0];
    await using served = serve([], {
      maxBodySize: size,
      fetch: async ({ body }) => {
        for await (const piece of body!) {
          read += piece.length;
          most = Math.max(most, sent - read);
          if (read % (4 * KIB * KIB) < part.length) await settle();
        }
        return new Response(`${read}`);
      },
    });
    const field = framing === "in chunks"
      ? "Transfer-Encoding: chunked"
      : `Content-Length: ${size}`;
    const peer = await served.dial(request("POST", "/", field));
    while (sent < size) {
      if (framing === "in chunks") peer.send(`${part.length.toString(16)}\r\n`);
      peer.send(part);
      if (framing === "in chunks") peer.send("\r\n");
      sent += part.length;
      // What was sent is taken, or the memory network would hold it.
      while (sent - read > 512 * KIB) await new Promise((resolve) => setImmediate(resolve));
    }
    if (framing === "in chunks") peer.send("0\r\n\r\n");
    assertEquals((await readResponse(peer)).body, `${size}`);
    assert(most <= 640 * KIB, `${most}`);
  });
}

Deno.test("of tiny chunks that come together 512 are one piece", async () => {
  const sizes: number[] = [];
  await using served = serve([], {
    fetch: async ({ body }) => {
      for await (const piece of body!) sizes.push(piece.length);
      return new Response("done");
    },
  });
  const peer = await served.dial(request("POST", "/", "Transfer-Encoding: chunked"));
  await settle();
  peer.send("1\r\nx\r\n".repeat(5000));
  await settle();
  peer.send("1\r\ny\r\n".repeat(20_000) + "0\r\n\r\n");
  await readResponse(peer);
  assertEquals(sizes, [...Array(9).fill(512), 392, ...Array(39).fill(512), 32]);
});

Deno.test("100 Continue is said when the body is first read, and never where it is not", async () => {
  const { fetch, request: asked, answer } = held();
  await using served = serve([], { fetch });
  const lines = ["Content-Length: 3", "Expect: 100-continue"];
  const peer = await served.dial(request("PUT", "/", ...lines));
  const { body } = await asked;
  await settle();
  assertEquals(peer.received.length, 0);
  const read = new Response(body).text();
  assertEquals(statusOf(await readHead(peer)), 100);
  peer.send("abc");
  assertEquals(await read, "abc");
  answer(new Response("thanks"));
  assertEquals((await readResponse(peer)).body, "thanks");

  // An answer that a filter takes its time for asks for nothing, either.
  const { protocol } = record("http", {
    filterHttpConnection: () => Promise.resolve(0),
  });
  const late = held();
  await using filtering = serve([protocol], { fetch: late.fetch });
  const filtered = await filtering.dial(request("PUT", "/", ...lines));
  await late.request;
  await settle();
  assertEquals(filtered.received.length, 0);
  late.answer(new Response());
  await readHead(filtered);

  await using other = serve([], { fetch: () => new Response("no", { status: 401 }) });
  const refused = await other.dial(request("PUT", "/", ...lines));
  const { head } = await readResponse(refused);
  assertEquals([statusOf(head), fieldOf(head, "connection")], [401, "close"]);
});

Deno.test("a body that is sent back as it comes is asked for first", async () => {
  await using served = serve([], { fetch: ({ body }) => new Response(body) });
  const peer = await served.dial(request("POST", "/", "Content-Length: 6", "Expect: 100-continue"));
  assertEquals(statusOf(await readHead(peer)), 100);
  peer.send("abc");
  await readHead(peer);
  assertEquals(decoder.decode(await peer.readBytes(8)), "3\r\nabc\r\n");
  peer.send("def");
  assertEquals(decoder.decode(await peer.readBytes(13)), "3\r\ndef\r\n0\r\n\r\n");
});

Deno.test("maxBodySize is the most that a body has: one byte more breaks it off, and is answered 413", async () => {
  for (const over of [0, 1]) {
    let fault: unknown;
    await using served = serve([], {
      maxBodySize: 100,
      fetch: async (request) => {
        try {
          return new Response(await request.text());
        } catch (error) {
          fault = [error, request.signal.aborted];
          throw error;
        }
      },
    });
    const peer = await served.dial(request("POST", "/", "Transfer-Encoding: chunked"));
    peer.send(`32\r\n${"x".repeat(50)}\r\n`);
    await settle();
    using log = captureLog();
    peer.send(`${(50 + over).toString(16)}\r\n${"x".repeat(50 + over)}\r\n0\r\n\r\n`);
    assertEquals(statusOf(await readHead(peer)), over === 0 ? 200 : 413);
    await settle();
    assertEquals(log.lines, [], "the program need not catch it");
    if (over === 0) continue;
    const [error, isAborted] = fault as [LwsError, boolean];
    assert(error instanceof LwsError && isAborted);
    assertStringIncludes(error.message, "the body of the request broke off");
    assertEquals(error.code, "connection-closed");
  }
});

Deno.test("a body that is left unread is read away behind the answer, and its reader told", async () => {
  let body: ReadableStream | null = null;
  await using served = serve([], {
    fetch: (request) => {
      body ??= request.body;
      return new Response("early");
    },
  });
  const peer = await served.dial(request("POST", "/", "Content-Length: 6") + "abc");
  assertEquals((await readResponse(peer)).body, "early");
  await settle();
  const error = await assertRejects(() => body!.getReader().read(), LwsError);
  assertEquals(error.code, "aborted");
  peer.send("def" + get("/"));
  assertEquals((await readResponse(peer)).body, "early");
});

// The peer goes, or the context.

const GOING = {
  "is reset": (peer: { reset(): void }) => peer.reset(),
  "closes": (peer: { close(): void }) => peer.close(),
};

for (const [how, go] of Object.entries(GOING)) {
  Deno.test(`a peer that ${how} aborts the signal and breaks the body, and a late answer is cancelled`, async () => {
    using log = captureLog();
    const { fetch, request: asked, answer } = held();
    await using served = serve([], { fetch });
    const peer = await served.dial(request("POST", "/", "Content-Length: 6") + "abc");
    const { signal, body } = await asked;
    const reader = body!.getReader();
    assertEquals((await reader.read()).value, bytes("abc"));
    const rest = reader.read();
    go(peer as never);
    const error = await assertRejects(() => rest, LwsError);
    assertEquals(error.code, "connection-closed");
    assertEquals([signal.aborted, signal.reason.name], [true, "AbortError"]);
    let isCancelled = false;
    answer(new Response(new ReadableStream({ cancel: () => void (isCancelled = true) })));
    await settle();
    assertEquals([isCancelled, log.lines], [true, []]);
  });
}

Deno.test("a peer that goes in the middle of an answer aborts the signal and cancels the stream", async () => {
  const signals: AbortSignal[] = [];
  let reason: unknown;
  await using served = serve([], {
    fetch: (request) => {
      signals.push(request.signal);
      return new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(bytes("first")),
          cancel: (given) => void (reason = given),
        }),
      );
    },
  });
  const peer = await served.dial(get("/"));
  await readHead(peer);
  peer.reset();
  await settle();
  assertEquals(signals.map((each) => each.aborted), [true]);
  assertEquals((reason as LwsError).code, "connection-closed");
});

Deno.test("the signal of a request that was answered never aborts", async () => {
  for (const connection of ["close", "keep-alive"]) {
    const { fetch, request: asked, answer } = held();
    await using served = serve([], { fetch });
    const peer = await served.dial(get("/", `Connection: ${connection}`));
    const { signal } = await asked;
    answer(new Response("x"));
    await readResponse(peer);
    peer.reset();
    await settle();
    assertEquals(signal.aborted, false);
  }
});

Deno.test("destroy aborts the signal, and what is answered in time still leaves", async () => {
  const { fetch, request: asked, answer } = held();
  await using served = serve([], { fetch });
  const peer = await served.dial(get("/"));
  const { signal } = await asked;
  signal.addEventListener("abort", () => answer(new Response("bye")));
  const destroyed = served.context.destroy();
  assertEquals([signal.aborted, signal.reason.name], [true, "AbortError"]);
  const { head, body } = await readResponse(peer);
  assertEquals([body, fieldOf(head, "connection")], ["bye", "close"]);
  peer.close();
  await destroyed;
});

Deno.test("destroy waits closeTimeoutMs for an answer, and no longer", async () => {
  const { fetch, request: asked } = held();
  await using served = serve([], { fetch, closeTimeoutMs: 2_000 });
  const peer = await served.dial(get("/"));
  await asked;
  let isOver = false;
  const destroyed = served.context.destroy().then(() => isOver = true);
  await served.pass(1_999);
  assertEquals([isOver, peer.ended], [false, false]);
  await served.pass(1);
  await destroyed;
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a program that closes the connection itself answers nothing more", async () => {
  let cancelled = 0;
  await using served = serve([], {
    fetch: async (_request, wsi) => {
      await Promise.resolve();
      wsi.close();
      return new Response(new ReadableStream({ cancel: () => void cancelled++ }));
    },
  });
  const peer = await served.dial(get("/"));
  assertEquals((await peer.readToEnd()).length, 0);
  await settle();
  assertEquals(cancelled, 1);
});

// Bodies of responses.

Deno.test("a stream is asked for its next piece when the last one has left", async () => {
  let pulls = 0;
  const size = 64 * KIB;
  await using served = serve([], {
    fetch: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(size));
            if (++pulls === 100) controller.close();
          },
        }),
      ),
  });
  const peer = await served.dial();
  peer.transport.pause();
  peer.send(get("/"));
  await settle();
  const before = pulls;
  assert(before < 20, `${before} pieces wait for a peer that does not read`);
  await settle();
  assertEquals(pulls, before);
  peer.transport.resume();
  await readHead(peer);
  for (let i = 0; i < 100; i++) await peer.readBytes("10000\r\n\r\n".length + size);
  assertEquals(decoder.decode(await peer.readBytes(5)), "0\r\n\r\n");
});

Deno.test("the head of a stream that is silent leaves at once", async () => {
  await using served = serve([], { fetch: () => new Response(new ReadableStream()) });
  const peer = await served.dial(get("/"));
  assertEquals(fieldOf(await readHead(peer), "transfer-encoding"), "chunked");
});

for (const version of ["1.0", "1.1"]) {
  Deno.test(`a stream that fails in the middle never looks whole over HTTP/${version}`, async () => {
    using log = captureLog();
    let pulls = 0;
    await using served = serve([], {
      fetch: () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await settle();
              if (pulls++ > 0) throw new Error("the disk is full");
              controller.enqueue(bytes("half"));
            },
          }),
        ),
    });
    const peer = await served.dial(get("/").replace("1.1", version));
    const isMarked = version === "1.1";
    const text = decoder.decode(await (isMarked ? peer.readToEnd() : readToReset(peer)));
    assertStringIncludes(text, "half");
    assertEquals(text.includes("\r\n0\r\n"), false);
    assertStringIncludes(log.lines.join(), "the disk is full");
  });
}

Deno.test("to HEAD the body is cancelled", async () => {
  let cancelled = 0;
  await using served = serve([], {
    fetch: () => new Response(new ReadableStream({ cancel: () => void cancelled++ })),
  });
  const peer = await served.dial(request("HEAD", "/") + request("HEAD", "/"));
  for (let i = 1; i <= 2; i++) {
    await readHead(peer);
    await settle();
    assertEquals(cancelled, 2);
  }
});

Deno.test("fewer bytes than the content-length of a stream break the connection", async () => {
  using log = captureLog();
  const body = () => ReadableStream.from([bytes("a"), bytes("b")]);
  await using served = serve([], {
    fetch: () => new Response(body(), { headers: { "content-length": "3" } }),
  });
  const peer = await served.dial(get("/"));
  const text = decoder.decode(await readToReset(peer));
  assertStringIncludes(text, "content-length: 3");
  assertStringIncludes(log.lines.join(), "1 bytes fewer than its content-length");
});
