/** `npm:websocket`, which speaks versions 8 and 13 both ways. */

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import websocket from "npm:websocket@1.0.35";
import { Mailbox } from "../echo.ts";
import { hear, refuse, talkTo } from "./conversation.ts";
import { answer, converse, type NpmClient, type NpmPeer, serving } from "./npm.ts";

// deno-lint-ignore no-explicit-any -- the package has no types
type Connection = any;

interface Received {
  readonly type: "utf8" | "binary";
  readonly utf8Data: string;
  readonly binaryData: Uint8Array;
}

/** Its own limit of five seconds is no part of the tests. */
const PATIENT = { closeTimeout: 600_000 };

const TEXT = 1;
const CONTINUATION = 0;

function ours({ type, utf8Data, binaryData }: Received): string | Uint8Array {
  return type === "utf8" ? utf8Data : new Uint8Array(binaryData);
}

/** It fragments what is longer than 16 KiB by itself; this is for the pings in between. */
function sendFragment(connection: Connection, opcode: number, text: string, fin: boolean): void {
  const frame = new websocket.frame(
    connection.maskBytes,
    connection.frameHeader,
    connection.config,
  );
  Object.assign(frame, { opcode, fin, binaryPayload: Buffer.from(text) });
  connection.sendFrame(frame);
}

function peerOf(connection: Connection): NpmPeer {
  return {
    send: (message) =>
      typeof message === "string"
        ? connection.sendUTF(message)
        : connection.sendBytes(Buffer.from(message)),
    sendFragments() {
      sendFragment(connection, TEXT, "Hel", false);
      connection.ping("one");
      sendFragment(connection, CONTINUATION, "l", false);
      connection.ping("two");
      sendFragment(connection, CONTINUATION, "o", true);
    },
    close: (code, reason) => connection.close(code, reason),
  };
}

async function connect(
  port: number,
  webSocketVersion: 8 | 13,
  protocol: string | undefined,
): Promise<NpmClient | number> {
  const client = new websocket.client({ webSocketVersion, ...PATIENT });
  const answered = Promise.withResolvers<Connection | number>();
  client.on("connect", answered.resolve);
  client.on("connectFailed", answered.reject);
  client.on("httpResponse", (answer: { statusCode: number; resume(): void }) => {
    answer.resume();
    answered.resolve(answer.statusCode);
  });
  client.connect(`ws://127.0.0.1:${port}/`, protocol);
  const connection = await answered.promise;
  if (typeof connection === "number") return connection;
  const messages = new Mailbox<string | Uint8Array>();
  const pongs: string[] = [];
  connection.on("message", (message: Received) => messages.put(ours(message)));
  connection.on("pong", (payload: Uint8Array) => pongs.push(`${payload}`));
  return {
    ...peerOf(connection),
    protocol: connection.protocol,
    pongs,
    receive: () => messages.take(),
    closed: new Promise((resolve) => {
      connection.on("close", (code: number, reason: string) => resolve(`closed ${code} ${reason}`));
    }),
  };
}

for (const version of [8, 13] as const) {
  Deno.test(`version ${version}: a client of npm:websocket talks to our server`, async () => {
    const talk = (port: number) =>
      converse(version, (protocol) => connect(port, version, protocol));
    // It answers every close frame with 1000.
    await hear(version, talk, [1000, ""]);
  });

  Deno.test(`version ${version}: our client talks to a server of npm:websocket`, async () => {
    const httpServer = createServer();
    const server = new websocket.server({ httpServer, ...PATIENT });
    server.on("request", (request: Connection) => {
      const protocol = request.requestedProtocols.find((name: string) => name === "echo");
      const connection = request.accept(protocol, request.origin);
      const peer = peerOf(connection);
      connection.on("message", (message: Received) => answer(peer, ours(message)));
    });
    await serving(httpServer, (port) => {
      return talkTo(port, version, { choosesProtocol: true, sends: "fragments" });
    });
  });
}

Deno.test("version 8: a client of npm:websocket is refused", async () => {
  await refuse(8, (port) => converse(8, (protocol) => connect(port, 8, protocol)));
});
