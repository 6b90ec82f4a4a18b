/** `openMetrics` and `metricsHandler`, as programs call them. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LwsError } from "../../../mod.ts";
import {
  metricsHandler,
  type MetricsOptions,
  type MetricsSource,
  OPEN_METRICS_TYPE,
  openMetrics,
} from "../../../src/metrics/mod.ts";
import { named } from "../../support/named.ts";
import { readOpenMetrics } from "../../support/metrics/open_metrics.ts";
import { serve } from "../../support/serve.ts";

const URL = "http://localhost/metrics";

Deno.test("openMetrics tells of one context without a label for it, and of several with their places", async () => {
  await using served = serve([named("chat", {})]);
  const { context } = served;
  const keys = (text: string) => [...readOpenMetrics(text).get("lws_timers")!.samples.keys()];
  assertEquals(keys(openMetrics(context)), [""]);
  assertEquals(keys(openMetrics([context], { labels: { a: "b" } })), ['a="b",context="0"']);
  assertEquals(keys(openMetrics([context, context])), ['context="0"', 'context="1"']);
  assertEquals(keys(openMetrics([])), []);
});

Deno.test("what is no context and what is no option is refused by name", () => {
  for (const context of [undefined, null, {}, [undefined], "x"]) {
    assertThrows(
      () => openMetrics(context as MetricsSource),
      LwsError,
      "openMetrics: contexts is ",
    );
  }
  assertThrows(
    () => openMetrics(undefined as unknown as MetricsSource),
    LwsError,
    "contexts is undefined",
  );
  const context = [] as MetricsSource[];
  for (const options of [null, 1, []] as unknown as MetricsOptions[]) {
    assertThrows(() => openMetrics(context, options), LwsError, "options is ");
    assertThrows(() => metricsHandler(options), LwsError, "options is ");
  }
  const contexts = { contexts: context } as MetricsOptions;
  assertThrows(() => openMetrics(context, contexts), LwsError, "openMetrics: contexts is […]");
  assertThrows(
    () => metricsHandler({ contexts: {} as MetricsSource[] }),
    LwsError,
    "metricsHandler: contexts is {…}",
  );
});

Deno.test("metricsHandler answers in the format that is asked for, of the context that is asked", async () => {
  await using served = serve([named("chat", {})]);
  const handle = metricsHandler({ labels: { a: "b" } });
  const ask = (accept: string) => handle(new Request(URL, { headers: { accept } }), served);
  const open = ask("application/openmetrics-text; version=1.0.0");
  assertEquals(open.headers.get("content-type"), OPEN_METRICS_TYPE);
  assertEquals(readOpenMetrics(await open.text()).get("lws_timers")!.samples.has('a="b"'), true);
  const plain = ask("*/*");
  assertEquals(plain.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertEquals(plain.headers.get("vary"), "accept");
  assertStringIncludes(await plain.text(), "# TYPE lws_limits_hit_total counter");
});

Deno.test("metricsHandler tells of other contexts where it was given some", async () => {
  await using served = serve([named("chat", {})]);
  await using other = serve([named("news", {})]);
  const handle = metricsHandler({ contexts: [other.context] });
  const text = await handle(new Request(URL), served).text();
  assertStringIncludes(text, 'lws_unsent_bytes{context="0",protocol="news"} 0');
  assertEquals(text.includes("chat"), false);
});

Deno.test("metricsHandler answers HEAD without a body, and other methods with 405", async () => {
  await using served = serve([named("chat", {})]);
  const handle = metricsHandler();
  const head = handle(new Request(URL, { method: "HEAD" }), served);
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(head.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const response = handle(new Request(URL, { method }), served);
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  }
});
