/** Callback extensions that do what a test says, and a protocol that watches. */

import {
  type CallbackExtension,
  callbackExtension,
  type ExtensionCallbackArguments,
  type ExtensionReason,
  type ExtensionToken,
  handlers,
  type Wsi,
} from "../../../mod.ts";
import { named } from "../../support/named.ts";

const encoder = new TextEncoder();

const decoder = new TextDecoder();

export const NAME = "x-test";

export const OFFER = { headers: [`Sec-WebSocket-Extensions: ${NAME}`] };

export type Methods = Partial<
  {
    [R in ExtensionReason]: (
      data: Extract<ExtensionCallbackArguments<unknown>, { 3: R }>[5],
      wsi: Wsi,
      user: unknown,
    ) => number | void;
  }
>;

/** An extension that does what its methods say. */
export function doing(methods: Methods, name = NAME): CallbackExtension {
  return callbackExtension({
    name,
    callback: (_context, _extension, wsi, reason, user, data) =>
      (methods[reason] as ((...args: unknown[]) => number | void) | undefined)?.(data, wsi, user),
  });
}

/** A protocol that writes down the codes of its closes, and hands out its last connection. */
export function watched(more: Parameters<typeof handlers>[0] = {}) {
  const closes: number[] = [];
  const got: (string | Uint8Array)[] = [];
  const all: Wsi[] = [];
  const protocol = named("watched", {
    established: (wsi) => void all.push(wsi),
    message: (_wsi, _user, message) => void got.push(message),
    closed: (_wsi, _user, { code }) => void closes.push(code),
    ...more,
  });
  return { protocol, closes, got, all, wsi: () => all.at(-1)! };
}

export const put = (token: ExtensionToken, bytes: Uint8Array | string | null) => {
  token.token = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
  token.tokenLength = token.token?.length ?? 0;
};

export const textOf = (token: ExtensionToken) =>
  token.token === null ? null : decoder.decode(token.token.subarray(0, token.tokenLength));
