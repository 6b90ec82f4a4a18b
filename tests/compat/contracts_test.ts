/** The ten contracts that are easily got wrong, in each generation that has them. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MemoryPeer } from "../../src/testing/memory_peer.ts";
import { makeAuthority, makeSelfSigned, type TestIdentity } from "../support/certificates.ts";
import { concat, frame, KEY } from "../support/frames.ts";
import { handshake, readHead } from "../support/serve.ts";
import type { Wsi } from "../../mod.ts";
import { echoing, loopback } from "./loopback.ts";
import type { Callback, Face, ProtocolSpec, Rig } from "./support.ts";
import {
  acceptance,
  DEC15,
  FACES,
  FEB11,
  MAR13,
  OCT12,
  on,
  pollFd,
  rig,
  withCall,
  withReason,
} from "./support.ts";

const GET = "GET /a/b.txt?x=1&y=2 HTTP/1.1\r\nHost: localhost\r\n\r\n";

const quiet: ProtocolSpec = { name: "http-only", callback: () => 0 };

/** An HTTP protocol that does nothing, and another one. */
function beside(callback: Callback, more: Partial<ProtocolSpec> = {}): ProtocolSpec[] {
  return [quiet, { name: "talk", callback, ...more }];
}

const talk = (server: Rig) => server.open({ protocol: "talk" });

for (const face of FACES) {
  Deno.test(`contract 1: ${face.name}: 10,000 bytes come in three pieces, with 5904, 1808 and 0 to follow`, async () => {
    const pieces: number[][] = [];
    const sizes = face === FEB11 || face === OCT12 ? {} : { rx_buffer_size: 4096 };
    const callback = on("RECEIVE", (wsi, _user, _in, len) => {
      pieces.push([len, face.call("remaining_packet_payload", wsi) as number]);
    });
    await using server = rig(face, { protocols: beside(callback, sizes) });
    (await talk(server)).send({ opcode: 2, payload: new Uint8Array(10_000) });
    await server.until(() => pieces.flat().length === 6);
    assertEquals(pieces, [[4096, 5904], [4096, 1808], [1808, 0]]);
  });

  Deno.test(`contract 1: ${face.name}: nothing remains at the end of each frame, not of the message`, async () => {
    const pieces: unknown[] = [];
    const callback = on("RECEIVE", (wsi) => {
      const remaining = face.call("remaining_packet_payload", wsi);
      const isFinal = face.has("is_final_fragment") ? face.call("is_final_fragment", wsi) : "?";
      pieces.push([remaining, isFinal]);
    });
    await using server = rig(face, { protocols: beside(callback) });
    const socket = await talk(server);
    socket.send({ opcode: 1, payload: "one", fin: false }, { opcode: 0, payload: "two" });
    await server.until(() => pieces.length === 2);
    const finals = face.has("is_final_fragment") ? [0, 1] : ["?", "?"];
    assertEquals(pieces, finals.map((isFinal) => [0, isFinal]));
  });

  const writeable = face === FEB11 ? "CLIENT_WRITEABLE" : "SERVER_WRITEABLE";
  const ask = (wsi: Wsi) =>
    face === OCT12 || face === MAR13
      ? face.call("callback_on_writable", wsi.context, wsi)
      : face.call("callback_on_writable", wsi);

  Deno.test(`contract 2: ${face.name}: requests for a writeable callback merge, and it comes later and once`, async () => {
    const calls: string[] = [];
    let own: Wsi | undefined;
    const callback: Callback = (wsi, reason) => {
      own = wsi;
      calls.push(reason);
    };
    await using server = rig(face, { protocols: beside(callback) });
    await talk(server);
    await server.settle();
    calls.length = 0;
    const answers = [ask(own!), ask(own!), ask(own!)];
    assertEquals(answers, face === FEB11 ? [0, 0, 0] : [1, 1, 1]);
    assertEquals(calls, []);
    await server.settle();
    assertEquals(calls, [writeable]);
  });

  Deno.test(`contract 2: ${face.name}: a request is used up before its callback, which may ask again`, async () => {
    let count = 0;
    const callback: Callback = (wsi, reason) => {
      if (reason === "ESTABLISHED") ask(wsi);
      if (reason === writeable && ++count < 5) ask(wsi);
    };
    await using server = rig(face, { protocols: beside(callback) });
    await talk(server);
    await server.settle();
    assertEquals(count, 5);
  });
}

for (const face of withCall("partial_buffered")) {
  Deno.test(`contract 3: ${face.name}: any write may leave something behind, which is gone at the next writeable callback`, async () => {
    const seen: [string, number][] = [];
    const half = new Uint8Array(600_000);
    const callback: Callback = (wsi, reason) => {
      if (reason === "ESTABLISHED") face.call("callback_on_writable", wsi);
      if (reason !== "SERVER_WRITEABLE") return 0;
      const note = (when: string) =>
        void seen.push([when, face.call("partial_buffered", wsi) as number]);
      note("entry");
      if (seen.length > 1) return 0;
      for (const when of ["first", "second"]) {
        face.call("write", wsi, half, half.length, face.api.LWS_WRITE_BINARY);
        note(when);
      }
      face.call("callback_on_writable", wsi);
    };
    await using server = rig(face, { protocols: beside(callback) });
    const socket = await talk(server);
    for (let i = 0; i < 2; i++) {
      assertEquals((await server.pump(socket.receive())).payload.length, half.length);
    }
    await server.until(() => seen.length === 4);
    assertEquals(seen, [["entry", 0], ["first", 0], ["second", 1], ["entry", 0]]);
  });
}

/** Which reasons the two protocols of a server get, while one client reads a page and another talks. */
async function targets(face: Face, options: { protocol?: string }): Promise<[string[], string[]]> {
  const first: string[] = [];
  const second: string[] = [];
  const isPoll = (reason: string) => /POLL|THREAD|PROTOCOL_(INIT|DESTROY)/.test(reason);
  const note = (list: string[]): Callback => (_wsi, reason) => {
    if (!isPoll(reason)) list.push(reason);
  };
  const protocols = [
    { name: face === DEC15 || face === MAR13 ? "http-only" : null, callback: note(first) },
    { name: "talk", callback: note(second) },
  ];
  await using server = rig(face, { protocols });
  const socket = await server.open(options);
  socket.send({ opcode: 1, payload: "hi" });
  await server.settle();
  socket.peer.close();
  await server.settle();
  const reader = await server.dial(GET);
  await server.settle();
  reader.close();
  await server.settle();
  return [first, second];
}

for (const face of FACES) {
  const accepted = face === FEB11
    ? []
    : face === DEC15
    ? ["FILTER_NETWORK_CONNECTION", "WSI_CREATE", "SERVER_NEW_CLIENT_INSTANTIATED"]
    : ["FILTER_NETWORK_CONNECTION"];
  const served = face === DEC15
    ? ["FILTER_HTTP_CONNECTION", "HTTP", "CLOSED_HTTP", "WSI_DESTROY"]
    : ["HTTP"];
  const talked = [
    ...face === FEB11 ? [] : ["FILTER_PROTOCOL_CONNECTION"],
    "ESTABLISHED",
    "RECEIVE",
    "CLOSED",
  ];
  const ended = face === DEC15 ? ["WSI_DESTROY"] : [];

  Deno.test(`contract 4: ${face.name}: HTTP goes to the first protocol, a session to the one it asked for`, async () => {
    assertEquals(await targets(face, { protocol: "talk" }), [
      [...accepted, ...ended, ...accepted, ...served],
      talked,
    ]);
  });

  Deno.test(`contract 4: ${face.name}: whoever asks for no protocol has the first one`, async () => {
    assertEquals(await targets(face, {}), [
      [...accepted, ...talked, ...ended, ...accepted, ...served],
      [],
    ]);
  });
}

for (const face of FACES) {
  Deno.test(`contract 6: ${face.name}: service_fd leaves foreign descriptors alone and serves its own`, async () => {
    await using server = rig(face, { protocols: beside(() => 0) });
    const { context } = server;
    const foreign = pollFd(12_345, 1);
    assertEquals(face.call("service_fd", context, foreign), face === FEB11 ? 1 : 0);
    assertEquals(foreign.revents, 1);

    const peer = await server.dial();
    // A round of poll(2) sees the listener.
    const listener = pollFd(0, 1);
    listener.revents = 0;
    assertEquals(await context.poll([listener], Infinity), 1);
    assertEquals(face.call("service_fd", context, listener), 0);
    assertEquals(listener.revents, 0);
    peer.close();
  });

  if (face !== FEB11) {
    Deno.test(`contract 6: ${face.name}: service_fd of nothing only runs timeouts`, async () => {
      let closed = 0;
      const callback: Callback = (wsi, reason) => {
        if (reason === "ESTABLISHED") {
          face.call("set_timeout", wsi, face.api.PENDING_TIMEOUT_AWAITING_PING, 1);
        }
        if (reason === "CLOSED") closed++;
      };
      await using server = rig(face, { protocols: beside(callback) });
      await talk(server);
      // A connection that waits for service itself is not judged.
      await server.settle();
      server.clock.advance(3000);
      assertEquals(closed, 0);
      assertEquals(face.call("service_fd", server.context, null), 0);
      await server.until(() => closed === 1);
    });
  }
}

for (const face of withCall("broadcast")) {
  Deno.test(`contract 7: ${face.name}: a broadcast calls back for each established connection, before it returns`, async () => {
    const calls: string[] = [];
    let established = 0;
    const callback: Callback = (wsi, reason, user, input, len) => {
      if (reason === "ESTABLISHED") new Uint8Array(user)[0] = ++established;
      if (reason !== "BROADCAST") return 0;
      const name = new Uint8Array(user)[0];
      calls.push(`${name} ${new TextDecoder().decode(input)} ${len}`);
      face.call("write", wsi, input, len, face.api.LWS_WRITE_TEXT);
    };
    await using server = rig(face, { protocols: beside(callback, { per_session_data_size: 4 }) });
    const sockets = [await talk(server), await talk(server)];
    await server.dial();
    await server.settle();
    const [, protocol] = face.structs;
    assertEquals(protocol!.owning_server, server.context);
    const buf = new TextEncoder().encode("all of you");
    assertEquals(face.call("broadcast", protocol, buf, 3), 0);
    assertEquals(calls, ["1 all 3", "2 all 3"]);
    for (const socket of sockets) {
      assertEquals(await server.pump(socket.receiveText()), "all");
    }
    assert(Number(protocol!.broadcast_socket_port) > 0);
    assertEquals(protocol!.broadcast_socket_user_fd, -1);
  });
}

for (const face of withCall("hdr_copy")) {
  Deno.test(`contract 8: ${face.name}: a header is copied when it fits with its end, repeated ones joined`, async () => {
    const seen: Record<string, unknown> = {};
    const { api } = face;
    const dest = { value: "untouched" };
    const copy = (wsi: Wsi, size: number, token: number) =>
      face.call("hdr_copy", wsi, dest, size, token);
    const callback: Callback = (wsi, reason) => {
      if (reason === "RECEIVE") {
        seen.late = [copy(wsi, 100, api.WSI_TOKEN_HOST), dest.value];
        seen.lateLength = face.call("hdr_total_length", wsi, api.WSI_TOKEN_HOST);
      }
      if (reason !== "FILTER_PROTOCOL_CONNECTION") return 0;
      seen.tight = [copy(wsi, 9, api.WSI_TOKEN_HOST), dest.value];
      seen.fits = [copy(wsi, 10, api.WSI_TOKEN_HOST), dest.value];
      seen.absent = [copy(wsi, 100, api.WSI_TOKEN_ORIGIN), dest.value];
      seen.joined = [copy(wsi, 100, api.WSI_TOKEN_DRAFT), dest.value];
      seen.length = face.call("hdr_total_length", wsi, api.WSI_TOKEN_DRAFT);
      dest.value = "untouched";
    };
    await using server = rig(face, { protocols: beside(callback) });
    const headers = ["Sec-WebSocket-Draft: one", "sec-websocket-draft: two"];
    (await server.open({ protocol: "talk", headers })).send({ opcode: 1, payload: "later" });
    await server.settle();
    assertEquals(seen, {
      tight: [-1, "untouched"],
      fits: [9, "localhost"],
      absent: [0, ""],
      joined: [7, "one two"],
      length: 7,
      late: [-1, "untouched"],
      lateLength: 0,
    });
  });
}

for (const face of [OCT12, MAR13]) {
  Deno.test(`contract 8: ${face.name}: the filter gets all headers as an array by token`, async () => {
    let tokens: { token: string | null; token_len: number }[] = [];
    let name: unknown;
    const callback = on("FILTER_PROTOCOL_CONNECTION", (_wsi, user, input) => {
      tokens = user;
      name = input;
    });
    await using server = rig(face, { protocols: beside(callback) });
    await server.open({ protocol: "talk", path: "/chat" });
    const { api } = face;
    assertEquals(tokens.length, api.WSI_TOKEN_COUNT);
    assertEquals(tokens[api.WSI_TOKEN_HOST], { token: "localhost", token_len: 9 });
    assertEquals(tokens[api.WSI_TOKEN_GET_URI], { token: "/chat", token_len: 5 });
    assertEquals(tokens[api.WSI_TOKEN_ORIGIN], { token: null, token_len: 0 });
    // What the text promises, and what the code of 2013 gave beside it.
    assertEquals(name, face === MAR13 ? "talk" : null);
  });
}

Deno.test("contract 8: dec15: a token limit of 0 blanks a header, another one cuts it", async () => {
  const { api } = DEC15;
  const token_limit = Array.from({ length: api.WSI_TOKEN_COUNT }, () => 1000);
  token_limit[api.WSI_TOKEN_HTTP_USER_AGENT] = 0;
  token_limit[api.WSI_TOKEN_HTTP_COOKIE] = 4;
  const seen: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    for (const name of ["USER_AGENT", "COOKIE", "ACCEPT"]) {
      const dest = { value: "" };
      const token = api[`WSI_TOKEN_HTTP_${name}`];
      seen.push([DEC15.call("hdr_copy", wsi, dest, 100, token), dest.value]);
    }
  });
  const protocols = [{ name: "http", callback }];
  await using server = rig(DEC15, { protocols, token_limits: { token_limit } });
  await server.dial(
    "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nCookie: a=bcdef\r\nAccept: x\r\n\r\n",
  );
  await server.until(() => seen.length === 3);
  assertEquals(seen, [[0, ""], [4, "a=bc"], [1, "x"]]);
});

Deno.test("contract 8: dec15: the arguments of a URI come one by one", async () => {
  const { api } = DEC15;
  const seen: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    for (const n of [0, 1, 2]) {
      const dest = { value: "" };
      const token = api.WSI_TOKEN_HTTP_URI_ARGS;
      seen.push([DEC15.call("hdr_copy_fragment", wsi, dest, 4, token, n), dest.value]);
    }
    const tight = { value: "" };
    const whole = { value: "" };
    const token = api.WSI_TOKEN_HTTP_URI_ARGS;
    seen.push([DEC15.call("hdr_copy_fragment", wsi, tight, 3, token, 0), tight.value]);
    seen.push([DEC15.call("hdr_copy", wsi, whole, 8, token), whole.value]);
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  await server.dial(GET);
  await server.until(() => seen.length === 5);
  assertEquals(seen, [[3, "x=1"], [3, "y=2"], [-1, ""], [-1, ""], [6, "x=1y=2"]]);
});

/** What −1 and 1 do in a callback: `-` closes for −1 only, `*` for both, nothing for neither. */
const CLOSES: Record<string, Record<string, string>> = {
  feb11: { ESTABLISHED: "", RECEIVE: "", CLIENT_WRITEABLE: "", HTTP: "" },
  oct12: {
    ESTABLISHED: "",
    RECEIVE: "",
    SERVER_WRITEABLE: "",
    HTTP: "",
    FILTER_NETWORK_CONNECTION: "*",
    FILTER_PROTOCOL_CONNECTION: "*",
  },
  mar13: {
    ESTABLISHED: "",
    RECEIVE: "-",
    SERVER_WRITEABLE: "-",
    HTTP: "*",
    HTTP_WRITEABLE: "-",
    FILTER_NETWORK_CONNECTION: "*",
    FILTER_PROTOCOL_CONNECTION: "*",
  },
  dec15: {
    ESTABLISHED: "*",
    RECEIVE: "-",
    RECEIVE_PONG: "-",
    SERVER_WRITEABLE: "*",
    HTTP: "*",
    HTTP_BODY: "*",
    HTTP_BODY_COMPLETION: "*",
    HTTP_WRITEABLE: "-",
    FILTER_NETWORK_CONNECTION: "*",
    FILTER_HTTP_CONNECTION: "*",
    FILTER_PROTOCOL_CONNECTION: "*",
  },
};

/** Whether a server closes when the callback of `reason` returns `value`. */
async function closes(face: Face, reason: string, value: number): Promise<boolean> {
  const calls: string[] = [];
  const isHttp = reason.startsWith("HTTP") || reason === "FILTER_HTTP_CONNECTION";
  const ask = (wsi: Wsi) =>
    face === OCT12 || face === MAR13
      ? face.call("callback_on_writable", wsi.context, wsi)
      : face.call("callback_on_writable", wsi);
  const callback: Callback = (wsi, each) => {
    calls.push(each);
    if (each === "ESTABLISHED" && reason.endsWith("WRITEABLE")) ask(wsi);
    if (each === "HTTP" && reason === "HTTP_WRITEABLE") ask(wsi);
    return each === reason ? value : 0;
  };
  await using server = rig(face, { protocols: [{ name: "talk", callback }] });
  const peer = await server.dial();
  let isClosed = false;
  peer.readToEnd().then(() => isClosed = true, () => isClosed = true);
  if (isHttp) {
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  } else {
    peer.send(concat(
      new TextEncoder().encode(handshake({ protocol: "talk" })),
      frame({ opcode: 1, payload: "hi", key: KEY }),
      frame({ opcode: 10, payload: "", key: KEY }),
    ));
  }
  await server.settle();
  assert(calls.includes(reason), `${reason} did not come, but ${calls}`);
  return isClosed;
}

for (const face of FACES) {
  for (const [reason, rule] of Object.entries(CLOSES[face.name]!)) {
    const what = { "": "nothing closes", "-": "negative closes", "*": "non-zero closes" }[rule];
    Deno.test(`contract 9: ${face.name}: after ${reason}, ${what}`, async () => {
      assertEquals(await closes(face, reason, 0), false, "0");
      assertEquals(await closes(face, reason, -1), rule !== "", "-1");
      assertEquals(await closes(face, reason, 1), rule === "*", "1");
    });
  }

  Deno.test(`contract 9: ${face.name}: CLOSED comes once, and only after ESTABLISHED`, async () => {
    const calls: string[] = [];
    const callback: Callback = (_wsi, reason) => {
      if (/ESTABLISHED|CLOSED|ERROR/.test(reason)) calls.push(reason);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const reader = await server.dial("GET / HT");
    await server.settle();
    reader.close();
    await server.settle();
    assertEquals(calls.splice(0), face === DEC15 ? ["CLOSED_HTTP"] : []);
    (await talk(server)).peer.close();
    await server.settle();
    assertEquals(calls, ["ESTABLISHED", "CLOSED"]);
  });

  Deno.test(`contract 9: ${face.name}: connections end with their context as they did then`, async () => {
    const calls: string[] = [];
    const callback: Callback = (_wsi, reason) => {
      if (/CLOSED|DESTROY/.test(reason)) calls.push(reason);
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await talk(server);
    await server.settle();
    const end = face.call("context_destroy", server.context) as Promise<void>;
    if (face === FEB11 || face === OCT12) {
      const { code } = await server.pump(socket.receiveClose());
      assertEquals(code, face === FEB11 ? 1005 : 1001);
      socket.peer.close();
    } else assertEquals((await socket.peer.readToEnd()).length, 0);
    await end;
    const last = {
      feb11: [],
      oct12: [],
      mar13: ["PROTOCOL_DESTROY"],
      dec15: ["WSI_DESTROY", "PROTOCOL_DESTROY"],
    }[face.name]!;
    assertEquals(calls, ["CLOSED", ...last]);
    assertEquals(await face.call("context_destroy", null), undefined);
  });
}

for (const face of withReason("OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION")) {
  Deno.test(`contract 9: ${face.name}: unhandled verification accepts every certificate of a client, and none is refused`, async () => {
    const authority = await makeAuthority("Test CA");
    const foreign = await makeAuthority("Foreign CA");
    const hosts = ["localhost"];
    const server = await authority.issue({ name: "localhost", hosts });
    const clients = [
      await authority.issue({ name: "good", purpose: "client" }),
      await foreign.issue({ name: "foreign", purpose: "client" }),
      await makeSelfSigned({ name: "its own", purpose: "client" }),
    ];
    const members = ({ cert, key }: TestIdentity) => ({
      ssl_cert_filepath: cert,
      ssl_private_key_filepath: key,
    });
    const options = face.api.LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT;
    // Without the authorities of the system, which take a tenth of a second to read.
    const only = DEC15.api.LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    const ca = { ssl_ca_filepath: authority.cert, options: only };
    await using net = loopback();
    for (const unhandled of [() => 0, () => {}]) {
      const protocols = [echoing(face, unhandled)];
      const { port } = net.serve(face, { ...members(server), options, protocols });
      for (const identity of clients) {
        const { echoed } = await net.talk(DEC15, port, 1, { ...ca, ...members(identity) });
        assertEquals(echoed, "hello");
      }
      assertEquals((await net.talk(DEC15, port, 1, ca)).echoed, "");
    }
  });
}

/** The same for clients. */
const CLIENT_CLOSES: Record<string, Record<string, string>> = {
  feb11: {
    CLIENT_ESTABLISHED: "",
    CLIENT_RECEIVE: "",
    CLIENT_RECEIVE_PONG: "",
    CLIENT_WRITEABLE: "",
  },
  oct12: {
    CLIENT_ESTABLISHED: "",
    CLIENT_RECEIVE: "",
    CLIENT_RECEIVE_PONG: "",
    CLIENT_WRITEABLE: "",
  },
  mar13: {
    CLIENT_FILTER_PRE_ESTABLISH: "",
    CLIENT_ESTABLISHED: "",
    CLIENT_RECEIVE: "",
    CLIENT_RECEIVE_PONG: "",
    CLIENT_WRITEABLE: "-",
  },
  dec15: {
    CLIENT_FILTER_PRE_ESTABLISH: "*",
    CLIENT_ESTABLISHED: "*",
    CLIENT_RECEIVE: "*",
    CLIENT_RECEIVE_PONG: "*",
    CLIENT_WRITEABLE: "*",
  },
};

/** Whether a client closes when the callback of `reason` returns `value`. */
async function clientCloses(face: Face, reason: string, value: number): Promise<boolean> {
  const calls: string[] = [];
  const callback: Callback = (wsi, each) => {
    calls.push(each);
    if (each === "CLIENT_ESTABLISHED") wsi.callbackOnWritable();
    return each === reason ? value : 0;
  };
  const protocols = [{ name: "talk", callback }];
  await using client = rig(face, { port: face.api.CONTEXT_PORT_NO_LISTEN, protocols });
  const listener = client.network.listen({ hostname: "h", port: 80 });
  const given = [client.context, "h", 80, 0, "/", "h", null, null, -1];
  const connected = Promise.resolve(face.call("client_connect", ...given));
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  peer.send(await acceptance(await client.pump(readHead(peer)), ""));
  peer.send(concat(frame({ opcode: 1, payload: "hi" }), frame({ opcode: 10, payload: "" })));
  let isClosed = false;
  peer.readToEnd().then(() => isClosed = true, () => isClosed = true);
  await client.settle();
  assert(calls.includes(reason), `${reason} did not come, but ${calls}`);
  const result = isClosed;
  peer.close();
  listener.close();
  await client.settle();
  await client.pump(connected);
  return result;
}

for (const face of FACES) {
  for (const [reason, rule] of Object.entries(CLIENT_CLOSES[face.name]!)) {
    const what = { "": "nothing closes", "-": "negative closes", "*": "non-zero closes" }[rule];
    Deno.test(`contract 9: ${face.name}: after ${reason}, ${what} a client`, async () => {
      assertEquals(await clientCloses(face, reason, 0), false, "0");
      assertEquals(await clientCloses(face, reason, -1), rule !== "", "-1");
      assertEquals(await clientCloses(face, reason, 1), rule === "*", "1");
    });
  }
}

/** A client of a generation, what it asks for, and what becomes of it. */
async function connect(
  face: Face,
  asked: string | null,
  answered: string | undefined,
): Promise<{ calls: string[]; request: string }> {
  const calls: string[] = [];
  const protocols = ["first", "talk", "other"].map((name) => ({
    name,
    callback: ((_wsi, reason) => {
      if (/ESTABLISHED|ERROR/.test(reason)) calls.push(`${name} ${reason}`);
    }) as Callback,
  }));
  await using client = rig(face, { port: face.api.CONTEXT_PORT_NO_LISTEN, protocols });
  const listener = client.network.listen({ hostname: "h", port: 80 });
  const given = [client.context, "h", 80, 0, "/", "h", "me", asked, -1];
  const connected = Promise.resolve(face.call("client_connect", ...given));
  const peer = new MemoryPeer(await client.pump(listener.accept()) as never);
  const request = await client.pump(readHead(peer));
  const fields = answered === undefined ? "" : `Sec-WebSocket-Protocol: ${answered}\r\n`;
  peer.send(await acceptance(request, fields));
  const wsi = await client.pump(connected);
  await client.settle();
  if (face === FEB11) calls.push(wsi === null ? "null" : "a connection");
  peer.close();
  listener.close();
  return { calls, request };
}

for (const face of FACES) {
  const established = (name: string) =>
    face === FEB11
      ? [`${name} CLIENT_ESTABLISHED`, "a connection"]
      : [`${name} CLIENT_ESTABLISHED`];
  const failed = {
    feb11: ["null"],
    oct12: ["talk CLIENT_CONNECTION_ERROR"],
    mar13: ["first CLIENT_CONNECTION_ERROR"],
    dec15: ["first CLIENT_CONNECTION_ERROR"],
  }[face.name]!;
  const isOld = face === FEB11 || face === OCT12;

  Deno.test(`contract 10: ${face.name}: the server chooses from a list with commas`, async () => {
    const { calls, request } = await connect(face, "talk, other", "other");
    assertEquals(calls, established("other"));
    assertStringIncludes(request, "Sec-WebSocket-Protocol: talk, other\r\n");
    assertStringIncludes(request, "Sec-WebSocket-Version: 13\r\n");
    assertStringIncludes(request, `Origin: ${face === DEC15 ? "http://me" : "me"}\r\n`);
  });

  Deno.test(`contract 10: ${face.name}: a choice that was not offered fails`, async () => {
    assertEquals((await connect(face, "talk", "other")).calls, failed);
  });

  Deno.test(`contract 10: ${face.name}: a server that chooses none ${isOld ? "fails" : "leaves the first protocol"}`, async () => {
    const { calls } = await connect(face, "talk", undefined);
    assertEquals(calls, isOld ? failed : established("first"));
  });

  Deno.test(`contract 10: ${face.name}: a client that asks for none has the first protocol`, async () => {
    assertEquals((await connect(face, null, undefined)).calls, established("first"));
  });

  Deno.test(`contract 10: ${face.name}: a server ${isOld ? "refuses" : "takes"} clients that name no protocol, as its first one has a name`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const peer = await server.dial(handshake());
    const status = (await server.pump(readHead(peer))).split(" ")[1];
    assertEquals(status, isOld ? "403" : "101");
    peer.close();
  });

  Deno.test(`contract 10: ${face.name}: the name that stands for none can't be asked for`, async () => {
    await using server = rig(face, { protocols: [{ ...quiet, name: null }] });
    const peer = await server.dial(handshake({ protocol: "!nameless" }));
    assertEquals((await server.pump(readHead(peer))).split(" ")[1], "403");
    peer.close();
  });

  Deno.test(`contract 10: ${face.name}: a handshake with a key and without a version is refused, as it is of no version`, async () => {
    await using server = rig(face, { protocols: [quiet] });
    const peer = await server.dial(
      handshake({ protocol: "http-only" }).replace("Sec-WebSocket-Version: 13\r\n", ""),
    );
    assertEquals((await server.pump(readHead(peer))).split(" ")[1]![0], "4");
    peer.close();
  });
}
