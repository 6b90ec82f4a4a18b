/** Which node of a Redis Cluster has which slots, as nodes tell. */

import type { Reply } from "../server/connection.ts";
import { SLOTS } from "./slots.ts";

/** A node's address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Of each slot the primary that has it; undefined for none. */
export type Owners = readonly (Address | undefined)[];

/**
 * Reads an answer of CLUSTER SLOTS.
 *
 * @param asked the host that was asked, for which nodes that know no name of their own say nothing
 */
export function readOwners(reply: Reply, asked: string): Owners {
  const owners: (Address | undefined)[] = new Array(SLOTS).fill(undefined);
  for (const range of reply as Reply[]) {
    const [from, to, primary] = range as [number, number, Reply[]];
    const [host, port] = primary as [string | null, number];
    const address = { host: host === null || host === "" ? asked : host, port };
    for (let slot = from; slot <= to; slot++) owners[slot] = address;
  }
  return owners;
}

/** One text for one node. */
export function nameOf({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What an error says of where a slot is; undefined for another error. */
export function readRedirection(
  message: string,
  asked: string,
): { readonly kind: "MOVED" | "ASK"; readonly address: Address } | undefined {
  const found = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(message);
  if (found === null) return undefined;
  const [, kind, host, port] = found;
  return {
    kind: kind as "MOVED" | "ASK",
    address: { host: host === "" ? asked : host!, port: Number(port) },
  };
}
