/** What permessage-deflate is agreed to be, and how one sees on the wire that it is that. */

import { assert, assertEquals } from "@std/assert";
import type { PermessageDeflateOptions } from "../../../mod.ts";
import { LENGTHS } from "../echo.ts";
import type { WireConnection, WireDirection } from "../wiretap.ts";

/** One megabyte is enough for what is compressed. */
export const DEFLATE_LENGTHS = [...LENGTHS.slice(0, -1), 1024 * 1024];

/** The four parameters of RFC 7692 section 7.1. */
export type Agreement = Required<
  Pick<
    PermessageDeflateOptions,
    | "serverNoContextTakeover"
    | "clientNoContextTakeover"
    | "serverMaxWindowBits"
    | "clientMaxWindowBits"
  >
>;

/** By what they are called. */
export const AGREEMENTS: Readonly<Record<string, Agreement>> = {
  "no takeover": agreement(false, false, 15, 15),
  "takeover": agreement(true, true, 15, 15),
  "takeover by the server alone": agreement(true, false, 15, 15),
  "takeover by the client alone": agreement(false, true, 15, 15),
  "windows of 512 bytes": agreement(false, false, 9, 9),
  "takeover of windows of 512 bytes": agreement(true, true, 9, 9),
  "a small window on the server, takeover by the client": agreement(false, true, 9, 15),
};

function agreement(
  serverKeeps: boolean,
  clientKeeps: boolean,
  serverMaxWindowBits: number,
  clientMaxWindowBits: number,
): Agreement {
  return {
    serverNoContextTakeover: !serverKeeps,
    clientNoContextTakeover: !clientKeeps,
    serverMaxWindowBits,
    clientMaxWindowBits,
  };
}

/**
 * Words that come twice in a row, and then never again: they take from a third to two thirds when they
 * are compressed, at any level and with any window.
 */
function words(length: number): string {
  let text = "";
  for (let state = 1; text.length < length;) {
    let word = "";
    while (word.length < 8) {
      state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
      word += LETTERS[state >>> 26];
    }
    text += word + word;
  }
  return text.slice(0, length);
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** So short that a window of 512 bytes holds the one before, in spite of what zlib keeps free. */
const SAME = words(200);
/** So long that a window of 512 bytes has lost its beginning at its end. */
const ONCE = words(1_200);
const TWICE = ONCE + ONCE;

/**
 * What both sides say last. The second one is short if, and only if, the first is still in the window,
 * and the last takes twice as much as the one before if, and only if, the window is small.
 */
export const PROBES: readonly string[] = [SAME, SAME, ONCE, TWICE];

/** Checks one direction of a conversation that ended with the {@linkcode PROBES}. */
export function checkDirection(
  { messages }: WireDirection,
  { keeps, bits }: { keeps: boolean; bits: number },
): void {
  const probes = messages.slice(-PROBES.length);
  const text = JSON.stringify(probes);
  assert(probes.every(({ isCompressed }) => isCompressed), text);
  const [first, second, once, twice] = probes.map(({ bytes }) => bytes) as [
    number,
    number,
    number,
    number,
  ];
  assert(first > 60 && first < SAME.length, text);
  assertEquals(second < first / 2, keeps, text);
  assert(once < ONCE.length, text);
  assertEquals(twice < once * 1.7, bits === 15, text);
}

/** Checks both directions. */
export function checkWire(connection: WireConnection, agreed: Agreement): void {
  checkDirection(connection.fromClient, {
    keeps: !agreed.clientNoContextTakeover,
    bits: agreed.clientMaxWindowBits,
  });
  checkDirection(connection.fromServer, {
    keeps: !agreed.serverNoContextTakeover,
    bits: agreed.serverMaxWindowBits,
  });
}

/**
 * Checks that {@linkcode DEFLATE_LENGTHS} took far less than plain. The bytes repeat themselves at a
 * distance that is out of zlib's reach in a window of 512, so those don't help it there.
 */
export function checkSaving({ messages }: WireDirection): void {
  const sent = messages.reduce((sum, { bytes }) => sum + bytes, 0);
  const plain = DEFLATE_LENGTHS.reduce((sum, length) => sum + 2 * length, 0);
  assert(sent < plain * 0.6, `${sent} of ${plain} bytes`);
}

/** Checks that "Hello", sent in fragments after {@linkcode DEFLATE_LENGTHS}, was compressed as one. */
export function checkFragments({ messages }: WireDirection): void {
  const hello = messages.slice(2 * DEFLATE_LENGTHS.length).filter(({ frames }) =>
    frames === 3 || frames === 4
  );
  assert(hello.length > 0 && hello.every(({ isCompressed }) => isCompressed), "no fragments");
}

/** The parameters of an offer or answer, in the order of their names. */
export function paramsOf(extensions: string | undefined): string[] {
  const [name, ...params] = (extensions ?? "").split(";").map((part) => part.trim());
  assertEquals(name, "permessage-deflate");
  return params.toSorted();
}
