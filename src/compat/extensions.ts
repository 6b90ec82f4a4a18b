/** C extensions as extensions of the main API. */

import { LwsError } from "../errors.ts";
import { deflateFrame, xWebkitDeflateFrame } from "../extensions/deflate_frame.ts";
import { deflateStream } from "../extensions/deflate_stream.ts";
import type { Extension } from "../extensions/extension.ts";
import type { AnyCallback, Generation } from "./generation.ts";
import type { ExtensionMembers, ExtensionStruct } from "./structs.ts";

/** An extension struct of any generation, or an extension of the main API. */
export type AnyExtensionStruct = ExtensionStruct<AnyCallback>;

/** The library's own, for a context each: they are closed with it. */
const makers = new WeakMap<object, () => Extension>();

function internal(name: string, make: () => Extension): ExtensionMembers<never> {
  // C programs compare names and pass the structs on; they never call these.
  const struct = { name, callback: make as never, per_session_data_size: 0 };
  makers.set(struct, make);
  return struct;
}

/** What was built in from 2013 on. */
export const INTERNAL_FRAME_EXTENSIONS: ExtensionMembers<never>[] = [
  internal("deflate-frame", deflateFrame),
  internal("x-webkit-deflate-frame", xWebkitDeflateFrame),
  { name: null, callback: null, per_session_data_size: 0 },
];

/** What was built in before. */
export const INTERNAL_STREAM_EXTENSIONS: ExtensionMembers<never>[] = [
  internal("deflate-stream", deflateStream),
  { name: null, callback: null, per_session_data_size: 0 },
];

/** The extension of the main API behind a struct. */
export function extensionOf(_generation: Generation, struct: AnyExtensionStruct): Extension {
  if ("accept" in struct) return struct;
  const make = makers.get(struct);
  if (make !== undefined) return make();
  throw new LwsError("invalid-option", `extension ${struct.name}: callbacks are no extensions yet`);
}
