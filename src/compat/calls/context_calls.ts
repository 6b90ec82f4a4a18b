/** Calls on a context that mean the same in every generation that has them. */

import type { Context } from "../../api/context.ts";
import type { PollFd } from "../../api/service.ts";
import type { Bytes } from "../../base/bytes.ts";
import { LwsError } from "../../base/errors.ts";
import { libraryVersion } from "../../base/version.ts";
import { type BlockingContext, isBlocking } from "./over_network.ts";
import { broadcastBySocket } from "./forked_broadcast.ts";
import { attempt, attemptSoon } from "../engine/attempt.ts";
import { userReason } from "../engine/callback.ts";
import {
  type Box,
  refuse,
  theBox,
  theContext,
  thePollFd,
  theText,
  theWhole,
} from "../engine/guards.ts";
import { bytesAt, copyCut } from "../engine/pointers.ts";
import { servedOf } from "../engine/served.ts";
import type { BroadcastFilledIn, FilledIn } from "../engine/structs.ts";

/** What creation was given as `user`; null for nothing. */
export function contextUser(context: Context): unknown {
  return attempt<unknown>("lws_context_user", null, () => theContext(context).user ?? null);
}

/** This host's own name, at most 127 characters; `unknown` when that is not permitted. */
export function canonicalHostname(context: Context): string {
  return attempt("lws_canonical_hostname", "unknown", () => theContext(context).canonicalHostname);
}

/**
 * Sets the proxy for client connections, `address:port`, before the first of them.
 *
 * @returns 0, or −1 and a line in the log.
 */
export function setProxy(context: Context, proxy: string): number {
  return attempt("lws_set_proxy", -1, () => theContext(context).setProxy(theText("proxy", proxy)));
}

/** The version, a blank and a hash: `0.1.0 178d78c`. */
export function libraryVersionText(): string {
  return libraryVersion;
}

/** Ends the wait of a service call, or of the next one. */
export function cancelService(context: Context | null): void {
  attempt("lws_cancel_service", undefined, () => theContext(context).cancelService());
}

/** `lws_service`, which blocks where the context says so. */
export interface Service {
  /**
   * Blocks until something was delivered, or for so long.
   *
   * @param timeout_ms Milliseconds to wait, 0 for not at all; negative: as long as it takes, as poll(2).
   * @returns 0, negative once the context is destroyed and for wrong arguments.
   */
  (context: BlockingContext, timeout_ms: number): number;
  /**
   * Delivers what is pending; when nothing is, waits for it.
   *
   * @returns A promise, in place of blocking: 0, negative once the context is destroyed and for wrong
   *   arguments, 1 without a context.
   */
  (context: Context | null, timeout_ms: number): Promise<number>;
}

/** As {@linkcode Service} says. */
export const service: Service = ((context: Context | null, timeout_ms: number) => {
  if (context === null) return Promise.resolve(1);
  const timeoutMs = () => {
    if (typeof timeout_ms !== "number" || Number.isNaN(timeout_ms)) {
      refuse("timeout_ms", timeout_ms, "a number");
    }
    return timeout_ms < 0 ? Infinity : timeout_ms;
  };
  return isBlocking(context)
    ? attempt("lws_service", -1, () => theContext(context).serviceSync(timeoutMs()))
    : attemptSoon("lws_service", -1, () => theContext(context).service(timeoutMs()));
}) as Service;

/**
 * Serves a descriptor that has something waiting, the listener's included. One of the context gets
 * `revents` 0; a foreign one stays as it is. Null only runs timeouts.
 *
 * @returns 0 when it was served or is foreign, 1 when that connection is gone, negative once the context
 *   is destroyed and for wrong arguments.
 */
export function serviceFd(context: Context, pollfd: PollFd | null): number {
  return attempt(
    "lws_service_fd",
    -1,
    () => theContext(context).serviceFd(pollfd === null ? null : thePollFd(pollfd)),
  );
}

/** Ends all connections, and the context with them. */
export async function destroy(context: Context | null): Promise<void> {
  if (context === null) return;
  await attemptSoon("lws_context_destroy", undefined, () => {
    const served = servedOf(theContext(context));
    for (const wsi of [...served?.connections ?? []]) {
      if (served!.generation.destroys === "withEmptyClose") wsi.close();
      if (served!.generation.destroys === "cut") context.hangupOnClient(wsi.socketFd);
    }
    return context.destroy();
  });
}

/** Fills in the name and the address of a peer, cut to their sizes; empty when they are not known. */
export function peerAddresses(
  call: string,
  context: () => Context | undefined,
  fd: number,
  name: Box<string>,
  name_len: number,
  rip: Box<string>,
  rip_len: number,
): void {
  attempt(call, undefined, () => {
    for (const box of [theBox("name", name), theBox("rip", rip)]) box.value = "";
    theWhole("fd", fd);
    theWhole("name_len", name_len);
    theWhole("rip_len", rip_len);
    const peer = context()?.peerAddresses(fd);
    copyCut(name, name_len, peer?.name ?? "");
    copyCut(rip, rip_len, peer?.ip ?? "");
  });
}

/** Asks for a writeable callback for every connection that uses the protocol now. Returns 0. */
export function callbackOnWritableAll(
  name: string,
  context: Context | undefined,
  protocol: object | null,
): number {
  return attempt(name, -1, () => {
    const ask = (own: Context, each: string) => own.callbackOnWritableAllProtocol(each);
    return forEachName(context, protocol, ask);
  });
}

/** Calls the protocol back for every connection that uses it now, before it returns. Returns 0. */
export function callbackAll(
  name: string,
  context: Context | undefined,
  protocol: object | null,
  reason: number,
): number {
  return attempt(name, -1, () => {
    theWhole("reason", reason);
    const call = (own: Context, each: string) => {
      return own.callbackAllProtocol(each, userReason(reason));
    };
    return forEachName(context, protocol, call);
  });
}

/** Resumes receiving for every connection that uses the protocol now. */
export function rxFlowAllowAll(
  name: string,
  context: Context | undefined,
  protocol: object | null,
): void {
  attempt<unknown>(name, undefined, () => {
    return forEachName(context, protocol, (own, each) => {
      own.rxFlowAllowAllProtocol(each);
      return 0;
    });
  });
}

/**
 * Calls the protocol back with `len` bytes at `buf` for every established connection to this server.
 * Returns 0; from another process the number of bytes that were taken.
 */
export function broadcast(
  protocol: BroadcastFilledIn,
  buf: Bytes | string,
  len: number,
): number {
  return attempt("libwebsockets_broadcast", -1, () => {
    const bytes = bytesAt(buf, len);
    const owner = ownerOf(protocol);
    if (owner === undefined) return broadcastBySocket(protocol, bytes);
    return forEachName(owner, protocol, (own, each) => own.broadcast(each, bytes));
  });
}

/** The context that serves a protocol, where its struct had `owning_server`. */
export function ownerOf(protocol: FilledIn | null): Context | undefined {
  return protocol?.owning_server ?? undefined;
}

/** Ends a connection by its descriptor, without a close frame; an unknown one is left alone. */
export function hangupOnClient(context: Context, fd: number): void {
  attempt<unknown>(
    "libwebsockets_hangup_on_client",
    undefined,
    () => theContext(context).hangupOnClient(theWhole("fd", fd)),
  );
}

/**
 * Goes through the main API's names of a protocol struct; returns the least of what the calls return.
 *
 * @param context Undefined when the struct had to know it, and does not.
 * @throws {LwsError} `invalid-argument` when it is none of the context's.
 */
function forEachName(
  context: Context | undefined,
  protocol: object | null,
  call: (context: Context, name: string) => number,
): number {
  const names = context === undefined ? [] : servedOf(theContext(context))?.namesOf(protocol) ?? [];
  if (names.length === 0) {
    throw new LwsError("invalid-argument", "protocol is none of a context's");
  }
  return Math.min(...names.map((each) => call(context!, each)));
}
