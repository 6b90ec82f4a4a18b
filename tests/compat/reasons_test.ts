/** That every reason comes, to whom, and with which `user`, `in` and `len`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { setLogLevel, type Wsi } from "../../mod.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { readHead, readResponse } from "../support/serve.ts";
import { frame } from "../support/frames.ts";
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
  rig,
  withReason,
} from "./support.ts";

/** What a value is, in a word. */
function wordOf(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof ArrayBuffer) return "area";
  if (value instanceof Uint8Array) return `bytes(${new TextDecoder().decode(value)})`;
  if (typeof value === "string") return value.length > 40 ? "text" : JSON.stringify(value);
  if (typeof value === "number") return "fd";
  if (Array.isArray(value)) return "tokens";
  return Object.keys(value as object).join("+") || "lines";
}

/** A POLLIN or a POLLOUT or both, in poll reasons. */
const isEvents = (reason: string, len: number) =>
  /^(ADD|SET_MODE|CLEAR_MODE)/.test(reason) && [1, 4, 5].includes(len);

/** All reasons that a generation's callbacks got in a life that has everything. */
async function everything(face: Face): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  const note = (target: string, more: Callback = () => 0): Callback => (...args) => {
    const [, reason, user, input, len] = args;
    const length = isEvents(reason, len) || wordOf(input) === "text" ? "n" : len;
    const what = `${target}: ${wordOf(user)} ${wordOf(input)} ${length}`;
    if (!seen.has(reason)) seen.set(reason, what);
    return more(...args);
  };
  const { api } = face;
  const ask = (wsi: unknown, context: unknown) =>
    face === OCT12 || face === MAR13
      ? face.call("callback_on_writable", context, wsi)
      : face.call("callback_on_writable", wsi);
  const first = note("first", (wsi, reason, _user, input) => {
    if (reason === "HTTP" && wsi.method === "GET") {
      if (input === "/file") {
        const given = [new URL(import.meta.url).pathname, "text/plain"];
        if (face === MAR13) face.call("serve_http_file", wsi.context, wsi, ...given);
        else face.call("serve_http_file", wsi, ...given, null, 0);
        return 0;
      }
      ask(wsi, wsi.context);
      return 0;
    }
    if (reason === "HTTP_WRITEABLE" || reason === "HTTP_BODY_COMPLETION") {
      wsi.returnHttpStatus(200);
      wsi.httpTransactionCompleted();
    }
  });
  const talk = note("talk", (wsi, reason) => {
    if (/^(CLIENT_)?ESTABLISHED$/.test(reason)) ask(wsi, wsi.context);
  });
  const protocols: ProtocolSpec[] = [
    { name: "first", callback: first, per_session_data_size: 4 },
    { name: "talk", callback: talk, per_session_data_size: 8 },
  ];
  const server = rig(face, { protocols });
  const reader = await server.dial("GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
  await server.pump(readResponse(reader));
  await server.settle();
  if (face === DEC15) {
    reader.send("POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    await server.pump(readResponse(reader));
  }
  if ("LWS_CALLBACK_HTTP_WRITEABLE" in api) {
    const other = await server.dial("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
    await server.pump(readResponse(other));
    other.close();
  }
  reader.close();
  const socket = await server.open({ protocol: "talk" });
  socket.send({ opcode: 1, payload: "hi" }, { opcode: 10, payload: "pong" });
  await server.settle();
  if (face.has("broadcast")) face.call("broadcast", face.structs[1], "news", 4);
  if (face.has("callback_all_protocol")) {
    face.call("callback_all_protocol", server.context, face.structs[1], api.LWS_CALLBACK_USER);
  }
  socket.peer.close();
  await server.settle();

  // A client, and a server that is played by hand.
  const client = server.also(face, { port: api.CONTEXT_PORT_NO_LISTEN, protocols });
  const listener = server.network.listen({ hostname: "h", port: 81 });
  const connect = () =>
    face.call("client_connect", client, "h", 81, 0, "/", "h", null, "talk", -1) as unknown;
  const connected = connect();
  const peer = new MemoryPeer(await server.pump(listener.accept()) as never);
  const request = await server.pump(readHead(peer));
  peer.send(await acceptance(request, "Sec-WebSocket-Protocol: talk\r\n"));
  peer.send(frame({ opcode: 1, payload: "to you" }));
  peer.send(frame({ opcode: 10, payload: "pong" }));
  await server.settle();
  await server.pump(Promise.resolve(connected));
  peer.close();
  await server.settle();
  listener.close();
  const failed = connect();
  await server.settle();
  assertEquals(face === FEB11 ? await server.pump(failed as Promise<unknown>) : null, null);
  await server[Symbol.asyncDispose]();
  return seen;
}

/** The same for several generations, unless a generation has its own. */
const EXPECTED: Record<string, string | Record<string, string>> = {
  ESTABLISHED: "talk: area null 0",
  CLIENT_ESTABLISHED: "talk: area null 0",
  CLIENT_CONNECTION_ERROR: {
    oct12: "talk: null null 0",
    mar13: "first: null null 0",
    dec15: "first: null text n",
  },
  CLIENT_FILTER_PRE_ESTABLISH: "talk: area null 0",
  CLOSED: "talk: area null 0",
  CLOSED_HTTP: "first: area null 0",
  RECEIVE: "talk: area bytes(hi) 2",
  RECEIVE_PONG: "talk: area bytes(pong) 4",
  CLIENT_RECEIVE: "talk: area bytes(to you) 6",
  CLIENT_RECEIVE_PONG: "talk: area bytes(pong) 4",
  BROADCAST: "talk: area bytes(news) 4",
  CLIENT_WRITEABLE: "talk: area null 0",
  SERVER_WRITEABLE: "talk: area null 0",
  HTTP: {
    feb11: 'first: null "/file" 0',
    oct12: 'first: null "/file" 0',
    mar13: 'first: area "/file" 5',
    dec15: 'first: area "/file" 5',
  },
  HTTP_BODY: "first: area bytes(abc) 3",
  HTTP_BODY_COMPLETION: "first: area null 0",
  HTTP_WRITEABLE: "first: area null 0",
  HTTP_FILE_COMPLETION: "first: area null 0",
  FILTER_NETWORK_CONNECTION: {
    oct12: "first: fd null 0",
    mar13: "first: null fd 0",
    dec15: "first: null fd 0",
  },
  FILTER_HTTP_CONNECTION: 'first: area "/file" 5',
  FILTER_PROTOCOL_CONNECTION: {
    oct12: "talk: tokens null 0",
    mar13: 'talk: tokens "talk" 0',
    dec15: 'talk: area "talk" 0',
  },
  SERVER_NEW_CLIENT_INSTANTIATED: "first: null null 0",
  CLIENT_APPEND_HANDSHAKE_HEADER: "first: null lines 1024",
  PROTOCOL_INIT: "first: null null 0",
  PROTOCOL_DESTROY: "first: null null 0",
  WSI_CREATE: "first: null null 0",
  WSI_DESTROY: "first: area null 0",
  ADD_POLL_FD: {
    oct12: "first: fd null n",
    mar13: "first: null fd n",
    dec15: "first: null fd+events+prev_events 0",
  },
  DEL_POLL_FD: {
    oct12: "first: fd null 0",
    mar13: "first: area fd 0",
    dec15: "first: area fd+events+prev_events 0",
  },
  SET_MODE_POLL_FD: { oct12: "first: fd null n", mar13: "first: area fd n" },
  CLEAR_MODE_POLL_FD: { oct12: "first: fd null n", mar13: "first: area fd n" },
  CHANGE_MODE_POLL_FD: "first: area fd+events+prev_events 0",
  LOCK_POLL: "first: null fd+events+prev_events 1",
  UNLOCK_POLL: "first: null fd+events+prev_events 1",
  GET_THREAD_ID: "first: null null 0",
  USER: "talk: area null 0",
};

/** Those that need an extension have tests below; those of TLS in tls_test.ts. */
const ELSEWHERE = /^(OPENSSL_|CONFIRM_EXTENSION|CLIENT_CONFIRM)/;

FACES.test("every reason comes to the right protocol, with its user, in and len", async (face) => {
  const seen = await everything(face);
  const reasons = Object.keys(face.api)
    .flatMap((name) => /^LWS_CALLBACK_(\w+)$/.exec(name)?.[1] ?? [])
    .filter((reason) => !ELSEWHERE.test(reason));
  const expected = reasons.map((reason) => {
    const word = EXPECTED[reason];
    return [reason, typeof word === "object" ? word[face.name] : word];
  });
  assertEquals(
    Object.fromEntries(reasons.map((reason) => [reason, seen.get(reason)])),
    Object.fromEntries(expected),
  );
  assertEquals([...seen.keys()].filter((reason) => !reasons.includes(reason)), []);
});

Deno.test("feb11: a server's and a client's writeable callback have one reason", async () => {
  const seen = await everything(FEB11);
  assertEquals(seen.get("CLIENT_WRITEABLE"), EXPECTED.CLIENT_WRITEABLE);
  assertEquals("LWS_CALLBACK_SERVER_WRITEABLE" in FEB11.api, false);
});

for (const face of [OCT12, MAR13]) {
  Deno.test(`${face.name}: the set and clear reasons keep a table of what to watch for`, async () => {
    const watched = new Map<number, number>();
    const callback: Callback = (wsi, reason, user, input, len) => {
      const fd = face === OCT12 ? user : input;
      if (reason === "ADD_POLL_FD") watched.set(fd, len);
      if (reason === "DEL_POLL_FD") watched.delete(fd);
      if (reason === "SET_MODE_POLL_FD") watched.set(fd, watched.get(fd)! | len);
      if (reason === "CLEAR_MODE_POLL_FD") watched.set(fd, watched.get(fd)! & ~len);
      if (reason === "ESTABLISHED") face.call("callback_on_writable", wsi.context, wsi);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const { POLLIN } = face.api;
    assertEquals([...watched], [[0, POLLIN]]);
    const socket = await server.open({ protocol: "talk" });
    await server.settle();
    assertEquals([...watched.values()], [POLLIN, POLLIN]);
    socket.peer.close();
    await server.settle();
    assertEquals([...watched], [[0, POLLIN]]);
  });
}

for (const face of [OCT12, MAR13, DEC15]) {
  Deno.test(`${face.name}: a descriptor that can't be watched ${face === DEC15 ? "fails creation" : "was of no consequence"}`, async () => {
    for (const reason of ["ADD_POLL_FD", ...face === DEC15 ? ["LOCK_POLL", "UNLOCK_POLL"] : []]) {
      const callback: Callback = (_wsi, each) => each === reason ? 1 : 0;
      const { result, lines } = logged(() => face.create({ protocols: [{ name: "t", callback }] }));
      assertEquals(result === null, face === DEC15, reason);
      if (face === DEC15) {
        assertStringIncludes(lines.join("\n"), "LWS_CALLBACK_ADD_POLL_FD can't watch the listener");
      }
      await result?.destroy();
    }
  });
}

Deno.test("dec15: locks bracket each change, with 1 for the table and 0 for events", async () => {
  const calls: string[] = [];
  const callback: Callback = (_wsi, reason, _user, _in, len) => {
    if (/POLL/.test(reason)) calls.push(`${reason} ${len}`);
  };
  await using server = rig(DEC15, { protocols: [{ name: "talk", callback }] });
  await server.open({ protocol: "talk" });
  await server.settle();
  for (let i = 0; i < calls.length; i += 3) {
    const [lock, change, unlock] = calls.slice(i, i + 3) as [string, string, string];
    const isTable = /^(ADD|DEL)/.test(change) ? 1 : 0;
    assertEquals([lock, unlock], [`LOCK_POLL ${isTable}`, `UNLOCK_POLL ${isTable}`], change);
  }
  assert(calls.includes("CHANGE_MODE_POLL_FD 0"));
});

for (const face of withReason("CLIENT_APPEND_HANDSHAKE_HEADER")) {
  Deno.test(`${face.name}: header lines are appended to a client's handshake, as far as there is room`, async () => {
    const seen: unknown[] = [];
    const callback = on("CLIENT_APPEND_HANDSHAKE_HEADER", (_wsi, _user, input, len) => {
      const faults = ["X-No-End: 1", "no colon\r\n", `X: ${"1".repeat(len)}\r\n`, "X: a\nb\r\n"];
      for (const lines of faults) {
        try {
          input.append(lines);
        } catch (error) {
          seen.push((error as Error).name);
        }
      }
      seen.push(input.append("Cookie: a=b\r\nX-Two: 2\r\n"), len - input.room);
    });
    const protocols = [{ name: "talk", callback }];
    await using client = rig(face, { port: face.api.CONTEXT_PORT_NO_LISTEN, protocols });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    face.call("client_connect", client.context, "h", 80, 0, "/", "h", null, null, -1);
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    const request = await client.pump(readHead(peer));
    assertStringIncludes(request, "Cookie: a=b\r\nX-Two: 2\r\n");
    assert(!request.includes("X-No-End"));
    assertEquals(seen, ["LwsError", "LwsError", "LwsError", "LwsError", 23, 23]);
    peer.close();
    listener.close();
  });
}

Deno.test("dec15: a callback that throws closes its connection", async () => {
  const calls: string[] = [];
  const callback: Callback = (_wsi, reason) => {
    if (reason === "CLOSED") calls.push(reason);
    if (reason === "RECEIVE") throw new Error("on purpose");
  };
  await using server = rig(DEC15, { protocols: [{ name: "talk", callback }] });
  const socket = await server.open({ protocol: "talk" });
  socket.send({ opcode: 1, payload: "hi" });
  assertEquals((await server.pump(socket.receiveClose())).code, 1011);
  socket.peer.close();
  await server.until(() => calls.length === 1);
});

FACES.test("a callback that returns promises counts as 0, and the log says so once", async (face) => {
  const lines: string[] = [];
  setLogLevel(["err"], (_level, line) => lines.push(line));
  try {
    const callback = ((_wsi: Wsi, reason: string) =>
      reason === "ESTABLISHED" || reason === "RECEIVE"
        ? Promise.reject(new Error(`too late for ${reason}`))
        : 0) as unknown as Callback;
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open({ protocol: "talk" });
    socket.send({ opcode: 1, payload: "hi" }, { opcode: 9, payload: "" });
    assertEquals((await server.pump(socket.receive())).opcode, 10);
    await server.settle();
    const reason = "LWS_CALLBACK_ESTABLISHED";
    assertEquals(
      lines.map((line) =>
        line.split("\n")[0]
      ),
      [
        `the callback of "talk" returned a promise for ${reason}; that counts as 0, as nothing waits for it`,
        `the callback of "talk" rejected after ${reason}: Error: too late for ESTABLISHED`,
        'the callback of "talk" rejected after LWS_CALLBACK_RECEIVE: Error: too late for RECEIVE',
      ],
    );
  } finally {
    setLogLevel([], () => {});
  }
});

Deno.test("dec15: frames without payload are not delivered, which older generations did", async () => {
  for (const face of FACES) {
    const lengths: number[] = [];
    const callback = on("RECEIVE", (_wsi, _user, _in, len) => void lengths.push(len));
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open({ protocol: "talk" });
    socket.send({ opcode: 1, payload: "" }, { opcode: 1, payload: "a" });
    await server.settle();
    assertEquals(lengths, face === DEC15 ? [1] : [0, 1], face.name);
  }
});

Deno.test("all: pings are answered and never delivered", async () => {
  for (const face of FACES) {
    const calls: string[] = [];
    const callback: Callback = (_wsi, reason) => {
      if (/RECEIVE|^\d/.test(reason)) calls.push(reason);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open({ protocol: "talk" });
    socket.send({ opcode: 9, payload: "ping" });
    const { opcode, payload } = await server.pump(socket.receive());
    assertEquals([opcode, new TextDecoder().decode(payload)], [10, "ping"], face.name);
    assertEquals(calls, [], face.name);
  }
});
