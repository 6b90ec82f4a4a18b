/** The calls of each generation, one by one. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { box } from "../../src/compat/engine/pointers.ts";
import { createContext, handlers, LOG_LEVELS, setLogLevel } from "../../mod.ts";
import type { Context, Wsi } from "../../mod.ts";
import { attempt } from "../../src/compat/engine/attempt.ts";
import { servedOf } from "../../src/compat/engine/served.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import { Child } from "../support/child.ts";
import { PATIENT } from "../support/patience.ts";
import { handshake, readHead, readResponse, settle, WebSocketPeer } from "../support/serve.ts";
import {
  acceptance,
  type Callback,
  DEC15,
  type Face,
  FACES,
  FEB11,
  logged,
  MAR13,
  OCT12,
  type ProtocolSpec,
  rig,
  withCall,
} from "./support.ts";

const GET = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";
const quiet: ProtocolSpec = { name: "talk", callback: () => 0 };

/** A server whose only protocol collects its connections. */
function keeping(more: Callback = () => 0): { wsis: Wsi[]; protocols: ProtocolSpec[] } {
  const wsis: Wsi[] = [];
  const callback: Callback = (wsi, reason, ...rest) => {
    if (reason === "ESTABLISHED") wsis.push(wsi);
    return more(wsi, reason, ...rest);
  };
  return { wsis, protocols: [{ name: "talk", callback }] };
}

const talk = { protocol: "talk" };
const noListen = (face: Face) => face.api.CONTEXT_PORT_NO_LISTEN as number;

/** The arguments of a client's connect. */
const to = (context: Context, asked: string | null = "talk") =>
  [context, "127.0.0.1", 80, 0, "/", "h", null, asked, -1] as const;

// Creation.

for (const face of FACES) {
  Deno.test(`${face.name}: creation listens, and serves nothing before it is serviced`, async () => {
    const calls: string[] = [];
    const callback: Callback = (_wsi, reason) => {
      if (reason === "HTTP") calls.push(reason);
    };
    await using server = rig(face, { port: 8080, protocols: [{ name: "talk", callback }] });
    assertEquals(server.context.port, 8080);
    const peer = await server.dial(GET);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(calls, []);
    await server.until(() => calls.length === 1);
    peer.close();
  });

  Deno.test(`${face.name}: creation that fails returns null, and the log says why`, async () => {
    await using server = rig(face, { port: 8080, protocols: [quiet] });
    assertEquals(server.context.port, 8080);
    const { result, lines } = logged(() => face.create({ port: 8080, protocols: [quiet] }));
    assertEquals(result, null);
    assertMatch(lines.join("\n"), /^err: \w+create_context: .*8080 is in use/m);
  });

  Deno.test(`${face.name}: port ${noListen(face)} makes a context that only connects`, async () => {
    await using client = rig(face, { port: noListen(face), protocols: [quiet] });
    assertEquals(client.context.port, -1);
  });

  Deno.test(`${face.name}: protocols end with a null callback`, async () => {
    const end = { name: null, callback: null };
    const protocols = [quiet, { ...quiet, name: "two" }, end, { ...quiet, name: "three" }];
    await using server = rig(face, { protocols });
    assertEquals(server.context.protocols.map(({ name }) => name), ["talk", "two"]);
  });

  Deno.test(`${face.name}: a protocol without a name has to be the first`, () => {
    const { result, lines } = logged(() =>
      face.create({ protocols: [quiet, { ...quiet, name: null }] })
    );
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "protocols[1].name is null");
  });
}

for (const face of [FEB11, OCT12, MAR13]) {
  Deno.test(`${face.name}: port −1 is no port`, () => {
    const { result, lines } = logged(() => face.create({ port: -1, protocols: [quiet] }));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "port is -1");
  });
}

for (const face of [OCT12, MAR13, DEC15]) {
  Deno.test(`${face.name}: an interface is listened on, and refused by name when it is none`, async () => {
    await using _server = rig(face, { iface: "127.0.0.1", protocols: [quiet] });
    const { result, lines } = logged(() => face.create({ iface: "", protocols: [quiet] }));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "iface");
  });
}

Deno.test("a fault of the library itself is no refusal", () => {
  assertThrows(() => attempt("lws_x", "", () => decodeURIComponent("%")), URIError);
});

Deno.test("dec15: port 0 takes a free one and writes it into the struct", async () => {
  await using server = rig(DEC15, { port: 0, protocols: [quiet] });
  assert(server.context.port > 0);
  assertEquals(DEC15.info.port, server.context.port);
});

for (const face of [FEB11, OCT12, MAR13]) {
  Deno.test(`${face.name}: creation writes into the structs who serves them`, async () => {
    await using server = rig(face, { protocols: [quiet, { ...quiet, name: "two" }] });
    const [first, second] = face.structs;
    assertEquals([first!.owning_server, second!.owning_server], [server.context, server.context]);
    assertEquals([first!.protocol_index, second!.protocol_index], [0, 1]);
    assertEquals("broadcast_socket_port" in first!, face !== MAR13);
  });
}

Deno.test("dec15: creation leaves protocol structs as they are", async () => {
  await using _server = rig(DEC15, { protocols: [{ ...quiet, id: 7, user: "mine" }] });
  assertEquals(Object.keys(DEC15.structs[0]!).sort(), ["callback", "id", "name", "user"]);
  const [{ id, user }] = _server.context.protocols as unknown as [{ id: number; user: string }];
  assertEquals([id, user], [7, "mine"]);
});

for (const face of withCall("context_user")) {
  Deno.test(`${face.name}: context_user returns what creation was given, null for nothing`, async () => {
    const user = { mine: true };
    await using server = rig(face, { user, protocols: [quiet] });
    assertEquals(face.call("context_user", server.context), user);
    const other = server.also(face, { port: noListen(face), protocols: [quiet] });
    assertEquals(face.call("context_user", other), null);
  });
}

/** What is no proxy, no group and no user. */
const WRONG: Record<string, [unknown, string, Face[]]> = {
  http_proxy_address: ["http://:1", "http_proxy_address", [DEC15]],
  http_proxy_port: [65_536, "http_proxy_port", [DEC15]],
  gid: [-2, "gid", FACES],
  uid: [-2, "uid", FACES],
};

/** What can't be honoured yet, and the name under which the log refuses it. */
const REFUSED: Record<string, [unknown, string, Face[]]> = {
  ssl_cert_filepath: ["/cert.pem", "_filepath", FACES],
  ssl_ca_filepath: ["/ca.pem", "ssl_ca_filepath", [MAR13, DEC15]],
  ssl_cipher_list: ["AES", "ssl_cipher_list", [MAR13, DEC15]],
  provided_client_ssl_ctx: [{}, "provided_client_ssl_ctx", [DEC15]],
};

for (const [member, [value, name, faces]] of Object.entries({ ...REFUSED, ...WRONG })) {
  for (const face of faces) {
    Deno.test(`${face.name}: creation with ${member} is refused by name`, () => {
      const spec = { [member]: value, protocols: [quiet] };
      const { result, lines } = logged(() => face.create(spec));
      assertEquals(result, null);
      assertStringIncludes(lines.join("\n"), name);
    });
  }
}

Deno.test("dec15: members that are null, or off as in C, are as if left out", async () => {
  const off = Object.fromEntries(
    Object.keys({ ...REFUSED, ...WRONG }).map((member) => [member, null]),
  );
  await using _server = rig(DEC15, {
    ...off,
    gid: -1,
    uid: -1,
    ka_time: 0,
    ka_probes: 0,
    ka_interval: 0,
    http_proxy_port: 0,
    iface: null,
    extensions: null,
    token_limits: null,
    user: null,
    protocols: [quiet],
  });
});

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: ka_time probes an idle connection, ka_probes times every ka_interval`, async () => {
    const ends: string[] = [];
    const callback: Callback = (_wsi, reason) => {
      if (reason === "CLOSED") ends.push(reason);
    };
    const times = { ka_time: 60, ka_probes: 1, ka_interval: 10 };
    await using server = rig(face, { ...times, protocols: [{ ...quiet, callback }] });
    const socket = await server.open();
    server.clock.advance(60_100);
    assertEquals((await server.pump(socket.receive())).opcode, 9);
    server.clock.advance(10_100);
    await server.until(() => ends.length > 0);
  });

  Deno.test(`${face.name}: ka_time null or 0 never probes`, async () => {
    for (
      const times of [{ ka_time: null as never }, { ka_time: 0, ka_probes: 3, ka_interval: 10 }]
    ) {
      const ends: string[] = [];
      const callback: Callback = (_wsi, reason) => {
        if (reason === "CLOSED") ends.push(reason);
      };
      const spec = { ...times, protocols: [{ ...quiet, callback }] };
      await using server = rig(face, spec);
      const socket = await server.open();
      const before = socket.peer.received.length;
      for (let i = 0; i < 20; i++) {
        server.clock.advance(600_000);
        await server.context.service(0);
      }
      await settle();
      assertEquals([ends, socket.peer.received.length], [[], before]);
    }
  });

  Deno.test(`${face.name}: ka_time with a ka_interval of 0 fails the creation`, () => {
    const spec = { ka_time: 60, ka_probes: 1, ka_interval: 0, protocols: [quiet] };
    const { result, lines } = logged(() => face.create(spec));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), "ka_interval");
  });
}

for (const face of FACES) {
  Deno.test(`${face.name}: who gives no keep-alive gets none, as in C`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const socket = await server.open({ protocol: quiet.name! });
    const before = socket.peer.received.length;
    for (let i = 0; i < 20; i++) {
      server.clock.advance(600_000);
      await server.context.service(0);
    }
    await settle();
    assertEquals(socket.peer.received.length, before);
  });

  Deno.test(`${face.name}: per_session_data_size zeroed bytes are the user of a connection, none is null`, async () => {
    const users: unknown[] = [];
    const callback: Callback = (_wsi, reason, user) => {
      if (reason === "ESTABLISHED") users.push(user);
    };
    const protocols = [
      { name: "bytes", callback, per_session_data_size: 16 },
      { name: "none", callback, per_session_data_size: 0 },
      { name: "made", callback, per_session_data_size: () => "made" },
    ];
    await using server = rig(face, { protocols });
    for (const { name } of protocols) await server.open({ protocol: name });
    await server.settle();
    assertEquals(users, [new ArrayBuffer(16), null, "made"]);
  });

  Deno.test(`${face.name}: get_protocol returns the struct itself`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols: [{ ...quiet, name: "first" }, ...protocols] });
    await server.open(talk);
    await server.settle();
    assertEquals(face.call("get_protocol", wsis[0]), face.structs[1]);
  });

  Deno.test(`${face.name}: canonical_hostname is the host's own name, or unknown`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    assertMatch(face.call("canonical_hostname", server.context) as string, /^.{1,127}$/);
  });
}

// Service.

for (const face of FACES) {
  Deno.test(`${face.name}: service returns 0, 1 without a context, and an error after its end`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const { context } = server;
    assertEquals(await face.call("service", context, 0), 0);
    assertEquals(await face.call("service", null, 0), 1);
    const waiting = face.call("service", context, -1) as Promise<number>;
    await face.call("context_destroy", context);
    const after = face === FEB11 ? 1 : -1;
    assertEquals(await waiting, after);
    assertEquals(await face.call("service", context, 0), after);
  });
}

for (const face of withCall("cancel_service")) {
  Deno.test(`${face.name}: cancel_service ends the wait of service`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const waiting = face.call("service", server.context, -1) as Promise<number>;
    face.call("cancel_service", server.context);
    assertEquals(await waiting, 0);
  });
}

for (const face of withCall("fork_service_loop")) {
  Deno.test(`${face.name}: fork_service_loop serves in the background`, async () => {
    const told = Promise.withResolvers<string>();
    const callback: Callback = (_wsi, reason, _user, input) => {
      if (reason === "RECEIVE") told.resolve(new TextDecoder().decode(input));
    };
    const server = rig(face, { protocols: [{ name: "talk", callback }] });
    assertEquals(face.call("fork_service_loop", server.context), 0);
    const peer = await server.dial(handshake(talk));
    const socket = new WebSocketPeer(peer, await readHead(peer));
    socket.send({ opcode: 1, payload: "nobody calls service" });
    assertEquals(await told.promise, "nobody calls service");
    peer.close();
    await server[Symbol.asyncDispose]();
  });
}

// Writing.

for (const face of FACES) {
  Deno.test(`${face.name}: write returns what it did then, and sends len bytes of each kind`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const buf = new Uint8Array([0, 0, 104, 105, 33]).subarray(2);
    const returned = face === FEB11 || face === OCT12 ? 0 : 2;
    const send = (kind: number) => face.call("write", wsis[0], buf, 2, kind);
    for (const [kind, opcode] of [["TEXT", 1], ["BINARY", 2], ["PING", 9], ["PONG", 10]] as const) {
      assertEquals(send(api[`LWS_WRITE_${kind}`]), returned, kind);
      const frame = await server.pump(socket.receive());
      assertEquals([frame.opcode, frame.payload], [opcode, new Uint8Array([104, 105])]);
    }
    assertEquals(send(api.LWS_WRITE_HTTP), -1);
  });

  Deno.test(`${face.name}: fragments are written with NO_FIN`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const next = api.LWS_WRITE_CONTINUATION ?? api.LWS_WRITE_TEXT;
    face.call("write", wsis[0], "a", 1, api.LWS_WRITE_TEXT | api.LWS_WRITE_NO_FIN);
    const { result, lines } = logged(() => face.call("write", wsis[0], "b", 1, next));
    const { fin, opcode } = await server.pump(socket.receive());
    assertEquals([fin, opcode], [false, 1]);
    if (api.LWS_WRITE_CONTINUATION !== undefined) {
      const last = await server.pump(socket.receive());
      assertEquals([last.fin, last.opcode], [true, 0]);
    } else {
      // There was no kind to go on with in 2011.
      assertEquals(result, -1);
      assertStringIncludes(lines.join("\n"), "fragmented message is open");
    }
  });

  Deno.test(`${face.name}: a length of 0 is warned of and returns 0, but for control frames`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const { api } = face;
    const write = (kind: string) =>
      logged(() => face.call("write", wsis[0], new Uint8Array(0), 0, api[`LWS_WRITE_${kind}`]));
    const { result, lines } = write("TEXT");
    assertEquals(result, 0);
    assertMatch(lines.join("\n"), /write: len is 0, .*allowed for .*LWS_WRITE_CLOSE/);
    assertEquals(write("PING").lines.length > 0, face !== DEC15);
    assertEquals(write("CLOSE").result, 0);
    const opcodes = face === DEC15 ? [9, 8] : [8];
    for (const opcode of opcodes) {
      assertEquals((await server.pump(socket.receive())).opcode, opcode);
    }
    socket.peer.close();
  });

  Deno.test(`${face.name}: a client may send with the all-zero key`, async () => {
    let own: Wsi | undefined;
    const callback: Callback = (wsi, reason) => {
      if (reason === "CLIENT_ESTABLISHED") own = wsi;
    };
    const protocols = [{ name: "talk", callback }];
    await using client = rig(face, { port: noListen(face), protocols });
    const listener = client.network.listen({ hostname: "127.0.0.1", port: 80 });
    const connected = face.call("client_connect", ...to(client.context));
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    peer.send(
      await acceptance(await client.pump(readHead(peer)), "Sec-WebSocket-Protocol: talk\r\n"),
    );
    await client.until(() => own !== undefined);
    await client.pump(Promise.resolve(connected));
    const flags = face.api.LWS_WRITE_TEXT | face.api.LWS_WRITE_CLIENT_IGNORE_XOR_MASK;
    assertEquals(face.call("write", own, "hi", 2, flags), face === FEB11 || face === OCT12 ? 0 : 2);
    const bytes = await client.pump(peer.readBytes(8));
    assertEquals([...bytes], [0x81, 0x82, 0, 0, 0, 0, 104, 105]);
    peer.close();
    listener.close();
  });

  Deno.test(`${face.name}: browsers may come from any origin, as then`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    await server.open({ ...talk, headers: ["Origin: https://elsewhere.example"] });
  });

  Deno.test(`${face.name}: what is kept of connections goes with them`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const client = server.also(face, { port: noListen(face), protocols: [quiet] });
    const connected = face.call("client_connect", ...to(client));
    await server.settle();
    const counts = () => [server.context, client].map((each) => servedOf(each)!.connections.size);
    assertEquals(counts(), [1, 1]);
    await server.pump(Promise.resolve(connected));
    client.hangupOnClient((await connected as Wsi).socketFd);
    await server.settle();
    assertEquals(counts(), [0, 0]);
  });
}

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: a close frame is written with its status and reason`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    const status = face.api.LWS_CLOSE_STATUS_POLICY_VIOLATION;
    const payload = new Uint8Array([status >> 8, status & 255, ...new TextEncoder().encode("no")]);
    assertEquals(face.call("write", wsis[0], payload, 4, face.api.LWS_WRITE_CLOSE), 4);
    assertEquals(await server.pump(socket.receiveClose()), { code: 1008, reason: "no" });
    // Nothing is sent behind it.
    assertEquals(face.call("write", wsis[0], "hi", 2, face.api.LWS_WRITE_TEXT), -1);
    socket.peer.close();
  });
}

for (const face of FACES) {
  Deno.test(`${face.name}: callback_on_writable tells when the connection has ended, as far as it did then`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    (await server.open(talk)).peer.close();
    await server.settle();
    const [wsi] = wsis;
    const result = face === OCT12 || face === MAR13
      ? face.call("callback_on_writable", server.context, wsi)
      : face.call("callback_on_writable", wsi);
    assertEquals(result, { feb11: 1, oct12: 1, mar13: -1, dec15: -1 }[face.name]);
    assertEquals(face.call("write", wsi, "hi", 2, face.api.LWS_WRITE_TEXT), -1);
  });
}

Deno.test("dec15: LWS_WRITE_HTTP_FINAL ends the transaction", async () => {
  const { api } = DEC15;
  const callback: Callback = (wsi, reason) => {
    if (reason !== "HTTP") return 0;
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    api.lws_write(wsi, head, head.length, api.LWS_WRITE_HTTP_HEADERS);
    return api.lws_write(wsi, "ok", 2, api.LWS_WRITE_HTTP_FINAL) === 2 ? 0 : -1;
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial();
  for (let i = 0; i < 2; i++) {
    peer.send(GET);
    assertEquals((await server.pump(readResponse(peer))).body, "ok");
  }
  peer.close();
});

Deno.test("oct12: get_peer_addresses knows descriptors in callbacks only", async () => {
  const { wsis, protocols } = keeping();
  await using server = rig(OCT12, { protocols });
  await server.open(talk);
  await server.settle();
  const [name, rip] = [box("was"), box("was")];
  OCT12.call("get_peer_addresses", wsis[0]!.socketFd, name, 128, rip, 128);
  assertEquals([name.value, rip.value], ["", ""]);
});

for (const face of withCall("send_pipe_choked")) {
  Deno.test(`${face.name}: send_pipe_choked tells that something is unsent`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.settle();
    assertEquals(face.call("send_pipe_choked", wsis[0]), 0);
    face.call("write", wsis[0], "hi", 2, face.api.LWS_WRITE_TEXT);
    assertEquals(face.call("send_pipe_choked", wsis[0]), 1);
  });
}

// All connections of a protocol.

for (const face of FACES) {
  const protocolCall = (last: string, context: Context, protocol: unknown, ...rest: unknown[]) =>
    face === DEC15
      ? face.call(last, context, protocol, ...rest)
      : face.call(last, protocol, ...rest);

  Deno.test(`${face.name}: callback_on_writable_all_protocol asks for all that use a protocol`, async () => {
    let count = 0;
    const callback: Callback = (_wsi, reason) => {
      if (/WRITEABLE/.test(reason)) count++;
    };
    const other = { name: "other", callback };
    await using server = rig(face, { protocols: [quiet, other] });
    for (const protocol of ["talk", "other", "other"]) await server.open({ protocol });
    await server.settle();
    const call = "callback_on_writable_all_protocol";
    assertEquals(protocolCall(call, server.context, face.structs[1]), 0);
    assertEquals(count, 0);
    await server.settle();
    assertEquals(count, 2);
    const stranger = { name: "other" };
    const { result, lines } = logged(() => protocolCall(call, server.context, stranger));
    assertEquals(result, -1);
    assertStringIncludes(lines.join("\n"), "protocol is none");
  });

  if (face.has("rx_flow_allow_all_protocol")) {
    Deno.test(`${face.name}: rx_flow_allow_all_protocol lets all receive again`, async () => {
      let count = 0;
      const { wsis, protocols } = keeping((_wsi, reason) => {
        if (reason === "RECEIVE") count++;
      });
      await using server = rig(face, {
        protocols: [...protocols, { ...protocols[0]!, name: "b" }],
      });
      const names = ["talk", "talk", "b"];
      const sockets = await Promise.all(names.map((protocol) => server.open({ protocol })));
      await server.settle();
      for (const wsi of wsis) assertEquals(face.call("rx_flow_control", wsi, 0), 0);
      for (const socket of sockets) socket.send({ opcode: 1, payload: "hi" });
      await server.settle();
      assertEquals(count, 0);
      protocolCall("rx_flow_allow_all_protocol", server.context, face.structs[0]);
      await server.settle();
      assertEquals(count, 2);
    });
  }

  Deno.test(`${face.name}: rx_flow_control stops and resumes one connection`, async () => {
    let count = 0;
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "RECEIVE") count++;
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    assertEquals(face.call("rx_flow_control", wsis[0], 0), 0);
    socket.send({ opcode: 1, payload: "hi" });
    await server.settle();
    assertEquals(count, 0);
    assertEquals(face.call("rx_flow_control", wsis[0], 1), 0);
    await server.until(() => count === 1);
    socket.peer.close();
    await server.settle();
    assertEquals(face.call("rx_flow_control", wsis[0], 0), face === FEB11 ? 1 : 0);
  });
}

for (const face of withCall("callback_all_protocol")) {
  Deno.test(`${face.name}: callback_all_protocol calls with any number at once, and ignores results`, async () => {
    const calls: unknown[] = [];
    const { wsis, protocols } = keeping((_wsi, reason, user, input, len) => {
      if (reason === "1001" || reason === "HTTP") calls.push([reason, user, input, len]);
      return reason === "1001" ? -1 : 0;
    });
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.settle();
    const all = (reason: number) =>
      face.call("callback_all_protocol", server.context, face.structs[0], reason);
    assertEquals(all(face.api.LWS_CALLBACK_USER + 1), 0);
    assertEquals(all(face.api.LWS_CALLBACK_HTTP), 0);
    assertEquals(calls, [["1001", null, null, 0], ["HTTP", null, null, 0]]);
    await server.settle();
    assertEquals(face.call("callback_on_writable", wsis[0]), 1);
  });
}

// One connection.

for (const face of withCall("frame_is_binary")) {
  Deno.test(`${face.name}: frame_is_binary tells text and binary apart, fragments included`, async () => {
    const seen: unknown[] = [];
    const { protocols } = keeping((wsi, reason) => {
      if (reason === "RECEIVE") seen.push(face.call("frame_is_binary", wsi));
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    socket.send(
      { opcode: 1, payload: "a" },
      { opcode: 2, payload: "b", fin: false },
      { opcode: 0, payload: "c" },
    );
    await server.until(() => seen.length === 3);
    assertEquals(seen, [0, 1, 1]);
  });
}

for (const face of withCall("get_reserved_bits")) {
  Deno.test(`${face.name}: get_reserved_bits are 0 without an extension`, async () => {
    const seen: unknown[] = [];
    const { protocols } = keeping((wsi, reason) => {
      if (reason === "RECEIVE") seen.push(face.call("get_reserved_bits", wsi));
    });
    await using server = rig(face, { protocols });
    (await server.open(talk)).send({ opcode: 1, payload: "a" });
    await server.until(() => seen.length === 1);
    assertEquals(seen, [0]);
  });
}

for (const face of FACES) {
  Deno.test(`${face.name}: get_socket_fd is a number of each connection's own`, async () => {
    const { wsis, protocols } = keeping();
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.open(talk);
    await server.settle();
    const fds = wsis.map((wsi) => face.call("get_socket_fd", wsi) as number);
    assertEquals(new Set(fds).size, 2);
    assert(fds.every(Number.isInteger));
  });
}

for (const face of withCall("get_peer_addresses")) {
  Deno.test(`${face.name}: get_peer_addresses fills in what is known, cut to its size with its end`, async () => {
    const seen: string[][] = [];
    const callback: Callback = (wsi, reason, user, input) => {
      if (reason !== "FILTER_NETWORK_CONNECTION") return 0;
      const fd = face === OCT12 ? user : input;
      for (const size of [128, 5, 0]) {
        const [name, rip] = [box("was"), box("was")];
        const given = [fd, name, 128, rip, size];
        if (face === OCT12) face.call("get_peer_addresses", ...given);
        else if (face === MAR13) face.call("get_peer_addresses", wsi.context, wsi, ...given);
        else face.call("get_peer_addresses", wsi, ...given);
        seen.push([name.value, rip.value]);
      }
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const peer = await server.dial();
    await server.until(() => seen.length === 3);
    const [[name, ip], [, cut], [, nothing]] = seen as [string[], string[], string[]];
    assertEquals(name, "");
    assertMatch(ip!, /^[\d.:a-f]+$/);
    assertEquals([cut, nothing], [ip!.slice(0, 4), ""]);
    peer.close();
  });
}

for (const face of withCall("set_timeout")) {
  Deno.test(`${face.name}: set_timeout cuts the connection when the time is over, and not when it is called off`, async () => {
    const calls: string[] = [];
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "CLOSED") calls.push(reason);
    });
    await using server = rig(face, { protocols });
    await server.open(talk);
    await server.settle();
    const [wsi] = wsis;
    const { api } = face;
    face.call("set_timeout", wsi, api.PENDING_TIMEOUT_AWAITING_PING, 5);
    face.call("set_timeout", wsi, api.NO_PENDING_TIMEOUT, 0);
    server.clock.advance(60_000);
    await server.settle();
    assertEquals(calls, []);
    face.call("set_timeout", wsi, api.PENDING_TIMEOUT_AWAITING_PING, 5);
    server.clock.advance(7000);
    await server.until(() => calls.length === 1);
    const { lines } = logged(() => face.call("set_timeout", wsi, 99, 5));
    assertStringIncludes(lines.join("\n"), "set_timeout");
  });
}

for (const face of withCall("hangup_on_client")) {
  Deno.test(`${face.name}: hangup_on_client ends a connection without a close frame, and leaves others`, async () => {
    const calls: string[] = [];
    const { wsis, protocols } = keeping((_wsi, reason) => {
      if (reason === "CLOSED") calls.push(reason);
    });
    await using server = rig(face, { protocols });
    const socket = await server.open(talk);
    await server.settle();
    face.call("hangup_on_client", server.context, 999);
    await server.settle();
    assertEquals(calls, []);
    face.call("hangup_on_client", server.context, wsis[0]!.socketFd);
    assertEquals((await server.pump(socket.peer.readToEnd())).length, 0);
    await server.until(() => calls.length === 1);
  });
}

Deno.test("dec15: is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection", async () => {
  const { wsis, protocols } = keeping();
  await using server = rig(DEC15, { protocols });
  await server.open(talk);
  await server.settle();
  const [wsi] = wsis;
  assertEquals(DEC15.call("is_ssl", wsi), 0);
  assertEquals(DEC15.call("wsi_user", wsi), null);
  assertEquals(DEC15.call("get_context", wsi), server.context);
  assertEquals(DEC15.call("get_peer_write_allowance", wsi), -1);
});

// HTTP.

Deno.test("dec15: return_http_status answers with the code, and 1 tells that there is nothing to answer", async () => {
  const seen: unknown[] = [];
  const callback: Callback = (wsi, reason) => {
    if (reason !== "HTTP") return 0;
    seen.push(DEC15.call("return_http_status", wsi, 418, "<p>Short and stout</p>"));
    seen.push(DEC15.call("return_http_status", wsi, 200, null));
    seen.push(logged(() => DEC15.call("return_http_status", wsi, 9000, null)).result);
    return 1;
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  const { head, body } = await server.pump(readResponse(peer));
  assertStringIncludes(head, "418");
  assertStringIncludes(body, "<p>Short and stout</p>");
  assertEquals(seen, [0, 1, 1]);
  peer.close();
});

Deno.test("dec15: a response head is built in a buffer, and what does not fit is told by 1", async () => {
  const { api } = DEC15;
  const seen: unknown[] = [];
  const callback: Callback = (wsi, reason) => {
    if (reason !== "HTTP") return 0;
    const buffer = new Uint8Array(200);
    const p = box(buffer.subarray(10));
    const end = buffer.subarray(190);
    seen.push(api.lws_add_http_header_status(wsi, 200, p, end));
    const type = api.WSI_TOKEN_HTTP_CONTENT_TYPE;
    seen.push(api.lws_add_http_header_by_token(wsi, type, "text/plain???", 10, p, end));
    seen.push(api.lws_add_http_header_by_name(wsi, "x-one:", "1", 1, p, end));
    seen.push(api.lws_add_http_header_content_length(wsi, 2, p, end));
    seen.push(api.lws_add_http_header_by_name(wsi, "x-long", "1".repeat(150), 150, p, end));
    seen.push(api.lws_add_http_header_by_name(wsi, "x-split", "1\r\nx: 2", 7, p, end));
    seen.push(api.lws_add_http_header_by_token(wsi, api.WSI_TOKEN_GET_URI, "/", 1, p, end));
    seen.push(api.lws_finalize_http_header(wsi, p, end));
    const length = p.value.byteOffset - 10;
    const head = buffer.subarray(10, 10 + length);
    seen.push(api.lws_write(wsi, head, length, api.LWS_WRITE_HTTP_HEADERS) === length);
    seen.push(api.lws_write_http(wsi, new TextEncoder().encode("ok"), 2));
    return api.lws_http_transaction_completed(wsi);
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  const { head, body } = await server.pump(readResponse(peer));
  assertEquals(
    head,
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-one: 1\r\ncontent-length: 2\r\n\r\n",
  );
  assertEquals(body, "ok");
  assertEquals(seen, [0, 0, 0, 0, 1, 1, 1, 0, true, 2]);
  peer.close();
});

Deno.test("dec15: the file operations of a context can be replaced one by one", async () => {
  const seen: unknown[] = [];
  const { api } = DEC15;
  const here = new URL(import.meta.url).pathname;
  const callback: Callback = (wsi, reason) => {
    if (reason === "HTTP") return api.lws_serve_http_file(wsi, "/virtual", "text/plain", null, 0);
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const table = api.lws_get_fops(server.context);
  const { open } = table;
  table.open = (wsi: unknown, name: string, length: unknown, flags: number) => {
    seen.push([name, flags]);
    return open(wsi, here, length, flags);
  };
  const peer = await server.dial(GET);
  const { body } = await server.pump(readResponse(peer));
  assertEquals(body.length, Deno.statSync(here).size);
  assertEquals(seen, [["/virtual", api.O_RDONLY]]);
  peer.close();
});

Deno.test("dec15: file operations that PROTOCOL_INIT replaces are those of the context", async () => {
  const seen: unknown[] = [];
  const { api } = DEC15;
  const callback: Callback = (wsi, reason) => {
    if (reason === "PROTOCOL_INIT") {
      const table = api.lws_get_fops(api.lws_get_context(wsi));
      seen.push(table);
      table.open = (_wsi: unknown, name: string) => {
        seen.push(name);
        return api.LWS_INVALID_FILE;
      };
    }
    if (reason === "HTTP") return api.lws_serve_http_file(wsi, "/virtual", "text/plain", null, 0);
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  assertStringIncludes((await server.pump(readResponse(peer))).head, " 404 ");
  assertEquals(seen, [api.lws_get_fops(server.context), "/virtual"]);
  assertEquals(seen[0] === api.lws_get_fops(server.context), true);
  peer.close();
});

Deno.test("dec15: headers that were added to a buffer go with a file", async () => {
  const { api } = DEC15;
  const here = new URL(import.meta.url).pathname;
  const callback: Callback = (wsi, reason) => {
    if (reason !== "HTTP") return 0;
    const buffer = new Uint8Array(200);
    const p = box(buffer.subarray(10));
    const end = buffer.subarray(190);
    api.lws_add_http_header_by_name(wsi, "x-one:", "1", 1, p, end);
    api.lws_add_http_header_by_token(wsi, api.WSI_TOKEN_HTTP_ETAG, '"e"', 3, p, end);
    const n = p.value.byteOffset - 10;
    return api.lws_serve_http_file(wsi, here, "text/plain", buffer.subarray(10), n);
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  const { head, body } = await server.pump(readResponse(peer));
  assertStringIncludes(head, "\r\nx-one: 1\r\n");
  assertStringIncludes(head, '\r\netag: "e"\r\n');
  assertEquals(body.length, Deno.statSync(here).size);
  peer.close();
});

Deno.test("dec15: a file that the table can't open is answered 404, one that it can't read 500", async () => {
  const { api } = DEC15;
  const callback: Callback = (wsi, reason) => {
    if (reason === "HTTP") return api.lws_serve_http_file(wsi, "/virtual", "text/plain", null, 0);
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const table = api.lws_get_fops(server.context);
  table.open = () => api.LWS_INVALID_FILE;
  const refused = await server.dial(GET);
  assertStringIncludes((await server.pump(readResponse(refused))).head, " 404 ");
  const peer = await server.dial();
  table.open = (_wsi: unknown, _name: string, length: { value: number }) => length.value = 10;
  table.close = () => 0;
  table.read = (_wsi: unknown, _fd: unknown, amount: { value: number }) => {
    amount.value = 10;
    return -1;
  };
  peer.send(GET);
  assertStringIncludes((await server.pump(readResponse(peer))).head, " 500 ");
});

Deno.test("dec15: files are opened, read, moved in, written and closed by the context's table", async () => {
  const { api } = DEC15;
  const { wsis, protocols } = keeping();
  await using server = rig(DEC15, { protocols });
  await server.open(talk);
  await server.settle();
  const [wsi] = wsis;
  const path = await Deno.makeTempFile();
  const [length, amount] = [box(-1), box(-1)];
  const buf = new Uint8Array(4);
  const fd = await api.lws_plat_file_open(wsi, path, length, api.O_RDWR);
  assertEquals(length.value, 0);
  const text = new TextEncoder().encode("abcdef");
  assertEquals(await api.lws_plat_file_write(wsi, fd, amount, text, 6), 0);
  assertEquals(amount.value, 6);
  assertEquals(await api.lws_plat_file_seek_cur(wsi, fd, -4), 2);
  assertEquals(await api.lws_plat_file_read(wsi, fd, amount, buf, 3), 0);
  assertEquals([amount.value, ...buf], [3, 99, 100, 101, 0]);
  assertEquals(await api.lws_plat_file_seek_cur(wsi, fd, -400), -1);
  assertEquals(await api.lws_plat_file_close(wsi, fd), 0);
  assertEquals(await api.lws_plat_file_read(wsi, fd, amount, buf, 3), -1);
  assertEquals(amount.value, 0);
  const none = await api.lws_plat_file_open(wsi, `${path}.none`, length, api.O_RDONLY);
  assertEquals(none, api.LWS_INVALID_FILE);
  await Deno.remove(path);
});

// Clients.

for (const face of FACES) {
  Deno.test(`${face.name}: client_connect makes a connection that talks with a server`, async () => {
    const calls: string[] = [];
    const note = (side: string): Callback => (wsi, reason, _user, input, len) => {
      if (/ESTABLISHED|RECEIVE|CLOSED/.test(reason)) calls.push(`${side} ${reason}`);
      if (reason === "CLIENT_ESTABLISHED") {
        face.call("write", wsi, "hello", 5, face.api.LWS_WRITE_TEXT);
      }
      if (reason === "RECEIVE") face.call("write", wsi, input, len, face.api.LWS_WRITE_BINARY);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback: note("server") }] });
    const client = server.also(face, {
      port: noListen(face),
      protocols: [{ name: "talk", callback: note("client") }],
    });
    const wsi = face.call("client_connect", ...to(client));
    assertEquals(wsi instanceof Promise, face === FEB11);
    await server.until(() => calls.includes("client CLIENT_RECEIVE"));
    assertEquals(calls, [
      "server ESTABLISHED",
      "client CLIENT_ESTABLISHED",
      "server RECEIVE",
      "client CLIENT_RECEIVE",
    ]);
    await server.pump(Promise.resolve(wsi));
  });

  Deno.test(`${face.name}: client_connect returns null for wrong arguments`, async () => {
    await using client = rig(face, { port: noListen(face), protocols: [quiet] });
    const { context } = client;
    const wrong: Record<string, readonly unknown[]> = {
      port: [context, "h", 0, 0, "/", "h", null, null, -1],
      address: [context, "", 80, 0, "/", "h", null, null, -1],
      path: [context, "h", 80, 0, "no slash", "h", null, null, -1],
      ssl: [context, "h", 80, 3, "/", "h", null, null, -1],
    };
    for (const [name, args] of Object.entries(wrong)) {
      const { result, lines } = logged(() => face.call("client_connect", ...args));
      assertEquals(await result, null, name);
      assertMatch(lines.join("\n"), new RegExp(`err: \\w+client_connect: .*${name}`));
    }
  });
}

for (const face of withCall("client_connect_extended")) {
  Deno.test(`${face.name}: client_connect_extended gives the connection its user, from the first callback on`, async () => {
    const mine = { own: true };
    const users: unknown[] = [];
    const callback: Callback = (_wsi, reason, user) => {
      if (/^CLIENT_(ESTABLISHED|FILTER)/.test(reason)) users.push(user);
    };
    await using server = rig(face, { protocols: [quiet] });
    const protocols = [{ name: "talk", callback, per_session_data_size: 4 }];
    const client = server.also(face, { port: noListen(face), protocols });
    face.call("client_connect_extended", ...to(client), mine);
    await server.until(() => users.length > 0);
    await server.settle();
    assert(users.every((user) => user === mine));
  });
}

Deno.test("dec15: an origin gets http:// in front, unless it has a scheme", async () => {
  for (const [origin, sent] of [["me", "http://me"], ["https://me", "https://me"]]) {
    await using client = rig(DEC15, { port: -1, protocols: [quiet] });
    const listener = client.network.listen({ hostname: "h", port: 80 });
    DEC15.call("client_connect", client.context, "h", 80, 0, "/", "h", origin, null, -1);
    const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
    assertStringIncludes(await client.pump(readHead(peer)), `Origin: ${sent}\r\n`);
    peer.close();
    listener.close();
  }
});

Deno.test("contexts and connections of the main API can be passed", async () => {
  const network = new MemoryNetwork();
  const established: Wsi[] = [];
  const protocols = [{
    name: "talk",
    callback: handlers({ established: (wsi) => void established.push(wsi) }),
  }];
  await using context = createContext({ port: 80, network, ...PATIENT, protocols });
  const clientContext = createContext({ port: -1, network, ...PATIENT, protocols });
  const wsi = await FEB11.call("client_connect", ...to(clientContext)) as Wsi;
  assertEquals(wsi.isClient, true);
  for (let i = 0; established.length === 0; i++) await settle();
  const { api } = DEC15;
  assertEquals(api.lws_write(established[0], "hi", 2, api.LWS_WRITE_TEXT), 2);
  assertEquals(api.lws_get_protocol(established[0]), null);
  const fd = await api.lws_plat_file_open(established[0], "/none", box(0), api.O_RDONLY);
  assertEquals(fd, api.LWS_INVALID_FILE);
  assertEquals(api.lws_context_user(context), null);
  await api.lws_context_destroy(clientContext);
});

// The library itself.

for (const face of withCall("get_library_version")) {
  Deno.test(`${face.name}: get_library_version is a version, a blank and a hash`, () => {
    assertMatch(face.call("get_library_version") as string, /^\d+\.\d+\.\d+ \S+$/);
  });
}

for (const face of withCall("set_log_level")) {
  Deno.test(`${face.name}: set_log_level takes LLL bits, and null keeps the function`, () => {
    const lines: unknown[] = [];
    const { api } = face;
    const all = Object.keys(api).filter((name) => name.startsWith("LLL_"));
    try {
      const emit = (level: number, line: string) => lines.push([level, line]);
      face.call("set_log_level", api.LLL_ERR | api.LLL_LATENCY, emit);
      for (const name of all) {
        const bits: string = name.slice("LLL_".length).toLowerCase();
        api[`lwsl_${bits}`](`${bits}\n`);
      }
      assertEquals(lines.splice(0), [[1, "err\n"], [512, "latency\n"]]);
      face.call("set_log_level", api.LLL_WARN, null);
      api.lwsl_err("no");
      api.lwsl_warn("yes");
      assertEquals(lines, [[2, "yes\n"]]);
      assertEquals(all.length, LOG_LEVELS.length);
    } finally {
      setLogLevel([], () => {});
    }
  });
}

Deno.test("dec15: set_proxy returns 0, and −1 with a line in the log for what names no proxy", async () => {
  await using client = rig(DEC15, { port: -1, protocols: [quiet] });
  const set = (proxy: unknown) => logged(() => DEC15.call("set_proxy", client.context, proxy));
  for (const proxy of ["proxy:3128", "me:secret@proxy:3128", "http://proxy/"]) {
    assertEquals(set(proxy), { result: 0, lines: [] });
  }
  for (const proxy of [null, "", "proxy", "proxy:0", "proxy:65536", "me:secret@proxy"]) {
    const { result, lines } = set(proxy);
    assertEquals(result, -1);
    assertMatch(lines.join("\n"), /^err: lws_set_proxy: .*prox/i);
    assertEquals(lines.join().includes("secret"), false);
  }
});

Deno.test("dec15: set_proxy does without a port where http_proxy_port is known", async () => {
  await using client = rig(DEC15, { port: -1, http_proxy_port: 3128, protocols: [quiet] });
  assertEquals(DEC15.call("set_proxy", client.context, "proxy"), 0);
});

Deno.test("dec15: a client goes through the proxy of http_proxy_address and http_proxy_port", async () => {
  for (const http_proxy_address of ["me:secret@proxy", "me:secret@proxy:3128"]) {
    const http_proxy_port = http_proxy_address.endsWith("3128") ? 1 : 3128;
    await using client = rig(DEC15, {
      port: -1,
      http_proxy_address,
      http_proxy_port,
      protocols: [quiet],
    });
    const proxy = client.network.listen({ hostname: "proxy", port: 3128 });
    DEC15.call("client_connect", ...to(client.context));
    const peer = new MemoryPeer(await proxy.accept() as MemoryTransport);
    assertEquals(
      await readHead(peer),
      "CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n" +
        `Proxy-Authorization: Basic ${btoa("me:secret")}\r\n\r\n`,
    );
    peer.close();
    proxy.close();
  }
});

/** The user and group `nobody`; any number would do. */
const NOBODY = 65_534;
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

for (const face of FACES) {
  Deno.test(`${face.name}: gid and uid are changed to once the context listens`, {
    ignore: !isRoot,
  }, async () => {
    await using child = new Child([], "compat_identity.ts", ["-A"], [face.name, `${NOBODY}`]);
    assertEquals(JSON.parse(await child.line()), { ids: [NOBODY, NOBODY], listens: true });
  });
}

Deno.test("dec15: what the main API refuses is logged by the name of the C call", async () => {
  const { api } = DEC15;
  let lines: string[] = [];
  const callback: Callback = (wsi, reason) => {
    if (reason !== "HTTP") return 0;
    lines = logged(() => api.lws_return_http_status(wsi, 199, null)).lines;
    return -1;
  };
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  await server.pump(peer.readToEnd());
  assertMatch(lines.join("\n"), /^err: lws_return_http_status: code is 199; /);
});

Deno.test("dec15: token_to_string has a text for 0 to 77, and ends behind them", () => {
  const { api } = DEC15;
  assertEquals(api.lws_token_to_string(api.WSI_TOKEN_HOST), "host:");
  assertEquals(api.lws_token_to_string(api.WSI_TOKEN_HTTP_USER_AGENT), "user-agent:");
  const others = new Map([
    [api.WSI_TOKEN_GET_URI, "get "],
    [api.WSI_TOKEN_POST_URI, "post "],
    [api.WSI_TOKEN_OPTIONS_URI, "options "],
    [api.WSI_TOKEN_CHALLENGE, "\r\n"],
    [api.WSI_TOKEN_HTTP, "http/1.1 "],
    [api.WSI_TOKEN_HTTP_COLON_PATH, ":path:"],
    [api.WSI_TOKEN_PATCH_URI, "patch"],
    [api.WSI_TOKEN_PUT_URI, "put"],
    [api.WSI_TOKEN_DELETE_URI, "delete"],
    [77, ""],
  ]);
  for (const [token, text] of others) assertEquals(api.lws_token_to_string(token), text);
  for (let token = 0; token <= 77; token++) {
    const text = api.lws_token_to_string(token);
    if (token < 73 && ![0, 1, 2, 8, 15].includes(token)) assertMatch(text, /^:?[a-z0-9-]+:$/);
    else assertEquals(typeof text, "string", String(token));
  }
  for (const token of [78, 82, 1000, -1]) assertEquals(api.lws_token_to_string(token), null);
});

for (const face of [MAR13, DEC15]) {
  Deno.test(`${face.name}: lwsl_hexdump logs sixteen bytes a line, in hexadecimal and as text`, () => {
    const bytes = Uint8Array.from({ length: 18 }, (_, n) => n === 0 ? 0xff : 0x40 + n);
    const { lines } = logged(() => face.api.lwsl_hexdump(bytes, 18));
    assertEquals(lines, [
      "debug: 0000: FF 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F    .ABCDEFGHIJKLMNO",
      `debug: 0010: 50 51 ${" ".repeat(42)}   PQ${" ".repeat(14)}`,
    ]);
    assertEquals(logged(() => face.api.lwsl_hexdump(bytes, 0)).lines, []);
  });
}

for (const face of [OCT12, MAR13, DEC15]) {
  Deno.test(`${face.name}: random bytes, SHA-1 and base64`, () => {
    const buf = new Uint8Array(70_000);
    assertEquals(face.call("get_random", null, buf, 69_999), 69_999);
    assert(buf.subarray(65_536, 69_999).some((byte) => byte !== 0));
    assertEquals(buf[69_999], 0);
    const md = new Uint8Array(20);
    assertEquals(face.call("SHA1", "abcX", 3, md), md);
    assertEquals(md.toHex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    const out = box("");
    assertEquals(face.api.lws_b64_encode_string("hello!", 5, out, 9), 8);
    assertEquals(out.value, "aGVsbG8=");
    assertEquals(face.api.lws_b64_encode_string("hello!", 5, out, 8), -1);
    const bytes = new Uint8Array(8);
    assertEquals(face.api.lws_b64_decode_string("aGVsbG8=", bytes, 8), 5);
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 5)), "hello");
    assertEquals(face.api.lws_b64_decode_string("aGVsbG8=", bytes, 4), -1);
    assertEquals(face.api.lws_b64_decode_string("?", bytes, 8), -1);
  });
}
