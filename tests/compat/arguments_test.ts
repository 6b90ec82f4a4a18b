/** That no wrong argument throws, or passes: each is refused by its C name, with the C call's failure. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { box } from "../../src/compat/engine/pointers.ts";
import { LOG_LEVELS, setLogLevel, type Wsi } from "../../mod.ts";
import type { Face, ProtocolSpec } from "./support.ts";
import { DEC15, FACES, FEB11, logged, MAR13, NOV10, OCT12, rig, SINCE_MAR13 } from "./support.ts";
import { badBytes, goodBytes, trueBytes } from "../support/odd_data.ts";

const quiet: ProtocolSpec = { name: "talk", callback: () => 0 };
const noListen = (face: Face) => face.api.CONTEXT_PORT_NO_LISTEN as number;

/** Everything that is logged until the work is done. */
async function loggedSoon(work: () => unknown): Promise<{ result: unknown; lines: string }> {
  const lines: string[] = [];
  setLogLevel(LOG_LEVELS, (level, line) => lines.push(`${level}: ${line}`));
  try {
    return { result: await work(), lines: lines.join("\n") };
  } finally {
    setLogLevel([], () => {});
  }
}

/** A connection of a server, and the server; of December 2015's for the generation without contexts. */
async function connected(face: Face) {
  const own = face === NOV10 ? DEC15 : face;
  let wsi: Wsi | undefined;
  const server = rig(own, {
    protocols: [{
      name: "talk",
      callback(each, reason) {
        if (reason === "ESTABLISHED") wsi = each;
      },
    }],
  });
  const socket = await server.open({ protocol: "talk" });
  await server.until(() => wsi !== undefined);
  return { server, socket, wsi: wsi!, struct: own.structs[0] };
}

const NOT_WHOLE = [-1, 2.5, NaN, Infinity, "x", null, undefined];
const NO_OBJECT = [null, undefined, {}, 5, "x"];

/** What no argument of a name may be, whatever the call. */
const WRONG: Record<string, readonly unknown[]> = {
  wsi: NO_OBJECT,
  context: [undefined, {}, 5],
  protocol: NO_OBJECT,
  pollfd: [{}, 5, { fd: "x", events: 1, revents: 1 }],
  pollfds: [null, {}, 5, [null], [{ fd: "x", events: 1, revents: 1 }]],
  nfds: [...NOT_WHOLE, 2],
  poll_timeout: [NaN, "x", null, undefined],
  timeout_ms: [NaN, "x", null, undefined],
  buf: [null, undefined, 5, {}],
  in: [null, undefined, 5, {}],
  d: [null, undefined, 5, {}],
  value: [null, undefined, 5, {}, "\n"],
  // One byte is there.
  len: [...NOT_WHOLE, 2],
  in_len: [...NOT_WHOLE, 2],
  n: [...NOT_WHOLE, 2],
  length: [...NOT_WHOLE, 2],
  kind: [9, 99, 63, 256, 2 ** 32, -1, 2.5, NaN, "x", null, undefined],
  status: [1004.5, 999, 1005, 3000, "x", null, undefined],
  n_token: [2.5, NaN, "x", null, undefined],
  vbuf: [null, undefined, 5, {}],
  enable: [2.5, NaN, "x", true, null, undefined],
  reason: NOT_WHOLE,
  timeout: [77, -1, 2.5, "x", null, undefined],
  secs: [...NOT_WHOLE, 2_147_484],
  fd: NOT_WHOLE,
  name: NO_OBJECT,
  rip: NO_OBJECT,
  name_len: NOT_WHOLE,
  rip_len: NOT_WHOLE,
  dest: NO_OBJECT,
  room: NOT_WHOLE,
  h: [...NOT_WHOLE, 1000],
  frag_idx: NOT_WHOLE,
  file: [null, undefined, 5, {}],
  content_type: [null, undefined, 5, {}],
  other_headers: [5, {}],
  other_headers_len: [...NOT_WHOLE, 100],
  code: [...NOT_WHOLE, 99, 1000],
  html_body: [5, {}],
  p: [...NO_OBJECT, { value: "x" }],
  end: NO_OBJECT,
  header: [null, 5, "", "a b", "a:b:"],
  token: [1000, -1, 0],
  content_length: NOT_WHOLE,
  proxy: [null, 5, {}],
  md: [...NO_OBJECT, new Uint8Array(19)],
  out: NO_OBJECT,
  bytes: NO_OBJECT,
  out_size: NOT_WHOLE,
  filename: [null, 5, {}],
  filelen: NO_OBJECT,
  flags: [1, 3, null, "x"],
  amount: NO_OBJECT,
  offset_from_cur_pos: [2.5, NaN, "x", null],
  level: NOT_WHOLE,
  log_emit_function: [5, "x", {}, undefined],
  line: [null, undefined, 5, {}],
  address: [null, 5, {}, ""],
  port: [0, -1, NaN, 70_000, "x"],
  ssl_connection: [3, -1, "x"],
  path: [undefined, 5, {}, "no slash"],
  host: [undefined, 5, {}],
  origin: [undefined, 5, {}],
  asked: [undefined, 5, {}],
  version: [3, 12, 76, NaN, "13"],
};

/** Under which name an argument is refused, where the key above is not it. */
const NAMES: Record<string, string> = {
  kind: "protocol",
  status: "reason",
  n_token: "token",
  timeout: "reason",
  poll_timeout: "timeout",
  room: "len",
  header: "name",
  bytes: "out",
  asked: "protocol",
  version: "ietf_version_or_minus_one",
};

interface Call {
  /** The arguments, by the keys above; one with a `_` in front may be anything. */
  readonly given: string | Record<string, string>;
  /** What it returns. */
  readonly failure: unknown;
}

const contextFirst = (rest: string) => ({
  feb11: rest,
  dec15: rest,
  oct12: `context_ ${rest}`,
  mar13: `context_ ${rest}`,
});
const one = (failure: unknown): Call => ({ given: "wsi", failure });
const ofProtocol = (rest: string) => ({
  feb11: `protocol${rest}`,
  oct12: `protocol${rest}`,
  mar13: `protocol${rest}`,
  dec15: `context protocol${rest}`,
});
const connect = "context address port ssl_connection path host origin asked version";

/** The calls, by the last words of their names. */
const CALLS: Record<string, Call> = {
  context_destroy: { given: "context", failure: undefined },
  context_user: { given: "context", failure: null },
  canonical_hostname: { given: "context", failure: "unknown" },
  set_proxy: { given: "context proxy", failure: -1 },
  set_log_level: { given: "level log_emit_function", failure: undefined },
  service: { given: "context timeout_ms", failure: { feb11: 1, other: -1 } },
  service_fd: { given: "context pollfd", failure: { feb11: 1, other: -1 } },
  poll: { given: "pollfds nfds poll_timeout", failure: -1 },
  cancel_service: { given: "context", failure: undefined },
  fork_service_loop: { given: "context", failure: -1 },
  write: { given: "wsi buf len kind", failure: -1 },
  callback_on_writable: { given: contextFirst("wsi"), failure: { feb11: 1, other: -1 } },
  callback_on_writable_all_protocol: { given: ofProtocol(""), failure: -1 },
  callback_all_protocol: { given: "context protocol reason", failure: -1 },
  broadcast: { given: "protocol buf len", failure: -1 },
  rx_flow_control: { given: "wsi enable", failure: { feb11: 1, other: -1 } },
  rx_flow_allow_all_protocol: { given: ofProtocol(""), failure: undefined },
  partial_buffered: one(0),
  remaining_packet_payload: one(0),
  frame_is_binary: one(0),
  is_final_fragment: one(0),
  get_reserved_bits: one(0),
  get_protocol: one(null),
  get_socket_fd: one(-1),
  get_uri: one(null),
  is_ssl: one(0),
  wsi_user: one(null),
  get_context: one(null),
  send_pipe_choked: one(1),
  get_peer_addresses: {
    given: {
      oct12: "fd name name_len rip rip_len",
      mar13: "context _wsi fd name name_len rip rip_len",
      dec15: "wsi fd name name_len rip rip_len",
    },
    failure: undefined,
  },
  set_timeout: { given: "wsi timeout secs", failure: undefined },
  client_close: { given: "wsi", failure: undefined },
  close_and_free_session: { given: "context wsi status", failure: undefined },
  ensure_user_space: { given: "wsi", failure: undefined },
  token_to_string: { given: "n_token", failure: null },
  lwsl_hexdump: { given: "vbuf len", failure: undefined },
  hangup_on_client: { given: "context fd", failure: undefined },
  serve_http_file: {
    given: {
      nov10: "wsi file content_type",
      feb11: "wsi file content_type",
      oct12: "wsi file content_type",
      mar13: "_context wsi file content_type",
      dec15: "wsi file content_type other_headers other_headers_len",
    },
    failure: -1,
  },
  return_http_status: { given: "wsi code html_body", failure: 1 },
  http_transaction_completed: one(1),
  client_connect: { given: connect, failure: null },
  client_connect_extended: { given: `${connect} _user`, failure: null },
  hdr_total_length: { given: "wsi h", failure: 0 },
  hdr_copy: { given: "wsi dest room h", failure: -1 },
  hdr_copy_fragment: { given: "wsi dest room h frag_idx", failure: -1 },
  add_http_header_status: { given: "_wsi code p end", failure: 1 },
  add_http_header_by_name: { given: "_wsi header value length p end", failure: 1 },
  add_http_header_by_token: { given: "_wsi token value length p end", failure: 1 },
  add_http_header_content_length: { given: "_wsi content_length p end", failure: 1 },
  finalize_http_header: { given: "_wsi p end", failure: 1 },
  get_fops: { given: "context", failure: null },
  plat_file_open: { given: "wsi filename filelen flags", failure: -1 },
  plat_file_close: { given: "wsi _fd", failure: -1 },
  plat_file_seek_cur: { given: "wsi _fd offset_from_cur_pos", failure: -1 },
  plat_file_read: { given: "wsi _fd amount buf_bytes len", failure: -1 },
  plat_file_write: { given: "wsi _fd amount buf_bytes len", failure: -1 },
  get_random: { given: "_context buf_bytes len", failure: -1 },
  SHA1: { given: "d n md", failure: null },
  b64_encode_string: { given: "in in_len out out_size", failure: -1 },
  b64_decode_string: { given: "in bytes out_size", failure: -1 },
  write_http: { given: "wsi buf len", failure: -1 },
  ...Object.fromEntries(
    LOG_LEVELS.map((level) => [`lwsl_${level}`, { given: "line", failure: undefined }]),
  ),
};

/** Those that take no arguments, or take any. */
const WITHOUT = /^(get_library_version|get_internal_extensions|get_peer_write_allowance)$/;
/** Below, or of no context. */
const CREATIONS = /create_(context|server)$/;

for (const face of [NOV10, ...FACES]) {
  const own = Object.keys(face.api)
    .filter((name) => typeof face.api[name] === "function")
    .map((name) => name.replace(/^(lws|libwebsockets?)_/, ""))
    .filter((name) => !WITHOUT.test(name) && !CREATIONS.test(name))
    .filter((name) => !["box", "overNetwork", "serverContext"].includes(name));

  Deno.test(`${face.name}: every wrong argument of a call is refused by its name`, async () => {
    const { server, wsi, struct } = await connected(face);
    await using _server = server;
    const { context } = server;
    const made = (object: object) => [new Proxy(object, {}), Object.create(object)];
    const lookalikes: Record<string, readonly unknown[]> = {
      wsi: [...WRONG.wsi!, ...made(wsi), { callbackOnWritable() {} }, context],
      context: [...WRONG.context!, ...made(context), { callbackOnWritableAllProtocol() {} }, wsi],
    };
    const buffer = new Uint8Array(100);
    const right: Record<string, unknown> = {
      wsi,
      context,
      context_: context,
      protocol: struct,
      pollfd: null,
      pollfds: [{ fd: 1, events: 1, revents: 0 }],
      nfds: 1,
      timeout_ms: 0,
      buf: "x",
      vbuf: "x",
      status: 1000,
      n_token: 1,
      buf_bytes: new Uint8Array(1),
      in: "x",
      d: "x",
      value: "x",
      len: 1,
      in_len: 1,
      n: 1,
      length: 1,
      kind: face.api.LWS_WRITE_TEXT,
      enable: 1,
      reason: 1000,
      timeout: 1,
      secs: 5,
      fd: wsi.socketFd,
      name_len: 10,
      rip_len: 10,
      room: 10,
      h: 1,
      frag_idx: 0,
      file: "/none",
      content_type: "text/plain",
      other_headers: "a: b\r\n",
      other_headers_len: 6,
      code: 200,
      html_body: null,
      end: buffer.subarray(90),
      header: "x-a",
      token: face.api.WSI_TOKEN_HTTP_CONTENT_TYPE,
      content_length: 5,
      proxy: "proxy:3128",
      md: new Uint8Array(20),
      bytes: buffer,
      out_size: 10,
      filename: "/none",
      flags: 0,
      offset_from_cur_pos: 0,
      level: 1,
      log_emit_function: null,
      address: "127.0.0.1",
      port: 80,
      ssl_connection: 0,
      path: "/",
      version: -1,
    };
    // What a call may write into is fresh each time; the rest is null.
    const boxes = new Set(["name", "rip", "dest", "filelen", "amount", "out"]);
    const valueOf = (key: string) => {
      if (key === "p") return box(buffer);
      return boxes.has(key) ? box("") : right[key] ?? null;
    };
    for (const last of own) {
      const call = CALLS[last];
      assert(call !== undefined, `${last} has a row`);
      const given = typeof call.given === "string" ? call.given : call.given[face.name]!;
      const keys = given.split(" ");
      const failure = typeof call.failure === "object" && call.failure !== null
        ? (call.failure as Record<string, unknown>)[face === FEB11 ? "feb11" : "other"]
        : call.failure;
      for (const [index, key] of keys.entries()) {
        const name = key.replace(/_bytes$/, "");
        const wrong = lookalikes[name] ?? WRONG[name];
        if (wrong === undefined) continue;
        for (const value of wrong) {
          const args = keys.map((each, i) => i === index ? value : valueOf(each));
          const what = `${last}(${given}) with ${key} ${String(value)}`;
          const { result, lines } = await loggedSoon(() => callOf(face, last)(...args));
          assertEquals(result, failure, what);
          const named = new RegExp(`^err: ${cName(face, last)}: [^]*\\b${NAMES[key] ?? name}`, "m");
          assert(named.test(lines), `${what}: ${lines}`);
        }
      }
    }
  });
}

/** The whole name of a call, by its last words. */
function cName(face: Face, last: string): string {
  const names = ["", "lws_", "libwebsocket_", "libwebsockets_"].map((first) => first + last);
  return names.find((each) => each in face.api)!;
}

function callOf(face: Face, last: string): (...args: unknown[]) => unknown {
  return last in face.api ? face.api[last] : (...args) => face.call(last, ...args);
}

// Writing.

for (const face of [NOV10, ...FACES]) {
  Deno.test(`${face.name}: write sends what it was told, or nothing`, async () => {
    const { server, socket, wsi } = await connected(face);
    await using _server = server;
    for (const len of [-1, 2.5, 6, 50, NaN, Infinity]) {
      for (const buf of ["hello", new TextEncoder().encode("hello")]) {
        const { result, lines } = logged(() => face.call("write", wsi, buf, len, 0));
        assertEquals(result, -1);
        assertStringIncludes(lines.join("\n"), `write: len is ${len}; allowed: a whole number`);
      }
    }
    const returned = face === MAR13 || face === DEC15 ? 5 : 0;
    assertEquals(face.call("write", wsi, "hello", 5, 0), returned);
    // Nothing came before it.
    assertEquals(await server.pump(socket.receiveText()), "hello");
  });

  Deno.test(`${face.name}: write takes the bytes of every buffer and view, and nothing that only says that it has some`, async () => {
    const { server, socket, wsi } = await connected(face);
    await using _server = server;
    const binary = face.api.LWS_WRITE_BINARY as number;
    await server.settle();
    for (const [what, buf] of badBytes()) {
      const { result, lines } = logged(() => face.call("write", wsi, buf, 3_000, binary));
      assertEquals([result, wsi.unsentBytes], [-1, 0], what);
      assertStringIncludes(lines.join("\n"), "write: buf is ", what);
    }
    const kept = face === NOV10 || face === FEB11 || face === OCT12;
    for (const [what, buf] of goodBytes()) {
      const bytes = trueBytes(buf);
      if (bytes.length < 2) continue;
      // Fewer than there are, as C programs do with a buffer.
      const len = bytes.length - 1;
      assertEquals(face.call("write", wsi, buf, len, binary), kept ? 0 : len, what);
      const { payload } = await server.pump(socket.receive());
      assertEquals(payload, bytes.subarray(0, len), what);
      assertEquals(logged(() => face.call("write", wsi, buf, len + 2, binary)).result, -1, what);
    }
  });
}

Deno.test("dec15: a header that does not fit into p is not written, wherever end is", () => {
  const { lws_add_http_header_status: addStatus } = DEC15.api;
  const buffer = new Uint8Array(100);
  const end = buffer.subarray(100);
  const ends: [p: Uint8Array, end: Uint8Array][] = [
    [buffer.subarray(0, 10), end],
    [new Uint8Array(10), end],
    [new Uint8Array(50), end],
    [buffer.subarray(90), end],
    [end, end],
  ];
  for (const [room, limit] of ends) {
    const p = box(room);
    assertEquals(addStatus({} as Wsi, 200, p, limit), 1);
    assertEquals(p.value, room);
  }
  assertEquals(buffer.some((byte) => byte !== 0), false);
  assertEquals(addStatus({} as Wsi, 200, box(buffer.subarray(0, 17)), end), 0);
});

// Creation.

/** Members of the struct, what they can't be, and what the log says. */
const MEMBERS: [member: string, value: unknown, why: string, faces: readonly Face[]][] = [
  ["port", "x", "port", FACES],
  ["port", 70_000, "port", FACES],
  ["protocols", null, "protocols", FACES],
  ["protocols", [], "protocols", FACES],
  ["protocols", [null], "protocols", FACES],
  ["protocols", [{ name: "a b", callback: () => 0 }], "protocols[0].name", FACES],
  [
    "protocols",
    [{ name: "a", callback: () => 0, rx_bufer_size: 1 }],
    "protocols[0].rx_bufer_size is no member",
    FACES,
  ],
  ["protocols", [{ name: "a", calback: () => 0 }], "protocols[0].calback is no member", FACES],
  ["options", "x", 'options is "x"', FACES],
  ["options", -1, "options is -1", FACES],
  ["options", 2.5, "options is 2.5", FACES],
  ["options", NaN, "options is NaN", FACES],
  ["extensions", [null], "extensions[0] is null", [OCT12, MAR13, DEC15]],
  [
    "extensions",
    [{ name: "a", callback: () => 0, per_sesion_data_size: 1 }],
    "extensions[0].per_sesion_data_size is no member",
    [OCT12, MAR13, DEC15],
  ],
  ["extensions", {}, "extensions is {…}", [OCT12, MAR13, DEC15]],
  ["extensions", [{ name: null, callback: () => 0 }], "name", [OCT12, MAR13, DEC15]],
  ["iface", 5, "iface", [OCT12, MAR13, DEC15]],
  ["token_limits", {}, "token_limits.token_limit", [DEC15]],
  ["token_limits", { token_limit: [-1] }, 'token_limits["get uri"] is -1', [DEC15]],
  ["ka_time", -1, "ka_time is -1", [MAR13, DEC15]],
  ["limits", 5, "limits is 5", FACES],
  ["limits", { maxBody: 1 }, "limits.maxBody is 1", FACES],
  ["limits", { maxFramePayload: -1 }, "maxFramePayload is -1", FACES],
  ["ssl_cypher_list", "x", "ssl_cypher_list is no member", [MAR13, DEC15]],
  ["portt", 80, "portt is no member", [MAR13, DEC15]],
  [
    "sslCertFilepath",
    "x",
    "sslCertFilepath is no member of lws_context_creation_info; did you mean ssl_cert_filepath?",
    [MAR13, DEC15],
  ],
];

FACES.test("every wrong member of a creation is refused by its name", (face) => {
  for (const [member, value, why, faces] of MEMBERS) {
    if (!faces.includes(face)) continue;
    const spec = { port: noListen(face), protocols: [quiet], [member]: value };
    const make = () => member === "protocols" ? creating(face, value) : face.create(spec as never);
    const { result, lines } = logged(make);
    assertEquals(result, null, member);
    assertStringIncludes(lines.join("\n"), "create_context: ");
    assertStringIncludes(lines.join("\n"), why);
  }
});

/** Creation with protocols that the face can't adapt. */
function creating(face: Face, protocols: unknown): unknown {
  if (face === FEB11) {
    return face.api.libwebsocket_create_context(0, protocols, null, null, -1, -1, 0);
  }
  if (face === OCT12) {
    return face.api
      .libwebsocket_create_context(0, null, protocols, null, null, null, -1, -1, 0, null);
  }
  return face.call("create_context", { port: noListen(face), protocols });
}

Deno.test("nov10: every wrong argument of create_server is refused by its name", () => {
  const right = {
    port: 0,
    callback: () => 0,
    protocol: 13,
    user_area_size: 0,
    ssl_cert_filepath: null,
    ssl_private_key_filepath: null,
    gid: -1,
    uid: -1,
    limits: null,
  };
  const wrong: Partial<Record<keyof typeof right, readonly unknown[]>> = {
    port: [-5, 70_000, NaN, "x"],
    callback: [null, undefined, 5],
    protocol: [2, 75, null],
    user_area_size: NOT_WHOLE,
    limits: [5, "x"],
  };
  for (const [member, values] of Object.entries(wrong)) {
    for (const value of values) {
      const args = Object.values({ ...right, [member]: value });
      const { result, lines } = logged(() => NOV10.call("create_server", ...args));
      assertEquals(result, -1);
      assertStringIncludes(lines.join("\n"), `libwebsocket_create_server: ${member} is`);
    }
  }
});

SINCE_MAR13.test("creation of nothing is refused by name", (face) => {
  for (const info of [null, undefined, 5]) {
    const { result, lines } = logged(() => face.call("create_context", info));
    assertEquals(result, null);
    assertStringIncludes(lines.join("\n"), `create_context: info is ${info}`);
  }
});
