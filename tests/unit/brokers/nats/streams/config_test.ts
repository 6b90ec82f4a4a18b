import { assertEquals } from "@std/assert";
import { epochOf } from "../../../../../src/brokers/nats/streams/epoch.ts";
import { checkOptions } from "../../../../../src/brokers/nats/options.ts";
import {
  differences,
  keptConfig,
  nanosOf,
  onceConfig,
} from "../../../../../src/brokers/nats/streams/config.ts";
import { Layout } from "../../../../../src/brokers/nats/subjects.ts";

const layout = new Layout("lws", 2);

Deno.test("a stream keeps one more than is asked for, and republishes all", () => {
  const options = checkOptions({
    servers: "a",
    historySize: 10,
    historyTtlMs: 90_000,
    replicas: 3,
  });
  assertEquals(keptConfig(options, layout, 1), {
    name: "lws_1",
    subjects: ["lws.1.in.>"],
    retention: "limits",
    discard: "old",
    storage: "file",
    num_replicas: 3,
    allow_direct: true,
    max_msgs_per_subject: 11,
    max_age: 90_000_000_000,
    duplicate_window: 60_000_000_000,
    republish: { src: "lws.1.in.>", dest: "lws.live.>" },
  });
});

Deno.test("without limits there are none, and ids of no time have the shortest one", () => {
  const options = checkOptions({
    servers: "a",
    historySize: Infinity,
    historyTtlMs: Infinity,
    idempotencyMs: 0,
  });
  const { max_msgs_per_subject, max_age, duplicate_window } = keptConfig(options, layout, 0);
  assertEquals([max_msgs_per_subject, max_age, duplicate_window], [-1, 0, 100_000_000]);
  assertEquals(nanosOf(Infinity), 0);
  assertEquals(onceConfig(options, layout).max_msgs, 1);
});

Deno.test("differences are told by their names; what was not asked for is none", () => {
  const wanted = keptConfig(checkOptions({ servers: "a", historySize: 10 }), layout, 0);
  const republish = { src: "lws.0.in.>", dest: "lws.live.>", headers_only: false };
  assertEquals(differences({ ...wanted, max_bytes: 5, republish }, wanted), []);
  assertEquals(differences({ ...wanted, max_age: 1, allow_direct: undefined }, wanted), [
    "allow_direct none instead of true",
    "max_age 1 instead of 300000000000",
  ]);
  const other = { ...wanted, subjects: ["lws.0.in.>"], republish: { ...republish, dest: "x.>" } };
  assertEquals(differences(other, wanted).length, 1);
});

Deno.test("an epoch tells streams apart by the nanosecond, and counts of one of them", () => {
  const of = (created: string, description?: string) =>
    epochOf({
      created,
      config: { name: "lws_0", ...(description !== undefined && { description }) },
    });
  const times = [
    "2026-11-27T12:03:17.527483194Z",
    "2026-11-27T12:03:17.527483195Z",
    "2026-11-27T12:03:17.5274831Z",
    "2026-11-27T12:03:17Z",
    "2026-11-27T12:03:18Z",
  ];
  assertEquals(new Set(times.map((time) => of(time))).size, times.length);
  assertEquals(of("2026-11-27T12:03:17.5Z"), of("2026-11-27T12:03:17.500000000Z"));
  assertEquals(of(times[0]!, "lws count 1x"), `${of(times[0]!)}.1x`);
  assertEquals(of(times[0]!, "the administrator's own"), of(times[0]!));
});
