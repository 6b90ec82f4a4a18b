/**
 * `npm:ws` as it was until 2014: versions 8 and 13. Its server had version 0 as well, but for the runtimes of
 * then: its proof is a hash of strings, whose characters have become UTF-8 since.
 */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import OldWs from "npm:ws@0.4.32";
import { echoServer, Mailbox } from "../echo.ts";
import { hear, refuse, talkTo, VERSIONS } from "./conversation.ts";
import { answer, converse, type NpmClient, serving } from "./npm.ts";

type Socket = InstanceType<typeof OldWs>;
type Message = string | Uint8Array;

/** What it takes bytes for. */
const theirs = (message: Message) => typeof message === "string" ? message : Buffer.from(message);
const ours = (message: Message) => typeof message === "string" ? message : new Uint8Array(message);

function sendFragments(socket: Socket): void {
  const parts = ["Hel", "l", "o"];
  const pings = ["one", "two"];
  // It asks for the next part once the last has left.
  socket.stream({}, (error: Error | null, send: (part: string, isLast: boolean) => void) => {
    if (error) throw error;
    send(parts.shift()!, parts.length === 0);
    if (pings.length > 0) socket.ping(pings.shift());
  });
}

async function connect(
  port: number,
  protocolVersion: 8 | 13,
  protocol: string | undefined,
): Promise<NpmClient | number> {
  // Without this option its origin is the host alone, which is none.
  const origin = `http://127.0.0.1:${port}`;
  const socket = new OldWs(`ws://127.0.0.1:${port}/`, { protocolVersion, protocol, origin });
  const messages = new Mailbox<Message>();
  const pongs: string[] = [];
  socket.on("message", (message: Message) => messages.put(ours(message)));
  socket.on("pong", (payload: Uint8Array) => pongs.push(`${payload}`));
  const closed = new Promise<string>((resolve) => {
    socket.on("close", (code: number, reason: string) => resolve(`closed ${code} ${reason}`));
  });
  const status = await new Promise<number>((resolve, reject) => {
    socket.on("open", () => resolve(101));
    socket.on("error", reject);
    socket.on(
      "unexpected-response",
      (request: { abort(): void }, answer: { statusCode: number }) => {
        request.abort();
        resolve(answer.statusCode);
      },
    );
  });
  if (status !== 101) return status;
  return {
    protocol: socket.protocol,
    pongs,
    send: (message) => socket.send(theirs(message)),
    sendFragments: () => sendFragments(socket),
    receive: () => messages.take(),
    close: (code, reason) => socket.close(code, reason),
    closed,
  };
}

Deno.test("version 13: a client of npm:ws 0.4 talks to our server", async () => {
  await hear(13, (port) => converse(13, (protocol) => connect(port, 13, protocol)));
});

Deno.test("version 8: a client of npm:ws 0.4 is refused by a server of RFC 6455", async () => {
  await refuse(8, (port) => converse(8, (protocol) => connect(port, 8, protocol)));
});

// Section 5.1 of draft 08 wants a key of 16 bytes. That of version 13 has as many by chance, as its digits do.
Deno.test("version 8: a client of npm:ws 0.4 is refused, as its key has 15 bytes", async () => {
  await using server = echoServer([], { versions: VERSIONS });
  assertEquals(await connect(server.context.port, 8, undefined), 400);
});

for (const version of [8, 13] as const) {
  Deno.test(`version ${version}: our client talks to a server of npm:ws 0.4`, async () => {
    const server = createServer();
    const handleProtocols = (
      offered: string[],
      choose: (accepts: boolean, protocol?: string) => void,
    ) => choose(true, offered.includes("echo") ? "echo" : undefined);
    new OldWs.Server({ server, handleProtocols }).on("connection", (socket: Socket) => {
      const peer = {
        send: (message: Message) => socket.send(theirs(message)),
        sendFragments: () => sendFragments(socket),
        close: (code: number, reason: string) => socket.close(code, reason),
      };
      socket.on("message", (message: Message) => answer(peer, ours(message)));
    });
    await serving(
      server,
      (port) => talkTo(port, version, { choosesProtocol: true, sends: "fragments" }),
    );
  });
}
