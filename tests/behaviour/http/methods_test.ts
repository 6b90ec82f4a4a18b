/** Which methods reach the program, by the option `methods`. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ContextCreationInfo, createContext, LwsError, type Wsi } from "../../../mod.ts";
import { HEADER_TOKENS } from "../../../mod.ts";
import {
  answering,
  fieldOf,
  readPage,
  readRefusal,
  reply,
  request,
  statusOf,
} from "../../support/http.ts";
import { record } from "../../support/recorder.ts";
import { dialAlone, handshake, readHead, readResponse, serve } from "../../support/serve.ts";

/** The status of each request, each on a connection of its own. */
async function statuses(
  methods: ContextCreationInfo["methods"],
  requests: readonly string[],
): Promise<number[]> {
  const { protocol } = answering();
  await using served = serve([protocol], methods === undefined ? {} : { methods });
  const all: number[] = [];
  for (const each of requests) {
    const peer = await served.dial(each);
    all.push(statusOf(await readHead(peer)));
    peer.close();
  }
  return all;
}

const KINDS = ["GET", "HEAD", "POST", "PROPFIND", "TRACE", "get", "CONNECT"];

for (
  const [methods, expected] of [
    [undefined, [200, 200, 200, 501, 501, 501, 501]],
    ["any", [200, 200, 200, 200, 200, 200, 501]],
    [["GET", "PROPFIND"], [200, 501, 501, 200, 501, 501, 501]],
  ] as const
) {
  Deno.test(`with methods ${JSON.stringify(methods)} only what it says reaches the program`, async () => {
    const requests = KINDS.map((method) =>
      request(method, method === "CONNECT" ? "x:1" : "/", "Content-Length: 0")
    );
    assertEquals(await statuses(methods, requests), [...expected]);
  });
}

Deno.test("methods of all kinds follow each other on one connection, with their bodies", async () => {
  const { protocol, paths } = answering();
  await using served = serve([protocol], { methods: "any" });
  const peer = await served.dial(
    request("PROPFIND", "/a", "Content-Length: 5") + "hello" +
      request("BREW", "/b") +
      request("M-SEARCH", "/c", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n" +
      request("OPTIONS", "*") + request("GET", "/d"),
  );
  const pages = ["PROPFIND /a hello", "BREW /b", "M-SEARCH /c abc", "OPTIONS *", "GET /d"];
  for (const page of pages) assertEquals(await readPage(peer), page);
  assertEquals(paths, ["/a", "/b", "/c", "*", "/d"]);
});

Deno.test("a method that is no token is 400 with any, and nothing behind it is read", async () => {
  const { protocol, paths } = answering();
  await using served = serve([protocol], { methods: "any" });
  for (const method of ["G(T", "GET:", "G\tT", "\xe9T", '"GET"', "GET,POST", "G\0T", "{}"]) {
    const peer = await served.dial(
      Uint8Array.from(request(method, "/"), (each) => each.charCodeAt(0)),
    );
    assertEquals((await readRefusal(peer)).status, 400, method);
  }
  assertEquals(paths, []);
});

Deno.test("only the common methods have a token of their own", async () => {
  const seen: unknown[] = [];
  const { protocol } = record("http", (wsi, reason, _user, _data) => {
    if (reason !== "http") return;
    seen.push([wsi.method, wsi.uri, HEADER_TOKENS.filter((each) => isUriOf(wsi, each))]);
    return reply(wsi);
  });
  const isUriOf = (wsi: Wsi, token: string) =>
    token.endsWith(" uri") && wsi.hdrCopy(token) !== undefined;
  await using peer = await dialAlone([protocol], undefined, { methods: "any" });
  const methods = ["PATCH", "DELETE", "OPTIONS", "HEAD", "PUT", "patch", "CLIENT", "PROPFIND"];
  for (const method of methods) {
    peer.send(request(method, "/x"));
    if (method === "HEAD") await readHead(peer);
    else await readResponse(peer);
  }
  const own = methods.map((method, i) => i < 5 ? [`${method.toLowerCase()} uri`] : []);
  assertEquals(seen, methods.map((method, i) => [method, "/x", own[i]]));
});

Deno.test("a WebSocket begins with GET alone, whatever methods are taken", async () => {
  await using served = serve([record("x").protocol], { methods: "any" });
  assertStringIncludes(await readHead(await served.dial(handshake())), "HTTP/1.1 101 ");
  for (const method of ["PROPFIND", "get"]) {
    const other = await served.dial(handshake().replace("GET", method));
    const { status, head } = await readRefusal(other);
    assertEquals([status, fieldOf(head, "allow")], [405, "GET"]);
  }
});

for (
  const [named, methods] of [
    ["methods is", "all"],
    ["methods is", ["POST"]],
    ["methods is", []],
    ["methods is", {}],
    ["methods is", null],
    ["methods[1]", ["GET", "A B"]],
    ["methods[1]", ["GET", ""]],
    ["methods[0]", [null, "GET"]],
    ["methods[0]", [5, "GET"]],
    ["methods[2]", ["GET", "POST", "CONNECT"]],
    ["methods[1]", ["GET", "PRI"]],
    ["methods[1]", ["GET", "M".repeat(33)]],
  ] as const
) {
  Deno.test(`methods ${JSON.stringify(methods)} is refused by name`, () => {
    const info = { port: -1, protocols: [record("x").protocol], methods } as never;
    assertEquals(assertThrows(() => createContext(info), LwsError, named).code, "invalid-option");
  });
}

Deno.test("what methods the program changes later is nothing to the context", async () => {
  const methods = ["GET"];
  const { protocol } = answering();
  await using served = serve([protocol], { methods });
  methods.push("POST");
  const peer = await served.dial(request("POST", "/", "Content-Length: 0"));
  assertEquals((await readRefusal(peer)).status, 501);
});
