/** What connections and the files that they are sent may have of the descriptors of the process. */

import { descriptorLimit } from "../../transport/machine.ts";

/** For connections, where none is expected to hold a file. */
const CONNECTIONS_ALONE = 0.8;
/** Where each may hold one, which is a descriptor more. */
const CONNECTIONS_WITH_FILES = 0.4;
/** What connections and files leave, for brokers and what else the program opens. */
const KEPT_FREE = 0.1;

/** The places of a context by default; undefined where the descriptors can't be told. */
export function defaultConnections(servesFiles: boolean): number | undefined {
  const descriptors = descriptorLimit();
  if (descriptors === undefined) return undefined;
  const share = servesFiles ? CONNECTIONS_WITH_FILES : CONNECTIONS_ALONE;
  return Math.max(1, Math.floor(descriptors * share));
}

/**
 * The files that a context may have open at once. A program may serve files from its callbacks, which no
 * option tells, and may have given a number of connections that leaves none: a tenth it has in any case.
 */
export function mostOpenFiles(
  maxConnections: number,
  descriptors: number | undefined = descriptorLimit(),
): number {
  if (descriptors === undefined) return Infinity;
  const left = Math.floor(descriptors * (1 - KEPT_FREE)) - maxConnections;
  return Math.max(1, Math.floor(descriptors * KEPT_FREE), left);
}
