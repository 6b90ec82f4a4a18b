/** What C calls ask of their arguments, which are refused by their C names. */

import type { Context } from "../../api/context.ts";
import type { PollFd } from "../../api/service.ts";
import type { Wsi } from "../../api/wsi.ts";
import { describeValue } from "../../base/check.ts";
import { LwsError } from "../../base/errors.ts";
import { isFace } from "../../base/face.ts";

/**
 * Refuses an argument; `attempt` makes a line in the log of it.
 *
 * @throws {LwsError} `invalid-argument`, always.
 */
export function refuse(argument: string, value: unknown, allowed: string): never {
  throw new LwsError(
    "invalid-argument",
    `${argument} is ${describeValue(value)}; allowed: ${allowed}`,
  );
}

/** `wsi`, which has to be a connection. */
export function theConnection(wsi: Wsi): Wsi {
  return hasMethod(wsi, "callbackOnWritable") ? wsi : refuse("wsi", wsi, "a connection");
}

/** `context`, which has to be one. */
export function theContext(context: Context | null | undefined): Context {
  return hasMethod(context, "callbackOnWritableAllProtocol")
    ? context as Context
    : refuse("context", context, "a context");
}

/** A number that has to be whole, from `least` to `most`. */
export function theWhole(
  argument: string,
  value: number,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const end = most === Number.MAX_SAFE_INTEGER ? "on" : `to ${most}`;
  return refuse(argument, value, `a whole number from ${least} ${end}`);
}

/** A value that has to be a text. */
export function theText(argument: string, value: string): string {
  return typeof value === "string" ? value : refuse(argument, value, "a string");
}

/** A value that has to be bytes. */
export function theBytes(argument: string, value: Uint8Array): Uint8Array {
  return value instanceof Uint8Array ? value : refuse(argument, value, "a Uint8Array");
}

/** A value that has to be an array. */
export function theList<T>(argument: string, value: readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : refuse(argument, value, "an array");
}

/** What has to be a box. */
export function theBox<T>(argument: string, value: Box<T>): Box<T> {
  return isObject(value) && "value" in value ? value : refuse(argument, value, "a box");
}

/** What has to be an entry of a poll array. */
export function thePollFd(pollfd: PollFd): PollFd {
  const isOne = isObject(pollfd) && Number.isInteger(pollfd.fd) && Number.isInteger(pollfd.revents);
  return isOne ? pollfd : refuse("pollfd", pollfd, "fd, events and revents, or null");
}

/** Whether it is what the library has handed out, and nothing that only looks so. */
function hasMethod(value: unknown, name: string): boolean {
  return isObject(value) && isFace(value) && name in value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** What a pointer to one value points to: an argument that a call sets or moves on. */
export interface Box<T> {
  /** What is pointed to. */
  value: T;
}
