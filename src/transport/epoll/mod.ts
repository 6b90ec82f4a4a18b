/**
 * A network that calls the C library itself: sockets, `epoll`, and nothing of the runtime's between. It is
 * faster than the runtime's own sockets, and its descriptors are real.
 *
 * Linux on x86-64 and arm64; needs `--allow-ffi`, without a list of libraries behind it. With that permission a program may do all that its user may: what else it is denied no longer keeps it from anything.
 *
 * @module
 */

import type { Network } from "../../api/network.ts";
import { refuseArgument } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { LwsError } from "../../base/errors.ts";
import { mayOpenLibc, openLibc } from "./libc.ts";
import { EpollNetwork } from "./network.ts";
import { opensslStack } from "./openssl/stack.ts";
import { bringTlsStack } from "../../tls/stack.ts";

/**
 * How {@linkcode epollNetwork} waits.
 *
 * @category Networks and clocks
 */
export interface EpollOptions {
  /**
   * How long a wait for the next bytes may block the thread, in milliseconds, while there is traffic: it spares
   * the way to another thread and back, and puts off whatever else the program does. 0 to 10; 0 never
   * blocks.
   *
   * Default: 1.
   */
  readonly busyWaitMs?: number;
  /**
   * What makes TLS of connections, of both sides: what the runtime has, or the system's OpenSSL 3, which is
   * faster and takes `sslCipherList`, `sslTls13Ciphers`, `sslMinVersion`, `sslMaxVersion` and `sslGroups`. It
   * opens `libssl.so.3` and `libcrypto.so.3`.
   *
   * Default: `"runtime"`.
   */
  readonly tls?: "runtime" | "openssl";
}

/** Above this other work would feel it. */
const LONGEST_BUSY_WAIT_MS = 10;

/**
 * A network over the C library's sockets, for `createContext({ network })`. Contexts may share one.
 *
 * @throws {LwsError} `unsupported` elsewhere than on Linux on x86-64 or arm64, or where there is no C library;
 *   and with `tls: "openssl"` without OpenSSL 3; `permission-denied` without `--allow-ffi`; `invalid-argument` for a
 *   wrong `busyWaitMs` or `tls`, and for what is no option.
 *
 * @example
 * ```ts
 * import { createContext } from "@x/lws";
 * import { epollNetwork, isEpollAvailable } from "@x/lws/epoll";
 *
 * function serve(port: number) {
 *   return createContext({
 *     port,
 *     protocols: [{ name: "echo", callback: () => 0 }],
 *     ...isEpollAvailable() && { network: epollNetwork() },
 *   });
 * }
 * ```
 *
 * @category Networks and clocks
 */
export function epollNetwork(options: EpollOptions = {}): Network {
  const { busyWaitMs = 1, tls = "runtime", ...others } = options;
  for (const name of Object.keys(others)) {
    const hint = didYouMean(name, ["busyWaitMs", "tls"]);
    throw new LwsError("invalid-argument", `${name} is no option of epollNetwork${hint}`);
  }
  if (!Number.isInteger(busyWaitMs) || busyWaitMs < 0 || busyWaitMs > LONGEST_BUSY_WAIT_MS) {
    refuseArgument(
      "epollNetwork",
      "busyWaitMs",
      busyWaitMs,
      `a whole number from 0 to ${LONGEST_BUSY_WAIT_MS}`,
    );
  }
  if (tls !== "runtime" && tls !== "openssl") {
    refuseArgument("epollNetwork", "tls", tls, '"runtime" or "openssl"');
  }
  const network = new EpollNetwork(openLibc(), busyWaitMs);
  if (tls === "openssl") bringTlsStack(network, opensslStack());
  return network;
}

// The library stays open for as long as the program runs. One that is opened in a test would look like a
// resource that the test has left.
isEpollAvailable();

/**
 * Whether {@linkcode epollNetwork} works here: the system and the architecture are known, and the
 * permission is granted. It never prompts.
 *
 * @category Networks and clocks
 */
export function isEpollAvailable(): boolean {
  if (!mayOpenLibc()) return false;
  try {
    openLibc();
    return true;
  } catch (error) {
    if (error instanceof LwsError) return false;
    throw error;
  }
}
