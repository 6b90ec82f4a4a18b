/**
 * What a program does in a loop over messages, behind writes that leave at once, and for the pieces of a body counts as
 * work of its connection's turn, though it comes in microtasks. Time is the test's: each takes a millisecond, and the
 * event loop comes round when the test says so.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { LwsError, prepareMessage, type Protocol, type Wsi } from "../../../mod.ts";
import { TurnBudget } from "../../../src/service/turn_budget.ts";
import { get } from "../../support/http.ts";
import { leaveBy, LoopClock } from "../../support/clocks/loop_clock.ts";
import { serve, settle } from "../../support/serve.ts";
import { closing, text } from "../messages/loop.ts";

const COUNT = 20;
/** Of a millisecond each: the budget is looked at behind the piece in which it was used up. */
const MOST_A_TURN = 5;
const ALL = Array.from({ length: COUNT }, (_, i) => `${i}`);
const FLOOD = ALL.map(text);

/** A server whose callback and loops take their time. */
function setUp() {
  const clock = new LoopClock();
  /** What loops have taken, and what the callback was told. */
  const taken: string[] = [];
  const told: string[] = [];
  const opened: Wsi[] = [];
  const protocol: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      if (reason === "established") opened.push(wsi);
      if (reason !== "receive") return;
      clock.time++;
      told.push(new TextDecoder().decode(data));
    },
  };
  const body = () =>
    new ReadableStream({
      pull(controller) {
        clock.time++;
        taken.push("piece");
        if (taken.length === COUNT) controller.close();
        else controller.enqueue(new Uint8Array(1));
      },
    }, { highWaterMark: 0 });
  const served = serve([protocol], { clock, kaTime: 0, fetch: () => new Response(body()) });
  const loop = async (wsi: Wsi) => {
    for await (const message of wsi.messages()) {
      clock.time++;
      taken.push(`${message}`);
    }
  };
  const open = async () => {
    const peer = await served.open();
    return { peer, wsi: opened.at(-1)! };
  };
  return { clock, taken, told, served, loop, open };
}

type Set = ReturnType<typeof setUp>;

/** How many there are once the event loop has come round, until there are all; a few each time. */
async function turnByTurn({ clock }: Set, list: readonly string[]): Promise<void> {
  await settle();
  let before = 0;
  for (let turn = 0; before < COUNT && turn < 40; turn++) {
    const step = list.length - before;
    assertEquals(step <= MOST_A_TURN, true, `${step} in one turn`);
    before = list.length;
    await clock.comeRound();
  }
  assertEquals(list.length, COUNT);
}

Deno.test("a loop takes the messages of one read turn by turn, in order", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  void set.loop(wsi);
  peer.send(...FLOOD);
  await turnByTurn(set, set.taken);
  assertEquals(set.taken, ALL);
  peer.send(text("more"));
  for (let i = 0; i < 3; i++) await set.clock.comeRound();
  assertEquals(set.taken.at(-1), "more");
  await leaveBy(set.clock, set.served.context);
});

Deno.test("a neighbour is served before the rest of what a loop has in hand", async () => {
  const set = setUp();
  const { peer: neighbour } = await set.open();
  const { peer, wsi } = await set.open();
  void set.loop(wsi);
  peer.send(...FLOOD);
  await settle();
  neighbour.send(text("neighbour"));
  await settle();
  assertEquals(set.told, [], "the turn is over for all");
  const before = set.taken.length;
  await set.clock.comeRound();
  assertEquals(set.told, ["neighbour"]);
  assertEquals(set.taken.length - before <= MOST_A_TURN, true);
  await leaveBy(set.clock, set.served.context);
});

/** With how many bytes takers waited while `work` went on. */
async function waitedWith(work: () => Promise<void>): Promise<(number | undefined)[]> {
  const { wait } = TurnBudget.prototype;
  const all: (number | undefined)[] = [];
  TurnBudget.prototype.wait = function (taker, bytes) {
    all.push(bytes);
    wait.call(this, taker, bytes);
  };
  try {
    await work();
  } finally {
    TurnBudget.prototype.wait = wait;
  }
  return all;
}

Deno.test("a loop waits for its turn with what is queued for it, and a send with what it sends", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  void set.loop(wsi);
  const loops = await waitedWith(async () => {
    peer.send(...FLOOD);
    await settle();
  });
  // Each message counts 32 bytes beside its payload.
  const left = ALL.slice(set.taken.length).map(({ length }) => length + 32);
  assertEquals(loops, [left.reduce((sum, each) => sum + each)]);
  await turnByTurn(set, set.taken);
  const sends = await waitedWith(async () => {
    const prepared = prepareMessage(new Uint8Array(77), "binary");
    for (const data of ["12345", new Uint8Array(5_000), prepared]) {
      let left = COUNT;
      void (async () => {
        while (left-- > 0) {
          set.clock.time++;
          await wsi.send(data);
        }
      })();
      for (let turn = 0; left > 0 && turn < 40; turn++) await set.clock.comeRound();
    }
  });
  assertEquals([...new Set(sends)].sort(), [5, 5_000, 77]);
  await leaveBy(set.clock, set.served.context);
});

Deno.test("sends that leave at once, one awaited after the other, come turn by turn", async () => {
  const set = setUp();
  const { wsi } = await set.open();
  void (async () => {
    for (const message of ALL) {
      set.clock.time++;
      await wsi.send(message);
      set.taken.push(message);
    }
  })();
  await turnByTurn(set, set.taken);
  await leaveBy(set.clock, set.served.context);
});

Deno.test("sends of one turn resolve in their order, and reject at once where the connection goes", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  const rejected: Promise<unknown>[] = [];
  for (const message of ALL) {
    set.clock.time++;
    rejected.push(wsi.send(message).then(() => set.taken.push(message)));
  }
  for (let i = 0; i < 10; i++) await set.clock.comeRound();
  assertEquals(set.taken, ALL);
  for (let i = 0; i < 5; i++) {
    set.clock.time++;
    rejected.push(wsi.send("late"));
  }
  peer.peer.reset();
  await assertRejects(() => rejected.at(-1)!, LwsError);
  await leaveBy(set.clock, set.served.context);
});

Deno.test("the pieces of a body that leave at once come turn by turn", async () => {
  const set = setUp();
  const peer = await set.served.dial();
  peer.send(new TextEncoder().encode(get("/")));
  await turnByTurn(set, set.taken);
  await leaveBy(set.clock, set.served.context);
});

Deno.test("calls of next beside each other are answered in their order", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  const messages = wsi.messages();
  peer.send(...FLOOD);
  await settle();
  for (let i = 0; i <= COUNT; i++) {
    set.clock.time++;
    void messages.next().then(({ value }) => set.taken.push(`${value}`));
  }
  peer.send(text("last"));
  for (let i = 0; i < 20; i++) await set.clock.comeRound();
  assertEquals(set.taken, [...ALL, "last"]);
  await leaveBy(set.clock, set.served.context);
});

Deno.test("the end comes behind all that a loop has in hand", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  const looped = set.loop(wsi);
  peer.send(...FLOOD, closing(1000));
  peer.peer.end();
  await turnByTurn(set, set.taken);
  for (let i = 0; i < 5; i++) await set.clock.comeRound();
  await looped;
  await leaveBy(set.clock, set.served.context);
});

Deno.test("whose connection goes while the loop waits for its turn gets what it has in hand, and the error", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  const looped = set.loop(wsi);
  peer.send(...FLOOD);
  await settle();
  assertEquals(set.taken.length <= MOST_A_TURN, true);
  const error = assertRejects(() => looped, LwsError);
  peer.peer.reset();
  await turnByTurn(set, set.taken);
  await error;
  await leaveBy(set.clock, set.served.context);
});

Deno.test("what a loop that ends while it waits has in hand goes to the callback turn by turn", async () => {
  const set = setUp();
  const { peer, wsi } = await set.open();
  const messages = wsi.messages();
  peer.send(...FLOOD);
  await settle();
  const answers: Promise<IteratorResult<unknown>>[] = [];
  // The budget is used up within these, and the last one waits.
  for (let i = 0; i < 10; i++) {
    set.clock.time++;
    answers.push(messages.next());
  }
  void messages.return!();
  const given = (await Promise.all(answers)).flatMap(({ done, value }) => done ? [] : [value]);
  assertEquals(given.length < 10, true, "none had to wait");
  set.told.push(...given as string[]);
  const { length } = given;
  let before = length;
  for (let i = 0; i < 40 && before < COUNT; i++) {
    await set.clock.comeRound();
    assertEquals(set.told.length - before <= MOST_A_TURN, true);
    before = set.told.length;
  }
  assertEquals(set.told, ALL);
  await leaveBy(set.clock, set.served.context);
});
