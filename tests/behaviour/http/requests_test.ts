/** What a request says, and for how long. */

import { assert, assertEquals } from "@std/assert";
import { type Wsi } from "../../../mod.ts";
import { answering, fieldOf, get, readPage, reply, request, statusOf } from "../../support/http.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} comes to http with its method, path and headers`, async () => {
    const seen: unknown[] = [];
    await using served = serve([named("http", {
      http(wsi, _user, path) {
        seen.push(path, wsi.uri, wsi.method, wsi.hdrCopy(`${method.toLowerCase()} uri`));
        seen.push(wsi.hdrCopy("uri args"), wsi.isClient, wsi.isSsl);
        return reply(wsi, 200, "page");
      },
    })]);
    const peer = await served.dial(
      request(method, "/a%20b/./c/../d?x=1&y=%20") + request(method, "/next"),
    );
    const head = await readHead(peer);
    assertEquals(statusOf(head), 200);
    const length = Number(fieldOf(head, "content-length"));
    assert(length > 0);
    if (method !== "HEAD") await peer.readBytes(length);
    assertEquals(statusOf(await readHead(peer)), 200, "the next answer follows at once");
    const path = "/a b/d";
    assertEquals(seen.slice(0, 7), [path, path, method, path, "x=1&y= ", false, 0]);
  });
}

Deno.test("OPTIONS * has the path *", async () => {
  const { protocol, paths } = answering();
  await using peer = await dialAlone([protocol], request("OPTIONS", "*"));
  assertEquals(await readPage(peer), "OPTIONS *");
  assertEquals(paths, ["*"]);
});

Deno.test("headers are read in any case, joined when repeated, and bounded by maxLength", async () => {
  const seen: unknown[] = [];
  await using served = serve([named("http", {
    http(wsi) {
      seen.push(
        wsi.hdrCopy("x-one"),
        wsi.hdrCopy("X-ONE", 5),
        wsi.hdrCopy("X-One", 4),
        wsi.hdrTotalLength("x-One"),
        wsi.hdrCopy("x-two"),
        wsi.hdrTotalLength("x-two"),
        wsi.hdrCopy("x-empty"),
        wsi.hdrTotalLength("x-empty"),
        wsi.hdrCopy("x-absent"),
        wsi.hdrTotalLength("x-absent"),
        wsi.hdrCopy("__proto__"),
        wsi.hdrCopy("constructor"),
        wsi.hdrTotalLength("get uri"),
        wsi.hdrCopy("post uri"),
        [...wsi.hdrSnapshot()],
      );
      return reply(wsi);
    },
  })]);
  const peer = await served.dial(
    get("/p?q", "X-One:  12345\t", "X-Two: a", "__proto__: polluted", "x-TWO: b", "X-Empty:"),
  );
  await readPage(peer);
  assertEquals(seen, [
    ...["12345", "12345", undefined, 5, "a, b", 4, "", 0, undefined, 0],
    ...["polluted", undefined, 2, undefined],
    [
      ["get uri", "/p"],
      ["uri args", "q"],
      ["host", "localhost"],
      ["x-one", "12345"],
      ["x-two", "a, b"],
      ["__proto__", "polluted"],
      ["x-empty", ""],
    ],
  ]);
});

Deno.test("headers last until the transaction is completed, and a snapshot longer", async () => {
  let wsi!: Wsi;
  let inCompletion: string | undefined;
  await using served = serve([named("http", {
    http(one) {
      wsi = one;
    },
    httpBodyCompletion(one) {
      inCompletion = one.hdrCopy("x-a");
    },
  })]);
  const peer = await served.dial(request("POST", "/p", "X-A: 1", "Content-Length: 1") + "x");
  await settle();
  assertEquals(inCompletion, "1");
  assertEquals(wsi.hdrCopy("x-a"), "1", "also outside callbacks");
  const kept = wsi.hdrSnapshot();
  wsi.returnHttpStatus(200);
  wsi.httpTransactionCompleted();
  assertEquals(wsi.hdrCopy("x-a"), undefined);
  assertEquals(wsi.hdrTotalLength("x-a"), 0);
  assertEquals(wsi.hdrSnapshot().size, 0);
  assertEquals(wsi.method, "");
  assertEquals(wsi.uri, "/p");
  assertEquals(kept.get("x-a"), "1");
  await readResponse(peer);
});

Deno.test("a handshake's headers and arguments last until established has returned", async () => {
  const seen: unknown[][] = [];
  const note = (reason: string, wsi: Wsi) => {
    const { size } = wsi.hdrSnapshot();
    const [first, second] = [0, 1].map((n) => wsi.hdrCopyFragment("uri args", n));
    seen.push([reason, wsi.hdrCopy("x-a"), wsi.hdrTotalLength("x-a"), size, wsi.uri]);
    seen.push([first, second, wsi.hdrCopy("http")]);
  };
  await using served = serve([named("http", {
    filterProtocolConnection: (wsi) => note("filter", wsi),
    established: (wsi) => note("established", wsi),
    receive: (wsi) => note("receive", wsi),
  })]);
  const socket = await served.open({ path: "/room?a=b%20c&d", headers: ["X-A: 1"] });
  socket.send({ opcode: 1, payload: "later" });
  await settle();
  assertEquals(seen, [
    ["filter", "1", 1, 8, "/room"],
    ["a=b c", "d", "HTTP/1.1"],
    ["established", "1", 1, 8, "/room"],
    ["a=b c", "d", "HTTP/1.1"],
    ["receive", undefined, 0, 0, "/room"],
    [undefined, undefined, undefined],
  ]);
});
