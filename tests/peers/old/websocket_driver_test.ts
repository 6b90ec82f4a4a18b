/**
 * `npm:websocket-driver`, whose server speaks version 0 and 13, and until 0.6 all others from 7 on as well; and `npm:faye-websocket`, which is a socket around it. Their clients speak 13 alone.
 */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import faye from "npm:faye-websocket@0.11.4";
import older from "npm:websocket-driver@0.6.5";
import newer from "npm:websocket-driver@0.8.0";
import { Mailbox } from "../echo.ts";
import { hear, talkTo } from "./conversation.ts";
import { answer, converse, type NpmClient, type NpmPeer, serving } from "./npm.ts";

// deno-lint-ignore no-explicit-any -- the packages have no types
type Driver = any;
type Message = string | Uint8Array;

const ours = (message: Message) => typeof message === "string" ? message : new Uint8Array(message);

/** It has no fragments by itself; this is for the pings in between. */
function sendFragments(driver: Driver): void {
  const part = (opcode: number, text: string, final: boolean) => {
    const payload = Buffer.from(text);
    const masked = Boolean(driver._masking);
    const maskingKey = Buffer.from(crypto.getRandomValues(new Uint8Array(4)));
    const bits = { rsv1: false, rsv2: false, rsv3: false };
    driver._sendFrame({
      ...bits,
      final,
      opcode,
      masked,
      maskingKey,
      length: payload.length,
      payload,
    });
  };
  part(1, "Hel", false);
  driver.ping("one");
  part(0, "l", false);
  driver.ping("two");
  part(0, "o", true);
}

function peerOf(driver: Driver): NpmPeer {
  return {
    send: (message) =>
      typeof message === "string" ? driver.text(message) : driver.binary(Buffer.from(message)),
    // A server's driver hands its work to another one once it knows the version.
    sendFragments: () => sendFragments(driver._delegate ?? driver),
    close: (code, reason) => driver.close(reason, code),
  };
}

function serverOf(driverOf: () => Driver, versions: string[]) {
  return createServer((socket: Socket) => {
    const driver = driverOf();
    const peer = peerOf(driver);
    driver.on("connect", () => {
      // Of version 0 it leaves the subprotocol out, which the draft lets no client take (section 4.1).
      const isHixie = driver.version === "hixie-76";
      if (isHixie && driver.headers["sec-websocket-protocol"]) {
        driver.setHeader("Sec-WebSocket-Protocol", "echo");
      }
      driver.start();
    });
    driver.on("message", ({ data }: { data: Message }) => answer(peer, ours(data)));
    driver.on("close", () => {
      versions.push(driver.version);
      socket.end();
    });
    socket.pipe(driver.io);
    driver.io.pipe(socket);
  });
}

Deno.test("version 0: our client talks to a server of npm:websocket-driver", async () => {
  const versions: string[] = [];
  const server = serverOf(() => newer.server({ allowDrafts: true }), versions);
  await serving(server, (port) => talkTo(port, 0, { choosesProtocol: true, sends: "neither" }));
  assertEquals(versions, ["hixie-76", "hixie-76"]);
});

for (const version of [0, 7, 8, 13] as const) {
  Deno.test(`version ${version}: our client talks to a server of npm:websocket-driver 0.6`, async () => {
    const versions: string[] = [];
    const server = serverOf(() => older.server({ protocols: ["echo"] }), versions);
    const skills = {
      choosesProtocol: true,
      sends: version === 0 ? "neither" : "fragments",
    } as const;
    await serving(server, (port) => talkTo(port, version, skills));
    const name = version === 0 ? "hixie-76" : `hybi-${version}`;
    assertEquals(versions, [name, name]);
  });
}

Deno.test("version 13: our client talks to a server of npm:faye-websocket", async () => {
  const server = createHttpServer();
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
    const ws: Driver = new faye(request, socket, head, ["echo"]);
    const peer = { ...peerOf(ws._driver), close: ws.close.bind(ws) };
    ws.on("message", ({ data }: { data: Message }) => answer(peer, ours(data)));
  });
  const skills = { choosesProtocol: true, sends: "fragments" } as const;
  await serving(server, (port) => talkTo(port, 13, skills));
});

async function connectDriver(port: number, protocol: string | undefined): Promise<NpmClient> {
  const protocols = protocol === undefined ? [] : [protocol];
  const driver: Driver = newer.client(`ws://127.0.0.1:${port}/`, { protocols });
  const socket = connectTcp(port, "127.0.0.1", () => driver.start());
  socket.pipe(driver.io);
  driver.io.pipe(socket);
  return await clientOf(driver, driver, () => socket.end());
}

async function connectFaye(port: number, protocol: string | undefined): Promise<NpmClient> {
  const ws: Driver = new faye.Client(`ws://127.0.0.1:${port}/`, protocol);
  return await clientOf(ws, ws._driver, () => {});
}

/** A client of either package, which says the same of it. */
async function clientOf(events: Driver, driver: Driver, onClose: () => void): Promise<NpmClient> {
  const messages = new Mailbox<Message>();
  const pongs: string[] = [];
  events.on("message", ({ data }: { data: Message }) => messages.put(ours(data)));
  driver.on("pong", ({ data }: { data: string }) => pongs.push(data));
  const closed = new Promise<string>((resolve) => {
    events.on("close", ({ code, reason }: { code: number; reason: string }) => {
      onClose();
      resolve(`closed ${code} ${reason}`);
    });
  });
  await new Promise((resolve, reject) => {
    events.on("open", resolve);
    events.on("error", reject);
  });
  return {
    ...peerOf(driver),
    protocol: driver.protocol,
    pongs,
    receive: () => messages.take(),
    closed,
  };
}

for (const [name, connect] of [["driver", connectDriver], ["faye", connectFaye]] as const) {
  const which = name === "driver" ? "npm:websocket-driver" : "npm:faye-websocket";
  Deno.test(`version 13: a client of ${which} talks to our server`, async () => {
    await hear(13, (port) => converse(13, (protocol) => connect(port, protocol)));
  });
}
