/**
 * The two halves of a conversation in a version of the protocol before RFC 6455: what tests/peers/echo.ts
 * says, as far as the version has it.
 */

import { assertEquals } from "@std/assert";
import type { ClientConnectInfo, CloseInfo, WireVersion } from "../../../mod.ts";
import { assertSame, bytesOf, connectTo, type EchoClient, echoServer, textOf } from "../echo.ts";

/** All versions, the oldest first. */
export const VERSIONS: readonly WireVersion[] = ["hixie-75", 0, 4, 5, 6, 7, 8, 13];

/** What our client speaks of them. */
export type ClientVersion = Exclude<ClientConnectInfo["version"], undefined | -1>;

/** On both sides of where the length field grows; the foreign programs' scripts have the same. */
const LENGTHS = [0, 125, 126, 65_535, 65_536];

/** How long a conversation may take, in milliseconds; a peer that waits for us would wait for ever. */
const DEADLINE_MS = 60_000;

async function inTime(conversation: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const why = `the conversation hangs: it takes more than ${DEADLINE_MS} ms`;
  const timer = setTimeout(() => late.reject(new Error(why)), DEADLINE_MS);
  try {
    await Promise.race([conversation, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is nothing but text: no binary messages, no fragments, no pings. */
export function isTextOnly(version: WireVersion): boolean {
  return version === "hixie-75" || version === 0;
}

/** How a connection has ended that one end closed with this code and reason, where it could say so. */
function closedBy(
  cause: "self" | "peer",
  version: WireVersion,
  code: number,
  reason: string,
): CloseInfo {
  const hasCode = !isTextOnly(version) && version !== 4 && version !== 5;
  return { ...hasCode ? { code, reason } : { code: 1005, reason: "" }, wasClean: true, cause };
}

/**
 * Has a foreign client talk to a server of ours that speaks all versions: echoes, fragments with pings in
 * between both ways, and both ends beginning the closing handshake, the client first.
 *
 * @param talk runs the client against a port, and resolves to how its two connections ended, a line each
 * @param answer the code and the reason of its own close frame where our server has sent 4001 "bye"
 */
export function hear(
  version: WireVersion,
  talk: (port: number) => Promise<string>,
  answer: readonly [number, string] = [4001, "bye"],
): Promise<void> {
  return inTime(hearAll(version, talk, answer));
}

async function hearAll(
  version: WireVersion,
  talk: (port: number) => Promise<string>,
  answer: readonly [number, string],
): Promise<void> {
  await using server = echoServer([], { versions: VERSIONS });
  const printed = await talk(server.context.port);
  assertEquals(printed, endings(version));
  assertEquals(await server.nextClose(), closedBy("peer", version, 3001, "done"));
  assertEquals(await server.nextClose(), closedBy("self", version, ...answer));
  const controls = isTextOnly(version) ? [] : ["one", "two"];
  assertEquals(server.pings, controls);
  assertEquals(server.pongs, controls);
}

/** What a foreign client says of a closing handshake that it began, and of one that our server began. */
function endings(version: WireVersion): string {
  switch (version) {
    case "hixie-75":
      return "ended\nended\n";
    case 0:
    case 4:
      return "closed\nclosed\n";
    case 5:
      // Section 4.5.1 of draft 05: a letter says which side has sent it.
      return "closed S\nclosed S\n";
    default:
      return "closed 3001 done\nclosed 4001 bye\n";
  }
}

/**
 * Has a foreign client come to a server of ours as it is without options, which speaks RFC 6455 alone.
 *
 * @param talk runs the client against a port, and resolves to the status that it was refused with
 */
export async function refuse(
  version: WireVersion,
  talk: (port: number) => Promise<string>,
): Promise<void> {
  await using server = echoServer();
  const hasNumber = version !== "hixie-75" && version !== 0;
  assertEquals(await talk(server.context.port), `refused ${hasNumber ? 426 : 400}\n`);
}

/** What a foreign server can do beside echoes. */
export interface Skills {
  /** Whether it chooses one of our subprotocols, which is "echo". */
  readonly choosesProtocol: boolean;
  /** Whether it sends pings, and whether in fragments. */
  readonly sends: "fragments" | "pings" | "neither";
  /** How many frames of a message it puts together. */
  readonly fragments?: 2 | 3;
  /** How the connection ends that it was told to close, where that is not by the version's means. */
  readonly ending?: CloseInfo;
}

/** Has our client talk to a foreign server: the other half of {@linkcode hear}. */
export function talkTo(port: number, version: ClientVersion, skills: Skills): Promise<void> {
  return inTime(sayAll(port, version, skills));
}

async function sayAll(
  port: number,
  version: ClientVersion,
  { choosesProtocol, sends, fragments = 3, ending }: Skills,
): Promise<void> {
  // Draft 00 has a request name one, and no list.
  const offered = version === 0 ? ["echo"] : ["other", "echo"];
  await using client = await connectTo(port, offered, [], {}, { version });
  const { wsi, pings, pongs } = client;
  assertEquals(wsi.wireVersion, version);
  assertEquals(wsi.protocol.name, choosesProtocol ? "echo" : offered[0]);
  for (const message of messagesOf(version)) {
    wsi.write(message, typeof message === "string" ? "text" : "binary");
    assertSame(await client.receive(), message);
  }
  sendFragments(client, fragments, !isTextOnly(version));
  assertSame(await client.receive(), "Hello");
  if (!isTextOnly(version)) {
    assertEquals(pongs, ["one", "two"]);
    if (sends !== "neither") {
      wsi.write("fragments");
      assertSame(await client.receive(), "Hello");
      assertEquals(pings, ["one", "two"]);
    }
  }
  wsi.close(3001, "done");
  assertEquals((await client.closed).wasClean, true);

  await using other = await connectTo(port, [], [], {}, { version });
  other.wsi.write("close 4001 bye");
  assertEquals(await other.closed, ending ?? closedBy("peer", version, 4001, "bye"));
}

/** Messages of every length that the protocol knows, text and binary in turn where it has both. */
export function* messagesOf(version: WireVersion): Generator<string | Uint8Array<ArrayBuffer>> {
  for (const length of LENGTHS) {
    yield textOf(length);
    if (!isTextOnly(version)) yield bytesOf(length);
  }
}

/** A message in parts, which make one frame where a version has no fragments. */
function sendFragments({ wsi }: EchoClient, count: 2 | 3, hasPings: boolean): void {
  wsi.write("Hel", "text", { fin: false });
  if (hasPings) wsi.write("one", "ping");
  if (count === 3) wsi.write("l", "continuation", { fin: false });
  if (hasPings) wsi.write("two", "ping");
  wsi.write(count === 3 ? "o" : "lo", "continuation");
}
