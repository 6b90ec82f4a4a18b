/** Whether the system has descriptors left for this process. */

import { runtime } from "./runtime/runtime.ts";

/** open(2): no descriptor is left in the process, or in the system. */
const OUT_OF_DESCRIPTORS: readonly unknown[] = ["EMFILE", "ENFILE"];

/** Whether something failed for want of a descriptor, itself or by its cause. */
export function isOutOfDescriptors(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return OUT_OF_DESCRIPTORS.includes((error as { code?: unknown }).code) ||
    isOutOfDescriptors(error.cause);
}

/**
 * Whether there is one left. It takes some 10 µs, and no permission: on Linux the runtime reads a file
 * for this answer, and says 0 when it can't be opened.
 */
export function hasDescriptor(): boolean {
  return runtime.memoryUsage().rss > 0;
}
