/** Answers as curl and raw sockets see them: their framing, their ends, and what comes before them. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Context, createContext } from "../../mod.ts";
import { captureLog } from "../support/recorder.ts";
import { LOOPBACK } from "../support/patience.ts";
import { readToEnd } from "./files/beside_nginx.ts";
import { CURL } from "./peer.ts";
import { named } from "../support/named.ts";
import { temporaryFolder } from "../support/folder.ts";

const LENGTH = 300_000;

async function* pieces(fails: boolean) {
  for (let left = LENGTH; left > 0; left -= 100_000) {
    yield "x".repeat(100_000);
    await Promise.resolve();
  }
  if (fails) throw new Error("the source broke");
}

/** What becomes of requests whose peers go. */
interface Served extends AsyncDisposable {
  readonly context: Context;
  readonly closed: Promise<void>;
}

function serving(): Served {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const context = createContext({
    ...LOOPBACK,
    protocols: [named("http", {
      http(wsi, _user, path) {
        switch (path) {
          case "/stream":
            return wsi.respond(200, pieces(false));
          case "/broken":
            return wsi.respond(200, pieces(true));
          case "/trailers":
            wsi.writeHttpHeaders(200, [["trailer", "x-sum"]]);
            wsi.write("abc", "http");
            wsi.httpTransactionCompleted({ trailers: [["x-sum", "294"]] });
            return;
          case "/short":
            wsi.writeHttpHeaders(200, [["content-length", "10"]]);
            wsi.write("abc", "http");
            wsi.httpTransactionCompleted();
            return;
          case "/hints":
            wsi.writeEarlyHints([["link", "</style.css>; rel=preload; as=style"]]);
            return wsi.respond(200, "page");
          case "/refuse":
            return wsi.respond(403, "not you");
          case "/method":
            wsi.returnHttpStatus(405, "Only GET.", [["allow", "GET"]]);
            return;
          case "/pending":
            return;
        }
      },
      httpBodyCompletion: (wsi) => wsi.uri === "/take" ? wsi.respond(200, "taken") : 0,
      closedHttp: () => resolve(),
    })],
  });
  return { context, closed, [Symbol.asyncDispose]: () => context[Symbol.asyncDispose]() };
}

/** Runs curl; returns its exit code and what it printed. */
async function curl(...args: string[]): Promise<{ code: number; printed: string }> {
  const command = new Deno.Command(CURL.path, { args: ["--silent", ...args], stdin: "null" });
  const { code, stdout } = await command.output();
  return { code, printed: new TextDecoder().decode(stdout) };
}

/** Sends a request as it is written here, and reads to the connection's end. */
async function raw(port: number, ...lines: string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n"));
  return await readToEnd(conn);
}

/** How curl says that there should have been more: a partial file, nothing at all, a failure to receive. */
const CUT: readonly number[] = [18, 52, 56];

CURL.test("a stream is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0", async () => {
  await using served = serving();
  const url = `http://127.0.0.1:${served.context.port}/stream`;
  const report = ["--output", "/dev/null", "--write-out", "%{size_download} %{num_connects}\n"];
  const twice = await curl("--dump-header", "-", ...report, url, ...report, url);
  assertEquals(twice.code, 0);
  assertEquals(twice.printed.match(/^transfer-encoding: chunked\r$/gim)?.length, 2);
  // The second came over the connection of the first.
  assertEquals(twice.printed.match(/^\d+ \d+$/gm), [`${LENGTH} 1`, `${LENGTH} 0`]);
  const old = await curl("--http1.0", "--dump-header", "-", ...report, url);
  assertEquals(old.code, 0);
  assert(!/^(transfer-encoding|content-length):/im.test(old.printed), old.printed);
  assertStringIncludes(old.printed, `${LENGTH} 1\n`);
  assertMatch((await curl("--head", url)).printed, /^HTTP\/1\.1 200 /);
});

CURL.test("an answer that is cut never looks whole to curl", async () => {
  await using served = serving();
  using log = captureLog(["err", "warn"]);
  const origin = `http://127.0.0.1:${served.context.port}`;
  for (const path of ["/broken", "/short"]) {
    for (const version of ["--http1.1", "--http1.0"]) {
      // The runtime's own TCP has no reset, so that the end of a stream to HTTP/1.0 can't be told.
      if (path === "/broken" && version === "--http1.0") continue;
      const { code } = await curl(version, "--output", "/dev/null", origin + path);
      assert(CUT.includes(code), `${path} ${version}: ${code}`);
    }
  }
  assertEquals(log.lines.length, 3);
});

CURL.test("trailers come behind the last chunk", async () => {
  await using served = serving();
  const answer = await raw(
    served.context.port,
    "GET /trailers HTTP/1.1",
    "Host: site.test",
    "Connection: close",
  );
  assertMatch(answer, /\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 294\r\n\r\n$/i);
  const { code, printed } = await curl(`http://127.0.0.1:${served.context.port}/trailers`);
  assertEquals([code, printed], [0, "abc"]);
});

CURL.test("early hints come before the answer, and not to HTTP/1.0", async () => {
  await using served = serving();
  const url = `http://127.0.0.1:${served.context.port}/hints`;
  const { printed } = await curl("--include", url);
  assertMatch(printed, /^HTTP\/1\.1 103 [^]*?link: <\/style\.css>[^]*?\r\n\r\nHTTP\/1\.1 200 /i);
  assert(printed.endsWith("\r\n\r\npage"));
  assertMatch((await curl("--include", "--http1.0", url)).printed, /^HTTP\/1\.[01] 200 /);
});

CURL.test("a refused upload with Expect never crosses the net, and one that is taken does", async () => {
  await using served = serving();
  const origin = `http://127.0.0.1:${served.context.port}`;
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const file = `${folder}/upload`;
  await Deno.writeFile(file, new Uint8Array(2_000_000));
  const args = ["--header", "Expect: 100-continue", "--expect100-timeout", "600"];
  const report = ["--output", "/dev/null", "--write-out", "%{http_code} %{size_upload}"];
  const refused = await curl(...args, ...report, "--upload-file", file, `${origin}/refuse`);
  assertEquals(refused.printed, "403 0");
  const taken = await curl(...args, ...report, "--upload-file", file, `${origin}/take`);
  assertEquals(taken.printed, "200 2000000");
});

CURL.test("a status that needs a field has it", async () => {
  await using served = serving();
  const { printed } = await curl("--include", `http://127.0.0.1:${served.context.port}/method`);
  assertMatch(printed, /^HTTP\/1\.1 405 [^]*?\r\nallow: GET\r\n/i);
});

CURL.test("a client that asks for it is told how long its connection lives", async () => {
  await using served = serving();
  const url = `http://127.0.0.1:${served.context.port}/stream`;
  const args = ["--dump-header", "-", "--output", "/dev/null"];
  const asked = await curl(...args, "--header", "Connection: keep-alive", url);
  assertMatch(asked.printed, /^keep-alive: timeout=600\r$/im);
  const silent = await curl(...args, url);
  assert(!/^keep-alive:/im.test(silent.printed), silent.printed);
});

CURL.test("a peer that has gone is told while its answer is pending", async () => {
  await using served = serving();
  {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: served.context.port });
    await conn.write(new TextEncoder().encode("GET /pending HTTP/1.1\r\nHost: site.test\r\n\r\n"));
    await conn.closeWrite();
    await served.closed;
    assertEquals(await readToEnd(conn), "");
  }
});
