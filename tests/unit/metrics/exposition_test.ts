/** The two text formats, by the rules of their specifications. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { Stats } from "../../../mod.ts";
import { expose } from "../../../src/metrics/exposition.ts";
import { FAMILIES } from "../../../src/metrics/families.ts";
import { named } from "../../support/named.ts";
import { readOpenMetrics } from "../../support/metrics/open_metrics.ts";
import { serve, settle, type WebSocketPeer } from "../../support/serve.ts";

async function closeWith(socket: WebSocketPeer, code: number): Promise<void> {
  socket.send({ opcode: 8, payload: Uint8Array.of(code >> 8, code & 255) });
  await socket.receiveClose();
  await socket.peer.readToEnd();
  socket.peer.close();
}

async function statsOf(...names: string[]): Promise<Stats> {
  await using served = serve(names.map((name) => named(name, {})));
  const socket = await served.open({ protocol: names[0]! });
  socket.send({ opcode: 1, payload: "12345" });
  await closeWith(socket, 3001);
  await settle();
  return served.context.stats();
}

Deno.test("OpenMetrics text keeps the rules: families whole, units in names, counters with _total, EOF last", async () => {
  const stats = await statsOf("chat", "news");
  const labels = { region: "north" };
  const families = readOpenMetrics(expose("openmetrics", [{ stats, labels }]));
  assertEquals([...families.keys()], FAMILIES.map(({ name }) => name));
  const chat = 'region="north",protocol="chat"';
  const value = (name: string, labels: string) => families.get(name)!.samples.get(labels);
  assertEquals(value("lws_connections_established", `${chat},role="server"`), 1);
  assertEquals(value("lws_received_messages", chat), 1);
  assertEquals(value("lws_received_payload_bytes", chat), 5);
  assertEquals(value("lws_closes", `${chat},cause="peer"`), 1);
  assertEquals(value("lws_close_codes", `${chat},code="3001"`), 1);
  assertEquals(families.get("lws_sent_wire_bytes")!.unit, "bytes");
});

Deno.test("what no peer can name is there from the start, and codes only once there were some", async () => {
  await using served = serve([named("chat", {})]);
  const stats = served.context.stats();
  const families = readOpenMetrics(expose("openmetrics", [{ stats, labels: {} }]));
  assertEquals(families.get("lws_handshakes_refused")!.samples.get('cause="origin"'), 0);
  const limits = families.get("lws_limits_hit")!.samples;
  assertEquals(limits.get('limit="topics.maxTopics"'), 0);
  assertEquals(limits.get('limit="broker.historyTotalBytes"'), 0);
  for (const name of Object.keys(served.context.limits)) {
    assertEquals(families.get("lws_limits_hit")!.samples.get(`limit="${name}"`), 0, name);
  }
  assertEquals(families.get("lws_close_codes")!.samples.size, 0);
  assertEquals(families.get("lws_timers")!.samples.get(""), stats.timers);
});

Deno.test("the format of Prometheus has no unit and no EOF, and names a counter's family with _total", async () => {
  const text = expose("prometheus", [{ stats: await statsOf("chat"), labels: {} }]);
  assert(!text.includes("# UNIT") && !text.includes("# EOF") && text.endsWith("\n"));
  assertStringIncludes(text, "\n# TYPE lws_received_messages_total counter\n");
  assertStringIncludes(text, '\nlws_received_messages_total{protocol="chat"} 1\n');
  assertStringIncludes(text, "\n# TYPE lws_timers gauge\n");
});

Deno.test("quotation marks, backslashes and line ends of names and labels are escaped", async () => {
  const stats = await statsOf("chat");
  const protocols = { 'a"b\\c\nd': stats.protocols.chat! };
  const text = expose("openmetrics", [{ stats: { ...stats, protocols }, labels: { x: '"' } }]);
  const samples = readOpenMetrics(text).get("lws_received_messages")!.samples;
  assertEquals([...samples], [[String.raw`x="\"",protocol="a\"b\\c\nd"`, 1]]);
});

Deno.test("the samples of several sources stand together in each family", async () => {
  const sources = [
    { stats: await statsOf("chat"), labels: { context: "0" } },
    { stats: await statsOf("chat"), labels: { context: "1" } },
  ];
  const samples = readOpenMetrics(expose("openmetrics", sources)).get("lws_timers")!.samples;
  assertEquals([...samples.keys()], ['context="0"', 'context="1"']);
});

Deno.test("codes behind the first 64 of 3000 to 4999 are told as other", async () => {
  await using served = serve([named("chat", {})]);
  for (let i = 0; i < 66; i++) {
    const socket = await served.open();
    await closeWith(socket, 4000 + i);
    if (i !== 63) continue;
    await settle();
    assertEquals(Object.keys(served.context.stats().closesByCode).length, 64, "at the limit");
  }
  // One that has a count goes on counting, and so does a code of the protocol's own.
  for (const code of [4000, 1000]) await closeWith(await served.open(), code);
  await settle();
  const { closesByCode } = served.context.stats();
  const count = (code: number) => closesByCode[code];
  assertEquals([count(4000), count(4063), count(4064), count(0), count(1000)], [
    2,
    1,
    undefined,
    2,
    1,
  ]);
  const text = expose("openmetrics", [{ stats: served.context.stats(), labels: {} }]);
  assertMatch(text, /^lws_close_codes_total\{protocol="chat",code="other"\} 2$/m);
});

Deno.test("the reader of this test refuses what the specification does", () => {
  const good =
    '# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# HELP a_bytes x\na_bytes_total{b="c"} 1\n';
  assertEquals(readOpenMetrics(`${good}# EOF\n`).size, 1);
  const breaks: readonly [from: string, to: string][] = [
    ["UNIT a_bytes bytes", "UNIT a_bytes seconds"],
    ["a_bytes_total{", "a_bytes{"],
    ['b="c"', 'b="c",b="d"'],
    ['b="c"', 'b="c",'],
    ['b="c"', 'b="\\c"'],
    ["} 1", "} NaN"],
    ["} 1\n", '} 1\na_bytes_total{b="c"} 2\n'],
    ["} 1\n", "} 1\n# HELP a_bytes y\n"],
    ["} 1\n", "} 1\n# TYPE b gauge\n# HELP b x\nb 1\n# UNIT a_bytes bytes\n"],
    ["} 1\n", "} 1\n\n"],
    ["counter", "summary"],
  ];
  for (const [from, to] of breaks) {
    assertThrows(() => readOpenMetrics(`${good.replace(from, to)}# EOF\n`), Error, undefined, to);
  }
  assertThrows(() => readOpenMetrics(good));
});
