/** What a broker of NATS makes of a server, and of a way to it, that fails: nothing is missed without a word. */

import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LwsError, setLogLevel } from "@x/lws";
import { checkOptions } from "../../../src/brokers/nats/options.ts";
import { Lines } from "../../../src/brokers/nats/server/connection.ts";
import { JetStream } from "../../../src/brokers/nats/streams/jetstream.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { administer } from "./administer.ts";
import { NATS_SERVER, startNats } from "./nats_server.ts";
import { Path } from "./path.ts";
import { clock, eventually, Watcher } from "./watcher.ts";

// That this server is an old one is no fault of these.
Deno.test.beforeAll(() => setLogLevel(["err"]));

NATS_SERVER.test("a server that is killed and comes back with its data goes on where it was", async () => {
  await using server = await startNats();
  await using one = await Watcher.start({ servers: server.url }, "a");
  await using two = await Watcher.start({ servers: server.url }, "a");
  const first = await one.publish("a", "1");
  await one.publish("a", "2");
  await two.untilText("2");
  await server.kill();
  await Promise.all([one.untilState("down"), two.untilState("down")]);
  const error = await assertRejects(() => one.publish("a", "lost"), LwsError);
  assertEquals(error.code, "broker-unavailable");
  await server.restart();
  await Promise.all([one.untilState("up"), two.untilState("up")]);
  // As a context does.
  await Promise.all([one.broker.subscribe(["a"]), two.broker.subscribe(["a"])]);
  await two.broker.subscribe(["a"]);
  const third = await one.publish("a", "3");
  await two.untilText("3");
  assertEquals(third.epoch, first.epoch);
  assertEquals(two.texts, ["1", "2", "3"]);
  assertEquals(await two.behind("a", first), [true, "2", "3"]);
  assertEquals(two.states, ["down", "up"]);
});

NATS_SERVER.test("a server that comes back without its data begins another count", async () => {
  await using server = await startNats();
  await using watcher = await Watcher.start({ servers: server.url }, "a", "b");
  const first = await watcher.publish("a", "1");
  await server.kill();
  await watcher.untilState("down");
  await Deno.remove(`${server.dir}/jetstream`, { recursive: true });
  await server.restart();
  await watcher.untilState("up");
  await watcher.broker.subscribe(["a", "b"]);
  const top = await watcher.top("a");
  assertNotEquals(top.epoch, first.epoch);
  assertEquals(top.offset, 0);
  assertEquals(await watcher.behind("a", first), [false]);
  await watcher.publish("a", "2");
  await watcher.untilText("2");
  assertEquals(watcher.got.at(-1)!.epoch, top.epoch);
  assertEquals(await watcher.behind("a", first), [false, "2"]);
  assertEquals(await watcher.behind("a", top), [true, "2"]);
});

NATS_SERVER.test("a server that is restored from an elder copy begins another count", async () => {
  await using server = await startNats();
  await using watcher = await Watcher.start({ servers: server.url }, "a");
  const first = await watcher.publish("a", "1");
  const copy = await Deno.makeTempDir({ prefix: "nats_copy_" });
  try {
    await server.kill();
    await watcher.untilState("down");
    await copyFolder(server.dir, copy);
    await server.restart();
    await watcher.untilState("up");
    await watcher.broker.subscribe(["a"]);
    const second = await watcher.publish("a", "2");
    assertEquals(second, { epoch: first.epoch, offset: 2 });
    await watcher.untilText("2");
    await server.kill();
    await watcher.until(() => watcher.states.at(-1) === "down");
    await Deno.remove(server.dir, { recursive: true });
    await copyFolder(copy, server.dir);
    await server.restart();
    // One that has seen nothing of it, and publishes first.
    await using other = await Watcher.start({ servers: server.url });
    await other.publish("a", "another 2");
    await watcher.until(() => watcher.states.at(-1) === "up");
    await watcher.broker.subscribe(["a"]);
    const top = await watcher.top("a");
    assertNotEquals(top.epoch, first.epoch);
    assertEquals(await watcher.behind("a", second), [false, "1", "another 2"]);
    // That one is told, too.
    await eventually(() => other.top("a"), ({ epoch }) => epoch === top.epoch);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

NATS_SERVER.test("a stream that is deleted is made again, as another count, and that is told", async () => {
  await using server = await startNats();
  await using one = await Watcher.start({ servers: server.url, prefix: "x" }, "a", "b");
  await using two = await Watcher.start({ servers: server.url, prefix: "x" }, "a");
  const first = await one.publish("a", "1");
  await two.untilText("1");
  await administer(server.port, "STREAM.DELETE.x_0");
  const second = await one.publish("a", "2");
  await Promise.all([one.untilState("interrupted a,b"), two.untilState("interrupted a")]);
  assertNotEquals(second.epoch, first.epoch);
  assertEquals(second.offset, 1);
  // It may have come before that was told, and is in history then.
  assertEquals(await two.behind("a", first), [false, "2"]);
  const third = await one.publish("a", "3");
  await two.untilText("3");
  const { epoch, offset, previous } = two.got.at(-1)!;
  assertEquals([epoch, offset, previous], [second.epoch, third.offset, 1]);
});

NATS_SERVER.test("a connection that is cut is made again, and brings each publication once", async () => {
  await using server = await startNats();
  await using path = new Path(server.port);
  await using cut = await Watcher.start({ servers: path.url }, "a");
  await using other = await Watcher.start({ servers: server.url }, "a");
  const first = await other.publish("a", "1");
  await cut.untilText("1");
  path.cut();
  await cut.untilState("down");
  await other.publish("a", "2");
  await cut.untilState("up");
  await cut.broker.subscribe(["a"]);
  await other.publish("a", "3");
  await Promise.all([cut.untilText("3"), other.untilText("3")]);
  assertEquals(cut.texts.filter((text) => text !== "2"), ["1", "3"]);
  assertEquals(await cut.behind("a", first), [true, "2", "3"]);
  assertEquals(other.states, []);
});

NATS_SERVER.test("a connection that has gone dead is given up when that is asked for", async () => {
  await using server = await startNats();
  await using path = new Path(server.port);
  await using dead = await Watcher.start({ servers: path.url }, "a");
  path.mute();
  const lost = assertRejects(() => dead.publish("a", "1"), Error, "was lost");
  dead.broker.reconnect!();
  await dead.untilState("up");
  await lost;
  await dead.broker.subscribe(["a"]);
  await dead.publish("a", "2");
  await dead.untilText("2");
  assertEquals(dead.states, ["down", "up"]);
});

NATS_SERVER.test("a publication whose acknowledgement is lost is taken once, by its id", async () => {
  await using server = await startNats();
  await using path = new Path(server.port);
  await using sender = await Watcher.start({ servers: path.url });
  await using other = await Watcher.start({ servers: server.url }, "a");
  path.mute();
  const lost = assertRejects(() => sender.publish("a", "1", "id"));
  await other.untilText("1");
  path.cut();
  await lost;
  await sender.untilState("up");
  const { epoch, offset } = other.got[0]!;
  assertEquals(await sender.publish("a", "1", "id"), { epoch, offset });
  await sender.publish("a", "2", "another");
  await other.untilText("2");
  assertEquals(other.texts, ["1", "2"]);
});

NATS_SERVER.test("of a topic that is silent for long nothing counts as missed where it was subscribed to", async () => {
  await using server = await startNats();
  const options = { servers: server.url, historyTtlMs: 200 };
  await using quiet = await Watcher.start(options, "a");
  await using fresh = await Watcher.start(options);
  await quiet.top("a");
  const last = await quiet.publish("a", "1");
  await fresh.publish("b", "beside");
  await quiet.untilText("1");
  // Nothing is kept any more.
  await eventually(() => fresh.behind("a"), ({ length }) => length === 1);
  assertEquals(await quiet.top("a"), last);
  assertEquals(await quiet.behind("a", last), [true]);
  // What has never heard of it can't know.
  const end = await fresh.top("a");
  assertEquals(end.offset >= last.offset, true);
  assertEquals(await fresh.behind("a", last), [false]);
  assertEquals(await fresh.behind("a", end), [true]);
  const next = await fresh.publish("a", "2");
  await quiet.untilText("2");
  assertEquals(quiet.got.at(-1)!.previous, last.offset);
  assertEquals(await fresh.behind("a", last), [false, "2"]);
  assertEquals(await fresh.behind("a", end), [true, "2"]);
  assertEquals(await fresh.top("a"), next);
});

NATS_SERVER.test("without JetStream a history is refused, and topics work without one", async () => {
  await using server = await startNats({ jetstream: false });
  const error = await assertRejects(() => Watcher.start({ servers: server.url }), LwsError);
  assertEquals(error.code, "unsupported");
  assertStringIncludes(error.message, "JetStream");
  await using watcher = await Watcher.start({ servers: server.url, historySize: 0 }, "a");
  assertEquals(await watcher.publish("a", "1"), { epoch: "", offset: 0 });
  await watcher.untilText("1");
  const refused = await assertRejects(() => watcher.publish("a", "2", "id"), LwsError);
  assertEquals(refused.code, "unsupported");
});

NATS_SERVER.test("a stream with other limits is changed, and told of; one that can't be is refused", async () => {
  await using server = await startNats();
  const lines: string[] = [];
  setLogLevel(["warn"], (_, line) => lines.push(line));
  try {
    await using _small = await Watcher.start({ servers: server.url, historySize: 5 });
    await using big = await Watcher.start({ servers: server.url, historySize: 20 }, "a");
    assertEquals(
      lines.filter((line) => line.includes("max_msgs_per_subject 6 instead of 21")).length,
      1,
    );
    for (let i = 0; i < 20; i++) await big.publish("a", String(i));
    const { publications } = await big.broker.history("a", undefined, 100);
    assertEquals(publications.length, 20);
    const error = await assertRejects(
      () => Watcher.start({ servers: server.url, storage: "memory", historySize: 20 }),
      LwsError,
    );
    assertEquals(error.code, "unsupported");
    assertStringIncludes(error.message, 'storage "file" instead of "memory"');
  } finally {
    setLogLevel(["err"], () => {});
  }
});

NATS_SERVER.test("a login that is wrong, and a server that is not there, are told", async () => {
  await using server = await startNats({ args: ["--user", "me", "--pass", "secret"] });
  const login = { user: "me", password: "wrong" };
  const refused = await assertRejects(
    () => Watcher.start({ servers: server.url, ...login }),
    LwsError,
  );
  assertEquals(refused.code, "broker-unavailable");
  assertStringIncludes(refused.message, "Authorization Violation");
  assertEquals(refused.message.includes("wrong"), false);
  await using _good = await Watcher.start({ servers: server.url, user: "me", password: "secret" });
  await server.kill();
  const away = await assertRejects(() => Watcher.start({ servers: server.url }), LwsError);
  assertEquals(away.code, "broker-unavailable");
  assertStringIncludes(away.message, `${server.url}: connect ECONNREFUSED`);
});

NATS_SERVER.test("a reading ends where nothing is left of what there was", async () => {
  await using server = await startNats();
  await using watcher = await Watcher.start({ servers: server.url, historySize: 30 });
  for (let i = 1; i <= 20; i++) await watcher.publish("a", String(i));
  const options = checkOptions({ servers: server.url });
  const lines = new Lines(options, { prepare: () => Promise.resolve(), up() {}, down() {} }, clock);
  try {
    await lines.open();
    const api = new JetStream(lines.line.requests);
    const read = async (from: number, most: number) => {
      const got: number[] = [];
      await api.readOn("lws_0", "lws.0.in.a", from, most, ({ sequence }) => {
        got.push(sequence);
        return false;
      });
      return got;
    };
    assertEquals(await read(18, 10), [18, 19, 20]);
    assertEquals(await read(1, 3), [1, 2, 3]);
    assertEquals(await read(21, 10), []);
    await assertRejects(() => api.readOn("none", "lws.0.in.a", 1, 10, () => true), LwsError);
  } finally {
    await lines.close();
  }
});

NATS_SERVER.test("over TLS a server is told by its certificate; both ends have to want it", async () => {
  const authority = await makeAuthority("authority");
  const { cert, key } = await authority.issue({ name: "nats", hosts: ["localhost", "127.0.0.1"] });
  const client = await authority.issue({ name: "context", purpose: "client" });
  const dir = await Deno.makeTempDir({ prefix: "nats_tls_" });
  try {
    for (const [name, text] of Object.entries({ cert, key, ca: authority.cert })) {
      await Deno.writeTextFile(`${dir}/${name}.pem`, text);
    }
    const files = ["--tlscert", `${dir}/cert.pem`, "--tlskey", `${dir}/key.pem`];
    const args = ["--tls", ...files, "--tlsverify", "--tlscacert", `${dir}/ca.pem`];
    await using server = await startNats({ args });
    const tls = { caCerts: [authority.cert], ...client };
    for (const servers of [`127.0.0.1:${server.port}`, `tls://localhost:${server.port}`]) {
      await using watcher = await Watcher.start({ servers, tls }, "a");
      await watcher.publish("a", servers);
      await watcher.untilText(servers);
    }
    const plain = await assertRejects(() => Watcher.start({ servers: server.url }), LwsError);
    assertEquals(plain.code, "unsupported");
    assertStringIncludes(plain.message, "tls: true");
    const unknown = await assertRejects(
      () => Watcher.start({ servers: server.url, tls: true }),
      LwsError,
    );
    assertEquals(unknown.code, "broker-unavailable");
    await using other = await startNats();
    const none = await assertRejects(() => Watcher.start({ servers: other.url, tls }), LwsError);
    assertStringIncludes(none.message, "has no TLS");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what is no server of NATS is told so", async () => {
  for (
    const [says, message] of [
      ["HTTP/1.1 400 Bad Request\r\n\r\n", "it is no server of NATS"],
      ["INFO {\r\n", "it is no server of NATS"],
      ["x".repeat(70_000), "it is no server of NATS"],
      ["", "it was closed"],
      ['INFO {"version":"2.8.4","headers":true}\r\n', "2.8.4 can't republish"],
    ] as const
  ) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = (async () => {
      using conn = await listener.accept();
      const bytes = new TextEncoder().encode(says);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      if (!says.startsWith('INFO {"')) return;
      const buffer = new Uint8Array(4_096);
      // It says hello, and wants to know whether that was heard.
      await conn.read(buffer);
      await conn.write(new TextEncoder().encode("PONG\r\n"));
      while (await conn.read(buffer) !== null);
    })().catch(() => {});
    const { port } = listener.addr;
    const error = await assertRejects(
      () => Watcher.start({ servers: `127.0.0.1:${port}` }),
      LwsError,
    );
    assertStringIncludes(error.message, message);
    await served;
  }
});

Deno.test({
  name: "without the permission to connect that is what is said, with the host",
  permissions: { net: ["127.0.0.1:1"], read: true, env: true },
  async fn() {
    const options = { servers: ["127.0.0.1:1", "nats.example:4223"] };
    const error = await assertRejects(() => Watcher.start(options), LwsError);
    assertEquals(error.code, "permission-denied");
    assertStringIncludes(error.message, "--allow-net=nats.example:4223");
  },
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
