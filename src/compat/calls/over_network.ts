/** Contexts over a network whose descriptors are real, by which service calls block as in C. */

import type { Context } from "../../api/context.ts";
import type { Network } from "../../api/network.ts";
import { hostInUse, useHost } from "./creation.ts";
import { attempt } from "../engine/attempt.ts";
import { refuse } from "../engine/guards.ts";

/**
 * A context whose service calls block the thread, and return a number: see {@linkcode overNetwork}. A program's own
 * variable for it needs this type: by one of `lws_context` the compiler takes what they return for a promise.
 */
export interface BlockingContext extends Context {
  /** Tells it from other contexts. */
  readonly blocks: true;
}

/**
 * Has a creation call make its context over a network with real descriptors, such as `epollNetwork()` of
 * `@x/lws/epoll`. Then a C main loop runs as it is: `while (n >= 0) n = lws_service(context, 50)` blocks the
 * thread, in all generations. Meanwhile the runtime does nothing: its timers, promises and signal listeners go on
 * when the program awaits something, such as `await context.service(0)`, and so do names to connect to and files of
 * more than 64 KiB. `poll` sees the program's own descriptors beside those of the context.
 *
 * With `epollNetwork({ tls: "openssl" })` TLS is OpenSSL's, of servers and of clients: it goes on while the thread is
 * blocked, takes `ssl_cipher_list`, and has OpenSSL's pointers for the callbacks. Any other TLS needs the runtime:
 * `lws_service` of a blocking context returns −1 then, and the log says why.
 *
 * @param create Calls the creation function, such as `() => lws_create_context(info)`.
 * @param blocks Whether service calls block. With `false` they return promises as ever, and any network will do.
 *   Default: `true`.
 * @returns What that returned, or null and a line in the log for a network without such descriptors.
 */
export function overNetwork(
  network: Network,
  create: () => Context | null,
  blocks?: true,
): BlockingContext | null;
/** As above, of a context that doesn't block. */
export function overNetwork<Made extends Context | null | undefined>(
  network: Network,
  create: () => Made,
  blocks: false,
): Made | null;
export function overNetwork(
  network: Network,
  create: () => Context | null,
  blocks = true,
): Context | null {
  return attempt<Context | null>("overNetwork", null, () => {
    if (typeof network !== "object" || network === null) refuse("network", network, "a network");
    if (blocks && typeof network.polled !== "function") {
      refuse("network", network, "one with real descriptors, such as epollNetwork()");
    }
    if (typeof create !== "function") refuse("create", create, "a function");
    if (typeof blocks !== "boolean") refuse("blocks", blocks, "true or false");
    const before = hostInUse();
    useHost({ ...before, network });
    try {
      const context = create();
      return blocks && context ? Object.assign(context, { blocks: true } as const) : context;
    } finally {
      useHost(before);
    }
  });
}

/** Whether service calls for a context block. */
export function isBlocking(context: Context): context is BlockingContext {
  return (context as Partial<BlockingContext> | null | undefined)?.blocks === true;
}
