/** Which connections are in topics, by NATS: what the contract of brokers does not ask for. */

import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "npm:@nats-io/transport-node@^3.4";
import { LwsError, setLogLevel } from "@x/lws";
import { administer } from "./administer.ts";
import { NATS_SERVER, startNats } from "./nats_server.ts";
import { eventually, Watcher } from "./watcher.ts";

// That this server is an old one is no fault of these.
Deno.test.beforeAll(() => setLogLevel(["err"]));

const LONG_MS = 600_000;

/** A name for a topic with all that NATS would take for more. */
const TOPIC = "room .*>%";

function memberOf(id: string) {
  return { id, key: `key of ${id}`, info: `{"n":"${id}"}` };
}

/** What has come of members: `join a`. */
function moves(watcher: Watcher): string[] {
  return watcher.got.filter(({ presence }) => presence !== undefined)
    .map(({ presence, data }) => `${presence} ${JSON.parse(new TextDecoder().decode(data)).id}`);
}

NATS_SERVER.test("members of a context that is gone leave once, however many look after it", async () => {
  await using server = await startNats();
  const options = { servers: server.url };
  const lookers: Watcher[] = [];
  const ids = Array.from({ length: 150 }, (_, i) => `member.${i} *`);
  try {
    for (let i = 0; i < 3; i++) lookers.push(await Watcher.start(options, TOPIC));
    const [one] = lookers;
    {
      await using gone = await Watcher.start(options);
      await gone.broker.presence!.tend(300, true, true);
      await Promise.all(ids.map((id) => gone.broker.presence!.join(TOPIC, memberOf(id), true)));
    }
    for (const { broker } of lookers) await broker.presence!.tend(LONG_MS, true, true);
    await one!.broker.presence!.join(TOPIC, memberOf("stays"), true);
    // Each in its own time, so that some come to what another one has begun.
    const left = (looker: Watcher) => moves(looker).filter((move) => move.startsWith("leave"));
    await Promise.all(lookers.map((looker) =>
      eventually(
        () => looker.broker.presence!.tend(LONG_MS, true, true),
        () => left(looker).length >= ids.length,
        1,
      )
    ));
    await Promise.all(lookers.map(({ broker }) => broker.presence!.tend(LONG_MS, true, true)));
    await one!.publish(TOPIC, '{"id":"end"}');
    for (const looker of lookers) {
      await looker.untilText('{"id":"end"}');
      assertEquals(left(looker).toSorted(), ids.map((id) => `leave ${id}`).toSorted());
    }
    const { members } = await one!.broker.presence!.members(TOPIC, 10);
    assertEquals(members, [memberOf("stays")]);
    // Nothing of the other one is left behind.
    const { state } = await administer(server.port, "STREAM.INFO.lws_presence");
    assertEquals(state.messages, 4);
  } finally {
    for (const looker of lookers) await looker[Symbol.asyncDispose]();
  }
});

NATS_SERVER.test("members are listed with a history or without, and gone if the stream is", async () => {
  await using server = await startNats();
  await using watcher = await Watcher.start({ servers: server.url, historySize: 0 }, TOPIC);
  const presence = watcher.broker.presence!;
  assertEquals(await presence.members(TOPIC, 10), { count: 0, members: [] });
  assertEquals(await presence.tend(LONG_MS, false, true), false);
  await presence.join(TOPIC, memberOf("a"), false);
  await presence.join("other", memberOf("a"), false);
  assertEquals(await presence.members(TOPIC, 10), { count: 1, members: [memberOf("a")] });
  assertEquals(await presence.tend(LONG_MS, false, true), true);
  // Anything may write there.
  const connection = await connect({ servers: server.url, reconnect: false });
  const asked = JSON.stringify({ subjects_filter: "lws.member.>" });
  const info = (await connection.request("$JS.API.STREAM.INFO.lws_presence", asked)).json<
    { state: { subjects: Record<string, number> } }
  >();
  const own = Object.keys(info.state.subjects).find((subject) => !subject.includes(".other."))!;
  for (const odd of ["null", "{"]) await connection.request(`${own}-${odd.length}`, odd);
  await connection.close();
  assertEquals((await presence.members(TOPIC, 10)).members, [memberOf("a")]);
  await administer(server.port, "STREAM.DELETE.lws_presence");
  const still = await eventually(
    () => presence.tend(LONG_MS, false, true).catch(() => undefined),
    (answer) => answer !== undefined,
  );
  assertEquals(still, false);
  assertEquals(await presence.members(TOPIC, 10), { count: 0, members: [] });
  await watcher.until(() => moves(watcher).length === 1);
});

NATS_SERVER.test("without JetStream presence is refused", async () => {
  await using server = await startNats({ jetstream: false });
  await using watcher = await Watcher.start({ servers: server.url, historySize: 0 });
  const error = await assertRejects(
    () => watcher.broker.presence!.tend(LONG_MS, false, true),
    LwsError,
  );
  assertEquals(error.code, "unsupported");
});
