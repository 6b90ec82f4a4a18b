/** RFC 6455 sections 4.2 and 4.4: the opening handshake as a server reads and answers it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ContextCreationInfo, Protocol, Wsi } from "../../mod.ts";
import { handlers, permessageDeflate } from "../../mod.ts";
import type { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { concat, frame, KEY } from "../support/frames.ts";
import { fieldOf, readRefusal, statusOf } from "../support/http.ts";
import { captureLog } from "../support/recorder.ts";
import {
  HANDSHAKE_ACCEPT,
  HANDSHAKE_KEY,
  readFrame,
  readHead,
  serve,
  type Served,
  settle,
} from "../support/serve.ts";
import { rule } from "./rule.ts";
import { acceptFor, headOf } from "./sides.ts";
import { named } from "../support/named.ts";

const REQUEST_LINE = "GET /chat HTTP/1.1";
const FIELDS: readonly string[] = [
  "Host: server.example.com",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Key: ${HANDSHAKE_KEY}`,
  "Sec-WebSocket-Version: 13",
];

/** The handshake with `lines` in place of the field `name`, or of the request line. */
function handshake(name = "", ...lines: readonly string[]): string {
  const isField = name !== "GET";
  const start = isField ? [REQUEST_LINE] : lines;
  const kept = FIELDS.filter((line) => !line.startsWith(`${name}:`));
  return headOf([...start, ...kept, ...isField ? lines : []]);
}

/** A server that speaks `chat` and `superchat`, and counts who came. */
function setUp(
  filter?: (wsi: Wsi) => 0 | 1 | -1 | void,
  info: Partial<ContextCreationInfo> = {},
): Served & { readonly established: string[] } {
  const established: string[] = [];
  const protocol = (name: string): Protocol => ({
    name,
    callback: handlers({
      filterProtocolConnection: (wsi) => filter?.(wsi),
      established: (wsi) => void established.push(`${name} ${wsi.uri}`),
    }),
  });
  return { ...serve(["http", "superchat", "chat"].map(protocol), info), established };
}

/** Shakes hands and sees that the connection is a WebSocket; gives the answer. */
async function accept(served: Served, request: string, chop = Infinity): Promise<string> {
  const peer = await served.dial();
  peer.transport.peer.chop(chop);
  peer.send(request);
  const answer = await readHead(peer);
  assertEquals(statusOf(answer), 101, request);
  peer.send(frame({ opcode: 9, payload: "open", key: KEY }));
  assertEquals((await readFrame(peer)).opcode, 10);
  peer.close();
  return answer;
}

/** Shakes hands in vain, with a frame right behind; gives the status and the head of the answer. */
async function refuse(served: ReturnType<typeof setUp>, request: string, chop = Infinity) {
  const before = served.established.length;
  const peer = await served.dial();
  peer.transport.peer.chop(chop);
  const early = frame({ opcode: 9, payload: "no frame at all", key: KEY });
  peer.send(concat(new TextEncoder().encode(request), early));
  const refusal = await readRefusal(peer);
  peer.close();
  await settle();
  assertEquals(served.established.length, before, request);
  return refusal;
}

/** Every request is refused with `status`, in one read and byte by byte. */
async function refuseAll(status: number, requests: readonly string[]): Promise<void> {
  await using served = setUp();
  for (const request of requests) {
    for (const chop of [Infinity, 1]) {
      assertEquals((await refuse(served, request, chop)).status, status, request);
    }
  }
}

async function acceptAll(requests: readonly string[]): Promise<void> {
  await using served = setUp();
  for (const request of requests) {
    for (const chop of [Infinity, 1]) await accept(served, request, chop);
  }
}

function* permutationsOf<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [i, first] of items.entries()) {
    for (const rest of permutationsOf(items.toSpliced(i, 1))) yield [first, ...rest];
  }
}

// What the client sends (section 4.2.1).

rule("4.2.1", "a whole handshake is accepted, at every split of its bytes", async () => {
  await using served = setUp();
  const request = handshake();
  for (let cut = 1; cut < request.length; cut++) {
    const peer = await served.dial(request.slice(0, cut));
    await settle();
    peer.send(request.slice(cut));
    assertEquals(statusOf(await readHead(peer)), 101);
    peer.close();
  }
  await accept(served, request, 1);
  assertEquals(new Set(served.established), new Set(["http /chat"]));
});

rule("4.2.1", "the order of the header fields does not matter", async () => {
  await using served = setUp();
  for (const fields of permutationsOf(FIELDS)) {
    await accept(served, headOf([REQUEST_LINE, ...fields]));
  }
});

rule("4.2.1", "the case of field names and keywords does not matter", async () => {
  const cased = (change: (text: string) => string) =>
    headOf([
      REQUEST_LINE,
      ...FIELDS.map((line) => {
        const [name, value] = line.split(": ") as [string, string];
        // The key is base64, in which case matters.
        return `${change(name)}: ${name.endsWith("Key") ? value : change(value)}`;
      }),
    ]);
  const alternate = (text: string) =>
    text.replace(/./g, (each, i) => i % 2 ? each.toUpperCase() : each.toLowerCase());
  await acceptAll([
    cased((text) => text.toLowerCase()),
    cased((text) => text.toUpperCase()),
    cased(alternate),
  ]);
});

rule("4.2.1", "blanks around values do not matter", async () => {
  const spaced = (blank: string) =>
    headOf([REQUEST_LINE, ...FIELDS.map((line) => line.replace(": ", `:${blank}`) + blank)]);
  await acceptAll([spaced(""), spaced("   "), spaced("\t"), spaced(" \t ")]);
});

rule("4.2.1", "unknown header fields are ignored", async () => {
  await acceptAll([
    handshake("X", "Cookie: a=b", "Authorization: Basic eDp5", "User-Agent: x", "X-Unknown:"),
    handshake("X", "Sec-WebSocket-Key1: 1", "Sec-WebSocket-Draft: 2", "Sec-WebSocket-Accept: x"),
    handshake("X", "Pragma: no-cache", "Cache-Control: no-cache", "Accept-Encoding: gzip, br"),
  ]);
});

rule("4.2.1", "a handshake that is no GET is refused", async () => {
  await using served = setUp();
  for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "get"]) {
    const peer = await served.dial(handshake("GET", `${method} /chat HTTP/1.1`));
    const status = statusOf(await readHead(peer));
    assert(status === 405 || status === 501, `${method} is answered ${status}`);
    await peer.readToEnd();
    peer.close();
  }
  assertEquals(served.established, []);
});

rule("4.2.1", "a handshake below HTTP/1.1 is refused", async () => {
  await refuseAll(400, [
    handshake("GET", "GET /chat HTTP/1.0"),
    handshake("GET", "GET /chat"),
    handshake("GET", "GET /chat HTTP/1"),
    handshake("GET", "GET /chat http/1.1"),
  ]);
  await refuseAll(505, [
    handshake("GET", "GET /chat HTTP/0.9"),
    handshake("GET", "GET /chat HTTP/2.0"),
  ]);
  await acceptAll([handshake("GET", "GET /chat HTTP/1.2")]);
});

rule("4.2.1", "the resource name is read from either form of the request's target", async () => {
  const targets: [target: string, uri: string][] = [
    ["/", "/"],
    ["/chat", "/chat"],
    ["/chat?room=1", "/chat"],
    ["/%63hat", "/chat"],
    ["http://server.example.com/chat", "/chat"],
    ["http://server.example.com:80/chat?x", "/chat"],
    ["http://server.example.com", "/"],
  ];
  await using served = setUp();
  for (const [target, uri] of targets) {
    await accept(served, handshake("GET", `GET ${target} HTTP/1.1`));
    assertEquals(served.established.pop(), `http ${uri}`);
  }
});

rule("4.2.1", "a target that is no resource name is refused", async () => {
  const targets = ["chat", "*", "server.example.com:80", "http://", "/a b", "/%zz"];
  await refuseAll(400, targets.map((target) => handshake("GET", `GET ${target} HTTP/1.1`)));
});

rule("4.2.1", "a missing, repeated, empty or malformed Host is refused", async () => {
  await refuseAll(400, [
    handshake("Host"),
    handshake("X", "Host: server.example.com"),
    handshake("X", "Host: other.example.com"),
    handshake("Host", "Host:"),
    handshake("Host", "Host: a b"),
    handshake("Host", "Host: a/b"),
    handshake("Host", "Host: user@a"),
    handshake("Host", "Host: a:b"),
    handshake("Host", "Host: [::1"),
  ]);
  await acceptAll([
    handshake("Host", "Host: server.example.com:8080"),
    handshake("Host", "Host: 127.0.0.1"),
    handshake("Host", "Host: [::1]:8080"),
  ]);
});

rule("4.2.1", "without Upgrade: websocket a request does not become a WebSocket", async () => {
  await using served = setUp();
  for (const value of [undefined, "", "h2c", "websockets", "web socket", '"websocket"', "web"]) {
    const peer = await served.dial(
      handshake("Upgrade", ...value === undefined ? [] : [`Upgrade: ${value}`]),
    );
    assertEquals(statusOf(await readHead(peer)), 404, value);
    peer.close();
  }
  assertEquals(served.established, []);
  await acceptAll([
    handshake("Upgrade", "Upgrade: h2c, websocket"),
    handshake("Upgrade", "Upgrade: WebSocket ,h2c"),
  ]);
});

rule("4.2.1", "a missing Connection, or one without the token Upgrade, is refused", async () => {
  await refuseAll(400, [
    handshake("Connection"),
    handshake("Connection", "Connection:"),
    handshake("Connection", "Connection: keep-alive"),
    handshake("Connection", "Connection: close"),
    handshake("Connection", "Connection: upgraded"),
    handshake("Connection", "Connection: not upgrade"),
    handshake("Connection", 'Connection: "Upgrade"'),
  ]);
  await acceptAll([
    handshake("Connection", "Connection: keep-alive, Upgrade"),
    handshake("Connection", "Connection: UPGRADE ,keep-alive"),
    handshake("Connection", "Connection: ,, upgrade,"),
    handshake("Connection", "Connection: keep-alive", "Connection: Upgrade"),
  ]);
});

rule("4.2.1", "a key that is not 16 bytes of base64 is refused", async () => {
  const ofLength = (length: number) => new Uint8Array(length).fill(7).toBase64();
  const keys = [0, 1, 12, 13, 14, 15, 17, 18, 19, 24, 32].map(ofLength);
  keys.push("dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===");
  keys.push("dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZ-==", "dGhlIHNhbXBsZSBub25jZ_==");
  keys.push(
    "dGhlIHNhbXBs ZSBub25jZQ==",
    "dGhlIHNhbXBsZSBub25jZQ=A",
    "=".repeat(24),
    "A".repeat(24),
  );
  keys.push("dGhlIHNhbXBsZSBub25jZQ\xe9=", '"dGhlIHNhbXBsZSBub25jZQ=="');
  await refuseAll(400, [
    handshake("Sec-WebSocket-Key"),
    ...keys.map((key) => handshake("Sec-WebSocket-Key", `Sec-WebSocket-Key: ${key}`)),
    handshake("X", `Sec-WebSocket-Key: ${HANDSHAKE_KEY}`),
    handshake("X", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
  ]);
});

rule("4.2.1", "a missing or repeated version is refused", async () => {
  await refuseAll(400, [
    handshake("Sec-WebSocket-Version"),
    handshake("X", "Sec-WebSocket-Version: 13"),
    handshake("X", "Sec-WebSocket-Version: 8"),
  ]);
});

rule(
  "4.2.1",
  "names of subprotocols are different tokens, or the handshake is refused",
  async () => {
    const lists = [
      "a b",
      "a;b",
      '"a"',
      "a/b",
      "a, b@c",
      "\xe9",
      "a, b, a",
      "chat, chat",
      "(a)",
      "a=",
    ];
    await refuseAll(400, [
      ...lists.map((list) => handshake("X", `Sec-WebSocket-Protocol: ${list}`)),
      handshake("X", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"),
    ]);
  },
);

rule("4.2.1", "extensions that break their grammar refuse the handshake", async () => {
  const lists = ["a b", ";", "a;", "a; b=", "a; b=c d", 'a; b="c d"', 'a; b="', 'a; b=""', "a/b"];
  lists.push('"a"', "a=b", "a; =b", "a;;b", "a, b c", "\xe9");
  const requests = lists.map((list) => handshake("X", `Sec-WebSocket-Extensions: ${list}`));
  await refuseAll(400, requests);
  await acceptAll([
    handshake("X", 'Sec-WebSocket-Extensions: a;b ; c="d", e'),
    handshake("X", "Sec-WebSocket-Extensions: a", "Sec-WebSocket-Extensions: , b;c=d"),
  ]);
});

rule("4.2.1", "a list without an element is refused", async () => {
  const lists = [",", " , ,"];
  await refuseAll(400, [
    ...["", ...lists].map((list) => handshake("X", `Sec-WebSocket-Protocol:${list}`)),
    ...lists.map((list) => handshake("X", `Sec-WebSocket-Extensions:${list}`)),
    handshake("X", "Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: ,"),
  ]);
});

rule("4.2.1", "an empty line of extensions asks for none, as old clients send it", async () => {
  const line = "Sec-WebSocket-Extensions:";
  await acceptAll([
    handshake("X", line),
    handshake("X", `${line} \t`),
    handshake("X", line, line),
    handshake("X", line, `${line} a`, line),
  ]);
});

rule("4.2.1", "what is no HTTP is refused, and the connection closed", async () => {
  await refuseAll(400, [
    handshake().replaceAll("\r\n", "\n"),
    handshake("X", "no colon"),
    handshake("X", ": no name"),
    handshake("X", "X : blank before the colon"),
    handshake("X", "X: a", " folded"),
    handshake("X", "X: \0"),
    handshake("X", "X: a\rb"),
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "<policy-file-request/>\0\r\n\r\n",
  ]);
});

rule("4.2.1", "a client without Origin is served", async () => {
  await using served = setUp();
  assert(!handshake().includes("Origin"));
  await accept(served, handshake());
});

// What the server answers (section 4.2.2).

rule("4.2.2", "the answer is a 101 with Upgrade, Connection and Sec-WebSocket-Accept", async () => {
  await using served = setUp();
  const answer = await accept(served, handshake());
  const [statusLine, ...lines] = answer.slice(0, -4).split("\r\n");
  assertMatch(statusLine!, /^HTTP\/1\.1 101 [\x20-\x7e]*$/);
  for (const line of lines) assertMatch(line, /^[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*$/);
  assertEquals(fieldOf(answer, "Upgrade"), "websocket");
  assertEquals(fieldOf(answer, "Connection"), "Upgrade");
  assertEquals(fieldOf(answer, "Sec-WebSocket-Accept"), HANDSHAKE_ACCEPT);
  const names = lines.map((line) => line.split(":")[0]!.toLowerCase());
  assertEquals(new Set(names).size, names.length, "each once");
  // A 101 has no body, nor anything that announces one (RFC 9112 section 6).
  assert(!names.includes("content-length") && !names.includes("transfer-encoding"));
});

rule("4.2.2", "the accept value is the SHA-1 of key and GUID in base64", async () => {
  await using served = setUp();
  const keys = Array.from(
    { length: 200 },
    () => crypto.getRandomValues(new Uint8Array(16)).toBase64(),
  );
  // The second is an example of section 4.1, whose last bits no encoder would set.
  keys.push(HANDSHAKE_KEY, "AQIDBAUGBwgJCgsMDQ4PEC==", "AAAAAAAAAAAAAAAAAAAAAA==");
  keys.push(`${"/".repeat(21)}w==`, `${"+".repeat(22)}==`);
  for (const key of keys) {
    const request = handshake("Sec-WebSocket-Key", `Sec-WebSocket-Key:  ${key} `);
    assertEquals(fieldOf(await accept(served, request), "Sec-WebSocket-Accept"), acceptFor(key));
  }
});

rule("4.2.2", "another version is answered 426 with the version that is understood", async () => {
  await using served = setUp();
  const versions = [
    "0",
    "1",
    "7",
    "8",
    "12",
    "14",
    "25",
    "255",
    "013",
    "13.0",
    "+13",
    "13, 8",
    "x",
  ];
  for (const version of [...versions, ""]) {
    const request = handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${version}`);
    const { status, head } = await refuse(served, request);
    assertEquals(status, 426, version);
    assertEquals(fieldOf(head, "Sec-WebSocket-Version"), "13");
    assertEquals(fieldOf(head, "Sec-WebSocket-Accept"), undefined);
  }
});

rule("4.4", "a client that is told of version 13 can connect with it", async () => {
  await using served = setUp();
  const request = handshake("Sec-WebSocket-Version", "Sec-WebSocket-Version: 25");
  const version = fieldOf((await refuse(served, request)).head, "Sec-WebSocket-Version");
  await accept(served, handshake("Sec-WebSocket-Version", `Sec-WebSocket-Version: ${version}`));
});

rule("4.2.2", "an origin that is not accepted is answered 403", async () => {
  using _log = captureLog();
  await using served = setUp();
  const origins = ["http://evil.example.com", "https://server.example.com", "null", "x", ""];
  for (const origin of [...origins, "http://server.example.com:81"]) {
    const { status } = await refuse(served, handshake("X", `Origin: ${origin}`));
    assertEquals(status, 403, origin);
  }
  for (const origin of ["http://server.example.com", "HTTP://Server.Example.COM:80"]) {
    await accept(served, handshake("X", `Origin: ${origin}`));
  }
});

/** What a program may answer in place of a 101, and what becomes of it. */
const REFUSALS: readonly [status: number, answer: (wsi: Wsi) => 0 | 1 | -1 | void][] = [
  [403, () => 1],
  [403, () => -1],
  [404, (wsi) => (wsi.returnHttpStatus(404), 1)],
  [404, (wsi) => void wsi.returnHttpStatus(404)],
  [503, (wsi) => (wsi.returnHttpStatus(503), -1)],
  [401, (wsi) => {
    wsi.writeHttpHeaders(401, [["www-authenticate", "Basic"], ["content-length", "0"]]);
    return 1;
  }],
  [307, (wsi) => {
    wsi.writeHttpHeaders(307, [["location", "/elsewhere"], ["content-length", "0"]]);
    return 1;
  }],
];

rule("4.2.2", "a service that is not available is answered with a status, no 101", async () => {
  for (const [status, answer] of REFUSALS) {
    await using served = setUp(answer);
    const refusal = await refuse(served, handshake());
    assertEquals(refusal.status, status);
    assertEquals(fieldOf(refusal.head, "Sec-WebSocket-Accept"), undefined);
  }
});

rule("4.2.2", "the subprotocol is the client's first that the server speaks", async () => {
  const choices: [offer: string[], choice: string][] = [
    [["chat"], "chat"],
    [["chat, superchat"], "chat"],
    [["superchat, chat"], "superchat"],
    [["unknown,  chat\t, superchat"], "chat"],
    [["Chat, CHAT, superchat"], "superchat"],
    [["unknown", "chat", "superchat"], "chat"],
    [[", ,chat,"], "chat"],
  ];
  await using served = setUp();
  for (const [offer, choice] of choices) {
    const lines = offer.map((list) => `Sec-WebSocket-Protocol: ${list}`);
    const answer = await accept(served, handshake("X", ...lines));
    assertEquals(fieldOf(answer, "Sec-WebSocket-Protocol"), choice, `${offer}`);
    assertEquals(served.established.pop(), `${choice} /chat`);
  }
});

rule("4.2.2", "no subprotocol is sent back that the client did not ask for", async () => {
  await using served = setUp();
  assertEquals(fieldOf(await accept(served, handshake()), "Sec-WebSocket-Protocol"), undefined);
  for (const offer of ["unknown", "Chat", "chat2, xchat"]) {
    const { head } = await refuse(served, handshake("X", `Sec-WebSocket-Protocol: ${offer}`));
    assertEquals(fieldOf(head, "Sec-WebSocket-Protocol"), undefined);
  }
});

rule("4.2.2", "no extension is sent back that the client did not ask for", async () => {
  const offers = ["x-unknown", "x-one; a=1, x-two; b", 'x-three; q="quoted"', "Permessage-Deflate"];
  for (const extensions of [[], [permessageDeflate()]]) {
    await using served = setUp(undefined, { extensions });
    for (const offer of offers) {
      const answer = await accept(served, handshake("X", `Sec-WebSocket-Extensions: ${offer}`));
      assertEquals(fieldOf(answer, "Sec-WebSocket-Extensions"), undefined, offer);
    }
    assertEquals(fieldOf(await accept(served, handshake()), "Sec-WebSocket-Extensions"), undefined);
  }
});

rule("4.2.2", "an extension that both sides have is in the answer", async () => {
  await using served = setUp(undefined, { extensions: [permessageDeflate()] });
  const lines = ["x-unknown", "permessage-deflate"].map((each) =>
    `Sec-WebSocket-Extensions: ${each}`
  );
  const answer = await accept(served, handshake("X", ...lines));
  assertMatch(fieldOf(answer, "Sec-WebSocket-Extensions")!, /^permessage-deflate/);
});

rule("4.2.2", "behind its answer a server may send at once", async () => {
  const protocol = named("eager", { established: (wsi) => void wsi.write("welcome") });
  await using served = serve([protocol]);
  const peer: MemoryPeer = await served.dial();
  peer.send(handshake());
  await readHead(peer);
  const { opcode, payload } = await readFrame(peer);
  assertEquals([opcode, new TextDecoder().decode(payload)], [1, "welcome"]);
});

rule("4.2.2", "nothing is answered before the whole handshake was read", async () => {
  await using served = setUp();
  const peer = await served.dial(handshake().slice(0, -1));
  await settle();
  assertEquals([peer.received.length, served.established.length], [0, 0]);
  peer.send("\n");
  assertEquals(statusOf(await readHead(peer)), 101);
});

rule("7.2.2", "a server that aborts a handshake closes the connection", async () => {
  await using served = setUp();
  const before = served.clock.now();
  for (const request of [handshake("Host"), handshake("Sec-WebSocket-Key"), "garbage\r\n\r\n"]) {
    const peer = await served.dial(request);
    await peer.readToEnd();
    assertEquals(served.clock.now(), before);
    // In order, so that the answer is not lost.
    peer.close();
    assertEquals(await peer.closed, undefined);
  }
});
