/** How the bodies of answers are framed (RFC 9112 sections 6 and 7), and what can't be sent by accident. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HttpHeaderBlock, LwsError, type Protocol, type Wsi } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { fieldOf, get, readPage, reply, request, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder("latin1");
const GET_1_0 = "GET / HTTP/1.0\r\n\r\n";

/** Answers every request by `answer`. */
function answeredBy(answer: (wsi: Wsi) => number | void): Protocol {
  return { name: "http", callback: (...[wsi, reason]) => reason === "http" ? answer(wsi) : 0 };
}

/** Reads a chunked body: its chunks, and the trailer section. */
async function readChunks(peer: MemoryPeer): Promise<{ chunks: string[]; trailers: string }> {
  const line = async () => {
    return decoder.decode(await peer.readUntil((unread) => unread.at(-1) === 10)).slice(0, -2);
  };
  const chunks: string[] = [];
  for (;;) {
    const size = parseInt(await line(), 16);
    if (size === 0) break;
    chunks.push(decoder.decode(await peer.readBytes(size)));
    assertEquals(await line(), "");
  }
  let trailers = "";
  for (let each = await line(); each !== ""; each = await line()) trailers += `${each}\n`;
  return { chunks, trailers };
}

// Chunks.

Deno.test("a body without a length goes out in chunks, one for each write, and the connection stays", async () => {
  const protocol = answeredBy((wsi) => {
    assertEquals(wsi.writeHttpHeaders(200, [["content-type", "text/plain"]]), 0);
    assertEquals(wsi.write("one", "http"), 3);
    assertEquals(wsi.write("", "http"), 0, "an empty write is no chunk");
    assertEquals(wsi.write(new Uint8Array(16).fill(98), "http"), 16);
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], get("/1") + get("/2"));
  for (let i = 0; i < 2; i++) {
    const head = await readHead(peer);
    assertEquals(fieldOf(head, "transfer-encoding"), "chunked");
    assertEquals(fieldOf(head, "connection"), undefined);
    assertEquals(fieldOf(head, "content-length"), undefined);
    assertEquals(await readChunks(peer), { chunks: ["one", "b".repeat(16)], trailers: "" });
  }
});

Deno.test("httpFinal writes its bytes and the last chunk", async () => {
  for (const last of ["end", ""]) {
    const protocol = answeredBy((wsi) => {
      wsi.writeHttpHeaders(200, []);
      assertEquals(wsi.write("begin", "http"), 5);
      assertEquals(wsi.write(last, "httpFinal"), last.length);
    });
    await using peer = await dialAlone([protocol], get("/"));
    await readHead(peer);
    assertEquals((await readChunks(peer)).chunks, ["begin", ...last === "" ? [] : [last]]);
  }
});

Deno.test("a body without a byte is the last chunk alone", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, []);
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], get("/") + get("/"));
  for (let i = 0; i < 2; i++) {
    await readHead(peer);
    assertEquals(await readChunks(peer), { chunks: [], trailers: "" });
  }
});

Deno.test("a chunk of any size is one piece with its frame, and arrives as it was written", async () => {
  const sizes = [1, 15, 16, 1019, 1024, 4096, 65_536, 72 * 1024 - 8, 72 * 1024, 300_000];
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, []);
    for (const size of sizes) wsi.write(new Uint8Array(size).fill(size % 251), "http");
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], get("/"));
  await readHead(peer);
  const { chunks } = await readChunks(peer);
  assertEquals(chunks.map((each) => each.length), sizes);
  for (const each of chunks) {
    assertEquals(each, String.fromCharCode(each.length % 251).repeat(each.length));
  }
});

Deno.test("an answer to HEAD and to a client that closes is framed as any other", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, []);
    assertEquals(wsi.write("body", "http"), 4, "counted");
    return wsi.httpTransactionCompleted({ trailers: [["x-sum", "1"]] });
  });
  await using served = serve([protocol]);
  const peer = await served.dial(request("HEAD", "/") + get("/", "Connection: close"));
  assertEquals(statusOf(await readHead(peer)), 200);
  const head = await readHead(peer);
  assertEquals(fieldOf(head, "transfer-encoding"), "chunked");
  assertEquals(fieldOf(head, "connection"), "close");
  assertEquals(await readChunks(peer), { chunks: ["body"], trailers: "x-sum: 1\n" });
  assertEquals((await peer.readToEnd()).length, 0);
});

// Trailers (RFC 9110 section 6.5).

Deno.test("trailers come behind the last chunk", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, [["trailer", "x-sum"]]);
    wsi.write("body", "http");
    return wsi.httpTransactionCompleted({ trailers: [["x-sum", "abc"], ["x-time", "3 ms"]] });
  });
  await using peer = await dialAlone([protocol], get("/") + get("/"));
  for (let i = 0; i < 2; i++) {
    assertEquals(fieldOf(await readHead(peer), "trailer"), "x-sum");
    assertEquals((await readChunks(peer)).trailers, "x-sum: abc\nx-time: 3 ms\n");
  }
});

const BAD_TRAILERS: readonly [trailers: unknown, named: string][] = [
  [[["content-length", "4"]], "content-length"],
  [[["Transfer-Encoding", "chunked"]], "Transfer-Encoding"],
  [[["host", "x"]], "host"],
  [[["set-cookie", "a=b"]], "set-cookie"],
  [[["content-type", "text/html"]], "content-type"],
  [[["x-a", "b\r\nx-c: d"]], "x-a"],
  [[["x a", "b"]], "x a"],
  [["x-a: b"], "trailers"],
  ["x-a", "trailers"],
  [5, "trailers"],
];

for (const [trailers, named] of BAD_TRAILERS) {
  Deno.test(`trailers ${JSON.stringify(trailers)} are refused by name, and the body can go on`, async () => {
    const protocol = answeredBy((wsi) => {
      wsi.writeHttpHeaders(200, []);
      const error = assertThrows(
        () => wsi.httpTransactionCompleted({ trailers: trailers as [] }),
        LwsError,
        named,
      );
      assertEquals(error.code, "invalid-argument");
      wsi.write("all", "httpFinal");
    });
    await using peer = await dialAlone([protocol], get("/"));
    await readHead(peer);
    assertEquals(await readChunks(peer), { chunks: ["all"], trailers: "" });
  });
}

Deno.test("trailers have no place behind a body with a length, its own chunks, or none", async () => {
  const heads: readonly [status: number, fields: [string, string][]][] = [
    [200, [["content-length", "0"]]],
    [200, [["transfer-encoding", "chunked"]]],
    [204, []],
  ];
  for (const [status, fields] of heads) {
    const protocol = answeredBy((wsi) => {
      wsi.writeHttpHeaders(status, fields);
      if (fields[0]?.[0] === "transfer-encoding") wsi.write("0\r\n\r\n", "http");
      const trailers: [string, string][] = [["x-sum", "1"]];
      const error = assertThrows(() => wsi.httpTransactionCompleted({ trailers }), LwsError);
      assertEquals(error.code, "invalid-argument");
      return wsi.httpTransactionCompleted();
    });
    await using peer = await dialAlone([protocol], get("/") + get("/"));
    assertEquals(statusOf(await readHead(peer)), status);
    if (fields[0]?.[0] === "transfer-encoding") await readChunks(peer);
    assertEquals(statusOf(await readHead(peer)), status, "the connection stays");
  }
});

Deno.test("a client of HTTP/1.0 gets no chunks and no trailers, but the end of the connection", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, []);
    wsi.write("body", "http");
    return wsi.httpTransactionCompleted({ trailers: [["x-sum", "1"]] });
  });
  await using served = serve([protocol]);
  const peer = await served.dial("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const head = await readHead(peer);
  assertEquals(fieldOf(head, "transfer-encoding"), undefined);
  assertEquals(fieldOf(head, "connection"), "close");
  assertEquals(decoder.decode(await peer.readToEnd()), "body");
  assertEquals(peer.ended, true);
});

// Bodies that are cut in the middle.

type Cutter = (wsi: Wsi, served: ReturnType<typeof serve>) => number | void | Promise<void>;

const CUTTERS: Record<string, Cutter> = {
  "a throw": () => {
    throw new Error("on purpose");
  },
  "a rejection": () => Promise.reject(new Error("on purpose")),
  "a returned -1": () => -1,
  "a returned 1": () => 1,
  "close()": (wsi) => void wsi.close(),
  "a timeout": (wsi, { clock }) => {
    setImmediate(() => {
      wsi.setTimeout("httpContent", 10);
      clock.advance(11_000);
    });
  },
  "destroy": (_wsi, { context }) => void setImmediate(() => void context.destroy()),
  "more than maxUnsentBytes": (wsi) => void wsi.write(new Uint8Array(5000), "http"),
  "hangupOnClient": (wsi) => void wsi.context.hangupOnClient(wsi.socketFd),
};

for (const [name, cut] of Object.entries(CUTTERS)) {
  for (const version of ["1.1", "1.0"]) {
    Deno.test(`a body to HTTP/${version} that ${name} cuts doesn't end like a whole one`, async () => {
      using _log = captureLog([]);
      const protocol = answeredBy((wsi) => {
        wsi.writeHttpHeaders(200, []);
        wsi.write("the beginning", "http");
        return cut(wsi, served) as number;
      });
      await using served = serve([protocol], { maxUnsentBytes: 4096 });
      const peer = await served.dial();
      if (name === "more than maxUnsentBytes") peer.transport.stopReading();
      peer.send(version === "1.0" ? GET_1_0 : get("/"));
      await settle();
      peer.transport.startReading();
      const answer = decoder.decode(await peer.readToEnd());
      if (version === "1.1") assert(!answer.includes("\r\n0\r\n"), answer);
      else assertEquals([peer.ended, String(await peer.closed).includes("reset")], [false, true]);
    });
  }
}

Deno.test("an unread rest of a whole body to HTTP/1.0 is cut by a reset", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.writeHttpHeaders(200, []);
    wsi.write(new Uint8Array(300_000), "http");
    return wsi.httpTransactionCompleted();
  });
  await using served = serve([protocol], { sendTimeoutMs: 1000 });
  const peer = await served.dial();
  peer.transport.stopReading();
  peer.send(GET_1_0);
  await settle();
  await served.pass(1100);
  peer.transport.startReading();
  await peer.readToEnd();
  assertEquals([peer.ended, String(await peer.closed).includes("reset")], [false, true]);
});

// What contradicts itself.

const BAD_HEADS: readonly [status: number, fields: [string, unknown][], named: string][] = [
  [200, [["content-length", "3"], ["Content-Length", "3"]], "two of content-length"],
  [200, [["content-length", "3, 3"]], 'content-length is "3, 3"'],
  [200, [["content-length", "-1"]], 'content-length is "-1"'],
  [200, [["content-length", "+1"]], 'content-length is "+1"'],
  [200, [["content-length", "1.5"]], 'content-length is "1.5"'],
  [200, [["content-length", ""]], 'content-length is ""'],
  [200, [["content-length", "9007199254740992"]], "content-length is"],
  [200, [["content-length", 3]], "content-length"],
  [200, [["content-length", "3"], ["transfer-encoding", "chunked"]], "beside transfer-encoding"],
  [200, [["transfer-encoding", "gzip"]], "transfer-encoding"],
  [200, [["transfer-encoding", "chunked, gzip"]], "transfer-encoding"],
  [200, [["transfer-encoding", "chunked"], ["transfer-encoding", "chunked"]], "transfer-encoding"],
  [200, [["date", "x"], ["Date", "y"]], "two of date"],
  [204, [["content-length", "3"]], "content-length: 3 can't stand in a 204"],
  [205, [["content-length", "3"]], "content-length: 3 can't stand in a 205"],
  [204, [["transfer-encoding", "chunked"]], "transfer-encoding can't stand in a 204"],
];

for (const [status, fields, named] of BAD_HEADS) {
  Deno.test(`a ${status} with ${JSON.stringify(fields)} is refused by name, and nothing was sent`, async () => {
    const text = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const protocol = answeredBy((wsi) => {
      const given = fields as [string, string][];
      const error = assertThrows(() => wsi.writeHttpHeaders(status, given), LwsError, named);
      assertEquals(error.code, "invalid-argument");
      if (typeof fields[0]![1] === "string") {
        const byHand = () => wsi.write(`HTTP/1.1 ${status} x\r\n${text}\r\n`, "httpHeaders");
        assertEquals(assertThrows(byHand, LwsError, named).code, "invalid-argument");
      }
      return reply(wsi, 200, "unharmed");
    });
    await using peer = await dialAlone([protocol], get("/") + get("/"));
    assertEquals(await readPage(peer), "unharmed");
    assertEquals(await readPage(peer), "unharmed");
  });
}

Deno.test("transfer-encoding is refused by name where the client speaks HTTP/1.0", async () => {
  const protocol = answeredBy((wsi) => {
    const fields: [string, string][] = [["transfer-encoding", "chunked"]];
    assertThrows(() => wsi.writeHttpHeaders(200, fields), LwsError, "HTTP/1.0");
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assertThrows(() => wsi.write(head, "http"), LwsError, "HTTP/1.0");
    return reply(wsi, 200, "unharmed");
  });
  await using peer = await dialAlone([protocol], GET_1_0);
  assertEquals(await readPage(peer), "unharmed");
});

Deno.test("more bytes than the announced length are refused by name, and nothing is queued", async () => {
  const write = (wsi: Wsi) => {
    assertEquals(wsi.write("hel", "http"), 3);
    const error = assertThrows(() => wsi.write("lo!", "http"), LwsError, "content-length 5");
    assertEquals(error.code, "invalid-state");
    assertEquals(wsi.write("lo", "http"), 2);
    assertThrows(() => wsi.write("!", "httpFinal"), LwsError, "0 are left");
    return wsi.httpTransactionCompleted();
  };
  const heads: ((wsi: Wsi) => unknown)[] = [
    (wsi) => wsi.writeHttpHeaders(200, [["content-length", "5"]]),
    (wsi) => wsi.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "httpHeaders"),
    (wsi) => {
      const head = new HttpHeaderBlock();
      head.addStatus(200);
      head.addContentLength(5);
      wsi.write(head.finalize(), "http");
    },
  ];
  for (const head of heads) {
    await using served = serve([answeredBy((wsi) => (head(wsi), write(wsi)))]);
    const peer = await served.dial(get("/") + get("/"));
    for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "hello");
  }
});

Deno.test("fewer bytes than announced at completion reset the connection, with a warn line", async () => {
  using log = captureLog();
  const heads: ((wsi: Wsi) => unknown)[] = [
    (wsi) => wsi.writeHttpHeaders(200, [["content-length", "5"]]),
    (wsi) => wsi.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "httpHeaders"),
  ];
  for (const head of heads) {
    const protocol = answeredBy((wsi) => {
      head(wsi);
      wsi.write("hel", "http");
      assertEquals(wsi.httpTransactionCompleted(), 1);
    });
    await using peer = await dialAlone([protocol], get("/some/path") + get("/next"));
    await peer.readToEnd();
    assertEquals([peer.ended, String(await peer.closed).includes("reset")], [false, true]);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "warn: ");
    assertStringIncludes(log.lines[0]!, "GET /some/path has 2 bytes fewer than its content-length");
    log.lines.length = 0;
  }
});

for (const status of [204, 205, 304]) {
  Deno.test(`a body behind a ${status} is refused by name, and an empty one is none`, async () => {
    const protocol = answeredBy((wsi) => {
      wsi.writeHttpHeaders(status, [["content-length", "0"]]);
      assertEquals(wsi.write("", "http"), 0);
      const error = assertThrows(() => wsi.write("x", "http"), LwsError, String(status));
      assertEquals(error.code, "invalid-state");
      return wsi.httpTransactionCompleted();
    });
    await using peer = await dialAlone([protocol], get("/") + get("/"));
    for (let i = 0; i < 2; i++) {
      const head = await readHead(peer);
      assertEquals(statusOf(head), status);
      assertEquals(fieldOf(head, "content-length"), status === 204 ? undefined : "0");
      assertEquals(fieldOf(head, "transfer-encoding"), undefined);
    }
  });
}

Deno.test("returnHttpStatus(205) has no page, and says so", async () => {
  const protocol = answeredBy((wsi) => (wsi.returnHttpStatus(205), wsi.httpTransactionCompleted()));
  await using peer = await dialAlone([protocol], get("/") + get("/"));
  for (let i = 0; i < 2; i++) {
    const { head, body } = await readResponse(peer);
    assertEquals([statusOf(head), fieldOf(head, "content-length"), body], [205, "0", ""]);
  }
});

Deno.test("a program's date is the only one, and its connection: close is obeyed", async () => {
  const protocol = answeredBy((wsi) => {
    const fields: [string, string][] = [["Date", "once"], ["Connection", "x-hop, Close"]];
    wsi.writeHttpHeaders(200, [...fields, ["content-length", "0"]]);
    assertEquals(wsi.httpTransactionCompleted(), 1);
  });
  await using served = serve([protocol]);
  for (const lines of [[], ["Connection: close"]]) {
    const peer = await served.dial(get("/", ...lines));
    const head = await readHead(peer);
    assertEquals(head.match(/^date:.*$/gim), ["Date: once"]);
    assertEquals(head.match(/^connection:.*$/gim), ["connection: x-hop, close"]);
    assertEquals((await peer.readToEnd()).length, 0);
  }
});

// Heads that programs write by themselves.

Deno.test("a head by hand in any pieces is read, and its length is kept", async () => {
  const whole = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" +
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (let split = 1; split < whole.length; split += 3) {
    const protocol = answeredBy((wsi) => {
      for (const part of [whole.slice(0, split), whole.slice(split)]) {
        assertEquals(wsi.write(part, "http"), part.length);
      }
      assertThrows(() => wsi.write("!", "http"), LwsError, "content-length 5");
      return wsi.httpTransactionCompleted();
    });
    await using peer = await dialAlone([protocol], get("/") + get("/"));
    for (let i = 0; i < 2; i++) {
      assertEquals(statusOf(await readHead(peer)), 103);
      assertEquals((await readResponse(peer)).body, "hello");
    }
  }
});

Deno.test("chunks by hand are followed: whole ones keep the connection, others are refused or cut", async () => {
  using log = captureLog();
  const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  let bodies: string[] = [];
  const protocol = answeredBy((wsi) => {
    wsi.write(HEAD, "httpHeaders");
    for (const each of bodies) wsi.write(each, "http");
    return wsi.httpTransactionCompleted();
  });
  await using served = serve([protocol]);
  const peer = await served.dial();
  bodies = ["3\r\nab", "c\r\n2\r\nde\r\n", "0\r\nx-sum: 1\r\n\r\n"];
  peer.send(get("/") + get("/"));
  for (let i = 0; i < 2; i++) {
    await readHead(peer);
    assertEquals(await readChunks(peer), { chunks: ["abc", "de"], trailers: "x-sum: 1\n" });
  }
  bodies = ["3\r\nabc\r\n"];
  peer.send(get("/"));
  await peer.readToEnd();
  assertEquals(String(await peer.closed).includes("reset"), true);
  assertStringIncludes(log.lines[0]!, "warn: ");
  for (bodies of [["hello"], ["0\r\n\r\n", "more"]]) {
    log.lines.length = 0;
    await (await served.dial(get("/"))).readToEnd();
    assertStringIncludes(log.lines[0]!, "transfer-encoding in the program's head");
  }
});

Deno.test("a head by hand without a length is ended by the connection, which the program may close", async () => {
  for (const way of ["complete", "return", "close"]) {
    const protocol = answeredBy((wsi) => {
      wsi.write("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nall ", "http");
      wsi.write("there is", "http");
      if (way === "complete") assertEquals(wsi.httpTransactionCompleted(), 1);
      if (way === "close") wsi.close();
      return way === "return" ? -1 : 0;
    });
    await using peer = await dialAlone([protocol], get("/"));
    await readHead(peer);
    assertEquals(decoder.decode(await peer.readToEnd()), "all there is");
    assertEquals(peer.ended, true, way);
  }
});

Deno.test("a head by hand that says connection: close is obeyed", async () => {
  const protocol = answeredBy((wsi) => {
    wsi.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\n", "httpHeaders");
    wsi.write("ok", "http");
    assertEquals(wsi.httpTransactionCompleted(), 1);
  });
  await using peer = await dialAlone([protocol], get("/"));
  assertEquals((await readResponse(peer)).body, "ok");
  assertEquals((await peer.readToEnd()).length, 0);
});

Deno.test("a throw behind a head by hand without a length resets the connection", async () => {
  using _log = captureLog([]);
  const protocol = answeredBy((wsi) => {
    wsi.write("HTTP/1.1 200 OK\r\n\r\nthe beginning", "http");
    throw new Error("on purpose");
  });
  await using peer = await dialAlone([protocol], get("/"));
  await peer.readToEnd();
  assertEquals([peer.ended, String(await peer.closed).includes("reset")], [false, true]);
});

Deno.test("an answer by hand to HEAD is its head alone, wherever the body stands", async () => {
  const protocol = answeredBy((wsi) => {
    assertEquals(wsi.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", "http"), 40);
    assertEquals(wsi.write("llo", "http"), 3);
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], request("HEAD", "/") + get("/"));
  assertEquals(statusOf(await readHead(peer)), 200);
  assertEquals((await readResponse(peer)).body, "hello");
});

Deno.test("what is no HTTP goes out as it is", async () => {
  for (const text of ["just text", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok"]) {
    const protocol = answeredBy((wsi) => {
      assertEquals(wsi.write(text, "http"), text.length);
      return wsi.httpTransactionCompleted();
    });
    await using peer = await dialAlone([protocol], get("/"));
    assertEquals(decoder.decode(await peer.readBytes(text.length)), text);
  }
});

for (const method of ["GET", "HEAD"]) {
  Deno.test(`no answer follows what is no HTTP, which ${method} would take it for`, async () => {
    const results: number[] = [];
    const protocol = answeredBy((wsi) => {
      results.push(wsi.write("just text", "http"), wsi.httpTransactionCompleted());
    });
    await using peer = await dialAlone([protocol], request(method, "/") + get("/next"));
    assertEquals(decoder.decode(await peer.readToEnd()), method === "GET" ? "just text" : "");
    assertEquals([peer.ended, results], [true, [9, 1]]);
  });
}

Deno.test("httpHeaders behind writeHttpHeaders are refused by name", async () => {
  await using served = serve([named("http", {
    http(wsi) {
      wsi.writeHttpHeaders(200, [["content-length", "2"]]);
      const error = assertThrows(() => wsi.write("x-a: b\r\n", "httpHeaders"), LwsError, "head");
      assertEquals(error.code, "invalid-state");
      wsi.write("ok", "httpFinal");
    },
  })]);
  assertEquals((await readResponse(await served.dial(get("/")))).body, "ok");
});

// Fields of pages, and interim answers.

Deno.test("returnHttpStatus takes fields, and those of its page can be replaced", async () => {
  const protocol = answeredBy((wsi) => {
    const length: [string, string][] = [["content-length", "3"]];
    assertThrows(() => wsi.returnHttpStatus(200, "", length), LwsError, "two of content-length");
    assertThrows(() => wsi.returnHttpStatus(200, "", "x" as never), LwsError, "headers");
    return reply(wsi, 405, "<p>Only GET.", [["Allow", "GET, HEAD"], ...replaced]);
  });
  let replaced: [string, string][] = [];
  await using peer = await dialAlone([protocol], get("/"));
  const { head, body } = await readResponse(peer);
  assertEquals(fieldOf(head, "allow"), "GET, HEAD");
  assertEquals(fieldOf(head, "x-content-type-options"), "nosniff");
  assertEquals(fieldOf(head, "content-type"), "text/html; charset=utf-8");
  assertStringIncludes(body, "<p>Only GET.");
  replaced = [["Content-Type", "text/plain"], ["X-Content-Type-Options", "none"]];
  peer.send(get("/"));
  const { head: other } = await readResponse(peer);
  assertEquals(other.match(/^content-type:.*$/gim), ["Content-Type: text/plain"]);
  assertEquals(other.match(/^x-content-type-options:.*$/gim), ["X-Content-Type-Options: none"]);
});

Deno.test("a 426 names the upgrade, and its connection field does so as well", async () => {
  const protocol = answeredBy((wsi) => {
    return reply(wsi, 426, undefined, fields);
  });
  let fields: [string, string][] = [];
  await using peer = await dialAlone([protocol], get("/"));
  const { head } = await readResponse(peer);
  assertEquals([fieldOf(head, "upgrade"), fieldOf(head, "connection")], ["websocket", "upgrade"]);
  fields = [["Upgrade", "x/1"], ["Connection", "Upgrade"]];
  peer.send(get("/", "Connection: close"));
  const { head: other } = await readResponse(peer);
  assertEquals([fieldOf(other, "upgrade"), fieldOf(other, "connection")], [
    "x/1",
    "Upgrade, close",
  ]);
});

Deno.test("a status without the field that it must have is told of once, and sent all the same", async () => {
  using log = captureLog(["notice"]);
  const needed = { 301: "location", 401: "www-authenticate", 405: "allow", 308: "location" };
  const protocol = answeredBy((wsi) => {
    const status = Number(wsi.uri.slice(1));
    if (wsi.hdrCopy("x-how") === "head") wsi.writeHttpHeaders(status, [["content-length", "0"]]);
    else wsi.returnHttpStatus(status);
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol]);
  for (const [status, name] of Object.entries(needed)) {
    for (const how of ["page", "head"]) {
      peer.send(get(`/${status}`, `X-How: ${how}`));
      assertEquals(statusOf((await readResponse(peer)).head), Number(status));
    }
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines.pop()!, `the ${status} to GET /${status} has no ${name}`);
  }
});

Deno.test("early hints come before the answer, as often as the program wants", async () => {
  const results: number[] = [];
  const protocol = answeredBy((wsi) => {
    const hints: [string, string][] = [["link", "</a.css>; rel=preload"]];
    results.push(wsi.writeEarlyHints(hints), wsi.writeEarlyHints(hints));
    for (const name of ["content-length", "transfer-encoding", "connection", "x y"]) {
      assertThrows(() => wsi.writeEarlyHints([[name, "1"]]), LwsError, name);
    }
    wsi.returnHttpStatus(200, "page");
    results.push(wsi.writeEarlyHints(hints));
    return wsi.httpTransactionCompleted();
  });
  await using peer = await dialAlone([protocol], get("/"));
  for (let i = 0; i < 2; i++) {
    assertEquals(
      await readHead(peer),
      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
    );
  }
  assertEquals(await readPage(peer), "page");
  peer.send("GET / HTTP/1.0\r\n\r\n");
  assertEquals(await readPage(peer), "page", "HTTP/1.0 knows none");
  assertEquals(results, [0, 0, -1, -1, -1, -1]);
});
