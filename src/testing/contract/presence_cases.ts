/** What a broker has to do that knows which connections are in a topic. */

import type { BrokerPublication } from "../../api/topics/broker.ts";
import type { PresenceMember } from "../../api/topics/broker_presence.ts";
import { decoder, type End, type Play, same, type Stage } from "./stage.ts";

/** Of a context that stays. */
const LONG_MS = 60_000;

function member(id: string, info = "null", key = id): PresenceMember {
  return { id, key, info };
}

/** An end with a lease. */
async function tended(stage: Stage, ...topics: readonly string[]): Promise<End> {
  const end = await stage.end(...topics);
  await end.presence.tend(LONG_MS, stage.kept.history, true);
  return end;
}

function factsOf({ presence, isBinary, data }: BrokerPublication): unknown[] {
  const { id, key, info } = JSON.parse(decoder.decode(data));
  return [presence, isBinary, id, key, info];
}

async function idsOf(end: End, topic: string, limit = 1_000): Promise<string[]> {
  const { members } = await end.presence.members(topic, limit);
  return members.map(({ id }) => id).toSorted();
}

export const PRESENCE_CASES: Readonly<Record<string, Play>> = {
  async "a member that joins and leaves is published to all, as it is, and in the topic's order"(
    stage,
  ) {
    const topic = stage.topic();
    const [one, two] = [await tended(stage, topic), await tended(stage, topic)];
    const { history } = stage.kept;
    const ada = member("a.1", '{"nick":"Ada, \\"é\\""}', "ada {x}");
    await one.presence.join(topic, ada, history);
    await stage.publish(one, topic, "between");
    same((await two.presence.members(topic, 10)).members, [ada], "members");
    await one.presence.leave(topic, "a.1", history);
    await stage.publish(one, topic, "end");
    for (const end of [one, two]) {
      await end.until("end");
      same(
        end.texts.filter((_, i) => end.got[i]!.presence === undefined),
        ["between", "end"],
        "got",
      );
      same([end.got[0], end.got[2]].map((each) => factsOf(each!)), [
        ["join", false, ada.id, ada.key, ada.info],
        ["leave", false, ada.id, ada.key, ada.info],
      ], "of the member");
    }
    same(await two.presence.members(topic, 10), { count: 0, members: [] }, "members at the end");
  },

  async "what is not to be kept has no place between those that are, or its own"(stage) {
    const topic = stage.topic();
    const end = await tended(stage, topic);
    await stage.publish(end, topic, "1");
    await end.presence.join(topic, member("a"), false);
    await stage.publish(end, topic, "2");
    await end.until("2");
    await end.untilMove("join a");
    let last = end.got[0]!.offset;
    for (const { offset, previous = offset - 1, epoch } of end.got.slice(1)) {
      if (epoch === "" && offset === 0) continue;
      same(previous, last, "previous");
      last = offset;
    }
  },

  async "one that joins again is published if it has other info, and listed with that"(stage) {
    const topic = stage.topic();
    const end = await tended(stage, topic);
    const { history } = stage.kept;
    await end.presence.join(topic, member("a", "1"), history);
    await end.presence.join(topic, member("a", "1"), history);
    await end.presence.join(topic, member("a", "2"), history);
    await end.presence.leave(topic, "a", history);
    await end.presence.leave(topic, "a", history);
    await end.presence.leave(topic, "b", history);
    await stage.publish(end, topic, "end");
    await end.until("end");
    await end.untilMove("leave a");
    same(end.got.filter(({ presence }) => presence !== undefined).map(factsOf), [
      ["join", false, "a", "a", "1"],
      ["join", false, "a", "a", "2"],
      ["leave", false, "a", "a", "2"],
    ], "got");
  },

  async "members of all ends are listed up to a limit, and counted beyond, topic by topic"(stage) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const [one, two] = [await tended(stage), await tended(stage)];
    const { history } = stage.kept;
    for (const id of ["a", "b"]) await one.presence.join(topic, member(id), history);
    for (const id of ["c", "d"]) await two.presence.join(topic, member(id), history);
    await two.presence.join(other, member("c"), history);
    same(await idsOf(one, topic), ["a", "b", "c", "d"], "ids");
    same(await idsOf(one, other), ["c"], "ids of the other topic");
    same(await idsOf(one, stage.topic()), [], "ids of a topic without members");
    for (const [limit, listed] of [[5, 4], [4, 4], [3, 3], [1, 1]]) {
      const { count, members } = await two.presence.members(topic, limit!);
      same([count, members.length], [4, listed], `members up to ${limit}`);
    }
  },

  async "members go with the lease of their end, and each leaves once, whichever ends look after it"(
    stage,
  ) {
    const [topic, other] = [stage.topic(), stage.topic()];
    const [gone, one, two] = [
      await stage.end(),
      await tended(stage, topic, other),
      await tended(stage, topic, other),
    ];
    const { history } = stage.kept;
    await gone.presence.tend(stage.leaseMs, history, true);
    await gone.presence.join(topic, member("a"), history);
    await gone.presence.join(topic, member("b"), history);
    await gone.presence.join(other, member("a"), history);
    await one.presence.join(topic, member("c"), history);
    await until(async () => {
      const still = await Promise.all(
        [one, two].map((end) => end.presence.tend(LONG_MS, history, true)),
      );
      same(still, [true, true], "of those with a lease tend tells");
      return one.moves.filter((move) => move.startsWith("leave")).length >= 3;
    }, "three have left");
    same(await idsOf(two, topic), ["c"], "ids");
    same(
      await gone.presence.tend(LONG_MS, history, true),
      false,
      "of one whose lease has ended tend tells",
    );
    same(await idsOf(gone, other), [], "ids after that");
    await gone.presence.join(topic, member("a"), history);
    for (const each of [topic, other]) await stage.publish(one, each, `end of ${each}`);
    for (const end of [one, two]) {
      for (const each of [topic, other]) await end.until(`end of ${each}`);
      const moves = end.got.filter(({ presence }) => presence !== undefined)
        .map((each) => `${factsOf(each)[0]} ${factsOf(each)[2]} ${each.topic === topic}`);
      same(moves.filter((move) => move.startsWith("leave")).toSorted(), [
        "leave a false",
        "leave a true",
        "leave b true",
      ], "left");
    }
    same(await idsOf(two, topic), ["a", "c"], "ids at the end");
  },

  async "a lease that has ended has nobody leave where tend does not sweep, and can be renewed"(
    stage,
  ) {
    const topic = stage.topic();
    const [late, other] = [await stage.end(topic), await tended(stage, topic)];
    const { history } = stage.kept;
    await late.presence.tend(stage.leaseMs, history, true);
    await late.presence.join(topic, member("a"), history);
    await until(async () => {
      await other.presence.tend(LONG_MS, history, false);
      return (await idsOf(other, topic)).length === 0;
    }, "it has ended");
    await late.presence.tend(LONG_MS, history, false);
    await late.presence.join(topic, member("a"), history);
    await other.presence.tend(LONG_MS, history, true);
    await stage.publish(other, topic, "end");
    await other.until("end");
    same(other.moves, ["join a"], "got");
    same(await idsOf(other, topic), ["a"], "ids");
  },

  async "tend tells whether there was a lease already"(stage) {
    const { history } = stage.kept;
    for (const end of [await stage.end(), await stage.end()]) {
      same(
        await end.presence.tend(LONG_MS, history, true),
        false,
        "of one that has none tend tells",
      );
      same(await end.presence.tend(LONG_MS, history, true), true, "of one that has one");
    }
  },

  async "a lease that is renewed has no end, and nothing is published for it"(stage) {
    const topic = stage.topic();
    const [stays, other] = [await stage.end(topic), await tended(stage, topic)];
    const { history } = stage.kept;
    await stays.presence.tend(LONG_MS, history, true);
    await stays.presence.join(topic, member("a"), history);
    for (let i = 0; i < 3; i++) {
      same(await stays.presence.tend(LONG_MS, history, true), true, "tend tells");
      await other.presence.tend(LONG_MS, history, true);
    }
    await stage.publish(other, topic, "end");
    await other.until("end");
    same(other.moves, ["join a"], "got");
    same(await idsOf(other, topic), ["a"], "ids");
  },
};

export const PRESENCE_HISTORY_CASES: Readonly<Record<string, Play>> = {
  async "members that come and go are in history if they are to be, as they came live"(stage) {
    const topic = stage.topic();
    const end = await tended(stage, topic);
    const [first] = await stage.publish(end, topic, "1");
    await end.presence.join(topic, member("a"), true);
    await end.presence.join(topic, member("b"), false);
    await end.presence.leave(topic, "a", true);
    await end.presence.leave(topic, "b", false);
    await stage.publish(end, topic, "end");
    await end.until("end");
    const { complete, publications } = await end.broker.history(topic, first, 1_000);
    same(complete, true, "complete");
    same(publications.map(({ presence }) => presence), ["join", "leave", undefined], "presence");
    same(publications.slice(0, 2).map(factsOf), [
      ["join", false, "a", "a", "null"],
      ["leave", false, "a", "a", "null"],
    ], "history");
    const live = end.got.filter(({ offset }) => offset > first!.offset);
    same(
      publications.map(({ offset, epoch }) => [offset, epoch]),
      live.map(({ offset, epoch }) => [offset, epoch]),
      "positions",
    );
  },
};

/** Asks again and again, as leases end by a time that is not the test's. */
async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + LONG_MS / 6;
  while (!await isSo()) {
    if (performance.now() > deadline) throw new Error(`it is not so that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
