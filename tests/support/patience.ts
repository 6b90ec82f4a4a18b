/**
 * Limits for tests on real sockets and in processes of their own, where the runtime's clock judges:
 * longer than a machine with too much to do takes. What a limit does is tested with a `FakeClock`.
 */

import type { Limits } from "../../mod.ts";

/** Spread into what makes a context on the runtime's own network. */
export const PATIENT = {
  headerTimeoutMs: 600_000,
  contentTimeoutMs: 600_000,
  sendTimeoutMs: 600_000,
  keepAliveTimeoutMs: 600_000,
  closeTimeoutMs: 600_000,
  clientTimeoutMs: 600_000,
} as const satisfies Partial<Limits>;

/** A server on loopback, at a free port. */
export const LOOPBACK = { port: 0, iface: "127.0.0.1", ...PATIENT } as const;
