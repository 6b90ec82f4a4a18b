/** Clients that a server sends elsewhere. */

import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { ClientConnectInfo, ClientConnectOptions, Context, Wsi } from "../../../mod.ts";
import {
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  handlers,
  LwsError,
  POLLIN,
  POLLOUT,
} from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { epollNetwork, isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { fieldOf } from "../../support/http.ts";
import { bytesOf } from "../../support/http_messages.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { record } from "../../support/recorder.ts";
import { acceptOf, playServer, readHead, settle } from "../../support/serve.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";

const URL = "ws://server.example.com/a/b?c";
const OTHER_PORT = 81;

const sent = (location: string, status = 302) =>
  `HTTP/1.1 ${status} Found\r\nLocation: ${location}\r\nContent-Length: 3\r\n\r\nno`;

function side(info: Parameters<typeof playServer>[1] = {}) {
  const told: string[] = [];
  const users: unknown[] = [];
  const recorder = record("chat", {
    clientAppendHandshakeHeader: (wsi, user, it) => {
      users.push(user);
      it.add("X-Fd", String(wsi.socketFd));
      it.add("Cookie", "late=1");
    },
    clientConnectionError: (wsi, _user, why) => {
      told.push(why, wsi.hdrCopy("location") ?? "", wsi.hdrCopy("http body") ?? "");
    },
  });
  const played = playServer([recorder.protocol], info);
  const other = played.network.listen({ hostname: "other", port: OTHER_PORT });
  return {
    ...played,
    told,
    users,
    recorder,
    acceptOther: async () => new MemoryPeer(await other.accept() as MemoryTransport),
    async [Symbol.asyncDispose]() {
      await played[Symbol.asyncDispose]();
      other.close();
    },
  };
}

/** Answers a request that has come by sending the client elsewhere; the head of the request. */
async function send(peer: MemoryPeer, location: string, status?: number): Promise<string> {
  const request = await readHead(peer);
  peer.send(sent(location, status));
  await peer.readToEnd();
  peer.close();
  return request;
}

async function welcome(peer: MemoryPeer): Promise<string> {
  const request = await readHead(peer);
  peer.send(headOf(answerLines(request)));
  return request;
}

Deno.test("a redirect within the origin is followed by the same connection, with all that was given", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    await using it = side();
    const userdata = {};
    const wsi = it.context.clientConnect("ws://u:p@server.example.com/a/b?c", {
      headers: { "x-a": "1" },
      userdata,
    });
    const { socketFd } = wsi;
    const first = await send(await it.accept(), "../x?y", status);
    const second = await welcome(await it.accept());
    await it.recorder.until("clientEstablished");
    assertMatch(first, /^GET \/a\/b\?c HTTP/);
    assertMatch(second, /^GET \/x\?y HTTP/);
    for (const name of ["authorization", "cookie", "x-a", "host", "x-fd"]) {
      assertEquals(fieldOf(second, name), fieldOf(first, name), name);
    }
    assertEquals([wsi.socketFd, fieldOf(first, "x-fd")], [socketFd, String(socketFd)]);
    assertEquals(it.users, [userdata, userdata]);
    assertEquals(wsi.user, userdata);
    assertEquals(it.recorder.reasons.filter((each) => /client|closed|wsi/.test(each)), [
      "clientAppendHandshakeHeader",
      "clientAppendHandshakeHeader",
      "clientFilterPreEstablish",
      "clientEstablished",
    ]);
    assertEquals(it.context.stats().clients, { now: 1, ever: 1 });
  }
});

Deno.test("messages go to and fro behind a redirect, the first one in the packet of the 101", async () => {
  const messages: unknown[] = [];
  const recorder = record("chat", {
    clientEstablished: (wsi) => void wsi.write("hello"),
    clientReceive: (_wsi, _user, piece) => void messages.push(new TextDecoder().decode(piece)),
  });
  await using played = playServer([recorder.protocol]);
  played.context.clientConnect(URL);
  await send(await played.accept(), "/x");
  const peer = await played.accept();
  const request = await readHead(peer);
  peer.send(bytesOf(headOf(answerLines(request)) + "\x81\x02hi"));
  await recorder.until("clientReceive");
  assertEquals(messages, ["hi"]);
  assertEquals((await peer.readBytes(2 + 4 + 5)).length, 11);
  peer.close();
});

Deno.test("another origin gets no credentials, not those that a callback adds either, nor does the way back", async () => {
  await using it = side();
  it.context.clientConnect("ws://u:p@server.example.com/", {
    headers: [["X-A", "1"]],
    origin: "https://page.example",
  });
  const first = await send(await it.accept(), "ws://other.example:81/x");
  assertEquals([fieldOf(first, "cookie"), fieldOf(first, "x-a")], ["late=1", "1"]);
  const there = await it.acceptOther();
  const second = await send(there, "http://server.example.com/back");
  const third = await welcome(await it.accept());
  await it.recorder.until("clientEstablished");
  for (const request of [second, third]) {
    assertEquals(fieldOf(request, "authorization"), undefined);
    assertEquals(fieldOf(request, "cookie"), undefined);
    assertEquals(fieldOf(request, "x-a"), "1");
    assertEquals(fieldOf(request, "origin"), "https://page.example");
  }
  assertEquals(fieldOf(second, "host"), "other.example:81");
  assertEquals(fieldOf(third, "host"), "server.example.com");
});

Deno.test("a URL follows five redirects and not one more, by default", async () => {
  await using it = side();
  it.context.clientConnect(URL);
  for (let hop = 1; hop <= 5; hop++) await send(await it.accept(), `/${hop}`);
  const last = await it.accept();
  assertMatch(await readHead(last), /^GET \/5 HTTP/);
  last.send(sent("/6"));
  last.end();
  await it.recorder.until("wsiDestroy");
  const why = "the server answered 302 Found: more than 5 redirects are not followed";
  assertEquals(it.told, [why, "/6", "no"]);
  assertEquals(it.recorder.reasons.filter((each) => each === "clientConnectionError").length, 1);
});

Deno.test("the struct follows none unless it is told to, and a refused one can be read", async () => {
  for (const redirects of [undefined, 0, 1]) {
    await using it = side();
    const info: ClientConnectInfo = { address: "server.example.com", port: 80 };
    it.context.clientConnect(redirects === undefined ? info : { ...info, redirects });
    if (redirects === 1) await send(await it.accept(), "/once");
    const peer = await it.accept();
    await readHead(peer);
    peer.send(sent("/x"));
    peer.end();
    await it.recorder.until("wsiDestroy");
    const why = redirects === 1 ? ": more than 1 redirects are not followed" : "";
    assertEquals(it.told, [`the server answered 302 Found${why}`, "/x", "no"]);
  }
});

Deno.test("version 0 and version 8 follow a redirect, version 0 with an origin of the new place", async () => {
  for (const version of [0, 8] as const) {
    await using it = side();
    it.context.clientConnect(URL, { version });
    const first = await it.accept();
    assertMatch(await readHead(first), /^GET \/a\/b/);
    if (version === 0) await first.readBytes(8);
    first.send(sent("ws://other.example:81/x"));
    await first.readToEnd();
    const second = await it.acceptOther();
    const request = await readHead(second);
    assertEquals(fieldOf(request, "host"), "other.example:81");
    if (version === 0) assertEquals(fieldOf(request, "origin"), "http://other.example:81");
    else {
      const key = fieldOf(request, "sec-websocket-key")!;
      second.send(
        "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      );
      await it.recorder.until("clientEstablished");
    }
    first.close();
    second.close();
  }
});

Deno.test("each step has the time of clientTimeoutMs", async () => {
  await using it = side({ clientTimeoutMs: 1000 });
  it.context.clientConnect(URL);
  const first = await it.accept();
  await readHead(first);
  await it.pass(900);
  first.send(sent("/x"));
  await first.readToEnd();
  first.close();
  const second = await it.accept();
  await readHead(second);
  await it.pass(900);
  assertEquals(it.told, []);
  await it.pass(200);
  await it.recorder.until("wsiDestroy");
  assertMatch(it.told[0]!, /timed out while waiting for the server's answer/);
  second.close();
});

Deno.test("close, a signal and the end of the context stop it between two places as anywhere", async () => {
  for (const how of ["close", "signal", "destroy"] as const) {
    await using it = side();
    const controller = new AbortController();
    const wsi = it.context.clientConnect(URL, { signal: controller.signal });
    const peer = await it.accept();
    await readHead(peer);
    peer.send(sent("/x"));
    it.network.hold();
    await peer.readToEnd();
    peer.close();
    await settle();
    assertEquals(it.told, []);
    if (how === "close") assertEquals(wsi.close(), 0);
    else if (how === "signal") controller.abort();
    else void it.context.destroy();
    await it.recorder.until("wsiDestroy");
    assertEquals(it.told.length, 3);
    assertEquals(it.recorder.reasons.filter((each) => /Error|closed/.test(each)).length, 1);
    it.network.release();
    await settle();
  }
});

Deno.test("receiving that the program has stopped stays so behind a redirect", async () => {
  const recorder = record("chat");
  await using played = playServer([recorder.protocol]);
  const wsi = played.context.clientConnect(URL);
  const first = await played.accept();
  assertEquals(wsi.rxFlowControl(false), 0);
  await send(first, "/x");
  const peer = await played.accept();
  peer.send(bytesOf(headOf(answerLines(await readHead(peer))) + "\x81\x02hi"));
  await recorder.until("clientEstablished");
  await settle();
  assertEquals(recorder.reasons.includes("clientReceive"), false);
  wsi.rxFlowControl(true);
  await recorder.until("clientReceive");
  peer.close();
});

Deno.test("a place that can't be reached is named", async () => {
  await using it = side();
  it.context.clientConnect(URL);
  await send(await it.accept(), "ws://nowhere.example:99/");
  await it.recorder.until("wsiDestroy");
  assertStringIncludes(it.told[0]!, "can't connect to nowhere.example port 99");
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: a redirect is followed in service, with each descriptor added and deleted`, async () => {
    const fds: string[] = [];
    const known = new Set<number>();
    const recorder = record("chat", {
      addPollFd: (_wsi, _user, { fd }) => {
        fds.push("add");
        known.add(fd);
      },
      delPollFd: (_wsi, _user, { fd }) => {
        fds.push("del");
        known.delete(fd);
      },
    });
    await using played = playServer([recorder.protocol], { service });
    const { context } = played;
    context.clientConnect(URL);
    const serve = async () => {
      for (let i = 0; i < 5; i++) {
        await settle();
        if (service === "manual") await context.service(0);
        else {
          const pollFds = [...known].map((fd) => ({ fd, events: POLLIN | POLLOUT, revents: 0 }));
          await context.poll(pollFds, 0);
          for (const each of pollFds) if (each.revents !== 0) context.serviceFd(each);
        }
      }
    };
    await serve();
    const first = await played.accept();
    await serve();
    await readHead(first);
    first.send(sent("/x"));
    await settle();
    assertEquals(fds.length, service === "external" ? 1 : 0, "nothing happens between calls");
    await serve();
    const second = await played.accept();
    await serve();
    await welcome(second);
    await serve();
    assertEquals(recorder.reasons.includes("clientEstablished"), true);
    if (service === "external") assertEquals(fds, ["add", "del", "add"]);
    first.close();
    second.close();
  });
}

// On real sockets.

/** A server that sends all to `location()` but what asks for /there, and a client's way there. */
function sending(info: object, location: () => string): Context {
  return createContext({
    ...LOOPBACK,
    ...info,
    protocols: [{
      name: "chat",
      callback: handlers({
        filterProtocolConnection(wsi) {
          if (wsi.uri === "/there") return;
          wsi.respond(307, "elsewhere", [["location", location()]]);
          return 1;
        },
        message: (wsi, _user, message) => void wsi.write(message),
      }),
    }],
  });
}

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };

async function talk(url: string, options: ClientConnectOptions = {}): Promise<string> {
  const outcome = Promise.withResolvers<string>();
  const callback = handlers({
    clientEstablished: (wsi: Wsi) => void wsi.write("hello"),
    message: (wsi, _user, message) => outcome.resolve(`${message} ${wsi.isSsl}`),
    clientConnectionError: (_wsi, _user, why) => outcome.resolve(why),
  });
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    sslCaFilepath: made.ca.cert,
    options: { disableOsCaCerts: true },
    protocols: [{ name: "chat", callback }],
  });
  context.clientConnect(url, options);
  return await outcome.promise;
}

Deno.test("real sockets: to another port, from ws to wss, and never from wss to ws", async () => {
  await using plain = sending({}, () => "/there");
  await using secure = sending(TLS, () => `https://localhost:${secure.port}/there`);
  await using toSecure = sending({}, () => `https://localhost:${secure.port}/here`);
  await using toPlain = sending(TLS, () => `ws://localhost:${plain.port}/there`);
  assertEquals(await talk(`ws://127.0.0.1:${plain.port}/`), "hello 0");
  assertEquals(await talk(`ws://127.0.0.1:${toSecure.port}/`), "hello 1");
  assertEquals(
    await talk(`wss://localhost:${toPlain.port}/`),
    "the server answered 307 Temporary Redirect: a redirect from wss to ws is not followed",
  );
});

const POLICIES = ["automatic", "manual", "external"] as const;
for (const service of isEpollAvailable() ? POLICIES : []) {
  Deno.test(`${service}, with real descriptors: the redirected client has one after the other`, async () => {
    await using plain = sending({}, () => "/there");
    await using first = sending({}, () => `ws://127.0.0.1:${plain.port}/there`);
    const known = new Set<number>();
    const fds: number[] = [];
    let outcome = "";
    const callback = handlers({
      addPollFd: (_wsi, _user, { fd }) => void known.add(fd),
      delPollFd: (_wsi, _user, { fd }) => void known.delete(fd),
      clientAppendHandshakeHeader: (wsi) => void fds.push(wsi.socketFd),
      clientEstablished: (wsi: Wsi) => void wsi.write("hello"),
      message: (wsi, _user, message) => void (outcome = `${message} ${wsi.socketFd}`),
      clientConnectionError: (_wsi, _user, why) => void (outcome = why),
    });
    const port = CONTEXT_PORT_NO_LISTEN;
    const protocols = [{ name: "chat", callback }];
    await using context = createContext({
      port,
      ...PATIENT,
      network: epollNetwork(),
      service,
      protocols,
    });
    context.clientConnect(`ws://127.0.0.1:${first.port}/`);
    while (outcome === "") {
      if (service === "automatic") await settle();
      else if (service === "manual") await context.service(50);
      else {
        const pollFds = [...known].map((fd) => ({ fd, events: POLLIN | POLLOUT, revents: 0 }));
        await context.poll(pollFds, 50);
        for (const each of pollFds) if (each.revents !== 0) context.serviceFd(each);
        context.serviceFd(null);
      }
    }
    assertEquals(outcome, `hello ${fds[1]}`);
    assertEquals(context.hangupOnClient(fds[1]!), 0);
    assertEquals(fds.every((fd) => fd > 0), true);
  });
}

Deno.test("redirects are a whole number from 0 to 20", async () => {
  await using it = side();
  for (const redirects of [-1, 21, 1.5, Infinity, "5", null]) {
    const options = { redirects } as ClientConnectOptions;
    const error = assertThrows(() => it.context.clientConnect(URL, options), LwsError);
    assertMatch(error.message, /redirects is .*; allowed: a whole number from 0 to 20$/);
  }
  for (const redirects of [0, 20]) it.context.clientConnect(URL, { redirects }).close();
  await settle();
});
