/** What a broker has to do, as tests of any runner. */

import type { Broker, BrokerPublication, BrokerPublish } from "../api/topics/broker.ts";
import {
  type ContractOptions,
  decoder,
  encoder,
  type Play,
  same,
  Stage,
  textsOf,
} from "./contract/stage.ts";
import { PRESENCE_CASES, PRESENCE_HISTORY_CASES } from "./contract/presence_cases.ts";

/** One test of {@linkcode brokerContract}. */
export interface ContractCase {
  /** A sentence that says what holds. */
  readonly name: string;
  /** Rejects if it does not. */
  run(): Promise<void>;
}

const LIVE_ONLY: BrokerPublish = { isBinary: false, history: false };

const CASES: Readonly<Record<string, Play>> = {
  async "what is published comes to all ends that subscribe to its topic, in one order"(stage) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const [one, two, third] = [
      await stage.end(topic),
      await stage.end(topic),
      await stage.end(other),
    ];
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`);
    await stage.publish(one, topic, ...texts);
    await stage.publish(two, other, "end");
    await Promise.all([one.until("text 19"), two.until("text 19"), third.until("end")]);
    same(one.texts, texts, "the first end has got");
    same(two.texts, texts, "the second end has got");
    same(third.texts, ["end"], "the end of another topic has got");
  },

  async "a publication comes with its data, kind and sender, at the position that publish resolved with"(
    stage,
  ) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const data = new Uint8Array([0, 255, 128, 10]);
    const options = { ...stage.kept, isBinary: true, sender: "a.1" };
    const sent = end.broker.publish(topic, data, options);
    data.fill(7);
    const position = await sent;
    await stage.publish(end, topic, "end");
    await end.until("end");
    const [first, last] = end.got;
    same([...first!.data], [0, 255, 128, 10], "data");
    same([first!.isBinary, last!.isBinary], [true, false], "isBinary");
    same([first!.sender, last!.sender], ["a.1", undefined], "sender");
    same([first!.epoch, first!.offset], [position.epoch, position.offset], "position");
    same(first!.topic, topic, "topic");
  },

  async "offsets grow, and each publication names the one before it"(stage, historySize) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const end = await stage.end(topic);
    const [before] = await end.broker.tops([topic]);
    for (const text of ["1", "2", "3"]) {
      await stage.publish(end, topic, text);
      await stage.publish(end, other, "beside");
    }
    await end.until("3");
    let last = before!.offset;
    for (const { epoch, offset, previous = offset - 1 } of end.got) {
      // Where nothing is kept they need have no place.
      if (historySize === 0 && epoch === "" && offset === 0) continue;
      same(previous, last, "previous");
      if (!(offset > last)) throw new Error(`offset ${offset} behind ${last}`);
      last = offset;
    }
  },

  async "subscribing twice is once, and unsubscribing is the end of it"(stage) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const end = await stage.end(topic, other);
    await end.broker.subscribe([topic]);
    await stage.publish(end, topic, "1");
    await end.until("1");
    await end.broker.unsubscribe([topic]);
    await stage.publish(end, topic, "2");
    await end.broker.unsubscribe([topic]);
    await end.broker.subscribe([topic]);
    await stage.publish(end, topic, "3");
    await stage.publish(end, other, "end");
    await Promise.all([end.until("3"), end.until("end")]);
    same(end.texts.filter((text) => text !== "end"), ["1", "3"], "got");
  },

  async "a subscription that overtakes an unsubscription stays"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const left = end.broker.unsubscribe([topic]);
    await Promise.all([left, end.broker.subscribe([topic])]);
    await stage.publish(end, topic, "1");
    await end.until("1");
    same(end.texts, ["1"], "got");
  },

  async "an id is taken once on its topic, at the position of the first"(stage) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const end = await stage.end(topic, other);
    const options = { ...stage.kept, id: "a" };
    const first = await end.broker.publish(topic, encoder.encode("1"), options);
    const second = await end.broker.publish(topic, encoder.encode("2"), options);
    same(second, first, "the second one's position");
    await end.broker.publish(other, encoder.encode("3"), options);
    await stage.publish(end, topic, "end");
    await Promise.all([end.until("end"), end.until("3")]);
    same(end.texts.toSorted(), ["1", "3", "end"], "got");
  },

  async "data is taken before the call that publishes it returns"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const published = ["1", "2", "3"].map((text, i) => {
      const data = encoder.encode(text);
      const id = i === 0 ? {} : { id: text };
      const done = end.broker.publish(topic, data, { ...stage.kept, ...id });
      data.fill(0);
      return done;
    });
    await Promise.all(published);
    await stage.publish(end, topic, "end");
    await end.until("end");
    same(end.texts.toSorted(), ["1", "2", "3", "end"], "got");
  },

  async "tops are the positions of the last publications, in the order of the topics"(stage) {
    const [topic, other, none] = [stage.topic(), stage.topic(), stage.topic()];
    const end = await stage.end(topic, other, none);
    const [, last] = await stage.publish(end, topic, "1", "2");
    const [only] = await stage.publish(end, other, "3");
    const tops = await end.broker.tops([other, none, topic]);
    same(tops.length, 3, "how many");
    same([tops[0], tops[2]].map(({ epoch, offset } = only!) => [epoch, offset]), [
      [only!.epoch, only!.offset],
      [last!.epoch, last!.offset],
    ], "tops");
  },

  async "names with the signs of patterns are names"(stage) {
    const base = stage.topic();
    const long = base.padEnd(255, "é").slice(0, base.length + Math.floor((255 - base.length) / 2));
    const names = [".", "*", ">", "a b", "{x}", "a:b", "%2e", "é"].map((each) => `${base}${each}`);
    names.push(long, base);
    const end = await stage.end(...names);
    for (const [i, name] of names.entries()) await stage.publish(end, name, `text ${i}`);
    for (const i of names.keys()) await end.until(`text ${i}`);
    const got = end.got.map(({ topic, data }) => `${decoder.decode(data)} of ${topic}`);
    same(got.toSorted(), names.map((name, i) => `text ${i} of ${name}`).toSorted(), "got");
  },

  async "an end that is closed takes no other along"(stage) {
    const topic = stage.topic();
    const [one, two] = [await stage.end(topic), await stage.end(topic)];
    await one.broker[Symbol.asyncDispose]();
    await stage.publish(two, topic, "1");
    await two.until("1");
    same(one.texts, [], "the closed one has got");
  },
};

const HISTORY_CASES: Readonly<Record<string, Play>> = {
  async "history has what followed a position, the first of it up to a limit"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const [first, , third, last] = await stage.publish(end, topic, "1", "2", "3", "4");
    const { broker } = end;
    const all = await broker.history(topic, first, 1_000);
    same(textsOf(all.publications), ["2", "3", "4"], "behind the first");
    same([all.epoch, all.top, all.complete], [last!.epoch, last!.offset, true], "of it");
    const two = await broker.history(topic, first, 2);
    same([textsOf(two.publications), two.complete], [["2", "3"], true], "the first two");
    same(two.publications[1]!.offset, third!.offset, "the position of the second");
    const none = await broker.history(topic, last, 1_000);
    same([none.publications, none.complete], [[], true], "behind the last");
    const latest = await broker.history(topic, undefined, 2);
    same(textsOf(latest.publications), ["3", "4"], "the last two");
  },

  async "history is as it came live"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const options = { ...stage.kept, isBinary: true, sender: "a.1" };
    const [first] = await stage.publish(end, topic, "1");
    await end.broker.publish(topic, new Uint8Array([1, 255]), options);
    await stage.publish(end, topic, "end");
    await end.until("end");
    const { publications } = await end.broker.history(topic, first, 1_000);
    const facts = (
      { epoch, offset, previous = offset - 1, isBinary, sender, data }: BrokerPublication,
    ) => [epoch, offset, previous, isBinary, sender, [...data]];
    same(publications.map(facts), end.got.slice(1).map(facts), "history");
  },

  async "what is not kept any more is missed, and one publication less is not"(stage, size) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const texts = Array.from({ length: size + 2 }, (_, i) => `text ${i}`);
    const positions = await stage.publish(end, topic, ...texts);
    const whole = await end.broker.history(topic, positions[1], 1_000_000);
    same([whole.complete, textsOf(whole.publications)], [true, texts.slice(2)], "all that is kept");
    const cut = await end.broker.history(topic, positions[0], 1_000_000);
    same(cut.complete, false, "complete with one missing");
  },

  async "a position of another epoch gets all that is kept, and it is not complete"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    await stage.publish(end, topic, "1", "2");
    const { complete, publications } = await end.broker.history(
      topic,
      { epoch: "another", offset: 1 },
      1_000,
    );
    same([complete, textsOf(publications)], [false, ["1", "2"]], "history");
  },

  async "the position in front of a topic's first publication gets all"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const [before] = await end.broker.tops([topic]);
    await stage.publish(end, topic, "1", "2");
    const { complete, publications } = await end.broker.history(topic, before, 1_000);
    same([complete, textsOf(publications)], [true, ["1", "2"]], "history");
  },

  async "history has what has come live, though it was read at once"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const [first] = await stage.publish(end, topic, "0");
    for (let i = 1; i <= 20; i++) {
      end.broker.publish(topic, encoder.encode(`text ${i}`), stage.kept);
      await end.until(`text ${i}`);
      const { top } = await end.broker.history(topic, first, 1);
      if (top < end.got.at(-1)!.offset) throw new Error(`top ${top} is older than what came live`);
    }
  },

  async "what is not to be kept comes, has no place, and is in no history"(stage) {
    const topic = stage.topic();
    const end = await stage.end(topic);
    const [first] = await stage.publish(end, topic, "1");
    await end.broker.publish(topic, encoder.encode("2"), LIVE_ONLY);
    await end.until("2");
    await stage.publish(end, topic, "3");
    await end.until("3");
    const [, second] = end.got;
    same([second!.epoch, second!.offset], ["", 0], "its place");
    const { complete, publications } = await end.broker.history(topic, first, 1_000);
    same([complete, textsOf(publications)], [true, ["3"]], "history");
  },
};

/**
 * Tests of a broker, for any runner: each is a sentence and a function that rejects where it does not hold.
 * They open no socket by themselves, and leave nothing behind but topics of their own.
 *
 * @param make Gives an end of one and the same broker with each call, not started.
 *
 * @example
 * ```ts
 * import { memoryBroker } from "@x/lws";
 * import { brokerContract } from "@x/lws/testing";
 *
 * const broker = memoryBroker({ historySize: 10 });
 * for (const { name, run } of brokerContract(() => broker.openNode!(), { historySize: 10 })) {
 *   Deno.test(`memory: ${name}`, run);
 * }
 * ```
 */
export function brokerContract(
  make: () => Broker | Promise<Broker>,
  options: ContractOptions,
): readonly ContractCase[] {
  const hasHistory = options.historySize > 0;
  const cases = {
    ...CASES,
    ...(hasHistory && HISTORY_CASES),
    ...(options.presence && PRESENCE_CASES),
    ...(options.presence && hasHistory && PRESENCE_HISTORY_CASES),
  };
  return Object.entries(cases).map(([name, play]) => ({
    name,
    async run() {
      const stage = new Stage(make, options);
      try {
        await play(stage, options.historySize);
      } finally {
        await stage.close();
      }
    },
  }));
}
