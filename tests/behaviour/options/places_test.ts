/** `maxConnections`: its default, and what the log has of it. */

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { Child, isInstalled } from "../../support/child.ts";
import { reply } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { captureLog } from "../../support/recorder.ts";
import { readResponse, serve, settle } from "../../support/serve.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const page = named("page", { http: (wsi) => reply(wsi) });

async function ask(conn: Deno.Conn): Promise<string> {
  await conn.write(new TextEncoder().encode(REQUEST));
  const buffer = new Uint8Array(1024);
  const length = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, length ?? 0)).slice(0, 12);
}

Deno.test({
  name: "80 % of the descriptors are places, where they are known; the next one waits",
  ignore: Deno.build.os !== "linux" || !isInstalled("bash"),
  async fn() {
    const limited = [
      "bash",
      "-c",
      'export DENO_NO_UPDATE_CHECK=1; ulimit -n 200; exec "$@"',
      "bash",
    ];
    await using child = new Child(limited, "places.ts", ["-A"]);
    const [port, places] = (await child.line()).split(" ").map(Number) as [number, number];
    assertEquals(places, 160);
    const dial = () => Deno.connect({ hostname: "127.0.0.1", port });
    const crowd = await Promise.all(Array.from({ length: places }, dial));
    for (const each of crowd) assertEquals(await ask(each), "HTTP/1.1 200");
    assertEquals(await child.line(), "warn: maxConnections (160) reached: others wait");
    const next = await dial();
    const answer = ask(next);
    crowd.pop()!.close();
    assertEquals(await answer, "HTTP/1.1 200");
    for (const each of [next, ...crowd]) each.close();
  },
});

Deno.test("there are 10,000 where the program may not read how many descriptors it may have", async () => {
  await using child = new Child([], "places.ts", ["--allow-net", "--allow-read"]);
  assertEquals((await child.line()).split(" ")[1], "10000");
  assertEquals(DEFAULT_LIMITS.maxConnections, 10_000);
});

Deno.test("the log tells that all places are taken, and again once a tenth was free", async () => {
  using log = captureLog(["warn"]);
  await using served = serve([page], { maxConnections: 10 });
  const dial = async () => {
    const peer = await served.dial(REQUEST);
    await readResponse(peer);
    return peer;
  };
  const peers: MemoryPeer[] = [];
  for (let i = 0; i < 9; i++) peers.push(await dial());
  assertEquals(log.lines, []);
  peers.push(await dial());
  assertEquals(log.lines.length, 1);
  const refill = async (count: number) => {
    for (const each of peers.splice(0, count)) each.close();
    await settle();
    while (peers.length < 10) peers.push(await dial());
  };
  await refill(1);
  assertEquals(log.lines.length, 1, "90 % were taken");
  await refill(2);
  assertEquals(log.lines.length, 2);
  assert(log.lines.every((each) => each.includes("maxConnections (10)")));
  assertEquals(served.context.stats().limitsHit, { maxConnections: 3 });
});
