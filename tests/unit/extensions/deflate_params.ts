/** Options and parameters of permessage-deflate, all that there are. */

import { assert, assertEquals } from "@std/assert";
import type { ExtensionOffer } from "../../../src/core/websocket/extension_header.ts";
import { parseExtensions } from "../../../src/core/websocket/extension_header.ts";
import {
  acceptOffer,
  type PermessageDeflateOptions,
  type PermessageDeflateParams,
} from "../../../src/extensions/permessage_deflate_params.ts";

export type CheckedOptions = Required<PermessageDeflateOptions>;

export const DEFAULTS: CheckedOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  level: 1,
  memLevel: 8,
  threshold: 1024,
  maxInflationRatio: Infinity,
};

/** Options that ask the peer for nothing. */
export const UNDEMANDING: CheckedOptions = {
  ...DEFAULTS,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

export const SERVER_TAKEOVER = "; server_no_context_takeover";

export const CLIENT_TAKEOVER = "; client_no_context_takeover";

export const serverBits = (bits: number | string) => `; server_max_window_bits=${bits}`;

export const clientBits = (bits: number | string) => `; client_max_window_bits=${bits}`;

/** What an option of window bits may be. */
export const OPTION_BITS = [9, 10, 11, 12, 13, 14, 15];

export const BOTH = [false, true];

/** All options that are negotiated, with whether windows can be kept. */
export function* allOptions(): Generator<[CheckedOptions, boolean]> {
  for (const serverNoContextTakeover of BOTH) {
    for (const clientNoContextTakeover of BOTH) {
      for (const serverMaxWindowBits of OPTION_BITS) {
        for (const clientMaxWindowBits of OPTION_BITS) {
          const options = {
            ...DEFAULTS,
            serverNoContextTakeover,
            clientNoContextTakeover,
            serverMaxWindowBits,
            clientMaxWindowBits,
          };
          yield [options, true];
          yield [options, false];
        }
      }
    }
  }
}

export function parse(value: string): readonly ExtensionOffer[] {
  const offers = parseExtensions(value);
  assert(offers !== undefined, value);
  return offers;
}

export function accept(
  value: string,
  options = UNDEMANDING,
  canTakeover = true,
): string | undefined {
  return acceptOffer(parse(value), options, canTakeover)?.answer;
}

/** The same in one short text, which is compared much faster than an object. */
export function summary(params: PermessageDeflateParams): string {
  const server = (params.serverNoContextTakeover ? "forgets " : "keeps ") +
    params.serverMaxWindowBits;
  const client = (params.clientNoContextTakeover ? "forgets " : "keeps ") +
    params.clientMaxWindowBits;
  return `server ${server}, client ${client}`;
}

export function assertSame(actual: unknown, expected: unknown, ...context: unknown[]): void {
  if (actual !== expected) assertEquals(actual, expected, JSON.stringify(context));
}

/** The message of what a call throws; `undefined` when it throws nothing. */
export function faultOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    assert(error instanceof Error && error.constructor === Error);
    return error.message;
  }
}
