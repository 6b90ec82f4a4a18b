/** Calls under the names that they had before all names began with `lws_`. */

import {
  isFinalFragment,
  remainingPacketPayload,
  reservedBits,
  rxFlowControl,
  socketFd,
} from "./connection_calls.ts";
import type { Context } from "../../api/context.ts";
import {
  canonicalHostname,
  contextUser,
  destroy,
  type Service,
  service,
  serviceFd,
} from "./context_calls.ts";
import { fillRandom, sha1 } from "./utilities.ts";
import { under } from "../engine/attempt.ts";

/** Whether the frame in hand is its message's last one: 1, or 0. */
export const libwebsocket_is_final_fragment: typeof isFinalFragment = under(
  "libwebsocket_is_final_fragment",
  isFinalFragment,
);

/** RSV1 to RSV3 of the frame in hand, from 0 to 7. */
export const libwebsocket_get_reserved_bits: typeof reservedBits = under(
  "libwebsocket_get_reserved_bits",
  reservedBits,
);

/** Bytes of the frame in hand that come after this piece; 0 with its last piece. */
export const libwebsockets_remaining_packet_payload: typeof remainingPacketPayload = under(
  "libwebsockets_remaining_packet_payload",
  remainingPacketPayload,
);

/** The descriptor: a number that no other connection of the context has; −1 for no connection. */
export const libwebsocket_get_socket_fd: typeof socketFd = under(
  "libwebsocket_get_socket_fd",
  socketFd,
);

/** Stops receiving with 0, and resumes with 1. Returns 0, or −1 for wrong arguments. */
export const libwebsocket_rx_flow_control: typeof rxFlowControl = under(
  "libwebsocket_rx_flow_control",
  rxFlowControl,
);

/** What creation was given as `user`; null for nothing. */
export const libwebsocket_context_user: typeof contextUser = under(
  "libwebsocket_context_user",
  contextUser,
);

/** This host's own name, at most 127 characters; `unknown` when that is not permitted. */
export const libwebsocket_canonical_hostname: typeof canonicalHostname = under(
  "libwebsocket_canonical_hostname",
  canonicalHostname,
);

/**
 * Delivers what is pending; when nothing is, waits for it, `timeout_ms` milliseconds at most, and with
 * a negative one as long as it takes. A promise, in place of blocking, unless the context is one of
 * `overNetwork`: 0, negative once the context is destroyed and for wrong arguments, 1 without a context.
 */
export const libwebsocket_service: Service = under(
  "libwebsocket_service",
  service as (context: Context | null, timeout_ms: number) => Promise<number>,
) as Service;

/**
 * Serves a descriptor that has something waiting, and sets its `revents` to 0; null only runs
 * timeouts. 0 when it was served or is foreign, 1 when that connection is gone, negative once the
 * context is destroyed and for wrong arguments.
 */
export const libwebsocket_service_fd: typeof serviceFd = under(
  "libwebsocket_service_fd",
  serviceFd,
);

/** Ends all connections, and the context with them. */
export const libwebsocket_context_destroy: typeof destroy = under(
  "libwebsocket_context_destroy",
  destroy,
);

/** Fills `len` bytes at `buf` with random ones. Returns `len`, or −1 for wrong arguments. */
export const libwebsockets_get_random: typeof fillRandom = under(
  "libwebsockets_get_random",
  fillRandom,
);

/** Puts the SHA-1 of `n` bytes at `d` into the 20 bytes at `md`, which it returns. */
export const libwebsockets_SHA1: typeof sha1 = under("libwebsockets_SHA1", sha1);
