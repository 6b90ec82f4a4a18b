/** curl, on the HTTP half of the port. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createContext } from "../../mod.ts";
import { serveDemo } from "../../examples/demo/server.ts";
import { upload } from "../../examples/upload.ts";
import { CURL, output } from "./peer.ts";
import { LOOPBACK, PATIENT } from "../support/patience.ts";
import { temporaryFolder } from "../support/folder.ts";

const curl = (...args: string[]) => output(CURL.path, ["--silent", ...args]);

CURL.test("curl gets the demo's page and files over one connection", async () => {
  await using server = serveDemo(0, "127.0.0.1", PATIENT);
  const origin = `http://127.0.0.1:${server.port}`;
  const report = ["--write-out", "%{http_code} %{num_connects} %{content_type}\n"];
  const discard = ["--output", "/dev/null"];
  assertEquals(
    await curl(
      ...report,
      ...discard,
      `${origin}/`,
      ...discard,
      `${origin}/app.js`,
      ...discard,
      `${origin}/style.css`,
      ...discard,
      `${origin}/absent`,
    ),
    "200 1 text/html; charset=utf-8\n" +
      "200 0 text/javascript; charset=utf-8\n" +
      "200 0 text/css; charset=utf-8\n" +
      "404 0 text/html; charset=utf-8\n",
  );
  const page = await Deno.readTextFile(
    new URL("../../examples/demo/public/index.html", import.meta.url),
  );
  assertEquals(await curl(`${origin}/`), page);
  const head = await curl("--head", `${origin}/`);
  assertStringIncludes(head, "200 OK");
  assertStringIncludes(
    head.toLowerCase(),
    `content-length: ${new TextEncoder().encode(page).length}\r\n`,
  );
});

CURL.test("curl can't leave the demo's folder", async () => {
  await using server = serveDemo(0, "127.0.0.1", PATIENT);
  const origin = `http://127.0.0.1:${server.port}`;
  for (
    const path of [
      "/../server.ts",
      "/%2e%2e/server.ts",
      "/..%2fserver.ts",
      "/x/../../server.ts",
      "/..%5cserver.ts",
      "/index.html%00.png",
    ]
  ) {
    const status = await curl(
      "--path-as-is",
      "--output",
      "/dev/null",
      "--write-out",
      "%{http_code}",
      origin + path,
    );
    assertEquals(status.startsWith("4"), true, `${path}: ${status}`);
  }
});

CURL.test("curl uploads a body, with its length and in chunks", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const source = `${folder}/source`;
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(
    source,
    Uint8Array.from({ length: 5_000_000 }, (_, i) => bytes[i % 60_000]!),
  );
  await using context = createContext({ ...LOOPBACK, protocols: [upload(folder)] });
  const origin = `http://127.0.0.1:${context.port}`;
  for (
    const [name, ...args] of [
      ["whole"],
      ["chunked", "--header", "Transfer-Encoding: chunked"],
      ["waited", "--header", "Expect: 100-continue", "--expect100-timeout", "10"],
    ] as const
  ) {
    const status = await curl(
      ...args,
      "--output",
      "/dev/null",
      "--write-out",
      "%{http_code}",
      "--upload-file",
      source,
      `${origin}/${name}`,
    );
    assertEquals([name, Number(status) < 300], [name, true], status);
    const [sent, stored] = await Promise.all([
      Deno.readFile(source),
      Deno.readFile(`${folder}/${name}`),
    ]);
    assertEquals(stored.length, sent.length);
    assertEquals(stored.every((byte, index) => byte === sent[index]), true);
  }
});

CURL.test("curl uploads to fetch, is told to, and sees what comes back as it comes", async () => {
  await using folder = await temporaryFolder();
  const size = 3 * 1024 * 1024;
  await Deno.writeFile(`${folder.path}/a`, new Uint8Array(size).fill(97));
  await using server = createContext({
    ...LOOPBACK,
    fetch: async ({ method, url, body, headers }) => {
      if (url.endsWith("/back")) return new Response(body);
      let length = 0;
      for await (const piece of body ?? []) length += piece.length;
      return new Response(`${method} ${length} ${headers.get("expect")}`);
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  const file = ["--upload-file", `${folder.path}/a`];
  const expect = ["--header", "Expect: 100-continue"];
  const chunked = ["--header", "Transfer-Encoding: chunked"];
  assertEquals(await curl(...file, ...expect, `${origin}/`), `PUT ${size} 100-continue`);
  assertEquals(
    await curl(...file, ...chunked, ...expect, `${origin}/`),
    `PUT ${size} 100-continue`,
  );
  assertEquals((await curl(...file, ...expect, `${origin}/back`)).length, size);
  assertEquals((await curl(...file, ...chunked, `${origin}/back`)).length, size);
  assertEquals(await curl("--http1.0", `${origin}/`), "GET 0 null");
  const head = await curl("--head", `${origin}/`);
  assertStringIncludes(head.toLowerCase(), "content-length: 11\r\n");
});
