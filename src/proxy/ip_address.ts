/** IP addresses as text and as bytes, and ranges of them (RFC 4291, RFC 4632, RFC 5952). */

import { parseLength } from "../core/http/syntax.ts";

/** All addresses that begin with the same bits. */
export interface IpRange {
  /** 4 or 16 bytes, of which the first {@linkcode IpRange.prefixLength} bits count. */
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

/**
 * The 4 or 16 bytes of an address, or `undefined` when that is not what `text` is. As strict as
 * `inet_pton`: IPv4 has four decimal numbers without leading zeros, since others read those as
 * octal; IPv6 has no zone, which means nothing outside the machine that gave it.
 */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** An IP address as people give it. */
export interface IpLiteral {
  /** The address alone, as it was given. */
  readonly address: string;
  readonly isIpv6: boolean;
  /** What to connect to: the address, and its zone where that means something. */
  readonly host: string;
}

/** As in RFC 4007 section 11.2, without what could end a literal. */
const ZONE = /^[^%[\]\s]+$/;

/**
 * Reads an IP address as people give it; `undefined` when that is not what `text` is. IPv6 may be in
 * brackets, as `URL.hostname` has it, and may have a zone behind a percent sign (RFC 4007 section 11),
 * which in brackets may be escaped as `%25` (RFC 6874). Only addresses of one link need a zone; with
 * others it has no meaning, and systems don't take it.
 */
export function parseIpLiteral(text: string): IpLiteral | undefined {
  const isBracketed = text.startsWith("[") && text.endsWith("]");
  const inner = isBracketed ? text.slice(1, -1) : text;
  const percent = inner.indexOf("%");
  const address = percent < 0 ? inner : inner.slice(0, percent);
  const bytes = parseIp(address);
  if (bytes === undefined) return undefined;
  const isIpv6 = bytes.length === 16;
  if (!isIpv6 && (isBracketed || percent >= 0)) return undefined;
  if (percent < 0) return { address, isIpv6, host: address };
  const escape = isBracketed && inner.startsWith("%25", percent) ? 3 : 1;
  const zone = inner.slice(percent + escape);
  if (!ZONE.test(zone)) return undefined;
  const isOfLink = LINK_LOCAL.some((range) => isInRange(bytes, range));
  return { address, isIpv6, host: isOfLink ? `${address}%${zone}` : address };
}

/** The text of 4 or 16 bytes, one text for each address (RFC 5952 sections 4 and 5). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMappedIpv4(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! << 8 | bytes[2 * i + 1]!).toString(16),
  );
  const [start, length] = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/**
 * Whose an address is, as far as can be told: of IPv6 the first 64 bits, as a host has all addresses of them (RFC 4291
 * section 2.5.4), whatever its zone; IPv4 is IPv4, if it is mapped to IPv6 or not, and what is no address stays as it is.
 */
export function networkOf(address: string): string {
  const zone = address.indexOf("%");
  const bytes = parseIp(zone < 0 ? address : address.slice(0, zone));
  if (bytes?.length !== 16) return address;
  if (isMappedIpv4(bytes)) return bytes.subarray(12).join(".");
  return formatIp(bytes.fill(0, 8));
}

/**
 * Reads `address/prefix`, or an address alone for just that one. Bits behind the prefix don't count.
 */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf("/");
  const bytes = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bits = bytes.length * 8;
  if (slash < 0) return { bytes, prefixLength: bits };
  const digits = text.slice(slash + 1);
  const prefixLength = parseLength(digits);
  if (prefixLength < 0 || prefixLength > bits || digits.length > 3) return undefined;
  return { bytes, prefixLength };
}

/**
 * Whether the range has the address. An IPv4 address and the same one mapped to IPv6 (`::ffff:…`, as
 * a socket for both versions has it) are one address, for a range of either form.
 */
export function isInRange(address: Uint8Array, range: IpRange): boolean {
  const isMapped = range.prefixLength >= 96 && isMappedIpv4(range.bytes);
  const start = isMapped ? range.bytes.subarray(12) : range.bytes;
  const prefixLength = isMapped ? range.prefixLength - 96 : range.prefixLength;
  const bytes = isMappedIpv4(address) && start.length === 4 ? address.subarray(12) : address;
  if (bytes.length !== start.length) return false;
  const whole = prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== start[i]) return false;
  const rest = prefixLength & 7;
  return rest === 0 || (bytes[whole]! ^ start[whole]!) >> (8 - rest) === 0;
}

const GROUP = /^[0-9a-f]{1,4}$/i;

const LINK_LOCAL: readonly IpRange[] = [parseIpRange("fe80::/10")!, parseIpRange("ff02::/16")!];
const LOOPBACK: readonly IpRange[] = [parseIpRange("127.0.0.0/8")!, parseIpRange("::1")!];

/** Whether a host is this machine for certain: a loopback address, or a name that RFC 6761 keeps. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const bytes = parseIp(parseIpLiteral(name)?.address ?? "");
  return bytes !== undefined && LOOPBACK.some((range) => isInRange(bytes, range));
}

function isMappedIpv4(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  return bytes.subarray(0, 10).every((byte) => byte === 0);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    const value = parseLength(part);
    if (value < 0 || value > 255 || String(value) !== part) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

/** RFC 4291 section 2.2. */
function parseIpv6(text: string): Uint8Array | undefined {
  const gap = text.indexOf("::");
  if (gap < 0) {
    const groups = parseGroups(text, true);
    return groups?.length === 16 ? Uint8Array.from(groups) : undefined;
  }
  const front = parseGroups(text.slice(0, gap), false);
  const back = parseGroups(text.slice(gap + 2), true);
  // The gap stands for one group of zeros at least.
  if (front === undefined || back === undefined || front.length + back.length > 14) {
    return undefined;
  }
  const bytes = new Uint8Array(16);
  bytes.set(front);
  bytes.set(back, 16 - back.length);
  return bytes;
}

/** The bytes of groups with colons between; the last may be an IPv4 address where that is the end. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  const bytes: number[] = [];
  if (text === "") return bytes;
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = isEnd && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

/** Where the first of the longest runs of zeros starts, and how many groups it has. */
function longestZeros(groups: readonly string[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === "0") end++;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}
