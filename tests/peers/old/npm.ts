/** What clients and servers of npm's packages say in the conversation, each by its own means. */

import { assertEquals } from "@std/assert";
import type { AddressInfo, Server, Socket } from "node:net";
import { assertSame } from "../echo.ts";
import { messagesOf } from "./conversation.ts";

/** A connection of such a client. */
export interface NpmClient {
  /** The subprotocol that was chosen, or nothing. */
  readonly protocol: string | null | undefined;
  /** The payloads of the pongs that came. */
  readonly pongs: readonly string[];
  send(message: string | Uint8Array): void;
  /** Sends "Hello" in fragments with the pings "one" and "two" in between. */
  sendFragments(): void;
  receive(): Promise<string | Uint8Array>;
  close(code: number, reason: string): void;
  /** How it has ended, as a line. */
  readonly closed: Promise<string>;
}

/** Connects, and offers a subprotocol; the status of the answer where that is no handshake. */
export type Connect = (protocol: string | undefined) => Promise<NpmClient | number>;

/** Talks to our echo server, and resolves to how both connections ended, or what it was refused with. */
export async function converse(version: 8 | 13, connect: Connect): Promise<string> {
  const client = await connect("echo");
  if (typeof client === "number") return `refused ${client}\n`;
  assertEquals(client.protocol, "echo");
  for (const message of messagesOf(version)) {
    client.send(message);
    assertSame(await client.receive(), message);
  }
  client.sendFragments();
  assertSame(await client.receive(), "Hello");
  assertEquals(client.pongs, ["one", "two"]);
  client.send("fragments");
  assertSame(await client.receive(), "Hello");
  client.close(3001, "done");
  const ended = await client.closed;

  const other = await connect(undefined);
  if (typeof other === "number") throw new Error(`refused with ${other}`);
  other.send("close 4001 bye");
  return `${ended}\n${await other.closed}\n`;
}

/** A connection of such a server. */
export interface NpmPeer {
  send(message: string | Uint8Array): void;
  sendFragments(): void;
  close(code: number, reason: string): void;
}

/** Sends a message back, or does what it says. */
export function answer(peer: NpmPeer, message: string | Uint8Array): void {
  const close = typeof message === "string" && /^close (\d+) (.*)$/.exec(message);
  if (close) peer.close(Number(close[1]), close[2]!);
  else if (message === "fragments") peer.sendFragments();
  else peer.send(message);
}

/** Lets a server listen at a free port of this machine while a conversation lasts. */
export async function serving(
  server: Server,
  talk: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await talk((server.address() as AddressInfo).port);
  } catch (error) {
    // Else it would be waited for what went wrong to end.
    for (const socket of sockets) socket.destroy();
    throw error;
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
