/** C extensions as extensions of the main API. */

import type { Context } from "../../api/context.ts";
import type { Extension, ExtensionToken } from "../../api/extension.ts";
import type { Wsi } from "../../api/wsi.ts";
import type { AnyCallback, Generation } from "../engine/generation.ts";
import { numberFrom } from "../engine/results.ts";
import type { ExtensionMembers, ExtensionStruct, lws_tokens } from "../engine/structs.ts";
import { callbackExtension } from "../../extensions/callback_extension.ts";
import { plainDeflateFrame } from "../../extensions/deflate_frame.ts";
import { deflateStream } from "../../extensions/deflate_stream.ts";

/** An extension struct of any generation, or an extension of the main API. */
export type AnyExtensionStruct = ExtensionStruct<AnyCallback>;

/** The library's own, for a context each: they are closed with it. */
const makers = new WeakMap<object, (name: string) => Extension>();

/** What was built in from 2013 on. */
export const INTERNAL_FRAME_EXTENSIONS: ExtensionMembers<never>[] = [
  internal("deflate-frame", plainDeflateFrame),
  internal("x-webkit-deflate-frame", plainDeflateFrame),
  { name: null, callback: null, per_session_data_size: 0 },
];

/** What was built in before. */
export const INTERNAL_STREAM_EXTENSIONS: ExtensionMembers<never>[] = [
  internal("deflate-stream", () => deflateStream()),
  { name: null, callback: null, per_session_data_size: 0 },
];

/** The extension of the main API behind a struct. */
export function extensionOf(generation: Generation, struct: AnyExtensionStruct): Extension {
  if ("accept" in struct) return struct;
  const make = makers.get(struct);
  if (make !== undefined) return make(struct.name as string);
  const { name, callback, per_session_data_size: size = 0, per_context_private_data } = struct;
  return callbackExtension({
    name: name as string,
    callback: ((...args: ExtensionArguments) => call(generation, struct, callback!, args)) as never,
    // C gave no area of no bytes, but null.
    ...(size === 0 ? {} : { perSessionData: size }),
    perContextPrivateData: per_context_private_data,
  });
}

function internal(name: string, make: (name: string) => Extension): ExtensionMembers<never> {
  // C programs compare names and pass the structs on; they never call these.
  const struct = { name, callback: make as never, per_session_data_size: 0 };
  makers.set(struct, make);
  return struct;
}

type ExtensionArguments = [
  context: Context,
  extension: unknown,
  wsi: Wsi | undefined,
  reason: string,
  user: unknown,
  data: ExtensionToken | string | undefined,
];

/** Calls a C extension; what it makes of its tokens goes back. */
function call(
  generation: Generation,
  struct: AnyExtensionStruct,
  callback: AnyCallback,
  [context, , wsi, reason, user, data]: ExtensionArguments,
): number {
  const number = generation.extensionReasons.number(reason);
  if (number === undefined) return 0;
  const isToken = typeof data === "object";
  const tokens: lws_tokens<Uint8Array> | undefined = isToken
    ? { token: data.token, token_len: data.tokenLength }
    : undefined;
  const given = tokens ?? data ?? null;
  const result = callback(context, struct, wsi ?? null, number, user ?? null, given, 0);
  if (isToken) {
    data.token = tokens!.token;
    data.tokenLength = tokens!.token_len;
  }
  return numberFrom(result, struct, generation, "LWS_EXT_CALLBACK_", number);
}
