/** Requests and answers, and the library itself, in each generation. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { box } from "../../../src/compat/engine/pointers.ts";
import { LOG_LEVELS, setLogLevel } from "../../../mod.ts";
import { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import { Child } from "../../support/child.ts";
import { readHead, readResponse } from "../../support/serve.ts";
import type { Callback } from "../support.ts";
import { DEC15, FACES, logged, on, rig, SINCE_MAR13, SINCE_OCT12, withCall } from "../support.ts";
import { GET, keeping, quiet, talk, to } from "./protocols.ts";

// HTTP.

Deno.test("dec15: return_http_status answers with the code, and 1 tells that there is nothing to answer", async () => {
  const seen: unknown[] = [];
  const callback = on("HTTP", (wsi) => {
    seen.push(DEC15.call("return_http_status", wsi, 418, "<p>Short and stout</p>"));
    seen.push(DEC15.call("return_http_status", wsi, 200, null));
    seen.push(logged(() => DEC15.call("return_http_status", wsi, 9000, null)).result);
    return 1;
  });
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
  const callback = on("HTTP", (wsi) => {
    const buffer = new Uint8Array(200);
    const p = box(buffer.subarray(10));
    const end = buffer.subarray(190);
    seen.push(api.lws_add_http_header_status(wsi, 200, p, end));
    const type = api.WSI_TOKEN_HTTP_CONTENT_TYPE;
    seen.push(api.lws_add_http_header_by_token(wsi, type, "text/plain???", 10, p, end));
    seen.push(api.lws_add_http_header_by_name(wsi, "x-one:", "é", 2, p, end));
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
  });
  await using server = rig(DEC15, { protocols: [{ name: "http", callback }] });
  const peer = await server.dial(GET);
  const { head, body } = await server.pump(readResponse(peer)); // its bytes, a character each
  assertEquals(
    head,
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-one: \u{C3}\u{A9}\r\ncontent-length: 2\r\n\r\n",
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
  const callback = on("HTTP", (wsi) => {
    const buffer = new Uint8Array(200);
    const p = box(buffer.subarray(10));
    const end = buffer.subarray(190);
    api.lws_add_http_header_by_name(wsi, "x-one:", "1", 1, p, end);
    api.lws_add_http_header_by_token(wsi, api.WSI_TOKEN_HTTP_ETAG, '"e"', 3, p, end);
    const n = p.value.byteOffset - 10;
    return api.lws_serve_http_file(wsi, here, "text/plain", buffer.subarray(10), n);
  });
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
  const callback = on("HTTP", (wsi) => {
    lines = logged(() => api.lws_return_http_status(wsi, 199, null)).lines;
    return -1;
  });
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

SINCE_MAR13.test("lwsl_hexdump logs sixteen bytes a line, in hexadecimal and as text", (face) => {
  const bytes = Uint8Array.from({ length: 18 }, (_, n) => n === 0 ? 0xff : 0x40 + n);
  const { lines } = logged(() => face.api.lwsl_hexdump(bytes, 18));
  assertEquals(lines, [
    "debug: 0000: FF 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F    .ABCDEFGHIJKLMNO",
    `debug: 0010: 50 51 ${" ".repeat(42)}   PQ${" ".repeat(14)}`,
  ]);
  assertEquals(logged(() => face.api.lwsl_hexdump(bytes, 0)).lines, []);
});

SINCE_OCT12.test("random bytes, SHA-1 and base64", (face) => {
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
