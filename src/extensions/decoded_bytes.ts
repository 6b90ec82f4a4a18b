/** Checks how many bytes a session says it has decoded. */

import { ExtensionFailure, type ExtensionSession } from "../api/extension.ts";
import { describeValue } from "../base/check.ts";
import { log } from "../base/log.ts";
import { DeflateSession } from "./deflate_session.ts";

/**
 * Has a session fill `target`, and tells how far it did.
 *
 * @throws {ExtensionFailure} when that is no number of bytes which `target` has; it is logged.
 * @throws {Error} as `ExtensionSession.read`.
 */
export function readDecoded(session: ExtensionSession, target: Uint8Array): number {
  const count: unknown = session.read(target);
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= target.length) {
    return count as number;
  }
  const text = `read of an extension returned ${describeValue(count)}; ` +
    `allowed: a whole number from 0 to ${target.length}, the length of what it was given`;
  log("err", text);
  throw new ExtensionFailure(text);
}

/**
 * A buffer that other connections have used before, for a session to decode to. One that is not known to
 * fill all that it says it did gets an empty one: what a peer has announced is soon mistaken for what has
 * come.
 */
export function readyFor(session: ExtensionSession, buffer: Uint8Array): Uint8Array {
  return session instanceof DeflateSession ? buffer : buffer.fill(0);
}
