/** The server of November 2010, which serves by itself. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nov10 } from "../../src/compat/mod.ts";
import { useHost } from "../../src/compat/calls/creation.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import {
  dialer,
  handshake,
  opened,
  readHead,
  readResponse,
  retire,
  settle,
} from "../support/serve.ts";
import { logged } from "./support.ts";

const {
  LWS_CALLBACK_CLOSED,
  LWS_CALLBACK_ESTABLISHED,
  LWS_CALLBACK_HTTP,
  LWS_CALLBACK_RECEIVE,
  LWS_CALLBACK_SEND,
  LWS_WRITE_HTTP,
  LWS_WRITE_TEXT,
  libwebsocket_create_server,
  libwebsocket_get_uri,
  libwebsocket_write,
  libwebsockets_serve_http_file,
  serverContext,
} = nov10;

type Callback = nov10.libwebsocket_callback;

type Creation = { protocol?: number; cert?: string; size?: number | (() => unknown) };

function create(callback: Callback | null, options: Creation = {}) {
  const { protocol = 13, cert = null, size = 8 } = options;
  return libwebsocket_create_server(80, callback, protocol, size, cert, null, -1, -1);
}

/** A server on a network in memory. */
function served(callback: Callback, options: Creation = {}) {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  useHost({ network, clock });
  const descriptor = create(callback, options);
  const context = serverContext(descriptor)!;
  const dial = dialer(network, 80);
  return {
    descriptor,
    context,
    network,
    clock,
    dial,
    async open() {
      const peer = await dial(handshake({ path: "/chat" }));
      return opened(peer, await readHead(peer));
    },
    async [Symbol.asyncDispose]() {
      await retire([context], clock);
      useHost({});
    },
  };
}

Deno.test("nov10: create_server returns a descriptor, and serves by itself", async () => {
  const calls: unknown[] = [];
  await using server = served((wsi, reason, user, data, len) => {
    if (reason === LWS_CALLBACK_SEND) return 0;
    calls.push([reason, (user as ArrayBuffer).byteLength, data, len, libwebsocket_get_uri(wsi)]);
  });
  assert(server.descriptor > 0);
  assertEquals(server.context.port, 80);
  (await server.open()).peer.close();
  await settle();
  assertEquals(calls, [
    [LWS_CALLBACK_ESTABLISHED, 8, null, 0, "/chat"],
    [LWS_CALLBACK_CLOSED, 8, null, 0, "/chat"],
  ]);
});

Deno.test("nov10: user_area_size may be a function that makes each connection's struct", async () => {
  const users: unknown[] = [];
  const size = () => ({ number: 7 });
  await using server = served((_wsi, reason, user) => {
    if (reason !== LWS_CALLBACK_ESTABLISHED) return;
    (user as { number: number }).number++;
    users.push(user);
  }, { size });
  for (let i = 0; i < 2; i++) (await server.open()).peer.close();
  await settle();
  assertEquals(users, [{ number: 8 }, { number: 8 }]);
});

Deno.test("nov10: create_server returns −1 when it can't, and the log says why", async () => {
  await using _server = served(() => 0);
  const refusals: [() => number, string][] = [
    [() => create(null), "callback is null"],
    [() => create(() => 0), "80 is in use"],
    [() => create(() => 0, { cert: "/cert.pem" }), "ssl_private_key_filepath"],
  ];
  for (const [refused, why] of refusals) {
    const { result, lines } = logged(refused);
    assertEquals(result, -1);
    assertMatch(lines.join("\n"), /err: libwebsocket_create_server: /);
    assertStringIncludes(lines.join("\n"), why);
  }
  assertEquals(serverContext(-1), undefined);
});

Deno.test("nov10: SEND comes every 50 ms to established connections, until the server is stopped", async () => {
  let count = 0;
  const server = served((wsi, reason) => {
    if (reason !== LWS_CALLBACK_SEND) return 0;
    assertEquals(libwebsocket_write(wsi, `${++count}`, 1, LWS_WRITE_TEXT), 0);
  });
  const socket = await server.open();
  await server.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await settle();
  server.clock.advance(49);
  assertEquals(count, 0);
  server.clock.advance(1);
  assertEquals(count, 1);
  assertEquals(await socket.receiveText(), "1");
  server.clock.advance(100);
  assertEquals(count, 3);
  await server[Symbol.asyncDispose]();
  server.clock.advance(1000);
  assertEquals(count, 3);
});

Deno.test("nov10: a stopped server leaves nothing behind", async () => {
  useHost({});
  const descriptor = libwebsocket_create_server(0, () => 0, 13, 0, null, null, -1, -1);
  const context = serverContext(descriptor)!;
  assert(context.port > 0);
  await context.destroy();
  assertEquals(serverContext(descriptor), undefined);
});

Deno.test("contract 9: nov10: nothing that a callback returns closes; RECEIVE has the bytes, and a write returns 0 or −1", async () => {
  const results: unknown[] = [];
  await using server = served((wsi, reason, _user, data, len) => {
    if (reason !== LWS_CALLBACK_RECEIVE) return -1;
    results.push(libwebsocket_write(wsi, data as Uint8Array, len, LWS_WRITE_TEXT));
    results.push(libwebsocket_write(wsi, "no", 2, LWS_WRITE_HTTP));
    // Nothing that a callback returned closed anything.
    return -1;
  });
  const socket = await server.open();
  for (const text of ["one", "two"]) {
    socket.send({ opcode: 1, payload: text });
    assertEquals(await socket.receiveText(), text);
  }
  assertEquals(results, [0, -1, 0, -1]);
});

Deno.test("contract 5: nov10: get_uri is the path, and serve_http_file sends a file and returns 0", async () => {
  const here = new URL(import.meta.url).pathname;
  const results: unknown[] = [];
  await using server = served((wsi, reason, _user, data, len) => {
    if (reason !== LWS_CALLBACK_HTTP) return 0;
    results.push(libwebsocket_get_uri(wsi), data, len);
    results.push(libwebsockets_serve_http_file(wsi, here, "text/plain"));
  });
  const peer = await server.dial("GET /xyz/abc.d?q HTTP/1.1\r\nHost: h\r\n\r\n");
  assertEquals((await readResponse(peer)).body.length, Deno.statSync(here).size);
  assertEquals(results, ["/xyz/abc.d", null, 0, 0]);
  peer.close();
});

Deno.test("nov10: behind an answer by hand that is whole the next request is served", async () => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  await using server = served((wsi, reason) => {
    if (reason === LWS_CALLBACK_HTTP) {
      libwebsocket_write(wsi, answer, answer.length, LWS_WRITE_HTTP);
    }
    return 0;
  });
  const peer = await server.dial(
    "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
  );
  for (let i = 0; i < 2; i++) assertEquals((await readResponse(peer)).body, "ok");
  peer.close();
});

Deno.test("nov10: a client of 13 that asks for a subprotocol is refused, as the one protocol has no name", async () => {
  await using server = served(() => 0);
  const peer = await server.dial(handshake({ protocol: "chat" }));
  assertMatch(await readHead(peer), /^HTTP\/1\.1 400 /);
  peer.close();
});

Deno.test("nov10: a client with an empty line of extensions, as libwebsockets sent it, is taken", async () => {
  await using server = served(() => 0);
  const peer = await server.dial(
    handshake({ headers: ["Origin: localhost", "Sec-WebSocket-Extensions: "] }),
  );
  assertMatch(await readHead(peer), /^HTTP\/1.1 101 /);
});
