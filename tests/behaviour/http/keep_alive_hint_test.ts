/** What an answer says of how long its connection is kept, and that it is. */

import { assertEquals } from "@std/assert";
import { type ContextCreationInfo, HttpHeaderBlock, type Wsi } from "../../../mod.ts";
import { fieldOf, get, reply, request } from "../../support/http.ts";
import { dialAlone, readHead, readResponse, serve, settle } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const ASKING = "Connection: keep-alive";

const page = named("http", { http: (wsi) => reply(wsi, 200, "page") });

/** The fields of the answer that tell of the connection. */
async function hintOf(
  text: string,
  info: Partial<ContextCreationInfo> = {},
  protocol = page,
): Promise<[connection: string | undefined, keepAlive: string | undefined]> {
  await using peer = await dialAlone([protocol], text, info);
  const head = await readHead(peer);
  peer.close();
  return [fieldOf(head, "connection"), fieldOf(head, "keep-alive")];
}

for (
  const [ms, expected] of [
    [15_000, ["keep-alive", "timeout=15"]],
    [1_999, ["keep-alive", "timeout=1"]],
    [1_000, ["keep-alive", "timeout=1"]],
    [999, [undefined, undefined]],
    [0, [undefined, undefined]],
  ] as const
) {
  Deno.test(`who asks is told of ${ms} ms in whole seconds, if there is one`, async () => {
    assertEquals(await hintOf(get("/", ASKING), { keepAliveTimeoutMs: ms }), [...expected]);
  });
}

Deno.test("who does not ask is told nothing, and who closes hears of that alone", async () => {
  assertEquals(await hintOf(get("/")), [undefined, undefined]);
  assertEquals(await hintOf(get("/", "Connection: x-other")), [undefined, undefined]);
  assertEquals(await hintOf(get("/", "Connection: close")), ["close", undefined]);
  assertEquals(await hintOf(get("/", "Connection: Keep-Alive, close")), ["close", undefined]);
  assertEquals(await hintOf(get("/", ASKING, "Connection: close")), ["close", undefined]);
});

Deno.test("an HTTP/1.0 client that keeps its connection is told as well", async () => {
  assertEquals(await hintOf(`GET / HTTP/1.0\r\n${ASKING}\r\n\r\n`), ["keep-alive", "timeout=15"]);
  assertEquals(await hintOf("GET / HTTP/1.0\r\n\r\n"), ["close", undefined]);
});

Deno.test("an answer that ends its connection tells of no time, whoever ends it", async () => {
  const answering = (answer: (wsi: Wsi) => void) => named("http", { http: (wsi) => answer(wsi) });
  const own = answering((wsi) => {
    wsi.writeHttpHeaders(200, [
      ["content-length", "0"],
      ["connection", "close"],
      ["keep-alive", "timeout=9"],
    ]);
  });
  assertEquals(await hintOf(get("/", ASKING), {}, own), ["close", undefined]);
  assertEquals(await hintOf(request("POST", "/", ASKING, "Content-Length: x")), [
    "close",
    undefined,
  ]);
});

Deno.test("what the program says itself stays, and a head of its own is left alone", async () => {
  const own = named("http", {
    http(wsi, _user, path) {
      if (path === "/raw") {
        const head = new HttpHeaderBlock();
        head.addStatus(200);
        head.addContentLength(0);
        wsi.write(head.finalize(), "httpHeaders");
      } else {
        wsi.writeHttpHeaders(200, [["content-length", "0"], ["keep-alive", "timeout=9, max=5"]]);
      }
      return wsi.httpTransactionCompleted();
    },
  });
  assertEquals(await hintOf(get("/raw", ASKING), {}, own), [undefined, undefined]);
  assertEquals(await hintOf(get("/", ASKING), {}, own), ["keep-alive", "timeout=9, max=5"]);
});

for (const [lines, extraMs] of [[[], 0], [[ASKING], 1_000]] as const) {
  const who = lines.length === 0 ? "that was told nothing" : "that was told";
  Deno.test(`a connection ${who} is kept for keepAliveTimeoutMs and ${extraMs} ms`, async () => {
    await using served = serve([page], { keepAliveTimeoutMs: 7_000 });
    const peer = await served.dial();
    for (let i = 0; i < 2; i++) {
      peer.send(get("/", ...lines));
      await readResponse(peer);
      await settle();
      await served.pass(6_900 + extraMs);
      assertEquals(peer.ended, false);
    }
    served.clock.advance(200);
    await peer.readToEnd();
  });
}

Deno.test("the request that asks last decides, not one before it", async () => {
  await using served = serve([page], { keepAliveTimeoutMs: 7_000 });
  const peer = await served.dial(get("/", ASKING) + get("/"));
  assertEquals(fieldOf((await readResponse(peer)).head, "keep-alive"), "timeout=7");
  assertEquals(fieldOf((await readResponse(peer)).head, "keep-alive"), undefined);
  await settle();
  served.clock.advance(7_100);
  await peer.readToEnd();
});
