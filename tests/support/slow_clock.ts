/**
 * Preloaded into programs that are run as they stand, with the limits that they have: for their contexts
 * a second takes twenty, so that a machine with too much to do keeps those limits.
 */

import { systemClock } from "../../src/service/clock.ts";

const FACTOR = 20;
const { now, setTimer } = systemClock;
Object.assign(systemClock, {
  now: () => now() / FACTOR,
  setTimer: (callback: () => void, delayMs: number) => setTimer(callback, delayMs * FACTOR),
});
