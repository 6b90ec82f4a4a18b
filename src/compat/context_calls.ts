/** Calls on a context that mean the same in every generation that has them. */

import type { Context } from "../context.ts";
import { libraryVersion } from "../version.ts";
import type { PollFd } from "../service/polling.ts";
import { attempt } from "./attempt.ts";
import { userReason } from "./callback.ts";
import { type Box, copyCut } from "./pointers.ts";
import { servedOf } from "./served.ts";

/** What creation was given as `user`; null for nothing. */
export function contextUser(context: Context): unknown {
  return context.user ?? null;
}

/** This host's own name, at most 127 characters; `unknown` when that is not permitted. */
export function canonicalHostname(context: Context): string {
  return context.canonicalHostname;
}

/**
 * Sets the proxy for client connections, `address:port`, before the first of them.
 *
 * @returns 0, or −1 and a line in the log.
 */
export function setProxy(context: Context, proxy: string): number {
  return attempt("lws_set_proxy", -1, () => context.setProxy(proxy));
}

/** The version, a blank and a hash: `0.1.0 178d78c`. */
export function libraryVersionText(): string {
  return libraryVersion;
}

/** Ends the wait of a service call, or of the next one. */
export function cancelService(context: Context): void {
  context.cancelService();
}

/**
 * Delivers what is pending; when nothing is, waits for it.
 *
 * @param timeout_ms Milliseconds to wait, 0 for not at all; negative: as long as it takes, as poll(2).
 * @returns A promise, in place of blocking: 0, negative once the context is destroyed, 1 without a
 *   context.
 */
export function service(context: Context | null, timeout_ms: number): Promise<number> {
  if (context === null) return Promise.resolve(1);
  return context.service(timeout_ms < 0 ? Infinity : timeout_ms);
}

/**
 * Serves a descriptor that has something waiting, the listener's included. One of the context gets
 * `revents` 0; a foreign one stays as it is. Null only runs timeouts.
 *
 * @returns 0 when it was served or is foreign, 1 when that connection is gone, negative once the context
 *   is destroyed.
 */
export function serviceFd(context: Context, pollfd: PollFd | null): number {
  return context.serviceFd(pollfd);
}

/** Ends all connections, and the context with them. */
export async function destroy(context: Context | null): Promise<void> {
  if (context === null) return;
  const served = servedOf(context);
  for (const wsi of [...served?.connections ?? []]) {
    if (served!.generation.destroys === "withEmptyClose") wsi.close();
    if (served!.generation.destroys === "cut") context.hangupOnClient(wsi.socketFd);
  }
  await context.destroy();
}

/** Fills in the name and the address of a peer, cut to their sizes; empty when they are not known. */
export function peerAddresses(
  context: Context | undefined,
  fd: number,
  name: Box<string>,
  name_len: number,
  rip: Box<string>,
  rip_len: number,
): void {
  const peer = context?.peerAddresses(fd);
  copyCut(name, name_len, peer?.name ?? "");
  copyCut(rip, rip_len, peer?.ip ?? "");
}

/** Asks for a writeable callback for every connection that uses the protocol now. Returns 0. */
export function callbackOnWritableAll(name: string, context: unknown, protocol: object): number {
  const own = ownProtocol(context, protocol);
  if (own === undefined) return notServed(name);
  return own.context.callbackOnWritableAllProtocol(own.name);
}

/** Calls the protocol back for every connection that uses it now, before it returns. Returns 0. */
export function callbackAll(
  name: string,
  context: unknown,
  protocol: object,
  reason: number,
): number {
  const own = ownProtocol(context, protocol);
  if (own === undefined) return notServed(name);
  return own.context.callbackAllProtocol(own.name, userReason(reason));
}

/** Resumes receiving for every connection that uses the protocol now. */
export function rxFlowAllowAll(name: string, context: unknown, protocol: object): void {
  const own = ownProtocol(context, protocol);
  if (own === undefined) return void notServed(name);
  own.context.rxFlowAllowAllProtocol(own.name);
}

/** Calls the protocol back with data for every established connection to this server. Returns 0. */
export function broadcast(
  name: string,
  context: unknown,
  protocol: object,
  data: Uint8Array,
): number {
  const own = ownProtocol(context, protocol);
  if (own === undefined) return notServed(name);
  return own.context.broadcast(own.name, data);
}

/** The main API's name of a protocol struct. */
function ownProtocol(
  context: unknown,
  protocol: object,
): { context: Context; name: string } | undefined {
  const name = servedOf(context as Context)?.nameOf(protocol);
  return name === undefined ? undefined : { context: context as Context, name };
}

function notServed(name: string): number {
  return attempt(name, -1, () => {
    throw new TypeError("protocol is none of a context's");
  });
}

/** Ends a connection by its descriptor, without a close frame; an unknown one is left alone. */
export function hangupOnClient(context: Context, fd: number): void {
  context.hangupOnClient(fd);
}
