/** That every number of a table does what its name says: timeouts, headers, statuses, options, events. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { box } from "../../src/compat/engine/pointers.ts";
import { setLogLevel, type Wsi } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readHead, readResponse } from "../support/serve.ts";
import type { Callback, Face, ProtocolSpec } from "./support.ts";
import {
  acceptance,
  DEC15,
  FACES,
  FEB11,
  logged,
  MAR13,
  OCT12,
  on,
  pollFd,
  rig,
  SINCE_MAR13,
  SINCE_OCT12,
  withCall,
} from "./support.ts";

const quiet: ProtocolSpec = { name: "talk", callback: () => 0 };
const talk = { protocol: "talk" };
const noListen = (face: Face) => face.api.CONTEXT_PORT_NO_LISTEN as number;
const camel = (name: string) =>
  name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** The constants of a generation that begin so, with what follows. */
const constants = (face: Face, prefix: RegExp): [name: string, number: number][] =>
  Object.entries(face.api)
    .filter(([name, value]) => prefix.test(name) && typeof value === "number")
    .map(([name, value]) => [name.replace(prefix, ""), value as number]);

// Timeouts.

for (const face of withCall("set_timeout")) {
  Deno.test(`${face.name}: every reason for a timeout cuts the connection when the time is over`, async () => {
    const reasons = constants(face, /^PENDING_(TIMEOUT_)?/);
    assertEquals(reasons.length, { oct12: 6, mar13: 8, dec15: 12 }[face.name]);
    const wsis: Wsi[] = [];
    const closed: Wsi[] = [];
    const callback: Callback = (wsi, reason) => {
      if (reason === "ESTABLISHED") wsis.push(wsi);
      if (reason === "CLOSED") closed.push(wsi);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    for (const _ of reasons) await server.open(talk);
    await server.until(() => wsis.length === reasons.length);
    const lines: string[] = [];
    setLogLevel(["info"], (_level, line) => lines.push(line));
    try {
      const expected = reasons.map(([name, number], index) => {
        face.call("set_timeout", wsis[index], number, 5);
        return `connection ${wsis[index]!.socketFd}: timeout ${camel(name)}`;
      });
      server.clock.advance(4000);
      await server.settle();
      assertEquals(closed.length, 0);
      server.clock.advance(3000);
      await server.until(() => closed.length === wsis.length);
      assertEquals(lines.filter((line) => line.includes(": timeout ")).sort(), expected.sort());
    } finally {
      setLogLevel([], () => {});
    }
  });
}

// Headers.

/** What no request can have, or has in a request of its own. */
const NO_FIELD =
  /^((GET|POST|OPTIONS|PUT|PATCH|DELETE)_URI|PROXY|COUNT|MUXURL|CHALLENGE|HTTP|HTTP_URI_ARGS|HTTP_COLON_\w+|HTTP_TRANSFER_ENCODING)$/;
/** What every handshake of the tests has. */
const HANDSHAKE: Record<string, string> = {
  "host": "localhost",
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-protocol": "talk",
};
/** Values that have to be like that. */
const VALUES: Record<string, string> = { "content-length": "0", "expect": "100-continue" };

/** The field that a token's C name stands for. */
function fieldOf(token: string): string {
  if (token === "SWORIGIN") return "sec-websocket-origin";
  if (token === "HTTP_AC_REQUEST_HEADERS") return "access-control-request-headers";
  const bare = token.replace(/^HTTP_/, "").toLowerCase().replaceAll("_", "-");
  const isHandshake = /^(DRAFT|EXTENSIONS|KEY1|KEY2|PROTOCOL|ACCEPT|NONCE|KEY|VERSION)$/.test(
    token,
  );
  return isHandshake ? `sec-websocket-${bare}` : bare;
}

for (const face of [OCT12, MAR13, DEC15]) {
  Deno.test(`${face.name}: the header of every token is read by its number`, async () => {
    const tokens = constants(face, /^WSI_TOKEN_/).filter(([name]) => !NO_FIELD.test(name));
    assertEquals(tokens.length, { oct12: 14, mar13: 14, dec15: 62 }[face.name]);
    const sent = (field: string) => HANDSHAKE[field] ?? VALUES[field] ?? `of ${field}`;
    const seen: Record<string, string> = {};
    const callback = on("FILTER_PROTOCOL_CONNECTION", (wsi, user) => {
      for (const [name, number] of tokens) {
        const dest = box("");
        if (face === OCT12) dest.value = user[number].token;
        else {
          const length = face.call("hdr_copy", wsi, dest, 100, number);
          assertEquals(length, face.call("hdr_total_length", wsi, number), name);
          assertEquals(length, dest.value.length, name);
        }
        seen[name] = dest.value;
      }
    });
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const fields = tokens.map(([name]) => fieldOf(name))
      .filter((field) => !(field in HANDSHAKE) && field !== "sec-websocket-key")
      // No list of extensions.
      .filter((field) => field !== "sec-websocket-extensions");
    const headers = fields.map((field) => `${field}: ${sent(field)}`);
    await server.open({ ...talk, headers: [...headers, "Sec-WebSocket-Extensions: x-none"] });
    const { KEY: key, ...others } = seen;
    assertMatch(key!, /^[\w+/]{22}==$/);
    assertEquals(others, {
      ...Object.fromEntries(
        tokens.filter(([name]) => name !== "KEY").map(([name]) => [name, sent(fieldOf(name))]),
      ),
      EXTENSIONS: "x-none",
    });
  });

  Deno.test(`${face.name}: a server reads the version of a request by WSI_TOKEN_HTTP`, async () => {
    const seen: unknown[] = [];
    const callback = on("FILTER_PROTOCOL_CONNECTION", (wsi, user) => {
      const dest = box("");
      const token = face.api.WSI_TOKEN_HTTP;
      if (face === OCT12) dest.value = user[token].token;
      else face.call("hdr_copy", wsi, dest, 9, token);
      seen.push(dest.value);
    });
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    await server.open(talk);
    assertEquals(seen, ["HTTP/1.1"]);
  });

  Deno.test(`${face.name}: tokens that no request has are absent`, async () => {
    const absent = constants(face, /^WSI_TOKEN_/)
      .filter(([name]) => /^(MUXURL|CHALLENGE|HTTP_COLON_\w+)$/.test(name));
    const seen: unknown[] = [];
    const callback = on("FILTER_PROTOCOL_CONNECTION", (wsi, user) => {
      for (const [, number] of absent) {
        seen.push(face === OCT12 ? user[number].token : face.call("hdr_total_length", wsi, number));
      }
    });
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    await server.open(talk);
    assertEquals(seen, absent.map(() => face === OCT12 ? null : 0));
  });
}

Deno.test("dec15: the path of every method is read by its token, the encoding of a body and arguments by theirs", async () => {
  const { api } = DEC15;
  const seen: string[][] = [];
  const tokens = constants(DEC15, /^WSI_TOKEN_(?=\w+_URI$|PROXY|HTTP_URI_ARGS|HTTP_TRANSFER)/);
  const callback = on("HTTP", (wsi) => {
    const found = tokens.flatMap(([name, number]) => {
      const dest = box("");
      const length = DEC15.call("hdr_copy", wsi, dest, 100, number) as number;
      return length > 0 ? [`${name} ${dest.value}`] : [];
    });
    seen.push(found);
    api.lws_return_http_status(wsi, 200, null);
    return -1;
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  for (const method of ["GET", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"]) {
    const peer = await server.dial();
    const body = method === "POST" ? "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" : "\r\n";
    peer.send(`${method} /of/${method}?a=1 HTTP/1.1\r\nHost: h\r\n${body}`);
    await server.pump(readHead(peer));
    peer.close();
  }
  // 73 is two names' number, by a slip of the C header.
  assertEquals(api.WSI_TOKEN_PROXY, api.WSI_TOKEN_PATCH_URI);
  const args = "HTTP_URI_ARGS a=1";
  assertEquals(seen.map((each) => each.toSorted()), [
    ["GET_URI /of/GET", args],
    ["HTTP_TRANSFER_ENCODING chunked", args, "POST_URI /of/POST"],
    [args, "OPTIONS_URI /of/OPTIONS"],
    [args, "PUT_URI /of/PUT"],
    [args, "PATCH_URI /of/PATCH", "PROXY /of/PATCH"],
    ["DELETE_URI /of/DELETE", args],
  ]);
});

SINCE_MAR13.test("a client reads the status and the headers of the answer by their tokens", async (face) => {
  const seen: string[] = [];
  const { api } = face;
  const callback = on("CLIENT_FILTER_PRE_ESTABLISH", (wsi) => {
    for (const token of [api.WSI_TOKEN_HTTP, api.WSI_TOKEN_PROTOCOL, api.WSI_TOKEN_NONCE]) {
      const dest = box("");
      face.call("hdr_copy", wsi, dest, 100, token);
      seen.push(dest.value);
    }
  });
  await using client = rig(face, { port: noListen(face), protocols: [{ name: "talk", callback }] });
  const listener = client.network.listen({ hostname: "h", port: 80 });
  face.call("client_connect", client.context, "h", 80, 0, "/", "h", null, "talk", -1);
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  const request = await client.pump(readHead(peer));
  const fields = "Sec-WebSocket-Protocol: talk\r\nSec-WebSocket-Nonce: n\r\n";
  peer.send(await acceptance(request, fields));
  await client.until(() => seen.length === 3);
  assertEquals(seen, ["101 Switching Protocols", "talk", "n"]);
  peer.close();
  listener.close();
});

// Statuses.

Deno.test("dec15: every HTTP status is answered with its number", async () => {
  const statuses = constants(DEC15, /^HTTP_STATUS_/);
  assertEquals(statuses.length, 26);
  let status = 0;
  const results: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    results.push(DEC15.call("return_http_status", wsi, status, null));
    return DEC15.call("http_transaction_completed", wsi) as number;
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  for ([, status] of statuses) {
    const peer = await server.dial("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const { head, body } = await server.pump(readResponse(peer));
    assertMatch(head, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    assertEquals(body === "", status === 204);
    peer.close();
  }
  assertEquals(results, statuses.map(() => 0));
});

/** Numbers that stand for no close frame, or for none with a status (RFC 6455 section 7.4). */
const NEVER_SENT: Record<string, readonly string[]> = {
  oct12: ["NOSTATUS", "PAYLOAD_TOO_LARGE"],
  mar13: ["NOSTATUS", "RESERVED", "NO_STATUS", "ABNORMAL_CLOSE", "TLS_FAILURE"],
  dec15: [
    "NOSTATUS",
    "NOSTATUS_CONTEXT_DESTROY",
    "RESERVED",
    "NO_STATUS",
    "ABNORMAL_CLOSE",
    "TLS_FAILURE",
  ],
};

SINCE_OCT12.test("every close status is sent with its number, and none that must not be", async (face) => {
  const statuses = constants(face, /^LWS_CLOSE_STATUS_/);
  assertEquals(statuses.length, { oct12: 6, mar13: 14, dec15: 15 }[face.name]);
  let wsi: Wsi | undefined;
  const callback = on("ESTABLISHED", (each) => void (wsi = each));
  await using server = rig(face, { protocols: [{ name: "talk", callback }] });
  const refused: string[] = [];
  for (const [name, status] of statuses) {
    const socket = await server.open(talk);
    await server.settle();
    const payload = new Uint8Array([status >> 8, status & 255, 0x68, 0x69]);
    const { result } = logged(() => face.call("write", wsi, payload, 4, face.api.LWS_WRITE_CLOSE));
    if (result === -1) refused.push(name);
    else {
      assertEquals(await server.pump(socket.receiveClose()), { code: status, reason: "hi" });
    }
    socket.peer.close();
  }
  assertEquals(refused.sort(), NEVER_SENT[face.name]!.toSorted());
});

// Options.

FACES.test("every option bit is taken, one without TLS that needs it refused, as bits without a name are", async (face) => {
  const bits = constants(face, /^LWS_SERVER_OPTION_/);
  assertEquals(bits.length, { feb11: 1, oct12: 2, mar13: 3, dec15: 8 }[face.name]);
  for (const [name, bit] of bits) {
    const { result, lines } = logged(() =>
      face.create({ port: noListen(face), options: bit, protocols: [quiet] })
    );
    const isRefused = name === "REQUIRE_VALID_OPENSSL_CLIENT_CERT";
    assertEquals(result === null, isRefused, name);
    if (isRefused) {
      assertStringIncludes(lines.join("\n"), "LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT");
    }
    if (name === "LIBEV") assertStringIncludes(lines.join("\n"), "there is one event loop");
    await result?.destroy();
  }
  for (const bit of [1 << 20, 0x8000_0000]) {
    const { result, lines } = logged(() => face.create({ options: bit, protocols: [quiet] }));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), `the bit ${bit} means nothing`);
  }
});

FACES.test("a client with DEFEAT_CLIENT_MASK sends without masking", async (face) => {
  let own: Wsi | undefined;
  const callback = on("CLIENT_ESTABLISHED", (wsi) => void (own = wsi));
  const options = face.api.LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK;
  await using client = rig(face, {
    port: noListen(face),
    options,
    protocols: [{ name: "talk", callback }],
  });
  const listener = client.network.listen({ hostname: "h", port: 80 });
  const { context } = client;
  const connected = face.call("client_connect", context, "h", 80, 0, "/", "h", null, "talk", -1);
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  const request = await client.pump(readHead(peer));
  peer.send(await acceptance(request, "Sec-WebSocket-Protocol: talk\r\n"));
  await client.until(() => own !== undefined);
  await client.pump(Promise.resolve(connected));
  face.call("write", own, "hi", 2, face.api.LWS_WRITE_TEXT);
  assertEquals([...await client.pump(peer.readBytes(4))], [0x81, 2, 104, 105]);
  peer.close();
  listener.close();
});

SINCE_MAR13.test("SKIP_SERVER_CANONICAL_NAME leaves the host's own name unknown", async (face) => {
  const options = face.api.LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
  await using server = rig(face, { options, protocols: [quiet] });
  assertEquals(face.call("canonical_hostname", server.context), "unknown");
});

// A program's own loop.

FACES.test("a loop of the program's own is told POLLIN, POLLOUT and POLLHUP, and served by descriptor", async (face) => {
  const { POLLIN, POLLOUT, POLLERR, POLLHUP } = face.api;
  const calls: string[] = [];
  let own: Wsi | undefined;
  const callback: Callback = (wsi, reason, _user, input) => {
    if (reason === "ESTABLISHED") own = wsi;
    if (reason === "RECEIVE") calls.push(`${reason} ${new TextDecoder().decode(input)}`);
    if (/WRITEABLE|CLOSED$/.test(reason)) calls.push(reason);
  };
  await using server = rig(face, { protocols: [{ name: "talk", callback }] });
  const socket = await server.open(talk);
  await server.until(() => own !== undefined);
  await server.settle();
  const fd = face.call("get_socket_fd", own) as number;
  const { context } = server;
  const entry = pollFd(fd, 0);
  /** Waits as poll(2) does, and serves what it told. */
  const round = async (events: number): Promise<number> => {
    entry.events = events;
    assertEquals(await context.poll([entry], Infinity), 1);
    const { revents } = entry;
    face.call("service_fd", context, entry);
    assertEquals(entry.revents, 0);
    return revents;
  };
  socket.send({ opcode: 1, payload: "hi" });
  assertEquals(await round(POLLIN), POLLIN);
  assertEquals(calls.splice(0), ["RECEIVE hi"]);

  own!.callbackOnWritable();
  // What it is not watched for is not told.
  entry.events = POLLIN;
  assertEquals(await context.poll([entry], 0), 0);
  assertEquals(await round(POLLIN | POLLOUT), POLLOUT);
  assertEquals(calls.splice(0).length, 1);
  // An error is no event of its own: it ends in a hang-up.
  const failed = pollFd(fd, POLLERR);
  face.call("service_fd", context, failed);
  assertEquals([calls, failed.revents], [[], 0]);

  socket.peer.close();
  let told = 0;
  while (!calls.includes("CLOSED")) told |= await round(POLLIN);
  assertEquals(told & (POLLERR | POLLHUP), POLLHUP);
  entry.revents = POLLIN;
  // What is gone is anybody's.
  assertEquals(face.call("service_fd", context, entry), face === FEB11 ? 1 : 0);
  assertEquals(entry.revents, POLLIN);
});

Deno.test("dec15: lws_pollargs have the descriptor, what to watch for, and what was watched for before", async () => {
  const { POLLIN, POLLOUT } = DEC15.api;
  const seen: unknown[] = [];
  const callback: Callback = (wsi, reason, _user, input) => {
    if (/^(ADD|DEL|CHANGE_MODE)_POLL_FD$/.test(reason)) {
      const { fd, events, prev_events } = input;
      seen.push([reason, fd === 0 ? "listener" : fd, events, prev_events]);
    }
    if (reason !== "ESTABLISHED") return;
    DEC15.call("rx_flow_control", wsi, 0);
    DEC15.call("rx_flow_control", wsi, 1);
  };
  await using server = rig(DEC15, { protocols: [{ name: "talk", callback }] });
  const socket = await server.open(talk);
  await server.settle();
  socket.peer.close();
  await server.settle();
  const of = (reason: string, ...rest: unknown[]) => [`${reason}_POLL_FD`, ...rest];
  assertEquals(seen, [
    of("ADD", "listener", POLLIN, POLLIN),
    of("ADD", 1, POLLIN, POLLIN),
    of("CHANGE_MODE", 1, 0, POLLIN),
    of("CHANGE_MODE", 1, POLLIN, 0),
    of("CHANGE_MODE", 1, POLLIN | POLLOUT, POLLIN),
    of("CHANGE_MODE", 1, POLLIN, POLLIN | POLLOUT),
    of("DEL", 1, POLLIN, POLLIN),
  ]);
});
