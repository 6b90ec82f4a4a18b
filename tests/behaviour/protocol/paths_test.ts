/** Which protocol a handshake gets, by its path and the names of subprotocols. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  createContext,
  handlers,
  LwsError,
  type Protocol,
} from "../../../mod.ts";
import { fieldOf, statusOf } from "../../support/http.ts";
import { captureLog } from "../../support/recorder.ts";
import { dialAlone, handshake, readHead, readResponse, serve } from "../../support/serve.ts";

/** Tells which protocol it is, and where. */
function telling(name: string, path?: string, more: Partial<Protocol> = {}): Protocol {
  return {
    name,
    ...path === undefined ? {} : { path },
    callback: handlers({
      established: (wsi) =>
        void wsi.write(`${wsi.protocol.name} ${JSON.stringify(wsi.pathParams)}`),
    }),
    ...more,
  };
}

const HOUSE = [
  telling("chat", "/chat/:room"),
  telling("files", "/files/*"),
  telling("lobby", "/chat/lobby"),
  telling("status", "/status"),
];

/** What the client of a handshake is told first, or the status that refuses it. */
async function told(
  protocols: readonly Protocol[],
  path: string,
  names?: string,
  info?: Partial<ContextCreationInfo>,
): Promise<{ status: number; subprotocol: string | undefined; text: string }> {
  await using served = serve(protocols, info);
  const options = names === undefined ? { path } : { path, protocol: names };
  const peer = await served.dial(handshake(options));
  const head = await readHead(peer);
  const subprotocol = fieldOf(head, "Sec-WebSocket-Protocol");
  if (statusOf(head) !== 101) return { status: statusOf(head), subprotocol, text: "" };
  const [, length] = await peer.readBytes(2);
  const text = new TextDecoder().decode(await peer.readBytes(length!));
  return { status: 101, subprotocol, text };
}

Deno.test("a client that names no subprotocol gets the first protocol whose path fits", async () => {
  const cases: [path: string, text: string][] = [
    ["/chat/kitchen", 'chat {"room":"kitchen"}'],
    ["/chat/a%2Fb?x=/status", 'chat {"room":"a/b"}'],
    ["http://localhost/chat/kitchen?x", 'chat {"room":"kitchen"}'],
    ["/files/a/b", 'files {"0":"a/b"}'],
    ["/files/../status", "status {}"],
    // Several fit: the first in order, however particular the others are.
    ["/chat/lobby", 'chat {"room":"lobby"}'],
    ["/status", "status {}"],
  ];
  for (const [path, text] of cases) {
    assertEquals(await told(HOUSE, path), { status: 101, subprotocol: undefined, text });
  }
});

Deno.test("a protocol without a path fits every path, where it stands in order", async () => {
  const last = [...HOUSE, telling("rest")];
  assertEquals((await told(last, "/nowhere")).text, "rest {}");
  assertEquals((await told(last, "/status")).text, "status {}");
  assertEquals((await told([telling("rest"), ...HOUSE], "/status")).text, "rest {}");
});

Deno.test("a client that names subprotocols gets the first of them whose path fits too", async () => {
  const cases: [path: string, names: string, subprotocol: string][] = [
    ["/chat/lobby", "lobby", "lobby"],
    ["/chat/lobby", "lobby, chat", "lobby"],
    ["/chat/lobby", "chat, lobby", "chat"],
    ["/chat/lobby", "status, unknown, lobby", "lobby"],
    ["/status", "lobby, chat, status", "status"],
  ];
  for (const [path, names, subprotocol] of cases) {
    const answer = await told(HOUSE, path, names);
    assertEquals(answer.status, 101);
    assertEquals(answer.subprotocol, subprotocol, `${path} ${names}`);
    assertEquals(answer.text.split(" ")[0], subprotocol);
  }
});

Deno.test("a subprotocol whose path doesn't fit is none in common, and the log says which are", async () => {
  using captured = captureLog(["notice"]);
  await using served = serve(HOUSE);
  const peer = await served.dial(handshake({ path: "/chat/lobby", protocol: "status, CHAT" }));
  assertEquals(statusOf(await readHead(peer)), 400);
  assertEquals(served.context.stats().handshakesRefused, { subprotocol: 1 });
  assertStringIncludes(
    captured.lines[0]!,
    "none of the client's 2 subprotocols is spoken here (chat, lobby)",
  );
});

Deno.test("a path that no protocol serves is 404, counted, and a line in the log", async () => {
  for (const names of [undefined, "chat"]) {
    using captured = captureLog(["notice"]);
    await using served = serve(HOUSE, { subprotocols: "optional" });
    const options = names === undefined ? {} : { protocol: names };
    const peer = await served.dial(handshake({ path: "/nowhere", ...options }));
    const { head } = await readResponse(peer);
    assertEquals(statusOf(head), 404);
    assertEquals(served.context.stats().handshakesRefused, { path: 1 });
    assertStringIncludes(captured.lines[0]!, '404 no protocol serves the path "/nowhere"');
  }
});

Deno.test("the origins of the protocol that the path has chosen count", async () => {
  const pages = ["https://pages.example"];
  const protocols = [
    telling("own", "/own"),
    telling("open", "/open/*", { allowedOrigins: pages }),
  ];
  for (const [path, status] of [["/own", 403], ["/open/x", 101]] as const) {
    const headers = [`Origin: ${pages[0]}`];
    await using peer = await dialAlone(protocols, handshake({ path, headers }));
    assertEquals(statusOf(await readHead(peer)), status);
  }
});

Deno.test("the connection has the protocol's user, and the first one's HTTP stays its own", async () => {
  const seen: string[] = [];
  const made = (name: string, path: string): Protocol<string> => ({
    name,
    path,
    perSessionData: () => name,
    callback: handlers<string>({
      http: (wsi, user) => wsi.respond(200, `${user} at ${wsi.uri}`),
      filterProtocolConnection: (_wsi, user) => void seen.push(`filter ${user}`),
      established: (wsi, user) => void wsi.write(user),
    }),
  });
  await using served = serve([made("first", "/1"), made("second", "/2")]);
  const socket = await served.open({ path: "/2" });
  assertEquals(await socket.receiveText(), "second");
  assertEquals(seen, ["filter second"]);
  const peer = await served.dial("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await readResponse(peer)).body, "first at /2");
});

Deno.test("paths choose in the versions before RFC 6455 as well", async () => {
  await using served = serve(HOUSE, { versions: [13, 8, 0, "hixie-75"] });
  const draft = handshake({ path: "/chat/attic" }).replace("Version: 13", "Version: 8");
  const hixie = [
    "GET /chat/attic HTTP/1.1",
    "Host: localhost",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Origin: http://localhost",
    "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8",
    "Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0",
    "\r\nTm[K T2u",
  ].join("\r\n");
  const hixie75 = [
    "GET /chat/attic HTTP/1.1",
    "Host: localhost",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Origin: http://localhost",
    "\r\n",
  ].join("\r\n");
  for (const opening of [draft, hixie, hixie75]) {
    const good = await served.dial(opening);
    assertEquals(statusOf(await readHead(good)), 101, opening);
    const bad = await served.dial(opening.replace("/chat/attic", "/attic"));
    assertEquals(statusOf(await readHead(bad)), 404, opening);
  }
  const { chat } = served.context.stats().protocols;
  assertEquals(chat!.servers.ever, 3);
});

Deno.test("paths have no meaning on clients", async () => {
  await using served = serve([telling("echo", "/a")]);
  const heard = Promise.withResolvers<unknown>();
  const client = served.client([{
    name: "echo",
    path: "/elsewhere",
    callback: handlers({ message: (_wsi, _user, text) => heard.resolve(text) }),
  }]);
  client.clientConnect({ address: "localhost", port: 80, path: "/a", protocol: "echo" });
  assertEquals(await heard.promise, "echo {}");
});

Deno.test("a bad path is refused by its place, with what is wrong and what is allowed", () => {
  const cases: [path: unknown, says: string][] = [
    ["chat", 'protocols[1].path is "chat"; allowed: the pathname of a URLPattern that begins with'],
    ["", 'protocols[1].path is ""; allowed'],
    ["/(", 'protocols[1].path is "/("; allowed'],
    ["/(", "missing closing )"],
    [7, "protocols[1].path is 7; allowed"],
    [null, "protocols[1].path is null; allowed"],
  ];
  for (const [path, says] of cases) {
    const protocols = [telling("a"), { ...telling("b"), path: path as string }];
    const error = assertThrows(
      () => createContext({ port: CONTEXT_PORT_NO_LISTEN, protocols }),
      LwsError,
      says,
    );
    assertEquals(error.code, "invalid-option");
  }
});
