/** `context.connections`: which WebSockets a loop comes to, while others come and go. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Wsi } from "../../../mod.ts";
import { request } from "../../support/http.ts";
import { record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

/** A protocol that keeps its connections in the order in which they were established. */
function gathering(name: string) {
  const all: Wsi[] = [];
  const keep = (wsi: Wsi) => void all.push(wsi);
  return { all, recorder: record(name, { established: keep, clientEstablished: keep }) };
}

Deno.test("connections has the established WebSockets, of all protocols or of one by name or object", async () => {
  const http = gathering("http");
  const chat = gathering("chat");
  await using served = serve([http.recorder.protocol, chat.recorder.protocol]);
  const { context } = served;
  assertEquals([...context.connections()], []);
  await served.open({ protocol: "chat" });
  await served.open();
  await served.open({ protocol: "chat" });
  // One that has sent nothing, and one that has asked by HTTP.
  await served.dial();
  await served.dial(request("GET", "/"));
  await settle();

  assertEquals([...context.connections()], [...http.all, ...chat.all]);
  for (const which of ["chat", chat.recorder.protocol, context.protocols[1]!]) {
    assertEquals([...context.connections(which)], chat.all);
  }
  assertEquals([...context.connections("http")], http.all);
  assertEquals([http.all.length, chat.all.length], [1, 2]);
});

Deno.test("connections has a client's from its establishment on", async () => {
  const echo = record("echo");
  const client = gathering("client");
  await using served = serve([echo.protocol]);
  const context = served.client([client.recorder.protocol]);
  const wsi = context.clientConnect({ address: "memory", port: 80 });
  assertEquals([...context.connections()], [], "it is connecting");
  await client.recorder.until("clientEstablished");
  assertStrictEquals(context.connections("client").next().value, wsi);
  wsi.close();
  assertEquals([...context.connections()], [], "it is closing");
});

Deno.test("a loop leaves out what is gone by its turn and what comes later, and has no one twice", async () => {
  const chat = gathering("chat");
  await using served = serve([chat.recorder.protocol]);
  const { context } = served;
  const sockets = [];
  for (let i = 0; i < 5; i++) sockets.push(await served.open());
  const [first, second, third, fourth, fifth] = chat.all as [Wsi, Wsi, Wsi, Wsi, Wsi];

  const seen: Wsi[] = [];
  for (const wsi of context.connections("chat")) {
    seen.push(wsi);
    if (wsi === first) {
      first.close();
      second.close();
      await served.open();
    }
    if (wsi === third) {
      sockets[3]!.peer.reset();
      await chat.recorder.until("closed", 1);
      await served.open();
      await settle();
    }
  }
  assertEquals(seen, [first, third, fifth]);
  assert(!seen.includes(fourth));
  assertEquals([...context.connections()], [third, fifth, ...chat.all.slice(5)]);
  assertEquals(chat.all.length, 7);
});

Deno.test("an iterator that was taken and left keeps its place, and ends with the context", async () => {
  const chat = gathering("chat");
  await using served = serve([chat.recorder.protocol]);
  for (let i = 0; i < 3; i++) await served.open();
  const rest = served.context.connections();
  assertStrictEquals(rest.next().value, chat.all[0]!);
  assertStrictEquals(rest[Symbol.iterator](), rest);
  assertStrictEquals(rest.next().value, chat.all[1]!);
  const ended = served.context.destroy();
  assertEquals(rest.next().done, true);
  await served.pass(60_000);
  await ended;
});
