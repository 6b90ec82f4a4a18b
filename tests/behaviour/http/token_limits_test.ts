/** What programs read of headers: lengths, pieces, lifetimes, and the limits of a context. */

import { assertEquals, assertThrows } from "@std/assert";
import type { Protocol, TokenLimits, Wsi } from "../../../mod.ts";
import { createContext, LwsError } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { fieldOf, reply, request } from "../../support/http.ts";
import { handshake, readHead, readResponse, serve, settle } from "../../support/serve.ts";

/** Asks with these header lines, and gives what `read` made of them in the `http` callback. */
async function ask<T>(
  read: (wsi: Wsi) => T,
  lines: readonly string[],
  tokenLimits?: TokenLimits,
  target = "/",
): Promise<T> {
  let seen: T | undefined;
  const protocol: Protocol = {
    name: "http",
    callback(wsi, reason, _user, _data) {
      if (reason !== "http") return;
      seen = read(wsi);
      return reply(wsi);
    },
  };
  await using served = serve([protocol], tokenLimits === undefined ? {} : { tokenLimits });
  const peer = await served.dial(request("GET", target, ...lines));
  await readResponse(peer);
  peer.close();
  return seen!;
}

Deno.test("contract 8: a header is told by its length, is absent or too long or there, joined, and gone later", async () => {
  using _log = captureLog([]);
  let kept: Wsi | undefined;
  const read = (wsi: Wsi) => {
    kept = wsi;
    return [
      wsi.hdrTotalLength("x-one"),
      wsi.hdrCopy("x-one"),
      wsi.hdrCopy("x-one", 4),
      wsi.hdrCopy("x-one", 3),
      wsi.hdrTotalLength("x-absent"),
      wsi.hdrCopy("x-absent"),
      wsi.hdrTotalLength("cookie"),
      wsi.hdrCopy("cookie"),
      wsi.hdrTotalLength("user-agent"),
      wsi.hdrCopy("user-agent"),
    ];
  };
  const lines = ["X-One: 1234", "Cookie: a=1", "Cookie: b=2", "User-Agent: me"];
  assertEquals(await ask(read, lines, { "user-agent": 0 }), [
    4,
    "1234",
    "1234",
    undefined,
    0,
    undefined,
    8,
    "a=1, b=2",
    0,
    "",
  ]);
  assertEquals([kept!.hdrTotalLength("x-one"), kept!.hdrCopy("x-one")], [0, undefined]);
});

for (
  const [length, expected, warned] of [[4, "1234", 0], [5, "12345", 0], [6, "12345", 1]] as const
) {
  Deno.test(`of ${length} characters a limit of 5 leaves ${expected.length}`, async () => {
    using log = captureLog(["warn"]);
    const text = "123456".slice(0, length);
    const seen = await ask((wsi) => [wsi.hdrCopy("Referer"), wsi.hdrTotalLength("REFERER")], [
      `Referer: ${text}`,
    ], { referer: 5 });
    assertEquals(seen, [expected, expected.length]);
    assertEquals(log.lines.length, warned);
    if (warned) assertEquals(log.lines[0], "warn: connection 1: header referer is cut from 6 to 5");
  });
}

Deno.test("limits count for snapshots, pieces and pseudo tokens, and for nobody else's headers", async () => {
  using log = captureLog(["warn"]);
  const read = (wsi: Wsi) => {
    const all = wsi.hdrSnapshot();
    return {
      all: [all.get("get uri"), all.get("uri args"), all.get("accept"), all.get("x-more")],
      accept: [0, 1, 2].map((n) => wsi.hdrCopyFragment("accept", n)),
      args: [0, 1, 2].map((n) => wsi.hdrCopyFragment("uri args", n)),
      uri: [wsi.hdrCopyFragment("get uri", 0), wsi.hdrCopyFragment("get uri", 1), wsi.uri],
    };
  };
  const lines = ["Accept: ab", "Accept: cdef", "Accept: gh", "X-More: whole"];
  const limits: TokenLimits = { accept: 6, "uri args": 5, "get uri": 4, range: 0 };
  assertEquals(await ask(read, lines, limits, "/a/page?x=1&yy=2&z=3"), {
    all: ["/a/p", "x=1&y", "ab, cd", "whole"],
    accept: ["ab", "cd", undefined],
    args: ["x=1", "y", undefined],
    uri: ["/a/p", undefined, "/a/page"],
  });
  assertEquals(log.lines.length, 3);
});

Deno.test("a header that is emptied has one piece, an empty one", async () => {
  using _log = captureLog([]);
  const read = (wsi: Wsi) => [0, 1].map((n) => wsi.hdrCopyFragment("accept", n));
  assertEquals(await ask(read, ["Accept: a", "Accept: b"], { accept: 0 }), ["", undefined]);
  assertEquals(await ask(read, ["Accept: a", "Accept: b"], { accept: 3 }), ["a", undefined]);
});

Deno.test("hdrCopyFragment gives the n-th piece: arguments by &, fields by line", async () => {
  const read = (wsi: Wsi) => [
    [0, 1, 2, 3].map((n) => wsi.hdrCopyFragment("uri args", n)),
    [0, 1, 2].map((n) => wsi.hdrCopyFragment("X-List", n)),
    wsi.hdrCopyFragment("x-list", 0, 4),
    wsi.hdrCopyFragment("x-list", 0, 3),
    wsi.hdrCopyFragment("x-absent", 0),
    wsi.hdrCopyFragment("host", 0),
  ];
  assertEquals(await ask(read, ["X-List: a, b", "x-list: c"], undefined, "/p?x=1&&y=%20"), [
    ["x=1", "", "y= ", undefined],
    ["a, b", "c", undefined],
    "a, b",
    undefined,
    undefined,
    "localhost",
  ]);
  assertEquals(await ask((wsi) => wsi.hdrCopyFragment("uri args", 0), []), undefined);
});

Deno.test("arguments of a URI are decoded one by one and as a whole, and + stays", async () => {
  const read = (wsi: Wsi) => [
    wsi.hdrCopy("uri args"),
    wsi.hdrTotalLength("URI args"),
    [...Array(7).keys()].map((n) => wsi.hdrCopyFragment("uri args", n)),
    wsi.hdrSnapshot().get("uri args"),
  ];
  const target = "/p%3Fq?a=1%262+3&b%3Dc=%C3%BC&%2&%zz=100%&%ff&%EF%BB%BFx%0a";
  const pieces = ["a=1&2+3", "b=c=\u00fc", "%2", "%zz=100%", "\ufffd", "\ufeffx\n", undefined];
  const whole = pieces.slice(0, -1).join("&");
  assertEquals(await ask(read, [], undefined, target), [whole, whole.length, pieces, whole]);
});

Deno.test("a limit for arguments counts what they are decoded to", async () => {
  using log = captureLog(["warn"]);
  const read = (wsi: Wsi) => [
    wsi.hdrCopy("uri args"),
    [0, 1, 2].map((n) => wsi.hdrCopyFragment("uri args", n)),
  ];
  const target = "/?%61%62&%63%64&e";
  assertEquals(await ask(read, [], { "uri args": 4 }, target), ["ab&c", ["ab", "c", undefined]]);
  assertEquals(await ask(read, [], { "uri args": 7 }, target), ["ab&cd&e", ["ab", "cd", "e"]]);
  assertEquals(log.lines, ["warn: connection 1: header uri args is cut from 7 to 4"]);
});

Deno.test("the version of a request is read as http, whatever a field of that name says", async () => {
  const read = (wsi: Wsi) => [
    wsi.hdrCopy("http"),
    wsi.hdrTotalLength("HTTP"),
    wsi.hdrCopyFragment("http", 0),
    wsi.hdrCopyFragment("http", 1),
    wsi.hdrCopy("http", 7),
  ];
  const expected = ["HTTP/1.1", 8, "HTTP/1.1", undefined, undefined];
  assertEquals(await ask(read, ["HTTP: 9"]), expected);
});

Deno.test("the handshake sees whole values, whatever the program does", async () => {
  using _log = captureLog([]);
  const seen: (string | undefined)[] = [];
  const chat = record("chat", (wsi, reason, _user, _data) => {
    if (reason !== "filterProtocolConnection") return;
    for (const token of ["sec-websocket-key", "upgrade", "host", "sec-websocket-protocol"]) {
      seen.push(wsi.hdrCopy(token));
    }
  });
  await using served = serve([record("http").protocol, chat.protocol], {
    tokenLimits: { "sec-websocket-key": 0, upgrade: 3, host: 1, "sec-websocket-protocol": 2 },
  });
  const answer = await readHead(await served.dial(handshake({ protocol: "chat" })));
  assertEquals(answer.split(" ")[1], "101");
  assertEquals(fieldOf(answer, "sec-websocket-protocol"), "chat");
  assertEquals(seen, ["", "web", "l", "ch"]);
});

Deno.test("a client's view of the answer is limited too", async () => {
  using log = captureLog(["warn"]);
  const seen: (string | undefined)[] = [];
  await using served = serve([record("x").protocol]);
  const client = record("x", (wsi, reason, _user, _data) => {
    if (reason !== "clientFilterPreEstablish") return;
    seen.push(wsi.hdrCopy("http status"), wsi.hdrCopy("sec-websocket-accept"));
  });
  served.client([client.protocol], { tokenLimits: { "http status": 3, "sec-websocket-accept": 0 } })
    .clientConnect({ address: "localhost", port: 80 });
  await client.until("clientEstablished");
  await settle();
  assertEquals(seen, ["101", ""]);
  assertEquals(log.lines.length, 2);
});

for (
  const [named, tokenLimits] of [
    ["x-none", { "x-none": 1 }],
    ["Host", { Host: 1 }],
    ["host", { host: -1 }],
    ["host", { host: 1.5 }],
    ["host", { host: "1" }],
    ["host", { host: NaN }],
    ["tokenLimits", 5],
    ["tokenLimits", [1]],
  ] as const
) {
  Deno.test(`tokenLimits ${JSON.stringify(tokenLimits)} is refused by name`, () => {
    const info = { port: -1, protocols: [record("x").protocol], tokenLimits } as never;
    assertEquals(assertThrows(() => createContext(info), LwsError, named).code, "invalid-option");
  });
}
