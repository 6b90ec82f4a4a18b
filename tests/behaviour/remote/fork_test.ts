/** The service in a real worker. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { ForkedService, ForkInfo, LwsErrorCode } from "../../../mod.ts";
import { connectBroadcast, forkServiceLoop, LwsError } from "../../../mod.ts";
import { PATIENT } from "../../support/patience.ts";
import { captureLog } from "../../support/recorder.ts";

const NEWS = new URL("../../fixtures/forked/news.ts", import.meta.url);
const LOOPBACK: ForkInfo = { port: 0, iface: "127.0.0.1", ...PATIENT };

/** A WebSocket of the platform's, with its messages in order. */
async function connect(service: ForkedService) {
  const socket = new WebSocket(`ws://127.0.0.1:${service.port}/`, "news");
  socket.binaryType = "arraybuffer";
  const messages: string[] = [];
  const waiting: (() => void)[] = [];
  socket.onmessage = ({ data }) => {
    messages.push(typeof data === "string" ? data : new TextDecoder().decode(data));
    for (const wake of waiting.splice(0)) wake();
  };
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  const until = async (count: number) => {
    while (messages.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  await until(1);
  return { socket, messages, closed, until };
}

async function rejection(work: Promise<unknown>, code: LwsErrorCode): Promise<string> {
  const error = await assertRejects(() => work, LwsError);
  assertEquals(error.code, code, error.message);
  return error.message;
}

Deno.test("a forked service serves, broadcasts in order, and says 1001 when it is stopped", async () => {
  await using service = await forkServiceLoop(NEWS, LOOPBACK);
  assert(service.port > 0);
  const clients = [await connect(service), await connect(service)];
  assertEquals(clients.map(({ messages }) => messages), [["you are 1"], ["you are 2"]]);
  const contents = Array.from({ length: 1000 }, (_, i) => i % 9 === 0 ? "" : `message ${i}`);
  for (const content of contents) assertEquals(service.broadcast("news", content), 0);
  for (const client of clients) {
    await client.until(contents.length + 1);
    assertEquals(client.messages.slice(1), contents);
  }
  service.callbackOnWritableAllProtocol("news");
  await clients[0]!.until(contents.length + 2);
  assertEquals(clients[0]!.messages.at(-1), "writeable");
  await service.stop();
  for (const { closed } of clients) assertEquals((await closed).code, 1001);
  assertEquals(service.broadcast("news", "x"), -1);
  await service.done;
});

Deno.test("the module's info completes what is given, which takes precedence", async () => {
  await using service = await forkServiceLoop(NEWS.href, { ...LOOPBACK, user: { of: "caller" } });
  const { socket, messages, until, closed } = await connect(service);
  socket.send("limit");
  socket.send("user");
  await until(3);
  assertEquals(messages.slice(1), ["1234", '{"of":"caller"}']);
  socket.close();
  await closed;
});

Deno.test("a forked service has broadcast sockets, if it is told to", async () => {
  await using service = await forkServiceLoop(NEWS, { ...LOOPBACK, broadcastSockets: true });
  const { broadcastSocketPort: port, broadcastToken: token, ...rest } = service.protocols[0]!;
  assertEquals(rest, { name: "news", protocolIndex: 0 });
  const client = await connect(service);
  await using sender = await connectBroadcast({ port, token });
  await sender.broadcast("from elsewhere");
  await client.until(2);
  assertEquals(client.messages[1], "from elsewhere");
  client.socket.close();
  await client.closed;
});

Deno.test("a forked service that destroys itself is done", async () => {
  const service = await forkServiceLoop(NEWS, LOOPBACK);
  const client = await connect(service);
  client.socket.send("destroy");
  await service.done;
  assertEquals((await client.closed).code, 1001);
  await service.stop();
});

Deno.test("stop gives the worker twice the closeTimeoutMs of its context", async () => {
  const service = await forkServiceLoop(NEWS, { ...LOOPBACK, closeTimeoutMs: 123_456 });
  const delays: unknown[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((callback: () => void, delayMs: number) => {
    delays.push(delayMs);
    return setTimeout(callback, delayMs);
  }) as typeof setTimeout;
  const stopped = service.stop();
  globalThis.setTimeout = setTimeout;
  await stopped;
  assertEquals(delays, [246_912]);
});

Deno.test("a forked service that is terminated is done at once", async () => {
  const service = await forkServiceLoop(NEWS, LOOPBACK);
  const client = await connect(service);
  service.terminate();
  await service.done;
  assertEquals(service.broadcast("news", "x"), -1);
  await client.closed;
  await service.stop();
});

Deno.test("an error that nobody catches in the worker ends the service, and done tells it", async () => {
  using log = captureLog();
  const service = await forkServiceLoop(NEWS, LOOPBACK);
  const client = await connect(service);
  client.socket.onerror = () => {};
  client.socket.send("throw");
  const text = await rejection(service.done, "worker-failed");
  assertStringIncludes(text, "nobody catches this");
  assertStringIncludes(text, "forked/news.ts:");
  assertEquals(log.lines, [`err: forkServiceLoop: the worker failed: ${text}`]);
  assertEquals(service.broadcast("news", "x"), -1);
  await rejection(service.stop(), "worker-failed");
  await client.closed;
});

Deno.test("what createContext refuses in the worker rejects here, with its code and words", async () => {
  await using service = await forkServiceLoop(NEWS, LOOPBACK);
  const { port } = service;
  assertEquals(
    await rejection(forkServiceLoop(NEWS, { ...LOOPBACK, port }), "address-in-use"),
    `127.0.0.1 port ${port} is in use; free it or listen on another`,
  );
  assertEquals(
    await rejection(forkServiceLoop(NEWS, { ...LOOPBACK, prot: 1 } as ForkInfo), "invalid-option"),
    "prot is no option of createContext; did you mean port?",
  );
  assertEquals(
    await rejection(forkServiceLoop(NEWS), "invalid-option"),
    "port is undefined; allowed: an integer from 0 to 65535, or CONTEXT_PORT_NO_LISTEN",
  );
});

Deno.test("a module that can't be loaded, or has no protocols, rejects", async () => {
  const missing = new URL("../../fixtures/there_is_none.ts", import.meta.url);
  assertStringIncludes(
    await rejection(forkServiceLoop(missing, LOOPBACK), "invalid-argument"),
    `can't load ${missing}`,
  );
  const thrower = "data:text/javascript,throw new Error('while loading')";
  assertStringIncludes(
    await rejection(forkServiceLoop(thrower, LOOPBACK), "invalid-argument"),
    "while loading",
  );
  const nothing = new URL("../../fixtures/forked/nothing.ts", import.meta.url);
  assertEquals(
    await rejection(forkServiceLoop(nothing, LOOPBACK), "invalid-argument"),
    `forkServiceLoop: ${nothing} exports no protocols`,
  );
  assertEquals(
    await rejection(forkServiceLoop("./relative.ts", LOOPBACK), "invalid-argument"),
    'forkServiceLoop: moduleUrl is "./relative.ts"; allowed: an absolute URL',
  );
});

Deno.test("an error that nobody catches while the module loads rejects", async () => {
  const thrower = "data:text/javascript,setTimeout(() => { throw new Error('early') });" +
    "await new Promise(() => {})";
  assertStringIncludes(
    await rejection(forkServiceLoop(thrower, LOOPBACK), "worker-failed"),
    "early",
  );
});

Deno.test("a missing permission to read is told", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-net"],
      fromFileUrl(new URL("../../fixtures/forked/denied.ts", import.meta.url)),
    ],
    stdin: "null",
    stderr: "null",
  }).output();
  assertStringIncludes(new TextDecoder().decode(stdout), "permission-denied Requires read access");
});

Deno.test("what can't be sent to a worker is refused by its name, before there is one", async () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const wrong: [info: object, name: string][] = [
    [{ user: () => {} }, "user is a function"],
    [{ user: { a: [1, { b: () => {} }] } }, "user.a[1].b is a function"],
    [{ user: { ...loop, f: isNaN } }, "user.f is a function"],
    [{ user: Promise.resolve() }, "user can't be cloned"],
    [{ signal: new AbortController().signal }, "signal can't be sent"],
    [{ protocols: [] }, "protocols can't be sent"],
    [{ extensions: [] }, "extensions can't be sent"],
    [{ fileOps: {} }, "fileOps can't be sent"],
    [{ network: {} }, "network can't be sent"],
    [{ clock: {} }, "clock can't be sent"],
  ];
  for (const [info, name] of wrong) {
    const text = await rejection(
      forkServiceLoop(NEWS, { ...LOOPBACK, ...info } as ForkInfo),
      "invalid-option",
    );
    assert(text.startsWith(`forkServiceLoop: ${name}`), text);
  }
});

const module = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

Deno.test("a service policy that waits for calls is refused, wherever it is from", async () => {
  const text = await rejection(
    forkServiceLoop(NEWS, { ...LOOPBACK, service: "manual" }),
    "invalid-option",
  );
  assertEquals(
    text,
    'forkServiceLoop: service is manual, but the worker serves by itself; allowed: "automatic"',
  );
  const own = module(
    'export const protocols = [{ name: "p", callback() {} }]; export const info = { service: "external" };',
  );
  assertStringIncludes(
    await rejection(forkServiceLoop(own, LOOPBACK), "invalid-option"),
    "service is external",
  );
});

Deno.test("a module that never ends loading is given up with the signal", async () => {
  const never = module("await new Promise((resolve) => setTimeout(resolve, 2 ** 30));");
  const ending = new AbortController();
  const starting = forkServiceLoop(never, LOOPBACK, { signal: ending.signal });
  ending.abort();
  await rejection(starting, "aborted");
  await rejection(forkServiceLoop(NEWS, LOOPBACK, { signal: ending.signal }), "aborted");
});

Deno.test("info that is no object is refused by name", async () => {
  for (const wrong of [null, 7]) {
    const text = await rejection(
      forkServiceLoop(NEWS, wrong as unknown as ForkInfo),
      "invalid-argument",
    );
    assertStringIncludes(text, "info");
  }
});

Deno.test("a forked service refuses protocols that it has not, and what is no data", async () => {
  await using service = await forkServiceLoop(NEWS, LOOPBACK);
  for (
    const work of [
      () => service.broadcast("other", "x"),
      () => service.callbackOnWritableAllProtocol("toString"),
      () => service.broadcast("news", 1 as unknown as string),
    ]
  ) assertEquals(assertThrows(work, LwsError).code, "invalid-argument");
});
