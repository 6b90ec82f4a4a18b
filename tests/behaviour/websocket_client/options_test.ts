/** What the options do: header fields, TLS, a proxy, compression, limits, probes, a signal. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createContext,
  handlers,
  LwsError,
  permessageDeflate,
  type Protocol,
} from "../../../mod.ts";
import { WebSocket, type WebSocketOptions } from "../../../src/websocket_client/mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { settle } from "../../support/serve.ts";
import { echo, finish, next, openSocket, play, stand, story } from "./standard_socket.ts";

const made = await makeCertificates();
const TLS = { sslCertFilepath: made.localhost.cert, sslPrivateKeyFilepath: made.localhost.key };

/** How a socket's first steps end: `open`, or why not. */
async function outcome(url: string, options: WebSocketOptions): Promise<string> {
  const socket = new WebSocket(url, options);
  const failed = next<ErrorEvent>(socket, "error");
  const first = await Promise.race([next(socket, "open"), failed]);
  if (first.type === "open") await finish(socket);
  else await next(socket, "close");
  return first.type === "open" ? "open" : (first as ErrorEvent).message;
}

Deno.test("headers and origin are sent as given", async () => {
  await using side = play();
  const pairs: [string, string][] = [["X-One", "1"], ["Cookie", "id=7"]];
  for (const headers of [new Headers(pairs), Object.fromEntries(pairs), pairs]) {
    const socket = new WebSocket("ws://server.example.com/", {
      ...side.way,
      headers,
      origin: "https://example.com",
    });
    const { request } = await side.open();
    for (const line of ["x-one: 1", "cookie: id=7", "origin: https://example.com"]) {
      assertStringIncludes(request.toLowerCase(), `\r\n${line}\r\n`);
    }
    await next(socket, "open");
  }
});

Deno.test("what the layers below refuse the constructor throws, by its own option's name", () => {
  for (
    const [options, message] of [
      [{ headers: { host: "x" } }, "headers: header host is set by the handshake itself"],
      [{ headers: { "a b": "x" } }, 'headers: header name "a b" is no token'],
      [{ headers: [["a", "b\nc"]] }, "headers: header a: the value has a line break"],
      [{ origin: "ü" }, "origin is a text of 1 characters; allowed: visible ASCII"],
      [{ maxMessageSize: -1 }, "maxMessageSize is -1"],
      [{ clientTimeoutMs: 0.5 }, "clientTimeoutMs is 0.5"],
      [{ keepAlive: { time: -1 } }, "keepAlive.time is -1"],
      [{ proxy: "ftp://x" }, "proxy"],
      [{ network: {} }, "network is {…}"],
      [{ perMessageDeflate: { level: 77 } }, "level is 77"],
      [{ tls: { ca: "no PEM, no file" } }, "tls.ca"],
      [{ tls: { cert: made.client.cert } }, "tls."],
      [{ tls: { serverName: "" } }, "tls.serverName"],
      [{ nothing: 1 }, "nothing is no option"],
    ] as unknown as [WebSocketOptions, string][]
  ) {
    const error = assertThrows(() => new WebSocket("ws://a/", options), LwsError);
    assert(error.message.startsWith("WebSocket: "), error.message);
    assertStringIncludes(error.message, message);
    assertEquals(error.code, "invalid-option", message);
  }
});

Deno.test("compression is on, unless it is turned off, and extensions tells what is in use", async () => {
  await using side = stand([echo], { extensions: [permessageDeflate()] });
  for (
    const [perMessageDeflate, extension] of [
      [undefined, "permessage-deflate"],
      [true, "permessage-deflate"],
      [{ threshold: 0 }, "permessage-deflate"],
      [false, ""],
    ] as const
  ) {
    const socket = new WebSocket("ws://a/", {
      ...side.way,
      ...perMessageDeflate === undefined ? {} : { perMessageDeflate },
    });
    await next(socket, "open");
    assertEquals(socket.extensions.split(";")[0], extension);
    const text = "again and ".repeat(1000);
    const echoed = next<MessageEvent>(socket, "message");
    socket.send(text);
    assertEquals(socket.bufferedAmount, text.length, "before compression");
    assertEquals((await echoed).data, text);
    await finish(socket);
  }
});

Deno.test("wss trusts who it is told to, for the name it is told, and shows a certificate", async () => {
  const subjects: (string | undefined)[] = [];
  const showing: Protocol = {
    name: "p",
    callback: handlers({
      established: (_wsi, _user, tls) => void subjects.push(tls?.peerCertificate?.subject),
    }),
  };
  await using side = stand([showing], {
    ...TLS,
    sslCaFilepath: made.ca.cert,
    options: { requireValidClientCert: true, peerCertNotRequired: true },
  });
  const only = { ca: made.ca.cert, onlyCa: true };
  const url = "wss://localhost:80/";
  assertEquals(await outcome(url, { ...side.way, tls: only }), "open");
  assertEquals(subjects, [undefined]);
  const { cert, key } = made.client;
  assertEquals(await outcome(url, { ...side.way, tls: { ...only, cert, key } }), "open");
  assertEquals(subjects[1], "CN=client");
  assertEquals(
    await outcome("wss://other.test:80/", {
      ...side.way,
      tls: { ...only, serverName: "localhost" },
    }),
    "open",
  );
  assertStringIncludes(
    await outcome("wss://other.test:80/", { ...side.way, tls: only }),
    "other.test",
  );
  const foreign = { ca: made.foreignCa.cert, onlyCa: true };
  assert((await outcome(url, { ...side.way, tls: foreign })).includes("certificate"));
});

Deno.test("a self-signed certificate is forgiven where that is asked for, and only there", async () => {
  const { cert, key } = made.selfSigned;
  await using side = stand([echo], { sslCertFilepath: cert, sslPrivateKeyFilepath: key });
  const url = "wss://localhost:80/";
  assertEquals(await outcome(url, { ...side.way, tls: { allowSelfSigned: true } }), "open");
  assertStringIncludes(await outcome(url, side.way), "self-signed");
});

Deno.test("a proxy is asked for a tunnel", async () => {
  await using proxy = connectProxy({ credentials: "user:pw" });
  await using server = createContext({ ...LOOPBACK, protocols: [echo] });
  const { closeTimeoutMs, clientTimeoutMs } = PATIENT;
  const way = { closeTimeoutMs, clientTimeoutMs, proxy: `user:pw@127.0.0.1:${proxy.port}` };
  assertEquals(await outcome(`ws://localhost:${server.port}/`, way), "open");
  assertStringIncludes(proxy.requests[0]!, `CONNECT localhost:${server.port} HTTP/1.1`);
});

Deno.test("a message of maxMessageSize comes, and one byte more fails with 1009", async () => {
  const codes: number[] = [];
  const sizes: Protocol = {
    name: "p",
    callback: handlers({
      message: (wsi, _user, message) => void wsi.write(new Uint8Array(Number(message))),
      closed: (_wsi, _user, { code }) => void codes.push(code),
    }),
  };
  await using side = stand([sizes]);
  const socket = await openSocket({ ...side.way, maxMessageSize: 1000 });
  const heard = next<MessageEvent>(socket, "message");
  socket.send("1000");
  assertEquals((await heard).data.size, 1000);
  const failed = next<ErrorEvent>(socket, "error");
  const closed = next(socket, "close");
  socket.send("1001");
  assertStringIncludes((await failed).message, "limit");
  await closed;
  assertEquals(codes, [1009]);
});

Deno.test("messages of 16 MiB and more come without an option", async () => {
  const size = 17 * 1024 * 1024;
  const large: Protocol = {
    name: "p",
    callback: handlers({
      established: (wsi) => void wsi.write(new Uint8Array(size)),
    }),
  };
  await using side = stand([large], { maxMessageSize: size, maxUnsentBytes: Infinity });
  const socket = new WebSocket("ws://a/", side.way);
  assertEquals((await next<MessageEvent>(socket, "message")).data.size, size);
  await finish(socket);
});

Deno.test("keepAlive pings a silent server, whose pong is no event, and false does not", async () => {
  for (const keepAlive of [{ time: 5 }, false] as const) {
    const pings: Uint8Array[] = [];
    const silent: Protocol = {
      name: "p",
      callback: handlers({ receivePing: (_wsi, _user, it) => void pings.push(it.slice()) }),
    };
    await using side = stand([silent], { kaTime: 0 });
    const socket = await openSocket({ ...side.way, keepAlive });
    const told = story(socket);
    for (let i = 0; i < 6; i++) {
      side.clock.advance(1_000);
      await settle();
    }
    assertEquals([pings.length, told], [keepAlive === false ? 0 : 1, []]);
    await finish(socket);
  }
});

Deno.test("clientTimeoutMs is how long a step of connecting may take", async () => {
  await using side = play();
  const socket = new WebSocket("ws://server.example.com/", { ...side.way, clientTimeoutMs: 300 });
  const peer = await side.accept();
  await settle();
  const failed = next<ErrorEvent>(socket, "error");
  const closed = next(socket, "close");
  side.clock.advance(400);
  assertStringIncludes((await failed).message, "timed out");
  await closed;
  peer.close();
});

Deno.test("a signal fails a connection that is not open yet, and closes an open one", async () => {
  await using side = stand();
  const reason = new Error("the user has left");
  for (const when of ["before", "connecting", "open", "closed"]) {
    const aborter = new AbortController();
    if (when === "before") aborter.abort(reason);
    const socket = new WebSocket("ws://a/", { ...side.way, signal: aborter.signal });
    const told = story(socket);
    const failed = next<ErrorEvent>(socket, "error");
    const closed = next(socket, "close");
    if (when === "open" || when === "closed") await next(socket, "open");
    if (when === "closed") await finish(socket, 3000);
    aborter.abort(reason);
    if (when === "before" || when === "connecting") {
      const { error } = await failed;
      assertEquals([error.code, error.cause], ["aborted", reason]);
    }
    await closed;
    const expected: Record<string, string[]> = {
      before: ["error", 'close 1006 "" false'],
      connecting: ["error", 'close 1006 "" false'],
      open: ["open", 'close 1005 "" true'],
      closed: ["open", 'close 3000 "" true'],
    };
    assertEquals(told, expected[when], when);
  }
});
