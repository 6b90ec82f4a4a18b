/** The way from HTTP to a WebSocket (RFC 6455 section 4.2). */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { handlers, LwsError, type Protocol, type Wsi } from "../../../mod.ts";
import {
  answering,
  bystander,
  fieldOf,
  get,
  readPage,
  readRefusal,
  reply,
  statusOf,
  textOfPage,
} from "../../support/http.ts";
import { captureLog, record } from "../../support/recorder.ts";
import {
  dialAlone,
  handshake,
  HANDSHAKE_ACCEPT,
  HANDSHAKE_KEY,
  readHead,
  readResponse,
  serve,
  settle,
  WebSocketPeer,
} from "../../support/serve.ts";
import { concat, frame, KEY } from "../../support/frames.ts";
import { named } from "../../support/named.ts";

const encoder = new TextEncoder();

/** A handshake with lines replaced, left out (undefined) or added. */
function handshakeWith(
  changes: Record<string, string | undefined>,
  first = "GET / HTTP/1.1",
): string {
  const fields = new Map<string, string | undefined>(Object.entries({
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": HANDSHAKE_KEY,
    "Sec-WebSocket-Version": "13",
    ...changes,
  }));
  const lines = [...fields].flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`]
  );
  return [first, ...lines, "", ""].join("\r\n");
}

const BAD_HANDSHAKES: readonly [name: string, status: number, text: string, ...fields: string[]][] =
  [
    [
      "version 8",
      426,
      handshakeWith({ "Sec-WebSocket-Version": "8" }),
      "sec-websocket-version: 13",
      "upgrade: websocket",
    ],
    [
      "version 12 and 13",
      426,
      handshakeWith({ "Sec-WebSocket-Version": "12, 13" }),
      "sec-websocket-version: 13",
    ],
    [
      "two versions",
      400,
      handshakeWith({ "Sec-WebSocket-Version": "13\r\nSec-WebSocket-Version: 13" }),
    ],
    ["no version", 400, handshakeWith({ "Sec-WebSocket-Version": undefined })],
    ["no key", 400, handshakeWith({ "Sec-WebSocket-Key": undefined })],
    ["a key of 15 bytes", 400, handshakeWith({ "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" })],
    ["a key of 17 bytes", 400, handshakeWith({ "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA=" })],
    [
      "a key that is no base64",
      400,
      handshakeWith({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }),
    ],
    [
      "two keys",
      400,
      handshakeWith({
        "Sec-WebSocket-Key": `${HANDSHAKE_KEY}\r\nSec-WebSocket-Key: ${HANDSHAKE_KEY}`,
      }),
    ],
    ["two Upgrades", 400, handshakeWith({ Upgrade: "websocket\r\nUpgrade: websocket" })],
    ["no Connection", 400, handshakeWith({ Connection: undefined })],
    ["a Connection that names no upgrade", 400, handshakeWith({ Connection: "keep-alive" })],
    ["POST", 405, handshakeWith({}, "POST / HTTP/1.1"), "allow: GET"],
    ["HTTP/1.0", 400, handshakeWith({}, "GET / HTTP/1.0")],
    ["a body by length", 400, handshakeWith({ "Content-Length": "1" }) + "x"],
    ["a chunked body", 400, handshakeWith({ "Transfer-Encoding": "chunked" }) + "0\r\n\r\n"],
    ["an unknown subprotocol", 400, handshakeWith({ "Sec-WebSocket-Protocol": "nobody, else" })],
    ["a subprotocol in another case", 400, handshakeWith({ "Sec-WebSocket-Protocol": "CHAT" })],
    ["a subprotocol twice", 400, handshakeWith({ "Sec-WebSocket-Protocol": "chat, chat" })],
    [
      "a subprotocol that is no token",
      400,
      handshakeWith({ "Sec-WebSocket-Protocol": "chat, a b" }),
    ],
  ];

for (const [name, status, text, ...fields] of BAD_HANDSHAKES) {
  Deno.test(`a handshake with ${name} is refused with ${status}`, async () => {
    const { protocol } = answering();
    const chat = record("chat");
    await using served = serve([protocol, chat.protocol]);
    const other = await bystander(served);
    const refusal = await readRefusal(await served.dial(text + get("/smuggled")));
    assertEquals(refusal.status, status);
    for (const field of fields) {
      assertStringIncludes(refusal.head.toLowerCase(), field.toLowerCase());
    }
    assert(!chat.reasons.includes("established"));
    await other.check();
  });
}

Deno.test("an upgrade to something else is plain HTTP", async () => {
  const { protocol } = answering();
  await using peer = await dialAlone([protocol], get("/", "Upgrade: h2c", "Connection: Upgrade"));
  assertEquals(await readPage(peer), "GET /");
});

const ORIGINS: readonly [
  origin: string | undefined,
  isAllowed: boolean,
  byContext?: readonly string[] | undefined,
  byProtocol?: readonly string[],
][] = [
  [undefined, true],
  ["http://example.com", true],
  ["http://EXAMPLE.com:80", true],
  ["http://elsewhere.com", false],
  ["null", false],
  ["", false],
  ["http://sub.example.com", false],
  ["http://example.com.evil.com", false],
  ["http://com", false],
  ["http://example.com:8080", false],
  ["https://example.com", false],
  ["http://example.com/", false],
  ["http://example.com, http://elsewhere.com", false],
  ["http://elsewhere.com", true, ["http://elsewhere.com"]],
  ["https://elsewhere.com", false, ["http://elsewhere.com"]],
  ["http://a.elsewhere.com", false, ["http://elsewhere.com"]],
  ["http://elsewhere.com", true, ["*"]],
  ["null", true, ["*"]],
  ["http://elsewhere.com", true, undefined, ["http://elsewhere.com"]],
  ["http://elsewhere.com", false, ["http://elsewhere.com"], ["http://other.com"]],
  ["http://elsewhere.com", false, ["*"], []],
  ["http://example.com", true, undefined, []],
];

for (const [origin, isAllowed, byContext, byProtocol] of ORIGINS) {
  const lists = `${JSON.stringify(byContext) ?? "none"} by context, ${
    JSON.stringify(byProtocol) ?? "none"
  } by protocol`;
  Deno.test(`origin ${origin} is ${isAllowed ? "let in" : "refused"} with ${lists}`, async () => {
    using log = captureLog();
    const chat = record("chat");
    const { protocol: http } = answering();
    await using served = serve(
      [http, { ...chat.protocol, ...(byProtocol && { allowedOrigins: byProtocol }) }],
      { ...(byContext && { allowedOrigins: byContext }) },
    );
    const peer = await served.dial(
      handshakeWith({ Host: "example.com", Origin: origin, "Sec-WebSocket-Protocol": "chat" }),
    );
    if (isAllowed) {
      assertEquals(statusOf(await readHead(peer)), 101);
      assertEquals(log.lines, []);
      return;
    }
    assertEquals((await readRefusal(peer)).status, 403);
    assert(!chat.reasons.includes("filterProtocolConnection"));
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "allowedOrigins");
    assertStringIncludes(log.lines[0]!, '"chat"');
  });
}

Deno.test("a foreign origin may ask by plain HTTP, as any link does", async () => {
  const { protocol } = answering();
  await using peer = await dialAlone([protocol], get("/", "Origin: http://elsewhere.com"));
  assertEquals(await readPage(peer), "GET /");
});

Deno.test("filterProtocolConnection sees the choice and adds headers to the 101", async () => {
  const seen: string[] = [];
  const filtering = (name: string): Protocol => ({
    name,
    callback: handlers({
      filterProtocolConnection(wsi, _user, filter) {
        seen.push(`${name} "${filter.protocol}" ${wsi.method} ${wsi.uri}`);
        filter.add("Set-Cookie", "a=1");
        filter.add("Set-Cookie", "b=2");
        for (const wrong of ["Upgrade", "sec-websocket-accept", "Connection", "a b", ""]) {
          assertThrows(() => filter.add(wrong, "x"), LwsError);
        }
        assertThrows(() => filter.add("x", "a\r\nb: c"), LwsError);
      },
    }),
  });
  await using served = serve([filtering("first"), filtering("chat")]);
  const { answer } = await served.open({ path: "/room?x", protocol: "nobody, chat, first" });
  assertEquals(answer.split("\r\n").map((line) => line.toLowerCase()), [
    "http/1.1 101 switching protocols",
    "upgrade: websocket",
    "connection: upgrade",
    `sec-websocket-accept: ${HANDSHAKE_ACCEPT}`.toLowerCase(),
    "sec-websocket-protocol: chat",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "",
    "",
  ]);
  const { answer: second } = await served.open();
  assertEquals(fieldOf(second, "sec-websocket-protocol"), undefined);
  assertEquals(seen, ['chat "chat" GET /room', 'first "" GET /']);
});

Deno.test("filterProtocolConnection refuses with its own status, headers and body", async () => {
  const answers: readonly [(wsi: Wsi) => number | void, status: number, body: string][] = [
    [() => 1, 403, "Forbidden"],
    [() => -1, 403, "Forbidden"],
    [(wsi) => wsi.returnHttpStatus(401, "who?") + 1, 401, "who?"],
    [
      (wsi) => {
        wsi.writeHttpHeaders(302, [["location", "/login"], ["content-length", "3"]]);
        wsi.write("go!", "httpFinal");
        return 1;
      },
      302,
      "go!",
    ],
    // Answered is answered, whatever is returned.
    [
      (wsi) => {
        return reply(wsi, 503, "later");
      },
      503,
      "later",
    ],
    [(wsi) => void wsi.returnHttpStatus(503, "later"), 503, "later"],
    [(wsi) => wsi.respond(401, "who?"), 401, "who?"],
  ];
  for (const [filter, status, text] of answers) {
    const recorder = record("chat", { filterProtocolConnection: (wsi) => filter(wsi) });
    await using peer = await dialAlone([recorder.protocol], handshake());
    const { head, body } = await readResponse(peer);
    assertEquals(statusOf(head), status);
    // A proxy must not send its next request here.
    assertEquals(fieldOf(head, "connection"), "close");
    assertEquals(textOfPage(body), text);
    assertEquals((await peer.readToEnd()).length, 0);
    peer.close();
    await recorder.until("wsiDestroy");
    assertEquals(recorder.reasons.slice(-3), [
      "filterProtocolConnection",
      "closedHttp",
      "wsiDestroy",
    ]);
  }
});

Deno.test("a connection that a protocol refused is none of that protocol's", async () => {
  const chat = record(
    "chat",
    (_wsi, reason, _user, _data) => reason === "filterProtocolConnection" ? 1 : 0,
  );
  const http = record("http");
  await using served = serve([http.protocol, chat.protocol]);
  assertEquals((await readRefusal(await served.dial(handshake({ protocol: "chat" })))).status, 403);
  served.context.callbackAllProtocol("chat", "user:ping");
  assert(!chat.reasons.includes("user:ping"));
  served.context.callbackAllProtocol("http", "user:ping");
  assert(http.reasons.includes("user:ping"));
});

Deno.test("an error in filterProtocolConnection or perSessionData is a 500", async () => {
  const fails = () => {
    throw new Error("on purpose");
  };
  for (
    const broken of [{ callback: handlers({ filterProtocolConnection: fails }) }, {
      perSessionData: fails,
    }]
  ) {
    using log = captureLog();
    const http = record("http");
    await using served = serve([http.protocol, { name: "chat", callback: () => {}, ...broken }]);
    const peer = await served.dial(handshake({ protocol: "chat" }));
    assertEquals((await readRefusal(peer)).status, 500);
    peer.close();
    await http.until("wsiDestroy");
    assertEquals(log.lines.length, 1);
    assertStringIncludes(log.lines[0]!, "chat: ");
  }
});

Deno.test("requests and then an upgrade with frames, all in one packet, are all served", async () => {
  const { protocol, paths } = answering();
  const echo = named("echo", { message: (wsi, _user, message) => void wsi.write(message) });
  const whole = concat(
    encoder.encode(get("/1") + get("/2") + handshake({ path: "/3", protocol: "echo" })),
    frame({ opcode: 1, payload: "early", key: KEY }),
    frame({ opcode: 1, payload: "bird", key: KEY }),
  );
  for (const chop of [Infinity, 1, 7]) {
    await using peer = await dialAlone([protocol, echo]);
    peer.transport.peer.chop(chop);
    peer.send(whole);
    assertEquals(await readPage(peer), "GET /1");
    assertEquals(await readPage(peer), "GET /2");
    const socket = new WebSocketPeer(peer, await readHead(peer));
    assertEquals(await socket.receiveText(), "early");
    assertEquals(await socket.receiveText(), "bird");
  }
  assert(!paths.includes("/3"));
});

Deno.test("an upgrade waits for a late answer before it, and leaves HTTP's calls behind", async () => {
  let late!: Wsi;
  const results: unknown[] = [];
  await using served = serve([named("both", {
    http: (wsi) => void (late = wsi),
    established(wsi) {
      results.push(wsi.returnHttpStatus(200), wsi.writeHttpHeaders(200, []), wsi.method);
      results.push(wsi.serveHttpFile("x"), wsi.httpTransactionCompleted());
    },
  })]);
  const peer = await served.dial(get("/") + handshake());
  await settle();
  assertEquals(peer.received.length, 0);
  late.returnHttpStatus(200, "at last");
  late.httpTransactionCompleted();
  assertEquals(await readPage(peer), "at last");
  assertEquals(statusOf(await readHead(peer)), 101);
  assertEquals(results, [1, -1, "", -1, 1]);
});
