/** Mounts under each service policy, over TLS, and on the operating system's own network. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Context, createContext, type ServicePolicy } from "../../../mod.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { withFiles, withMount } from "../../support/folder.ts";
import { get, statusOf } from "../../support/http.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { readResponse, settle } from "../../support/serve.ts";

const TEXT = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("");
const SITE = { "index.html": "<p>root", "big.txt": TEXT, "sub/x.txt": "x" };

async function serviceUntil<T>(context: Context, promise: Promise<T>): Promise<T> {
  let isDone = false;
  void promise.finally(() => isDone = true).catch(() => {});
  while (!isDone) {
    await context.service(0);
    await settle();
  }
  return await promise;
}

for (const service of ["manual", "external"] as const satisfies ServicePolicy[]) {
  Deno.test(`${service}: files, redirects, listings and misses come in service alone`, () =>
    withMount(SITE, { info: { service }, listing: true, compression: true }, async (served) => {
      const { context } = served;
      const dialling = served.dial();
      const peer = await serviceUntil(context, dialling);
      peer.send(get("/"));
      await settle();
      assertEquals(peer.received.length, 0);
      assertEquals((await serviceUntil(context, readResponse(peer))).body, "<p>root");
      for (
        const [target, status, body] of [
          ["/big.txt", 200, TEXT],
          ["/sub", 301, "Moved Permanently"],
          ["/sub/", 200, "./x.txt"],
          ["/none", 404, "Not Found"],
        ] as const
      ) {
        peer.send(get(target));
        const answer = await serviceUntil(context, readResponse(peer));
        assertEquals(statusOf(answer.head), status);
        assertStringIncludes(answer.body, body);
      }
    }));
}

Deno.test("over TLS a browser's fetch gets files, compressed ones and redirects", () =>
  withFiles(SITE, async (folder) => {
    const made = await makeCertificates();
    await using context = createContext({
      ...LOOPBACK,
      sslCertFilepath: made.localhost.cert,
      sslPrivateKeyFilepath: made.localhost.key,
      compression: true,
      mounts: [{ path: "/files", folder }],
    });
    const client = Deno.createHttpClient({ caCerts: [made.ca.cert] });
    const url = `https://localhost:${context.port}/files`;
    const text = async (path: string, headers = {}) => {
      const response = await fetch(url + path, { client, headers });
      return [response.status, new URL(response.url).pathname, await response.text()];
    };
    assertEquals(await text(""), [200, "/files/", "<p>root"]);
    // Asked for with what fetch accepts by itself, and undone by it.
    assertEquals(await text("/big.txt"), [200, "/files/big.txt", TEXT]);
    assertEquals(await text("/big.txt", { range: "bytes=0-3" }), [206, "/files/big.txt", "line"]);
    assertEquals((await text("/none"))[0], 404);
    client.close();
  }));

Deno.test("on TCP many requests at once are each answered with their file", () =>
  withFiles(SITE, async (folder) => {
    await using context = createContext({
      ...LOOPBACK,
      compression: true,
      mounts: [{ path: "/", folder }],
    });
    const client = Deno.createHttpClient({});
    const url = `http://127.0.0.1:${context.port}`;
    const bodies = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const path = ["/", "/big.txt", "/sub/x.txt"][i % 3]!;
        const response = await fetch(url + path, { client });
        return await response.text() === ["<p>root", TEXT, "x"][i % 3];
      }),
    );
    assert(bodies.every((each) => each));
    client.close();
  }));
