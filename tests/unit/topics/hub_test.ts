/** The order of what is published, and the life of topics, on subscribers that are played by hand. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LwsError, type Publication } from "../../../mod.ts";
import { DEFAULT_TOPIC_LIMITS, type TopicLimits } from "../../../src/api/topics/limits.ts";
import { Hub } from "../../../src/topics/hub.ts";
import { BUSY } from "../../../src/topics/subscriber.ts";
import { message, messages, Played } from "./played_subscriber.ts";
import { captureLog } from "../../support/recorder.ts";

function rig(limits: Partial<TopicLimits> = {}, hasEncoders = false) {
  let now = 0;
  const hub = new Hub({
    limits: { ...DEFAULT_TOPIC_LIMITS, ...limits },
    messages: messages(hasEncoders),
    onLimit: () => {},
    now: () => now,
    serve: undefined,
  });
  return {
    hub,
    publish: (topic: string, text: string, except?: Played, id?: string) =>
      hub.publish(topic, message(text), { except, id }),
    pass: (ms: number) => now += ms,
  };
}

function codeOf(call: () => unknown): string {
  return assertThrows(call, LwsError).code;
}

Deno.test("a publication in the middle of another goes out behind it, in one order for all", () => {
  const { hub, publish } = rig();
  const all = [new Played(), new Played(), new Played()];
  for (const each of all) hub.subscribe(each, "t");
  all[0]!.answer = (text) => {
    if (text === "1") publish("t", "2");
    if (text === "2") publish("t", "3");
    return "taken";
  };
  publish("t", "1");
  publish("t", "4");
  for (const each of all) assertEquals(each.got, ["1", "2", "3", "4"]);
});

Deno.test("offsets grow by the order of publication, also inside of another", () => {
  const { hub, publish } = rig();
  const offsets: number[] = [];
  const subscriber = new Played();
  hub.subscribe(subscriber, "t");
  subscriber.answer = (text) => {
    if (text === "1") offsets.push(publish("t", "2").offset);
    return "taken";
  };
  offsets.unshift(publish("t", "1").offset);
  offsets.push(publish("t", "3").offset, publish("without", "4").offset);
  assertEquals(offsets, [1, 2, 3, 4]);
});

Deno.test("one that subscribes or leaves in the middle of a publication gets just what is its own", () => {
  const { hub, publish } = rig();
  const [first, leaving, late] = [new Played(), new Played(), new Played()];
  for (const each of [first, leaving]) hub.subscribe(each, "t");
  first.answer = (text) => {
    if (text !== "1") return "taken";
    hub.unsubscribe(leaving, "t");
    hub.subscribe(late, "t");
    publish("t", "2");
    return "taken";
  };
  publish("t", "1");
  assertEquals([first.got, leaving.got, late.got], [["1", "2"], [], ["2"]]);
});

Deno.test("one that ends in the middle of a publication takes no other's with it", () => {
  const { hub, publish } = rig();
  const all = Array.from({ length: 5 }, () => new Played());
  for (const each of all) hub.subscribe(each, "t");
  all[1]!.answer = () => {
    for (const each of [all[0]!, all[1]!, all[3]!]) hub.end(each);
    return "taken";
  };
  publish("t", "1");
  assertEquals(all.map(({ got }) => got.length), [1, 1, 1, 0, 1]);
  publish("t", "2");
  assertEquals(all.map(({ got }) => got.length), [1, 1, 2, 0, 2]);
});

Deno.test("a subscriber that throws ends its publication, and none after it", () => {
  const { hub, publish } = rig();
  const subscriber = new Played();
  hub.subscribe(subscriber, "t");
  subscriber.answer = () => {
    throw new TypeError("a fault");
  };
  assertThrows(() => publish("t", "1"), TypeError);
  subscriber.answer = undefined;
  publish("t", "2");
  assertEquals(subscriber.got, ["2"]);
});

Deno.test("subscribing twice is once, unsubscribing tells whether there was one", () => {
  const { hub, publish } = rig({ maxPerConnection: 1 });
  const subscriber = new Played();
  const first = hub.subscribe(subscriber, "t");
  publish("t", "1");
  assertEquals(hub.subscribe(subscriber, "t"), first);
  assertEquals([hub.subscriberCount("t"), hub.topicsOf(subscriber)], [1, ["t"]]);
  assertEquals([hub.unsubscribe(subscriber, "t"), hub.unsubscribe(subscriber, "t")], [true, false]);
  assertEquals(hub.unsubscribe(new Played(), "t"), false);
  publish("t", "2");
  assertEquals(subscriber.got, ["1"]);
});

Deno.test("a topic is there while it has subscribers, and then makes room for another", () => {
  const { hub } = rig({ maxTopics: 2 });
  const [a, b] = [new Played(), new Played()];
  hub.subscribe(a, "1");
  hub.subscribe(b, "1");
  hub.subscribe(a, "2");
  assertEquals(codeOf(() => hub.subscribe(a, "3")), "topic-limit");
  hub.subscribe(b, "2");
  hub.end(a);
  assertEquals(codeOf(() => hub.subscribe(b, "3")), "topic-limit");
  assertEquals([hub.subscriberCount("1"), hub.subscriberCount("3")], [1, 0]);
  hub.unsubscribe(b, "1");
  hub.subscribe(b, "3");
  assertEquals([hub.topicsOf(a), hub.topicsOf(b)], [[], ["2", "3"]]);
});

Deno.test("what is not established can't subscribe", () => {
  const { hub } = rig();
  const subscriber = new Played();
  subscriber.isEstablished = false;
  assertEquals(codeOf(() => hub.subscribe(subscriber, "t")), "invalid-state");
  assertEquals(hub.subscriberCount("t"), 0);
});

Deno.test("recovered is true where nothing can be missing, and only there", () => {
  const { hub, publish } = rig();
  const subscriber = new Played();
  const recovered = (since: { epoch: string; offset: number }) => {
    hub.unsubscribe(subscriber, "t");
    return hub.subscribe(subscriber, "t", since).recovered;
  };
  const stays = new Played();
  const first = hub.subscribe(stays, "t");
  assertEquals([first.recovered, first.count, first.offset], [true, 0, 0]);
  assert(recovered(first));
  const second = publish("t", "1");
  assert(recovered(second));
  assert(!recovered(first));
  publish("another", "2");
  assert(recovered(second), "another topic's is no gap");
  assert(!recovered({ epoch: "another", offset: 1 }));
  assert(!recovered({ epoch: second.epoch, offset: 3 }), "it is not there yet");
  // What was published while the topic had no subscribers is not known.
  hub.end(stays);
  hub.end(subscriber);
  publish("t", "3");
  assert(!recovered(second));
  assert(!rig().hub.subscribe(subscriber, "t", second).recovered, "another count");
});

Deno.test("where a subscription begins is told once, before anything is sent", () => {
  const { hub, publish } = rig();
  const subscriber = new Played();
  const { epoch } = publish("t", "1");
  for (let i = 0; i < 2; i++) {
    hub.subscribe(subscriber, "t", { epoch, offset: 0 }, ({ offset, recovered }) => {
      subscriber.got.push(`(begin ${offset} ${recovered})`);
      publish("t", "2");
    });
  }
  assertEquals(subscriber.got, ["(begin 1 false)", "2"]);
});

Deno.test("what comes inside of a fragmented message waits for its end, in order, of topics that are left none", () => {
  const { hub, publish } = rig();
  const subscriber = new Played();
  for (const topic of ["t", "left"]) hub.subscribe(subscriber, topic);
  subscriber.answer = () => BUSY;
  publish("t", "1");
  publish("left", "2");
  publish("t", "3");
  hub.unsubscribe(subscriber, "left");
  assertEquals(subscriber.got, []);
  // The program begins the next one behind the first of these.
  let taken = 0;
  subscriber.answer = () => taken++ === 0 ? "taken" : BUSY;
  hub.release(subscriber);
  assertEquals(subscriber.got, ["1"]);
  publish("t", "4");
  subscriber.answer = undefined;
  hub.release(subscriber);
  hub.release(subscriber);
  assertEquals(subscriber.got, ["1", "3", "4"]);
});

Deno.test("above maxUnsent a subscriber is closed in place of being sent to, and ends everywhere", () => {
  using log = captureLog();
  const { hub, publish } = rig({ maxUnsent: 100 });
  const [slow, fast] = [new Played(), new Played()];
  for (const each of [slow, fast]) for (const topic of ["t", "u"]) hub.subscribe(each, topic);
  slow.unsent = 100;
  publish("t", "at the limit");
  slow.unsent = 101;
  publish("t", "past it");
  publish("u", "after");
  assertEquals([slow.got, slow.lagged], [["at the limit"], 1]);
  assertEquals(fast.got, ["at the limit", "past it", "after"]);
  assertEquals([hub.subscriberCount("t"), hub.subscriberCount("u")], [1, 1]);
  assertEquals(log.lines.length, 1);
  assert(log.lines[0]!.includes(`connection ${slow.socketFd}`), log.lines[0]);
  assert(log.lines[0]!.includes("topics.maxUnsent (100)"), log.lines[0]);
});

Deno.test("what waits for the end of a fragmented message counts as unsent", () => {
  using _log = captureLog([]);
  const { hub, publish } = rig({ maxUnsent: 100 });
  const subscriber = new Played();
  hub.subscribe(subscriber, "t");
  subscriber.answer = () => BUSY;
  subscriber.unsent = 40;
  publish("t", "x".repeat(60));
  publish("t", "y");
  assertEquals(subscriber.lagged, 0);
  publish("t", "z");
  assertEquals(subscriber.lagged, 1);
  hub.release(subscriber);
  assertEquals(subscriber.got, []);
});

Deno.test("one that can't carry a message is left out of it, which the log says once", () => {
  using log = captureLog();
  const { hub, publish } = rig();
  const [old, other] = [new Played(), new Played()];
  for (const each of [old, other]) hub.subscribe(each, "t");
  const error = new LwsError("unsupported", "version 0 has no such thing");
  old.answer = (text) => text === "text" ? "taken" : error;
  for (const text of ["1", "text", "2"]) publish("t", text);
  assertEquals([old.got, other.got], [["text"], ["1", "text", "2"]]);
  assertEquals(log.lines, [
    `warn: connection ${old.socketFd}: publications are left out, as the first: ${error.message}`,
  ]);
});

Deno.test("nothing is published above maxPublication, nor once it is closed", () => {
  const { hub, publish } = rig({ maxPublication: 3 });
  const subscriber = new Played();
  hub.subscribe(subscriber, "t");
  publish("t", "123");
  assertEquals(codeOf(() => publish("t", "1234")), "topic-limit");
  assertEquals(codeOf(() => publish("without", "1234")), "topic-limit");
  hub.close();
  assertEquals(codeOf(() => publish("t", "1")), "destroyed");
  assertEquals(subscriber.got, ["123"]);
});

Deno.test("an id is taken once within its time, on its topic", () => {
  const { hub, publish, pass } = rig();
  const subscriber = new Played();
  for (const topic of ["t", "u"]) hub.subscribe(subscriber, topic);
  const first = publish("t", "1", undefined, "a");
  assertEquals(publish("t", "2", undefined, "a"), first);
  publish("u", "3", undefined, "a");
  pass(59_999);
  assertEquals(publish("t", "4", undefined, "a"), first);
  pass(1);
  publish("t", "5", undefined, "a");
  assertEquals(subscriber.got, ["1", "3", "5"]);
});

Deno.test("an encoder makes its form once a publication, and the others get the data", () => {
  const { hub, publish } = rig({}, true);
  const calls: unknown[] = [];
  const encoder = {
    encode(publication: Publication) {
      calls.push(publication);
      if (publication.data.length === 0) return undefined;
      return `${publication.topic} ${publication.offset}`;
    },
  };
  const all = [new Played(encoder), new Played(), new Played(encoder)];
  for (const each of all) hub.subscribe(each, "t");
  const { epoch } = publish("t", "1");
  publish("t", "");
  assertEquals(all.map(({ got }) => got), [["t 1"], ["1", ""], ["t 1"]]);
  const data = new Uint8Array([49]);
  assertEquals(calls[0], { epoch, offset: 1, topic: "t", data, isBinary: false, hasPlace: true });
  assertEquals(calls.length, 2);
});

Deno.test("without a broker nothing is kept, which history says", () => {
  const { hub, publish } = rig();
  hub.subscribe(new Played(), "t");
  const position = publish("t", "1");
  const { epoch } = position;
  const none = { epoch, top: 1, publications: [] };
  assertEquals(hub.history("t", {}), { ...none, complete: false });
  assertEquals(hub.history("t", { since: position }), { ...none, complete: true });
  assertEquals(hub.history("t", { since: { epoch, offset: 0 } }), { ...none, complete: false });
});
