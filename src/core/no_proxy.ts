/** The hosts that are connected to without a proxy, as `no_proxy` lists them. */

import { type IpRange, isInRange, parseIp, parseIpRange } from "./ip_address.ts";
import { parseLength } from "./http_syntax.ts";

interface Entry {
  /** A name with all below it, or `undefined` where `range` is the entry. */
  readonly name: string | undefined;
  readonly range: IpRange | undefined;
  /** `undefined` for every port. */
  readonly port: number | undefined;
}

/** A predicate: whether a host is connected to directly. */
export type NoProxy = (host: string, port: number) => boolean;

/**
 * Reads a list with commas or blanks between. An entry is
 *
 * - `*`, every host;
 * - `example.com`, `.example.com` or `*.example.com`: that name and all below it;
 * - an address, `10.1.2.3` or `::1`, or a range, `10.0.0.0/8`: hosts that are given as an address
 *   (names aren't looked up for that);
 * - any of these, IPv6 in brackets, with a port behind a colon: that port alone.
 *
 * What is none of them names no host, and is passed over: the list is shared with other programs, and
 * each knows forms of its own.
 */
export function readNoProxy(list: string): NoProxy {
  const entries: Entry[] = [];
  for (const text of list.split(/[\s,]+/)) {
    if (text === "*") return () => true;
    const entry = readEntry(text.toLowerCase());
    if (entry !== undefined) entries.push(entry);
  }
  return (host, port) => {
    const name = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const address = parseIp(name);
    return entries.some((entry) =>
      (entry.port === undefined || entry.port === port) &&
      (entry.range === undefined
        ? address === undefined && isBelow(name, entry.name!)
        : address !== undefined && isInRange(address, entry.range))
    );
  };
}

function readEntry(text: string): Entry | undefined {
  const range = parseIpRange(text);
  if (range !== undefined) return { name: undefined, range, port: undefined };
  const [, host = "", portText] = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? undefined : parseLength(portText);
  if (host === "" || (port ?? 1) === 0 || (port ?? 1) > 65_535) return undefined;
  if (host[0] === "[") {
    const bracketed = parseIpRange(host.slice(1, -1));
    return bracketed && { name: undefined, range: bracketed, port };
  }
  const unbracketed = parseIpRange(host);
  if (unbracketed !== undefined) return { name: undefined, range: unbracketed, port };
  const name = host.replace(/^\*?\./, "").replace(/\.$/, "");
  if (name === "" || /[*/]/.test(name)) return undefined;
  return { name, range: undefined, port };
}

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}
