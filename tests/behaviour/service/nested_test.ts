/** Callbacks that service other connections: each still hears its own bytes, and nobody else's. */

import { assert, assertEquals } from "@std/assert";
import type { Extension, PollFd, Protocol, Wsi } from "../../../mod.ts";
import {
  createContext,
  deflateFrame,
  deflateStream,
  permessageDeflate,
  xWebkitDeflateFrame,
} from "../../../mod.ts";
import { DEC15, type Face, MAR13, OCT12, rig } from "../../compat/support.ts";
import { flip } from "../../support/extensions.ts";
import { handshake, serve, settle, WebSocketPeer } from "../../support/serve.ts";
import { named } from "../../support/named.ts";

const LENGTH = 300_000;
const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false };

const STACKS: readonly [name: string, make: () => Extension[]][] = [
  ["no extension", () => []],
  ["permessage-deflate", () => [permessageDeflate()]],
  ["permessage-deflate with takeover", () => [permessageDeflate(TAKEOVER)]],
  ["deflate-frame", () => [deflateFrame()]],
  ["x-webkit-deflate-frame", () => [xWebkitDeflateFrame()]],
  ["deflate-stream", () => [deflateStream()]],
  ["a callback extension and permessage-deflate", () => [flip(), permessageDeflate()]],
  ["permessage-deflate and a callback extension", () => [permessageDeflate(), flip()]],
];

for (const [name, make] of STACKS) {
  for (const side of ["server", "client"] as const) {
    Deno.test(`a ${side} with ${name} that services others from within receive mixes no bytes`, async () => {
      const table: PollFd[] = [];
      const heard = new Map<Wsi, string>();
      const writers: Wsi[] = [];
      let depth = 0;
      let deepest = 0;
      const nest = () => {
        deepest = Math.max(deepest, depth);
        for (const each of [...table]) {
          driven.serviceFd({ ...each, revents: each.events });
        }
      };
      const externally: Protocol = {
        name: "x",
        rxBufferSize: 65_536,
        callback(wsi, reason, _user, data) {
          if (reason === "addPollFd") table.push({ ...data, revents: 0 });
          if (reason === "changeModePollFd") {
            table.find(({ fd }) => fd === data.fd)!.events = data.events;
          }
          if (reason === "delPollFd") table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
          if (reason !== "receive" && reason !== "clientReceive") return;
          depth++;
          nest();
          depth--;
          heard.set(wsi, (heard.get(wsi) ?? "") + new TextDecoder().decode(data));
          // What the others' callbacks wrote lies in nobody's way either.
          wsi.write(data.slice(0, 100), "text");
          return;
        },
      };
      const plain = named("x", {
        established: (wsi) => void writers.push(wsi),
        clientEstablished: (wsi) => void writers.push(wsi),
      });
      const isServer = side === "server";
      const external = { service: "external" as const, extensions: make() };
      const automatic = { extensions: make() };
      await using served = serve([isServer ? externally : plain], isServer ? external : automatic);
      const clients = served.client(
        [isServer ? plain : externally],
        isServer ? automatic : external,
      );
      const driven = isServer ? served.context : clients;
      for (let i = 0; i < 3; i++) clients.clientConnect({ address: "memory", port: 80 });
      const drive = async () => {
        await settle();
        nest();
      };
      while (writers.length < 3) await drive();
      for (let round = 0; round < 2; round++) {
        for (const [i, wsi] of writers.entries()) wsi.write("abc"[i]!.repeat(LENGTH));
        const total = () => [...heard.values()].reduce((sum, { length }) => sum + length, 0);
        while (total() < 3 * LENGTH * (round + 1)) await drive();
      }
      const texts = [...heard.values()].sort();
      assertEquals(texts.map((text) => [text.length, new Set(text).size]), [
        [2 * LENGTH, 1],
        [2 * LENGTH, 1],
        [2 * LENGTH, 1],
      ]);
      assert(deepest > 0);
      const ends = Promise.all([served.context.destroy(), clients.destroy()]);
      for (let i = 0; i < 20; i++) await drive();
      served.clock.advance(60_000);
      for (let i = 0; i < 20; i++) await drive();
      await ends;
    });
  }
}

const SERVICES: readonly [face: Face, name: string][] = [
  [OCT12, "service_fd"],
  [MAR13, "service_fd"],
  [DEC15, "service_fd"],
];

for (const [face, call] of SERVICES) {
  Deno.test(`${face.name}: service_fd from within RECEIVE mixes no bytes`, async () => {
    const heard = new Map<Wsi, string>();
    const fds = new Map<Wsi, number>();
    let deepest = 0;
    let depth = 0;
    const internal = face.has("get_internal_extensions")
      ? face.call("get_internal_extensions")
      : face.api.libwebsocket_internal_extensions;
    await using server = rig(face, {
      extensions: internal as never,
      protocols: [{
        name: "x",
        rx_buffer_size: 65_536,
        callback(wsi, reason, _user, input) {
          if (reason === "ESTABLISHED") fds.set(wsi, wsi.socketFd);
          if (reason !== "RECEIVE") return 0;
          depth++;
          deepest = Math.max(deepest, depth);
          for (const [other, fd] of fds) {
            if (other !== wsi) face.call(call, server.context, { fd, events: 5, revents: 5 });
          }
          depth--;
          heard.set(wsi, (heard.get(wsi) ?? "") + new TextDecoder().decode(input));
          return 0;
        },
      }],
    });
    const writers: Wsi[] = [];
    await using clients = createContext({
      port: -1,
      network: server.network,
      clock: server.clock,
      extensions: [
        deflateFrame({ serverNoContextTakeover: false, clientNoContextTakeover: false }),
      ],
      protocols: [named("x", { clientEstablished: (wsi) => void writers.push(wsi) })],
    });
    for (let i = 0; i < 3; i++) {
      clients.clientConnect({ address: "memory", port: server.context.port, protocol: "x" });
    }
    await server.until(() => writers.length === 3);
    for (const [i, wsi] of writers.entries()) wsi.write("abc"[i]!.repeat(LENGTH));
    await server.until(() =>
      [...heard.values()].reduce((sum, { length }) => sum + length, 0) >= 3 * LENGTH
    );
    const found = [...heard.values()].map((text) => [text.length, new Set(text).size]);
    assertEquals(found, [[LENGTH, 1], [LENGTH, 1], [LENGTH, 1]]);
    const end = clients.destroy();
    await server.settle();
    server.clock.advance(60_000);
    await end;
  });
}

Deno.test("a callback that stops, resumes and services its own connection hears each byte once", async () => {
  const table: PollFd[] = [];
  let heard = "";
  const serviceAll = () => {
    for (const each of [...table]) context.serviceFd({ ...each, revents: each.events });
  };
  const protocol: Protocol = {
    name: "x",
    rxBufferSize: 10,
    callback(wsi, reason, _user, data) {
      if (reason === "addPollFd") table.push({ ...data, revents: 0 });
      if (reason === "changeModePollFd") {
        table.find(({ fd }) => fd === data.fd)!.events = data.events;
      }
      if (reason === "delPollFd") table.splice(table.findIndex(({ fd }) => fd === data.fd), 1);
      if (reason !== "receive") return;
      wsi.rxFlowControl(false);
      wsi.rxFlowControl(true);
      serviceAll();
      heard += new TextDecoder().decode(data);
    },
  };
  await using served = serve([protocol], { service: "external" });
  const { context } = served;
  const peer = await served.dial(handshake());
  const drive = async () => {
    await settle();
    serviceAll();
  };
  for (let i = 0; i < 5; i++) await drive();
  const socket = new WebSocketPeer(peer, "");
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i} of fifty, `);
  socket.send(...texts.map((payload) => ({ opcode: 1, payload })));
  for (let i = 0; i < 300; i++) await drive();
  assertEquals(heard, texts.join(""));
  const end = context.destroy();
  for (let i = 0; i < 5; i++) await drive();
  served.clock.advance(60_000);
  for (let i = 0; i < 5; i++) await drive();
  await end;
});
