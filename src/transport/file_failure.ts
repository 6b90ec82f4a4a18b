/** A file that can't be opened: what the log says, and what the peer is answered. */

import { isOutOfDescriptors } from "../base/descriptors.ts";
import { describeFailure, line, log } from "../base/log.ts";

/** What says nothing of whether a file is there: the disk failed, or the system is short of memory. */
const FAILED: ReadonlySet<unknown> = new Set(["EIO", "ENOMEM", "ENOBUFS", "ESTALE", "ETIMEDOUT"]);

/**
 * Logs why a file can't be opened, and returns the status to answer with. What is not there is the
 * peer's matter; what the program can't open for want of a descriptor or of `--allow-read`, or as its
 * disk fails, is its own, of which the default log has a line.
 */
export function openFailure(path: string, error: unknown): 404 | 503 {
  const { code } = Object(error) as { code?: unknown };
  const status = isOutOfDescriptors(error) || FAILED.has(code) ? 503 : 404;
  const isHidden = error instanceof Error && error.name === "NotCapable";
  const why = isHidden ? "--allow-read does not cover it: " : "";
  const level = isHidden || status === 503 ? "warn" : "info";
  log(level, () => line`${path}: ${why}${describeFailure(error)}`);
  return status;
}
