/** `lws bench`. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Protocol } from "../../../mod.ts";
import { handlers, permessageDeflate } from "../../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../../src/testing/mod.ts";
import { type CliOptions, finishCli, runCli } from "./cli.ts";
import { serve, settle } from "../../support/serve.ts";

const URL = "ws://127.0.0.1:80/";

/** Echoes a turn later: in memory and without time two ends would talk for ever in one turn. */
const echo: Protocol = {
  name: "echo",
  callback: handlers({
    message: (wsi, _user, message) => void setImmediate(() => wsi.write(message)),
  }),
};

/** Runs a command line against a server in memory until it sends, and then for its seconds. */
async function measure(
  protocol: Protocol,
  args: readonly string[],
  info: Parameters<typeof serve>[1] = {},
  more: CliOptions = {},
) {
  await using served = serve([protocol], info);
  const { network } = served;
  const clock = new FakeClock();
  await using bench = runCli(["bench", URL, "-t", "2", ...args], { network, clock, ...more });
  let isOver = false;
  void bench.ended.finally(() => isOver = true);
  for (let turns = 0; !isOver && turns < 500; turns++) {
    await settle();
    clock.advance(100);
    served.clock.advance(100);
  }
  return { code: await bench.ended, output: bench.output, errors: bench.errors };
}

Deno.test("bench says how much came back in its time, and that it measures itself as well", async () => {
  const { code, output, errors } = await measure(echo, ["-c", "3", "--pipeline", "2", "-s", "10"]);
  assertEquals(code, 0);
  const lines = output.split("\n");
  assertEquals(lines[0], "ws://127.0.0.1/");
  assertEquals(lines[1], "3 connections × 2 messages of 10 bytes, 2.0 s");
  assertMatch(lines[2]!, /^messages\/s {2}[\d,]+$/);
  assertMatch(lines[3]!, /^MB\/s {8}\d+\.\d each way$/);
  assertMatch(lines[4]!, /^latency {5}p50 \S+ ms {3}p90 \S+ ms {3}p99 \S+ ms {3}max \S+ ms$/);
  assertStringIncludes(errors, "This client is a part of what was measured");
});

Deno.test("--json is one line, for empty messages as well", async () => {
  for (const size of ["0", "70000"]) {
    const { output } = await measure(echo, ["--json", "-c", "1", "--size", size]);
    assertEquals(output.split("\n").length, 2);
    const result = JSON.parse(output);
    assertEquals(
      [result.url, result.connections, result.pipeline, result.size, result.seconds],
      ["ws://127.0.0.1/", 1, 1, Number(size), 2],
    );
    assertEquals([result.wasInterrupted, result.isCompressed, result.lost], [false, false, 0]);
    assert(result.messages > 0);
    assertEquals(result.messagesPerSecond, Math.round(result.messages / 2));
  }
});

Deno.test("--compress compresses, and says so where the server doesn't", async () => {
  const args = ["--compress", "--json", "-s", "2000", "-c", "2"];
  const compressed = await measure(echo, args, { extensions: [permessageDeflate()] });
  assertEquals(JSON.parse(compressed.output).isCompressed, true);
  assertEquals(compressed.errors, "");
  const plain = await measure(echo, args);
  assertEquals([plain.code, JSON.parse(plain.output).isCompressed], [0, false]);
  assertStringIncludes(plain.errors, "the server doesn't compress");
});

Deno.test("a server that doesn't echo is found out, with exit code 1", async () => {
  const silent = { name: "silent", callback: handlers({}) };
  const nothing = await measure(silent, ["-c", "2"]);
  assertEquals(nothing.code, 1);
  assertStringIncludes(nothing.errors, "lws: no message came back; is it an echo server?");
  const other = {
    name: "other",
    callback: handlers({ message: (wsi) => void wsi.write("something else") }),
  };
  const wrong = await measure(other, ["-c", "2"]);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.errors, "a message of 14 bytes came, which is for one of 125");
  const going = {
    name: "going",
    callback: handlers({ message: (wsi) => void wsi.close(1013) }),
  };
  const closed = await measure(going, ["-c", "2"]);
  assertEquals(closed.code, 1);
  assertStringIncludes(closed.errors, "the server has closed all connections, with 1013");
});

Deno.test("bench says why it can't connect", async () => {
  const { code, output, errors } = await finishCli(["bench", "ws://127.0.0.1:9/"], {
    network: new MemoryNetwork(),
  });
  assertEquals([code, output], [1, ""]);
  assertStringIncludes(errors, "lws: can't connect to 127.0.0.1 port 9");
});

Deno.test("Ctrl-C tells what there is so far; a terminal sees how far it is", async () => {
  await using served = serve([echo]);
  const clock = new FakeClock();
  const options = { network: served.network, clock, hasErrorTerminal: true };
  await using bench = runCli(["bench", URL, "-c", "2", "--json"], options);
  await bench.untilErrors("0.0 of 5 s: 0 messages/s");
  await settle();
  clock.advance(250);
  await bench.untilErrors("0.3 of 5 s: ");
  bench.interrupt();
  await settle();
  clock.advance(2_000);
  assertEquals(await bench.ended, 0);
  const result = JSON.parse(bench.output);
  assertEquals([result.wasInterrupted, result.seconds], [true, 0.25]);
  assert(bench.errors.endsWith("\r\x1b[K"), JSON.stringify(bench.errors));
});

Deno.test("without a terminal no progress is shown", async () => {
  const { errors } = await measure(echo, ["-c", "1", "--json"]);
  assertEquals(errors, "");
});
