/** Places of contexts that serve files, which take a descriptor beside that of their connection. */

import { assertEquals, assertMatch } from "@std/assert";
import { hostFileOps } from "../../../mod.ts";
import {
  defaultConnections,
  mostOpenFiles,
} from "../../../src/context/options/descriptor_shares.ts";
import { descriptorLimit } from "../../../src/transport/machine.ts";
import { Child, isInstalled } from "../../support/child.ts";
import { withMount } from "../../support/folder.ts";
import { named } from "../../support/named.ts";
import { get, reply } from "../../support/http.ts";
import { serve } from "../../support/serve.ts";

const page = named("page", { http: (wsi) => reply(wsi) });

Deno.test({
  name: "with mounts or file operations there are half as many places, unless they are given",
  ignore: descriptorLimit() === undefined,
  async fn() {
    const descriptors = descriptorLimit()!;
    const half = Math.floor(descriptors * 0.4);
    await using plain = serve([page], { mounts: [] });
    assertEquals(plain.context.limits.maxConnections, Math.floor(descriptors * 0.8));
    await using own = serve([page], { fileOps: hostFileOps() });
    assertEquals(own.context.limits.maxConnections, half);
    await withMount({ "a.txt": "a" }, {}, (served) => {
      assertEquals(served.context.limits.maxConnections, half);
      return Promise.resolve();
    });
    await withMount({ "a.txt": "a" }, { info: { maxConnections: 7 } }, (served) => {
      assertEquals(served.context.limits.maxConnections, 7);
      return Promise.resolve();
    });
    assertEquals([defaultConnections(false), defaultConnections(true)], [
      Math.floor(descriptors * 0.8),
      half,
    ]);
  },
});

Deno.test("files may have what connections leave of nine tenths, and a tenth in any case", () => {
  assertEquals(mostOpenFiles(400, 1000), 500);
  assertEquals(mostOpenFiles(800, 1000), 100);
  assertEquals(mostOpenFiles(5000, 1000), 100);
  assertEquals(mostOpenFiles(5, 5), 1);
});

Deno.test({
  name:
    "a program's file past those that may be open is answered 503, and served once one is closed",
  ignore: Deno.build.os !== "linux" || !isInstalled("bash"),
  async fn() {
    const limited = [
      "bash",
      "-c",
      'export DENO_NO_UPDATE_CHECK=1; ulimit -n 100; exec "$@"',
      "bash",
    ];
    await using child = new Child(limited, "held_files.ts", ["-A"]);
    const [port, path] = (await child.line()).split(" ") as [string, string];
    const held: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 10; i++) {
        const { conn, head } = await ask(Number(port));
        held.push(conn);
        assertMatch(head, /^HTTP\/1\.1 200 /);
      }
      const refused = await ask(Number(port));
      refused.conn.close();
      assertMatch(refused.head, /^HTTP\/1\.1 503 [^]*\r\nretry-after: 1\r\n/i);
      held.pop()!.close();
      let next = await ask(Number(port));
      // The server hears of the end of a connection when its loop comes to it.
      while (next.head.startsWith("HTTP/1.1 503")) {
        next.conn.close();
        next = await ask(Number(port));
      }
      held.push(next.conn);
      assertMatch(next.head, /^HTTP\/1\.1 200 /);
    } finally {
      for (const each of held) each.close();
      await Deno.remove(path);
    }
  },
});

async function ask(port: number): Promise<{ conn: Deno.Conn; head: string }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(get("/")));
  const buffer = new Uint8Array(1024);
  const length = await conn.read(buffer);
  return { conn, head: new TextDecoder().decode(buffer.subarray(0, length ?? 0)) };
}
