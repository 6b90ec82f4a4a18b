/** The kinds of `wsi.write`, for the check of what is none. */

import { refuseArgument } from "./arguments.ts";
import type { WriteKind } from "./wsi.ts";

const WRITE_KINDS: Record<WriteKind, true> = {
  text: true,
  binary: true,
  continuation: true,
  close: true,
  ping: true,
  pong: true,
  http: true,
  httpHeaders: true,
  httpFinal: true,
};

/**
 * The answer to a kind that does not fit the connection's state: −1.
 *
 * @throws {LwsError} `invalid-argument` when it is no kind at all
 */
export function unfitKind(kind: WriteKind | undefined): -1 {
  if (kind === undefined || Object.hasOwn(WRITE_KINDS, kind)) return -1;
  refuseArgument("write", "kind", kind, `one of ${Object.keys(WRITE_KINDS).join(", ")}`);
}
