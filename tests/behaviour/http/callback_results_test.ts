/** What callbacks of HTTP return and throw. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Reason, type Wsi } from "../../../mod.ts";
import {
  answering,
  bystander,
  get,
  readPage,
  readRefusal,
  request,
  statusOf,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { dialAlone, readHead, readResponse, serve } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const decoder = new TextDecoder();

const CLOSERS: readonly Reason[] = ["http", "httpBody", "httpBodyCompletion"];

for (const reason of CLOSERS) {
  for (const value of [1, -1]) {
    Deno.test(`${value} from ${reason} closes once what it wrote has left`, async () => {
      const recorder = record("http", (wsi, one, _user, _data) => {
        if (one !== reason) return;
        wsi.writeHttpHeaders(200, [["content-length", "300000"]]);
        wsi.write("x".repeat(300_000), "http");
        return value;
      });
      await using served = serve([recorder.protocol]);
      const peer = await served.dial(
        request("POST", "/", "Content-Length: 1") + "x" + get("/next"),
      );
      assertEquals((await readResponse(peer)).body.length, 300_000);
      assertEquals((await peer.readToEnd()).length, 0);
      peer.close();
      await recorder.until("wsiDestroy");
      assertEquals(recorder.reasons.filter((one) => one === "http").length, 1);
      assertEquals(recorder.reasons.slice(-2), ["closedHttp", "wsiDestroy"]);
    });
  }
}

for (const [value, closes] of [[-1, true], [1, false], [0, false]] as const) {
  Deno.test(`${value} from httpWriteable ${closes ? "closes" : "is ignored"}`, async () => {
    await using served = serve([named("http", {
      http: (wsi) => void wsi.callbackOnWritable(),
      httpWriteable(wsi) {
        wsi.returnHttpStatus(200, wsi.uri);
        wsi.httpTransactionCompleted();
        return value;
      },
    })]);
    const peer = await served.dial(get("/1") + get("/2"));
    assertEquals(await readPage(peer), "/1");
    if (closes) assertEquals((await peer.readToEnd()).length, 0);
    else assertEquals(await readPage(peer), "/2");
  });
}

for (const reason of ["filterHttpConnection", "http", "httpBody", "httpBodyCompletion"] as const) {
  Deno.test(`a callback that throws in ${reason} costs its own connection, with 500 and a log line`, async () => {
    using log = captureLog();
    await using served = serve([named("thrower", {
      [reason](wsi: Wsi) {
        if (wsi.uri !== "/bystander") throw new Error("on purpose");
        wsi.returnHttpStatus(200);
        wsi.httpTransactionCompleted();
      },
      ...(reason === "http" ? {} : {
        http(wsi: Wsi) {
          if (wsi.uri !== "/bystander") return;
          wsi.returnHttpStatus(200);
          wsi.httpTransactionCompleted();
        },
      }),
      ...(reason === "filterHttpConnection"
        ? {
          filterHttpConnection(wsi: Wsi) {
            if (wsi.uri !== "/bystander") throw new Error("on purpose");
          },
        }
        : {}),
    })]);
    const other = await bystander(served);
    const peer = await served.dial(request("POST", "/", "Content-Length: 1") + "x" + get("/next"));
    assertEquals((await readRefusal(peer)).status, 500);
    await other.check();
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, `err: thrower: ${reason} threw: Error: on purpose`);
  });
}

Deno.test("a callback that throws in the middle of its answer cuts the answer short", async () => {
  using _log = captureLog([]);
  await using served = serve([named("http", {
    http(wsi) {
      wsi.writeHttpHeaders(200, [["content-length", "5"]]);
      wsi.write("he", "http");
      throw new Error("on purpose");
    },
  })]);
  const peer = await served.dial(get("/") + get("/"));
  await readHead(peer);
  assertEquals(decoder.decode(await peer.readToEnd()), "he");
});

Deno.test("filterHttpConnection refuses with 403 or its own answer, and http never comes", async () => {
  for (const own of [false, true]) {
    const recorder = record("http", (wsi, reason, _user, data) => {
      if (reason !== "filterHttpConnection") return;
      assertEquals(data, "/secret");
      assertEquals(wsi.hdrCopy("x-a"), "1");
      if (own) wsi.returnHttpStatus(401, "who are you?");
      return 1;
    });
    await using served = serve([recorder.protocol]);
    const peer = await served.dial(get("/secret", "X-A: 1") + get("/next"));
    assertEquals((await readRefusal(peer)).status, own ? 401 : 403);
    assert(!recorder.reasons.includes("http"));
  }
});

Deno.test("filterHttpConnection may answer by itself, and the next request is served", async () => {
  const { protocol: inner, paths } = answering();
  await using served = serve([{
    ...inner,
    callback(...args) {
      const [wsi, reason, , data] = args;
      if (reason === "filterHttpConnection" && data === "/moved") {
        wsi.writeHttpHeaders(301, [["location", "/"], ["content-length", "0"]]);
        wsi.httpTransactionCompleted();
        return 0;
      }
      return inner.callback(...args);
    },
  }]);
  const peer = await served.dial(get("/moved") + get("/next"));
  assertEquals(statusOf(await readHead(peer)), 301);
  assertEquals(await readPage(peer), "GET /next");
  // The body that nobody reads is no request.
  peer.send(request("POST", "/moved", `Content-Length: ${get("/x").length}`) + get("/x"));
  peer.send(get("/last"));
  assertEquals(statusOf(await readHead(peer)), 301);
  assertEquals(await readPage(peer), "GET /last");
  assertEquals(paths, ["/next", "/last"]);
});

Deno.test("close in filterHttpConnection is the end, and http never comes", async () => {
  const recorder = record("http", (wsi, reason, _user, _data) => {
    if (reason === "filterHttpConnection") assertEquals(wsi.close(), 0);
  });
  await using peer = await dialAlone([recorder.protocol], get("/"));
  assertEquals((await peer.readToEnd()).length, 0);
  peer.close();
  await recorder.until("wsiDestroy");
  assert(!recorder.reasons.includes("http"));
});
