/** `retry` of `clientConnect`: clients that connect again. */

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import type {
  ClientConnectOptions,
  ClientRetry,
  ContextCreationInfo,
  Protocol,
  ReasonData,
  Wsi,
} from "../../../mod.ts";
import { createContext } from "../../../mod.ts";
import { CONTEXT_PORT_NO_LISTEN, POLLIN, POLLOUT } from "../../../mod.ts";
import type { MemoryPeer } from "../../../src/testing/memory_peer.ts";
import { LOOPBACK, PATIENT } from "../../support/patience.ts";
import { captureLog, record } from "../../support/recorder.ts";
import { acceptOf, playServer, readHead, settle } from "../../support/serve.ts";
import { frame } from "../../support/frames.ts";
import { fieldOf } from "../../support/http.ts";
import { named } from "../../support/named.ts";
import { answerLines, headOf } from "../../conformance/sides.ts";

const URL = "ws://server.example.com/x";
const closeFrame = (code: number) =>
  frame({ opcode: 8, payload: new Uint8Array([code >> 8, code & 255]) });

/** Longer than the longest delay. */
const LONG_MS = 31_000;
const STEP_MS = 500;

/** Without the dice. */
const EXACT = { jitter: 0 } as const;

type Answers = {
  readonly [R in keyof ReasonData]?: (
    wsi: Wsi,
    user: unknown,
    data: ReasonData[R],
  ) => number | void;
};

/** Both ends see the connection break. */
function lose(peer: MemoryPeer): Promise<void> {
  peer.reset();
  return settle();
}

/** The server closes it in order. */
async function close(peer: MemoryPeer, code: number): Promise<void> {
  peer.send(closeFrame(code));
  await settle();
  peer.close();
  await settle();
}

/** A client that connects again, and the server that the test plays. */
function side(
  options: ClientConnectOptions = { retry: EXACT },
  { answers = {}, info = {} }: { answers?: Answers; info?: Partial<ContextCreationInfo> } = {},
) {
  const told: string[] = [];
  const retries: ClientRetry[] = [];
  const wsis: Wsi[] = [];
  const users: unknown[] = [];
  let made = 0;
  const recorder = record("chat", (wsi, reason, user, data) => {
    if (reason === "clientEstablished") wsis.push(wsi);
    if (reason === "clientEstablished" || reason === "clientRetry") users.push(user);
    if (reason === "clientRetry") {
      retries.push(data);
      told.push(`retry ${data.attempt} in ${data.delayMs}`);
    }
    if (reason === "closed") told.push(`closed ${data.code}`);
    if (reason === "clientConnectionError") told.push(data);
    return answers[reason as keyof ReasonData]?.(wsi, user, data as never);
  });
  const protocol: Protocol<{ of: string }> = {
    ...recorder.protocol,
    perSessionData: () => ({ of: String(++made) }),
  };
  const played = playServer([protocol], info);
  const wsi = played.context.clientConnect(URL, options);
  return {
    ...played,
    told,
    retries,
    wsis,
    users,
    wsi,
    recorder,
    made: () => made,
    /** Takes the next attempt and welcomes it. */
    async welcome(): Promise<MemoryPeer> {
      const peer = await played.accept();
      const count = recorder.reasons.filter((each) => each === "clientEstablished").length;
      peer.send(headOf(answerLines(await readHead(peer))));
      await recorder.until("clientEstablished", count + 1);
      return peer;
    },
    /** Takes the next attempt and refuses it. */
    async refuse(status: string, ...fields: string[]): Promise<void> {
      const peer = await played.accept();
      await readHead(peer);
      const head = [`HTTP/1.1 ${status}`, "Content-Length: 0", ...fields, "", ""].join("\r\n");
      peer.send(head);
      await peer.readToEnd();
      peer.close();
      await settle();
    },
    count: (reason: string) => recorder.reasons.filter((each) => each === reason).length,
    /** Whether another attempt comes by then. */
    async comesAfter(ms: number): Promise<boolean> {
      const before = recorder.reasons.length;
      // Step by step, as a leap would be past the time that an attempt has.
      for (let left = ms; left > 0; left -= STEP_MS) await played.pass(Math.min(left, STEP_MS));
      return recorder.reasons.slice(before).includes("clientAppendHandshakeHeader");
    },
  };
}

Deno.test("a connection that was lost is made again, with a wsi of its own and the same user", async () => {
  await using it = side();
  const first = await it.welcome();
  await lose(first);
  assertEquals(it.told, ["closed 1006", "retry 1 in 500"]);
  assertEquals(await it.comesAfter(480), false);
  assertEquals(await it.comesAfter(40), true);
  const second = await it.welcome();
  assertNotStrictEquals(it.wsis[0], it.wsis[1]);
  assertStrictEquals(it.wsis[0], it.wsi);
  assertEquals(it.made(), 1);
  assertEquals(it.users, [{ of: "1" }, { of: "1" }, { of: "1" }]);
  assertStrictEquals(it.users[0], it.users[2]);
  assertEquals(it.wsi.write("late"), -1);
  assert(it.wsis[1]!.write("hello") > 0);
  const { clientRetries, clients, closesByCause } = it.context.stats();
  assertEquals([clientRetries, clients, closesByCause], [1, { now: 1, ever: 2 }, { reset: 1 }]);
  second.close();
});

Deno.test("clientRetry comes behind closed and before wsiDestroy, frozen, with what ended", async () => {
  await using it = side();
  await lose(await it.welcome());
  assertEquals(it.recorder.reasons.slice(-3), ["closed", "clientRetry", "wsiDestroy"]);
  const [retry] = it.retries;
  const cause = { code: 1006, reason: "", wasClean: false, cause: "reset" } as const;
  assertEquals(retry, { delayMs: 500, attempt: 1, cause });
  assert(Object.isFrozen(retry) && Object.isFrozen(retry!.cause));
  await it.pass(600);
  await it.refuse("503 Busy");
  const failure = { message: "the server answered 503 Busy", status: 503 };
  assertEquals(it.retries[1], { delayMs: 1000, attempt: 2, cause: failure });
  it.network.hold();
  await it.pass(1100);
  await it.pass(it.context.limits.clientTimeoutMs + 100);
  assertEquals(it.retries[2]!.attempt, 3);
  assertEquals("status" in it.retries[2]!.cause && it.retries[2]!.cause.status, undefined);
  it.network.release();
});

Deno.test("the delays go up to the last one, and begin anew once it was up for resetMs", async () => {
  const retry = { ...EXACT, delaysMs: [100, 200, 300], resetMs: 5000 };
  await using it = side({ retry });
  for (let i = 0; i < 4; i++) {
    await it.refuse("500 No");
    await it.pass(i === 0 ? 120 : i === 1 ? 220 : 320);
  }
  let peer = await it.welcome();
  await it.pass(4900);
  await lose(peer);
  await it.pass(320);
  peer = await it.welcome();
  await it.pass(5000);
  await lose(peer);
  assertEquals(it.retries.map(({ attempt, delayMs }) => [attempt, delayMs]), [
    [1, 100],
    [2, 200],
    [3, 300],
    [4, 300],
    [5, 300],
    [1, 100],
  ]);
});

Deno.test("so many attempts in a row and not one more, and then nothing is told or kept", async () => {
  await using it = side({ retry: { ...EXACT, delaysMs: [10], attempts: 2 } });
  await it.refuse("500 No");
  await it.pass(50);
  await it.refuse("500 No");
  await it.pass(50);
  await it.refuse("500 No");
  assertEquals(it.told.slice(-3), [
    "the server answered 500 No",
    "retry 2 in 10",
    "the server answered 500 No",
  ]);
  assertEquals(await it.comesAfter(LONG_MS), false);
  assertEquals(it.context.stats().timers, 0);
});

Deno.test("without retry nothing is made again", async () => {
  for (const retry of [undefined, false]) {
    await using it = side(retry === undefined ? {} : { retry });
    await lose(await it.welcome());
    assertEquals(await it.comesAfter(LONG_MS), false);
    assertEquals(it.told, ["closed 1006"]);
  }
});

Deno.test("1008, 404 and a close of one's own end it; 1000, 1001 and 429 of the server do not", async () => {
  for (const [code, again] of [[1008, false], [1000, true], [1001, true], [1012, true]] as const) {
    await using it = side();
    const peer = await it.welcome();
    await close(peer, code);
    assertEquals(it.retries.length, again ? 1 : 0, String(code));
    assertEquals(await it.comesAfter(600), again, String(code));
  }
  for (const [status, again] of [["404 No", false], ["429 Often", true]] as const) {
    await using it = side();
    await it.refuse(status);
    assertEquals(await it.comesAfter(600), again, status);
  }
});

Deno.test("Retry-After and 1013 are honoured", async () => {
  await using it = side();
  await it.refuse("503 Busy", "Retry-After: 20");
  assert(it.retries[0]!.delayMs >= 20_000);
  assertEquals(await it.comesAfter(19_900), false);
  await it.pass(200);
  const peer = await it.welcome();
  await close(peer, 1013);
  assertEquals(it.retries[1]!.delayMs, 30_000);
});

Deno.test("what this end does itself is not made again", async () => {
  const ways: [string, Answers, (wsi: Wsi) => void][] = [
    ["close", {}, (wsi) => void wsi.close(1001)],
    ["hangup", {}, (wsi) => void wsi.context.hangupOnClient(wsi.socketFd)],
    ["-1 from a callback", { clientWriteable: () => -1 }, (wsi) => void wsi.callbackOnWritable()],
    ["a throw", {
      clientWriteable: () => {
        throw new Error("on purpose");
      },
    }, (wsi) => void wsi.callbackOnWritable()],
  ];
  using _log = captureLog();
  for (const [name, answers, end] of ways) {
    await using it = side({ retry: EXACT }, { answers });
    const peer = await it.welcome();
    end(it.wsi);
    await settle();
    peer.close();
    assertEquals(await it.comesAfter(LONG_MS), false, name);
    assertEquals([it.count("closed"), it.retries.length], [1, 0], name);
  }
  const refusing: Answers = { clientFilterPreEstablish: () => 1 };
  await using it = side({ retry: EXACT }, { answers: refusing });
  const peer = await it.accept();
  peer.send(headOf(answerLines(await readHead(peer))));
  await it.recorder.until("wsiDestroy");
  assertEquals(await it.comesAfter(LONG_MS), false);
  peer.close();
});

Deno.test("a number other than 0 from clientRetry, and a throw, end it", async () => {
  using _log = captureLog();
  for (const verdict of [1, -1, "throw"] as const) {
    const clientRetry = () => {
      if (verdict === "throw") throw new Error("on purpose");
      return verdict;
    };
    await using it = side({ retry: EXACT }, { answers: { clientRetry } });
    await it.refuse("500 No");
    assertEquals(it.retries.length, 1);
    assertEquals(await it.comesAfter(LONG_MS), false, String(verdict));
    assertEquals([it.context.stats().timers, it.context.stats().clientRetries], [0, 0]);
  }
});

Deno.test("close of an ended connection ends the client while it waits or connects, and no WebSocket", async () => {
  {
    await using it = side();
    await it.refuse("500 No");
    assertEquals([it.wsi.close(), it.wsi.close()], [0, -1]);
    assertEquals(await it.comesAfter(LONG_MS), false);
    assertEquals(it.told.length, 2, "nothing more is told");
  }
  {
    await using it = side();
    await it.refuse("500 No");
    await it.pass(600);
    await readHead(await it.accept());
    assertEquals(it.wsi.close(), 0);
    await it.recorder.until("wsiDestroy", 2);
    assertEquals(it.told.at(-1), "closed before it was established");
    assertEquals(await it.comesAfter(LONG_MS), false);
    assertEquals(it.wsi.close(), -1);
  }
  {
    await using it = side();
    await it.refuse("500 No");
    await it.pass(600);
    const peer = await it.welcome();
    assertEquals(it.wsi.close(), -1);
    await settle();
    assert(it.wsis[0]!.write("still here") > 0);
    peer.close();
  }
});

Deno.test("close inside closed, clientConnectionError and clientRetry ends it", async () => {
  for (const reason of ["clientConnectionError", "clientRetry"] as const) {
    const answers: Answers = { [reason]: (wsi: Wsi) => void wsi.close() };
    await using it = side({ retry: EXACT }, { answers });
    await it.refuse("500 No");
    assertEquals(await it.comesAfter(LONG_MS), false, reason);
    assertEquals(it.context.stats().timers, 0);
  }
  await using it = side({ retry: EXACT }, { answers: { closed: (wsi) => void wsi.close() } });
  await lose(await it.welcome());
  assertEquals(await it.comesAfter(LONG_MS), false);
  assertEquals(it.retries.length, 0);
});

Deno.test("close while the server closes ends it as well", async () => {
  await using it = side();
  const peer = await it.welcome();
  peer.send(closeFrame(1001));
  await settle();
  assertEquals([it.count("closed"), it.wsi.close()], [0, 0]);
  peer.close();
  assertEquals(await it.comesAfter(LONG_MS), false);
  assertEquals(it.told, ["closed 1001"]);
});

Deno.test("a signal ends it wherever it is, and is let go of", async () => {
  for (const where of ["connecting", "waiting", "again", "established"]) {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, given);
    };
    await using it = side({ retry: EXACT, signal });
    let peer: MemoryPeer | undefined;
    if (where !== "connecting") await it.refuse("500 No");
    if (where === "again" || where === "established") await it.pass(600);
    if (where === "again") peer = await it.accept();
    if (where === "established") peer = await it.welcome();
    const before = it.told.length;
    controller.abort();
    await settle();
    peer?.close();
    await settle();
    assertEquals(await it.comesAfter(LONG_MS), false, where);
    const last = { waiting: [], established: ["closed 1000"] }[where] ?? ["signal has aborted"];
    assertEquals(it.told.slice(before), last, where);
    assertEquals(listeners, 0, where);
  }
});

Deno.test("the end of the context ends what waits at once", async () => {
  const it = side();
  await it.refuse("500 No");
  let isClosed = false;
  void it.context.closed.then(() => isClosed = true);
  const gone = it.context.destroy();
  await settle();
  assertEquals(isClosed, true);
  await gone;
  assertEquals(await it.comesAfter(LONG_MS), false);
  await it[Symbol.asyncDispose]();
});

Deno.test("what the end of the context has closed is not made again", async () => {
  const it = side();
  const peer = await it.welcome();
  const gone = it.context.destroy();
  await settle();
  peer.close();
  await gone;
  assertEquals(it.retries, []);
  await it[Symbol.asyncDispose]();
});

Deno.test("destroy inside clientRetry leaves nothing behind", async () => {
  const answers: Answers = { clientRetry: (wsi) => void wsi.context.destroy() };
  const it = side({ retry: EXACT }, { answers });
  await it.refuse("500 No");
  await it.context.closed;
  assertEquals(await it.comesAfter(LONG_MS), false);
  await it[Symbol.asyncDispose]();
});

Deno.test("while a context that is destroyed waits for others, nothing connects again", async () => {
  for (const when of ["waits", "inside clientRetry", "lost behind destroy"]) {
    const answers: Answers = {
      clientRetry: (wsi) => {
        if (when === "inside clientRetry") void wsi.context.destroy();
      },
    };
    const it = side({ retry: EXACT }, { answers });
    const mine = await it.welcome();
    it.context.clientConnect(URL);
    const other = await it.welcome();
    if (when === "lost behind destroy") void it.context.destroy({ spreadMs: 3_600_000 });
    const before = it.retries.length;
    await lose(mine);
    if (when === "waits") void it.context.destroy();
    assertEquals(await it.comesAfter(3000), false, when);
    assertEquals(it.retries.length - before, when === "lost behind destroy" ? 0 : 1, when);
    assertEquals(it.count("clientEstablished"), 2);
    other.close();
    await it[Symbol.asyncDispose]();
  }
});

Deno.test("each attempt starts from the URL again, with its credentials and redirects", async () => {
  await using it = side({ retry: EXACT, headers: { authorization: "Bearer 1" } });
  for (let attempt = 0; attempt < 2; attempt++) {
    const first = await it.accept();
    const request = await readHead(first);
    assert(request.startsWith("GET /x HTTP"), request);
    assertEquals(fieldOf(request, "authorization"), "Bearer 1");
    first.send("HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n");
    await first.readToEnd();
    first.close();
    await it.refuse("500 No");
    await it.pass(600);
  }
});

Deno.test("a proxy's refusal counts as a server's: 502 is tried again, 407 is not", async () => {
  await using it = side({ retry: EXACT }, { info: { httpProxyAddress: "server:80" } });
  await it.refuse("502 Bad Gateway");
  assertEquals("status" in it.retries[0]!.cause && it.retries[0]!.cause.status, 502);
  await it.pass(600);
  await it.refuse("407 Proxy Authentication Required");
  assertEquals(it.retries.length, 1);
  assertEquals(await it.comesAfter(LONG_MS), false);
});

Deno.test("userdata is the user of all of them", async () => {
  const userdata = { mine: true };
  await using it = side({ retry: EXACT, userdata });
  await lose(await it.welcome());
  await it.pass(600);
  const peer = await it.welcome();
  assertEquals(it.made(), 0);
  for (const user of it.users) assertStrictEquals(user, userdata);
  peer.close();
});

Deno.test("another protocol that a server chooses has data of its own", async () => {
  const users: unknown[] = [];
  const make = (name: string): Protocol => ({
    ...named(name, { clientEstablished: (_wsi, user) => void users.push(user) }),
    perSessionData: () => name,
  });
  await using played = playServer([make("a"), make("b")]);
  played.context.clientConnect(URL, { retry: EXACT, protocol: "a, b" });
  for (const chosen of ["a", "b", "b"]) {
    const peer = await played.accept();
    const request = await readHead(peer);
    peer.send(headOf([...answerLines(request), `Sec-WebSocket-Protocol: ${chosen}`]));
    await settle();
    await lose(peer);
    await played.pass(2000);
  }
  assertEquals(users, ["a", "b", "b"]);
});

Deno.test("version 8 connects again as version 8", async () => {
  await using it = side({ retry: EXACT, version: 8 });
  for (let i = 0; i < 2; i++) {
    const peer = await it.accept();
    const request = await readHead(peer);
    assertEquals(fieldOf(request, "sec-websocket-version"), "8");
    const accept = acceptOf(fieldOf(request, "sec-websocket-key")!);
    peer.send(
      "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    await it.recorder.until("clientEstablished", i + 1);
    await lose(peer);
    await it.pass(600);
  }
  assertEquals(it.wsis.map(({ wireVersion }) => wireVersion), [8, 8]);
});

for (const service of ["manual", "external"] as const) {
  Deno.test(`${service}: the time to connect again is told in service`, async () => {
    const known = new Set<number>();
    const answers: Answers = {
      addPollFd: (_wsi, _user, { fd }) => void known.add(fd),
      delPollFd: (_wsi, _user, { fd }) => void known.delete(fd),
    };
    await using it = side({ retry: EXACT }, { answers, info: { service } });
    const { context } = it;
    const serve = async () => {
      for (let i = 0; i < 5; i++) {
        await settle();
        if (service === "manual") await context.service(0);
        else {
          const pollFds = [...known].map((fd) => ({ fd, events: POLLIN | POLLOUT, revents: 0 }));
          await context.poll(pollFds, 0);
          for (const each of pollFds) if (each.revents !== 0) context.serviceFd(each);
          context.serviceFd(null);
        }
      }
    };
    await serve();
    const peer = await it.accept();
    await serve();
    await readHead(peer);
    await lose(peer);
    assertEquals(it.retries, []);
    await serve();
    assertEquals(it.retries.length, 1);
    assertEquals(await it.comesAfter(600), false);
    await serve();
    const next = await it.accept();
    await serve();
    next.send(headOf(answerLines(await readHead(next))));
    await serve();
    assertEquals(it.count("clientEstablished"), 1);
    next.close();
  });
}

Deno.test("real sockets: a server that is started anew has its client back", async () => {
  const echo = named("echo", { message: (wsi, _user, message) => void wsi.write(message) });
  const first = createContext({ ...LOOPBACK, protocols: [echo] });
  const { port } = first;
  const answers: string[] = [];
  const waiting = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using client = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...PATIENT,
    protocols: [named("echo", {
      clientEstablished: (wsi) => void wsi.write(`hello ${answers.length}`),
      message(_wsi, _user, message) {
        answers.push(String(message));
        waiting[answers.length - 1]!.resolve();
      },
    })],
  });
  client.clientConnect(`ws://127.0.0.1:${port}/`, { retry: { delaysMs: [10] } });
  await waiting[0]!.promise;
  await first.destroy();
  await using _second = createContext({ ...LOOPBACK, port, protocols: [echo] });
  await waiting[1]!.promise;
  assertEquals(answers, ["hello 0", "hello 1"]);
});
