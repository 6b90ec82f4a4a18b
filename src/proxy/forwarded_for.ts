/** Which address of `X-Forwarded-For` is the client's, by the proxies that are trusted. */

import type { TrustProxy } from "../api/creation_info.ts";
import { parseLength, trimBlanks } from "../core/http/syntax.ts";
import { formatIp, type IpRange, isInRange, parseIp, parseIpRange } from "./ip_address.ts";

/** The option {@linkcode TrustProxy}, read; made by {@linkcode readProxyTrust}. */
export interface ProxyTrust {
  /** Whether the proxy so many hops from the socket (0 is the socket's peer) is believed. */
  isTrusted(address: string, hop: number): boolean;
}

/** How a peer without an address, that of a unix socket, is written in a list. */
const UNIX_PEER = "unix:";
/** No request goes through so many. */
const MOST_HOPS = 64;

/**
 * Reads what proxies to trust.
 *
 * @throws {RangeError} for a number that is no whole number from 0 up, or an entry that is neither an
 *   address nor a range; the message says which.
 */
export function readProxyTrust(trust: TrustProxy): ProxyTrust {
  if (typeof trust === "boolean") return { isTrusted: () => trust };
  if (typeof trust === "number") {
    if (!Number.isSafeInteger(trust) || trust < 0) {
      throw new RangeError(`${trust} is no number of proxies; it must be a whole number from 0`);
    }
    return { isTrusted: (_address, hop) => hop < trust };
  }
  const ranges: IpRange[] = [];
  let trustsUnix = false;
  for (const entry of trust) {
    const range = parseIpRange(entry);
    if (range !== undefined) ranges.push(range);
    else if (entry === UNIX_PEER) trustsUnix = true;
    else {
      throw new RangeError(
        `${JSON.stringify(entry)} is neither an IP address nor a range such as 10.0.0.0/8`,
      );
    }
  }
  return {
    isTrusted(address) {
      const bytes = parseIp(address);
      if (bytes === undefined) return trustsUnix && address === "";
      return ranges.some((range) => isInRange(bytes, range));
    },
  };
}

/**
 * The address of the client: from the socket on, each trusted proxy is believed about the peer in front of
 * it, and the first address that is not a trusted proxy's is the client's. Where all are trusted it is
 * the leftmost.
 *
 * What stands further left comes from an untrusted peer, and isn't looked at. Where a trusted proxy has
 * written no address (`unknown`, a name, garbage), or more than 64 are trusted, the socket's own one stands.
 *
 * @param socketAddress the socket's peer, as text; empty for a unix socket
 * @param forwarded the values of `X-Forwarded-For`, in the order in which they came
 */
export function forwardedAddress(
  socketAddress: string,
  forwarded: string | readonly string[] | undefined,
  trust: ProxyTrust,
): string {
  if (forwarded === undefined || !trust.isTrusted(socketAddress, 0)) return socketAddress;
  const list = typeof forwarded === "string" ? forwarded : forwarded.join(",");
  let address = socketAddress;
  let hop = 0;
  let end = list.length;
  // From the right, and by commas alone: a quotation mark that a client sent must not swallow what
  // the proxy wrote behind it. Elements without an address are no hops, however many a client sent.
  while (end >= 0) {
    // A last index of −1 would look at the first character.
    const comma = end === 0 ? -1 : list.lastIndexOf(",", end - 1);
    const element = trimBlanks(list.slice(comma + 1, end));
    end = comma;
    if (element === "") continue;
    const read = hop > MOST_HOPS ? undefined : readAddress(element);
    if (read === undefined) return socketAddress;
    address = read;
    if (!trust.isTrusted(address, ++hop)) break;
  }
  return address;
}

/** An element with or without a port, and for IPv6 with or without brackets; in its one form. */
function readAddress(element: string): string | undefined {
  const parts = /^\[([^\]]*)\](?::([0-9]+))?$/.exec(element) ??
    /^([0-9.]+)(?::([0-9]+))?$/.exec(element) ??
    /^([0-9a-f:.]+)$/i.exec(element);
  if (parts === null) return undefined;
  const [, host, port] = parts;
  if (port !== undefined && parseLength(port) > 65_535) return undefined;
  if (element.startsWith("[") && !host!.includes(":")) return undefined;
  const bytes = parseIp(host!);
  return bytes === undefined ? undefined : formatIp(bytes);
}
