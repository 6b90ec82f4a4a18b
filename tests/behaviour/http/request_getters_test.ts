/** What programs read of a request: its target, its fields, its cookies and its arguments. */

import { assertEquals, assertThrows } from "@std/assert";
import { LwsError, type Protocol, type TokenLimits, type Wsi } from "../../../mod.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { reply, request } from "../../support/http.ts";
import { handshake, readHead, readResponse, serve, settle } from "../../support/serve.ts";

/** What `read` makes of a request in the `http` callback. */
async function ask<T>(
  read: (wsi: Wsi) => T,
  text: string,
  tokenLimits: TokenLimits = {},
): Promise<{ seen: T; wsi: Wsi }> {
  const seen: { seen: T; wsi: Wsi }[] = [];
  const protocol: Protocol = {
    name: "http",
    callback(wsi, reason, _user, _data) {
      if (reason !== "http") return;
      seen.push({ seen: read(wsi), wsi });
      return reply(wsi);
    },
  };
  await using served = serve([protocol], { tokenLimits });
  const peer = await served.dial(text);
  await readResponse(peer);
  peer.close();
  return seen[0]!;
}

/** Everything that a request is asked for here. */
function everything(wsi: Wsi): unknown {
  return {
    rawUri: wsi.rawUri,
    names: wsi.headerNames(),
    values: wsi.hdrValues("cookie"),
    cookie: wsi.cookie("a"),
    arg: wsi.uriArg("x"),
    args: wsi.uriArgs("x"),
    version: wsi.hdrCopy("http"),
  };
}

const NOTHING = {
  rawUri: "",
  names: [],
  values: [],
  cookie: undefined,
  arg: undefined,
  args: [],
  version: undefined,
};

Deno.test("rawUri is the target as sent, where uri is the path that it names", async () => {
  const targets: [string, string][] = [
    ["/", "/"],
    ["/x/../a%2Fc?x=%41", "/a/c"],
    ["/a%2fb", "/a/b"],
    ["//a/./b?", "/a/b"],
    ["/?a?b", "/"],
    ["http://localhost/%7Eme?x", "/~me"],
    ["http://localhost?x", "/"],
  ];
  for (const [target, uri] of targets) {
    const { seen } = await ask((wsi) => [wsi.rawUri, wsi.uri], request("GET", target));
    assertEquals(seen, [target, uri]);
  }
  const { seen } = await ask((wsi) => [wsi.rawUri, wsi.uri], request("OPTIONS", "*"));
  assertEquals(seen, ["*", "*"]);
});

Deno.test("headers are named in the order in which they came first", async () => {
  const lines = ["X-B: 1", "Cookie: a=1", "x-b: 2", "A: 3", "COOKIE: b=2", "__proto__: 4"];
  const read = (wsi: Wsi) => [
    wsi.headerNames(),
    wsi.headerNames().map((name) => wsi.hdrValues(name)),
  ];
  const { seen } = await ask(read, request("GET", "/?x", ...lines));
  assertEquals(seen, [
    ["host", "x-b", "cookie", "a", "__proto__"],
    [["localhost"], ["1", "2"], ["a=1", "b=2"], ["3"], ["4"]],
  ]);
});

for (const name of ["Cookie", "Set-Cookie", "Accept", "X-Any", "Via"]) {
  Deno.test(`each line of ${name} can be read, empty ones as well`, async () => {
    const lines = ["one, two", "", "three"].map((value) => `${name}: ${value}`);
    const read = (wsi: Wsi) => [
      wsi.hdrValues(name),
      [0, 1, 2, 3].map((n) => wsi.hdrCopyFragment(name.toLowerCase(), n)),
      wsi.hdrCopy(name),
    ];
    const { seen } = await ask(read, request("GET", "/", ...lines));
    const values = ["one, two", "", "three"];
    assertEquals(seen, [values, [...values, undefined], "one, two, , three"]);
  });
}

Deno.test("what hdrValues gives is the program's own", async () => {
  const read = (wsi: Wsi) => {
    wsi.hdrValues("x-a").push("more");
    wsi.headerNames().push("more");
    return [wsi.hdrValues("x-a"), wsi.headerNames()];
  };
  const { seen } = await ask(read, request("GET", "/", "X-A: 1"));
  assertEquals(seen, [["1"], ["host", "x-a"]]);
});

Deno.test("pseudo tokens have values, and are no names", async () => {
  const read = (wsi: Wsi) =>
    ["uri args", "get uri", "http", "x-none"].map((name) => wsi.hdrValues(name));
  const { seen } = await ask(read, request("GET", "/p?a=1&b%26=2"));
  assertEquals(seen, [["a=1", "b&=2"], ["/p"], ["HTTP/1.1"], []]);
});

Deno.test("a cookie is read by its name", async () => {
  const read = (wsi: Wsi) => ["a", "b", "c", "d"].map((name) => wsi.cookie(name));
  const lines = ['Cookie: a="1"; b=x%20y', "Cookie: b=2; c=3"];
  const { seen } = await ask(read, request("GET", "/", ...lines));
  assertEquals(seen, ['"1"', "x%20y", "3", undefined]);
});

Deno.test("an argument is read by its decoded name, and is decoded", async () => {
  const target = "/?a&b=&c=1&c=2&%64%3d=3%26&e=4=5&f=a+b&%c3%bc=%C3%9C&%zz=%&=g&&__proto__=6";
  const names = ["a", "b", "c", "d=", "d", "e", "f", "\u00fc", "%zz", "", "g", "__proto__", "C"];
  const read = (wsi: Wsi) => [names.map((name) => wsi.uriArg(name)), wsi.uriArgs("c")];
  const { seen } = await ask(read, request("GET", target));
  const values = ["", "", "1", "3&", undefined, "4=5", "a+b", "\u00dc", "%", "g", undefined, "6"];
  assertEquals(seen, [[...values, undefined], ["1", "2"]]);
});

Deno.test("without a query, or in an empty one, there is no argument", async () => {
  for (const target of ["/", "/?", "/?&&"]) {
    const read = (wsi: Wsi) => [wsi.uriArg(""), wsi.uriArg("a"), wsi.uriArgs("")];
    const { seen } = await ask(read, request("GET", target));
    assertEquals(seen, [undefined, undefined, []], target);
  }
});

Deno.test("token limits count for all that is read of a header", async () => {
  using _log = captureLog([]);
  const read = (wsi: Wsi) => [
    wsi.hdrValues("cookie"),
    [wsi.cookie("a"), wsi.cookie("b"), wsi.cookie("c")],
    wsi.hdrValues("uri args"),
    [wsi.uriArg("x"), wsi.uriArg("yy"), wsi.uriArg("y"), wsi.uriArg("z"), wsi.uriArgs("x")],
    wsi.rawUri,
    wsi.headerNames(),
  ];
  const text = request("GET", "/page?%78=1&yy=234&x=5&z=6", "Cookie: a=1; b=23", "Cookie: c=4");
  const all = ["host", "cookie"];
  const expected: [TokenLimits, unknown][] = [
    [{}, [
      ["a=1; b=23", "c=4"],
      ["1", "23", "4"],
      ["x=1", "yy=234", "x=5", "z=6"],
      ["1", "234", undefined, "6", ["1", "5"]],
      "/page?%78=1&yy=234&x=5&z=6",
      all,
    ]],
    [{ cookie: 8, "uri args": 8, "get uri": 3 }, [
      ["a=1; b=2"],
      ["1", "2", undefined],
      ["x=1", "yy=2"],
      ["1", "2", undefined, undefined, ["1"]],
      "/pa?%78=1&yy",
      all,
    ]],
    [{ cookie: 6, "uri args": 5 }, [
      ["a=1; b"],
      ["1", undefined, undefined],
      ["x=1", "y"],
      ["1", undefined, undefined, undefined, ["1"]],
      "/page?%78=1",
      all,
    ]],
    [{ cookie: 13, "uri args": 13 }, [
      ["a=1; b=23", "c="],
      ["1", "23", ""],
      ["x=1", "yy=234", "x="],
      ["1", "234", undefined, undefined, ["1", ""]],
      "/page?%78=1&yy=234&",
      all,
    ]],
    [{ cookie: 0, "uri args": 0, "get uri": 0 }, [
      [""],
      [undefined, undefined, undefined],
      [""],
      [undefined, undefined, undefined, undefined, []],
      "?",
      all,
    ]],
  ];
  for (const [limits, each] of expected) {
    assertEquals((await ask(read, text, limits)).seen, each, JSON.stringify(limits));
  }
});

Deno.test("when the transaction is completed all of it is gone, but for uri", async () => {
  const text = request("GET", "/p?x=1", "Cookie: a=1");
  const { seen, wsi } = await ask(everything, text);
  assertEquals(seen, {
    rawUri: "/p?x=1",
    names: ["host", "cookie"],
    values: ["a=1"],
    cookie: "1",
    arg: "1",
    args: ["1"],
    version: "HTTP/1.1",
  });
  assertEquals([everything(wsi), wsi.uri], [NOTHING, "/p"]);
});

for (const [text, version] of [["", "HTTP/1.1"], ["1.0", "HTTP/1.0"], ["1.7", "HTTP/1.1"]]) {
  Deno.test(`the version of a request in ${text || "1.1"} is ${version}`, async () => {
    const whole = request("GET", "/").replace("HTTP/1.1", `HTTP/${text || "1.1"}`);
    assertEquals((await ask((wsi) => wsi.hdrCopy("http"), whole)).seen, version);
  });
}

Deno.test("a WebSocket's request can be read until established has returned", async () => {
  const seen: unknown[] = [];
  let kept: Wsi | undefined;
  const chat = record("chat", (wsi, reason, _user, _data) => {
    kept = wsi;
    if (reason === "filterProtocolConnection" || reason === "established") {
      seen.push(everything(wsi));
    }
  });
  await using served = serve([record("http").protocol, chat.protocol]);
  const peer = await served.dial(
    handshake({ path: "/c%2Fd?x=1", protocol: "chat", headers: ["Cookie: a=1"] }),
  );
  await readHead(peer);
  const all = {
    rawUri: "/c%2Fd?x=1",
    names: [
      "host",
      "upgrade",
      "connection",
      "sec-websocket-key",
      "sec-websocket-version",
      "sec-websocket-protocol",
      "cookie",
    ],
    values: ["a=1"],
    cookie: "1",
    arg: "1",
    args: ["1"],
    version: "HTTP/1.1",
  };
  assertEquals(seen, [all, all]);
  assertEquals([everything(kept!), kept!.uri], [NOTHING, "/c/d"]);
});

Deno.test("a client reads the names and the lines of its answer, and nothing of a request", async () => {
  let seen: unknown;
  let last: Wsi | undefined;
  await using served = serve([record("x").protocol]);
  const client = record("x", (wsi, reason, _user, _data) => {
    last = wsi;
    if (reason === "clientFilterPreEstablish") {
      seen = { ...everything(wsi) as object, accept: wsi.hdrValues("Upgrade") };
    }
  });
  served.client([client.protocol]).clientConnect({
    address: "localhost",
    port: 80,
    path: "/?x=1",
    headers: [["Cookie", "a=1"]],
  });
  await client.until("clientEstablished");
  await settle();
  const names = ["upgrade", "connection", "sec-websocket-accept"];
  assertEquals(seen, { ...NOTHING, names, version: "HTTP/1.1", accept: ["websocket"] });
  assertEquals(everything(last!), NOTHING);
});

Deno.test("names that can't be are refused by name", async () => {
  const calls: ((wsi: Wsi) => unknown)[] = [
    (wsi) => wsi.cookie(""),
    (wsi) => wsi.cookie("a=b"),
    (wsi) => wsi.cookie("a;b"),
    (wsi) => wsi.cookie(" a"),
    (wsi) => wsi.cookie(5 as never),
    (wsi) => wsi.uriArg(undefined as never),
    (wsi) => wsi.uriArgs(5 as never),
    (wsi) => wsi.hdrValues("a b"),
    (wsi) => wsi.hdrValues(undefined as never),
  ];
  const read = (wsi: Wsi) =>
    calls.map((call) => assertThrows(() => call(wsi), LwsError).code)
      .filter((code) => code !== "invalid-argument");
  assertEquals((await ask(read, request("GET", "/"))).seen, []);
  const { wsi } = await ask((wsi) => [wsi.cookie("a[0]"), wsi.uriArg("a[0]")], request("GET", "/"));
  for (const call of calls) assertThrows(() => call(wsi), LwsError);
});
