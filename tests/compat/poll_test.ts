/** `poll`, for the loops that programs had of their own. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PollFd, Wsi } from "../../mod.ts";
import type { Callback, Face } from "./support.ts";
import { DEC15, FACES, logged, on, pollFd, rig, SINCE_OCT12 } from "./support.ts";

const noListen = (face: Face) => face.api.CONTEXT_PORT_NO_LISTEN as number;
const quiet: Callback = () => 0;
const talk = { protocol: "talk" };

/** Lets the runtime see to its sockets. */
const aTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** A table of what is watched, kept by the poll reasons of any generation from 2012 on. */
function watching(table: PollFd[], more: Callback): Callback {
  return (wsi, reason, user, input, len) => {
    const [, change] = /^(ADD|DEL|SET_MODE|CLEAR_MODE|CHANGE_MODE)_POLL_FD$/.exec(reason) ?? [];
    if (change === undefined) return more(wsi, reason, user, input, len);
    const fd = typeof user === "number" ? user : typeof input === "number" ? input : input.fd;
    const events = typeof input === "object" && input !== null ? input.events : len;
    const entry = table.find((each) => each.fd === fd);
    if (change === "ADD") table.push({ fd, events, revents: 0 });
    if (change === "DEL") table.splice(table.indexOf(entry!), 1);
    if (change === "SET_MODE") entry!.events |= events;
    if (change === "CLEAR_MODE") entry!.events &= ~events;
    if (change === "CHANGE_MODE") entry!.events = events;
    return 0;
  };
}

for (const face of FACES) {
  const { poll, POLLIN } = face.api as {
    poll: (pollfds: PollFd[], nfds: number, timeout: number, context?: unknown) => number;
    POLLIN: number;
  };

  Deno.test(`${face.name}: poll with timeout 0 tells at once what has come, and counts foreign entries as they are`, async () => {
    const received: string[] = [];
    let own: Wsi | undefined;
    const callback: Callback = (wsi, reason, _user, input) => {
      if (reason === "ESTABLISHED") own = wsi;
      if (reason === "RECEIVE") received.push(new TextDecoder().decode(input));
    };
    await using server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open(talk);
    await server.until(() => own !== undefined);
    await server.settle();
    const entry = pollFd(face.call("get_socket_fd", own) as number, POLLIN);
    const foreign = pollFd(-3, POLLIN);
    const pollfds = [entry, foreign, pollFd(-4, 0)];
    entry.revents = 0;
    assertEquals(poll(pollfds, 1, 0), 0);
    assertEquals(poll(pollfds, 3, 0), 1, "the foreign entry alone");
    socket.send({ opcode: 1, payload: "hi" });
    assertEquals(poll(pollfds, 1, 0), 0, "before the runtime has had its turn");
    while (poll(pollfds, 1, 0) === 0) await aTurn();
    assertEquals([entry.revents, foreign.revents], [POLLIN, POLLIN]);
    assertEquals(poll(pollfds, 3, 0), 2);
    assertEquals(poll(pollfds, 0, 0), 0);
    assertEquals(received, []);
    face.call("service_fd", server.context, entry);
    assertEquals([received, entry.revents], [["hi"], 0]);
    entry.events = 0;
    face.call("rx_flow_control", own, 0);
    socket.send({ opcode: 1, payload: "unwatched" });
    for (let i = 0; i < 10; i++) await aTurn();
    assertEquals(poll(pollfds, 1, 0), 0, "what it is not watched for");
  });

  Deno.test(`${face.name}: poll that waits is a promise, which ends with an event, with its time, or with the context`, async () => {
    let own: Wsi | undefined;
    const callback = on("ESTABLISHED", (wsi) => void (own = wsi));
    const server = rig(face, { protocols: [{ name: "talk", callback }] });
    const socket = await server.open(talk);
    await server.until(() => own !== undefined);
    await server.settle();
    const { context, clock } = server;
    const pollfds = [{ fd: face.call("get_socket_fd", own) as number, events: POLLIN, revents: 0 }];
    const waiting = poll(pollfds, 1, -1) as unknown;
    assert(waiting instanceof Promise);
    socket.send({ opcode: 1, payload: "hi" });
    assertEquals(await waiting, 1);
    assertEquals(face.call("service_fd", context, pollfds[0]), 0);

    const timed = poll(pollfds, 1, 50) as unknown as Promise<number>;
    await aTurn();
    clock.advance(51);
    assertEquals(await timed, 0);

    const cancelled = poll(pollfds, 1, -1);
    context.cancelService();
    assertEquals(await cancelled, 0);

    const last = poll(pollfds, 1, -1);
    await aTurn();
    void face.call("context_destroy", context);
    assertEquals(await last, -1);
    assertEquals(poll(pollfds, 1, 0), -1);
    assertEquals(poll(pollfds, 1, 0, context), -1);
    // A loop that goes on all the same leaves the runtime its turns.
    const after = poll(pollfds, 1, 10) as unknown;
    assert(after instanceof Promise);
    assertEquals(await after, -1);
    await server[Symbol.asyncDispose]();
  });

  Deno.test(`${face.name}: with several contexts poll wants to be told whose descriptors they are`, async () => {
    const spec = { port: noListen(face), protocols: [{ name: "talk", callback: quiet }] };
    await using first = rig(face, spec);
    const second = first.also(face, spec);
    const pollfds = [pollFd(1, POLLIN)];
    for (const timeout of [0, 5]) {
      const { result, lines } = logged(() => poll(pollfds, 1, timeout));
      assertEquals(result, -1);
      assertStringIncludes(lines.join("\n"), "err: poll: context is null; allowed: one of the 2");
    }
    pollfds[0]!.revents = 0;
    assertEquals(poll(pollfds, 1, 0, second), 0);
    await second.destroy();
    assertEquals(poll(pollfds, 1, 0), 0, "the one that is left");
  });
}

SINCE_OCT12.test("a loop over a table that the poll reasons keep serves a whole life", async (face) => {
  const pollfds: PollFd[] = [];
  const calls: string[] = [];
  const callback = watching(pollfds, (wsi, reason, _user, input, len) => {
    if (/^(ESTABLISHED|CLOSED)$/.test(reason)) calls.push(reason);
    if (reason !== "RECEIVE") return 0;
    face.call("write", wsi, input, len, face.api.LWS_WRITE_TEXT);
    return 0;
  });
  await using server = rig(face, { protocols: [{ name: "talk", callback }] });
  const { context } = server;
  let force_exit = false;
  const main = async () => {
    let n = 0;
    while (n >= 0 && !force_exit) {
      n = await face.api.poll(pollfds, pollfds.length, 50);
      if (n <= 0) continue;
      for (const each of [...pollfds]) {
        if (each.revents !== 0) face.call("service_fd", context, each);
      }
    }
  };
  const served = main();
  const peer = await server.open(talk);
  assertEquals(pollfds.map(({ fd }) => fd), [0, 1]);
  peer.send({ opcode: 1, payload: "hello" });
  assertEquals(await peer.receiveText(), "hello");
  peer.send({ opcode: 8, payload: new Uint8Array([3, 232]) });
  assertEquals((await peer.receive()).opcode, 8);
  peer.peer.close();
  while (!calls.includes("CLOSED")) await aTurn();
  assertEquals(calls, ["ESTABLISHED", "CLOSED"]);
  assertEquals(pollfds.map(({ fd }) => fd), [0]);
  force_exit = true;
  context.cancelService();
  await served;
});

Deno.test("dec15: a loop of polls that never wait says in the log why nothing comes", async () => {
  const { poll } = DEC15.api;
  await using server = rig(DEC15, { protocols: [{ name: "talk", callback: quiet }] });
  assertEquals(server.context.port, 80);
  const pollfds = [{ fd: 0, events: 1, revents: 0 }];
  const { lines } = logged(() => {
    for (let i = 0; i < 150_000; i++) poll(pollfds, 1, 0);
  });
  assertEquals(lines, [
    "warn: poll: 100000 calls in a row with timeout 0, while nothing can come; " +
    "await a call with another timeout",
  ]);
  await aTurn();
  const { lines: more } = logged(() => {
    for (let i = 0; i < 90_000; i++) poll(pollfds, 1, 0);
  });
  assertEquals(more, []);
  await aTurn();
});
