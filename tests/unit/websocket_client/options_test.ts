/** Options: what they come to, and how a wrong one is refused. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import { checkOptions, inOwnNames } from "../../../src/websocket_client/options.ts";
import type { WebSocketOptions } from "../../../src/websocket_client/mod.ts";

const MAX = 64 * 1024 * 1024;
const DEFAULTS = {
  port: -1,
  maxMessageSize: MAX,
  maxFramePayload: MAX,
  maxUnsentBytes: Infinity,
};

Deno.test("without options all is as the defaults say", () => {
  assertEquals(checkOptions({}), {
    settings: { info: DEFAULTS, deflate: {} },
    connect: { headers: [] },
    allowsSelfSigned: false,
    signal: undefined,
  });
});

Deno.test("each option becomes what the context and the connect call it", () => {
  const { signal } = new AbortController();
  const checked = checkOptions({
    headers: { a: "1" },
    origin: "https://example.com",
    proxy: "proxy:3128",
    tls: {
      ca: "A",
      onlyCa: true,
      cert: "C",
      key: "K",
      passphrase: "P",
      serverName: "s",
      allowSelfSigned: true,
    },
    perMessageDeflate: { level: 3 },
    keepAlive: { time: 1, probes: 2, interval: 3 },
    maxMessageSize: 10,
    clientTimeoutMs: 11,
    closeTimeoutMs: 12,
    signal,
  });
  assertEquals(checked, {
    settings: {
      info: {
        ...DEFAULTS,
        maxMessageSize: 10,
        maxFramePayload: 10,
        clientTimeoutMs: 11,
        closeTimeoutMs: 12,
        kaTime: 1,
        kaProbes: 2,
        kaInterval: 3,
        httpProxyAddress: "proxy:3128",
        sslCaFilepath: "A",
        sslCertFilepath: "C",
        sslPrivateKeyFilepath: "K",
        sslPrivateKeyPassword: "P",
        options: { disableOsCaCerts: true },
      },
      deflate: { level: 3 },
    },
    connect: { headers: [["a", "1"]], origin: "https://example.com", serverName: "s" },
    allowsSelfSigned: true,
    signal,
  });
  assertEquals(checkOptions({ keepAlive: false }).settings.info.kaTime, 0);
  assertEquals(checkOptions({ perMessageDeflate: false }).settings.deflate, undefined);
});

Deno.test("headers are a Headers, an object, a Map or pairs", () => {
  const pairs = [["a", "1"], ["b", "2"]] as [string, string][];
  for (const headers of [new Headers(pairs), Object.fromEntries(pairs), pairs]) {
    assertEquals(checkOptions({ headers }).connect.headers, pairs);
  }
  assertEquals(checkOptions({ headers: new Map(pairs) as never }).connect.headers, pairs);
});

Deno.test("an option that is none is refused, with the one that was meant", () => {
  for (
    const [options, message] of [
      [{ header: {} }, "header is no option; did you mean headers?"],
      [{ ORIGIN: "" }, "ORIGIN is no option; did you mean origin?"],
      [
        { permessageDeflate: true },
        "permessageDeflate is no option; did you mean perMessageDeflate?",
      ],
      [{ tls: { cA: "" } }, "tls.cA is no option; did you mean tls.ca?"],
      [{ keepAlive: { times: 1 } }, "keepAlive.times is no option; did you mean keepAlive.time?"],
      [
        { keepAlive: { forever: 1 } },
        "keepAlive.forever is no option; allowed: time, probes, interval",
      ],
    ] as unknown as [WebSocketOptions, string][]
  ) {
    const error = assertThrows(() => checkOptions(options), LwsError);
    assertEquals([error.code, error.message], ["invalid-option", `WebSocket: ${message}`]);
  }
});

Deno.test("a value that can't be honoured is refused by its option's name", () => {
  for (
    const [options, message] of [
      [{ tls: 1 }, "tls is 1; allowed: an object"],
      [{ tls: { onlyCa: "x" } }, 'tls.onlyCa is "x"; allowed: true or false'],
      [{ tls: { allowSelfSigned: 1 } }, "tls.allowSelfSigned is 1; allowed: true or false"],
      [{ perMessageDeflate: 1 }, "perMessageDeflate is 1; allowed: true, false or an object"],
      [{ keepAlive: 5 }, "keepAlive is 5; allowed: true, false or an object"],
      [{ signal: {} }, "signal is {…}; allowed: an AbortSignal"],
      [
        { headers: "a: 1" },
        'headers is "a: 1"; allowed: a Headers, an object, or pairs of a name and a value',
      ],
      [
        { headers: new Date() },
        "headers is {…}; allowed: a Headers, an object, or pairs of a name and a value",
      ],
    ] as unknown as [WebSocketOptions, string][]
  ) {
    const error = assertThrows(() => checkOptions(options), LwsError);
    assertEquals([error.code, error.message], ["invalid-option", `WebSocket: ${message}`]);
  }
});

Deno.test("complaints of a layer below have these options' names, and other errors stay", () => {
  const below = new LwsError(
    "invalid-option",
    "sslCaFilepath is 1; allowed: a text\nmaxFramePayload is -1\nmaxMessageSize is -1\nkaTime is 0.5",
  );
  const own = inOwnNames(below) as LwsError;
  assertEquals(own.message.split("\n"), [
    "WebSocket: tls.ca is 1; allowed: a text",
    "WebSocket: maxMessageSize is -1",
    "WebSocket: keepAlive.time is 0.5",
  ]);
  assertStrictEquals(own.cause, below);
  const connect = new LwsError(
    "invalid-argument",
    "clientConnect: headers: header a b is no token",
  );
  assertEquals(
    (inOwnNames(connect) as LwsError).message,
    "WebSocket: headers: header a b is no token",
  );
  for (const other of [new TypeError("x"), new LwsError("permission-denied", "sslCaFilepath")]) {
    assertStrictEquals(inOwnNames(other), other);
  }
});
