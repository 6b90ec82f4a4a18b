/** The addresses of a network interface, to listen on or to connect from. */

import { isIP } from "node:net";
import { describeValue } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { runtime } from "../base/runtime/runtime.ts";

/** What is read of an interface's address. */
export interface InterfaceAddress {
  /** Such as `eth0`. */
  readonly name: string;
  readonly family: "IPv4" | "IPv6";
  readonly address: string;
}

/** How interfaces are read. */
export interface InterfaceOptions {
  /** Whether IPv6 is left alone. */
  readonly disableIpv6?: boolean | undefined;
  /** Where interfaces are listed; the system's by default, `undefined` when that is not permitted. */
  readonly list?: () => readonly InterfaceAddress[] | undefined;
}

/**
 * The addresses of an interface, at least one: IPv4 first, then IPv6 of any reach, and last
 * link-local ones, which have the interface as scope behind a `%`. An IP address is itself.
 *
 * A name needs `--allow-sys=networkInterfaces`; without it there is an error, and no prompt.
 *
 * @param iface a name such as `eth0`, or an IP address
 * @throws {LwsError} `invalid-option` when there is no such interface, or it has no address that
 *   may be used; `permission-denied` when interfaces may not be listed.
 */
export function interfaceAddresses(iface: string, options: InterfaceOptions = {}): string[] {
  const { disableIpv6 = false, list = systemInterfaces } = options;
  const family = isIP(iface);
  if (family === 6 && disableIpv6) {
    throw new LwsError("invalid-option", `${iface} is IPv6, which disableIpv6 turns off`);
  }
  if (family !== 0) return [iface];
  const all = list();
  if (all === undefined) {
    throw new LwsError(
      "permission-denied",
      `may not look up the interface ${
        describeValue(iface)
      }; run with --allow-sys=networkInterfaces, or give an IP address`,
    );
  }
  const own = all.filter(({ name }) => name === iface);
  if (own.length === 0) {
    const names = [...new Set(all.map(({ name }) => name))].join(", ");
    throw new LwsError(
      "invalid-option",
      `no interface ${describeValue(iface)}; there are: ${names}`,
    );
  }
  const usable = own.filter((each) => !(disableIpv6 && each.family === "IPv6"));
  if (usable.length === 0) {
    throw new LwsError(
      "invalid-option",
      `the interface "${iface}" has no IPv4 address, and disableIpv6 turns off the others`,
    );
  }
  return usable.sort((a, b) => rank(a) - rank(b)).map(withScope);
}

/**
 * The one of an interface's addresses to connect to an IP address from: the first of the same kind, and
 * of the same zone where that has one.
 *
 * @throws {LwsError} `invalid-option` when none is of that kind.
 */
export function sourceAddress(addresses: readonly string[], target: string): string {
  const ofKind = addresses.filter((each) => isIP(each) === isIP(target));
  const [, zone] = target.split("%");
  const source = ofKind.find((each) => zone === undefined || each.endsWith(`%${zone}`));
  if (source !== undefined) return source;
  const why = ofKind.length === 0
    ? "one is IPv4, the other IPv6"
    : `the interface must be ${zone} itself`;
  throw new LwsError(
    "invalid-option",
    `there is no way from ${addresses.join(", ")} to ${target}: ${why}`,
  );
}

function systemInterfaces(): readonly InterfaceAddress[] | undefined {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  if (runtime.permissions.querySync(permission).state !== "granted") return undefined;
  return runtime.networkInterfaces();
}

function rank({ family, address }: InterfaceAddress): number {
  if (family === "IPv4") return 0;
  return isLinkLocal(address) ? 2 : 1;
}

/** RFC 4291 section 2.5.6: fe80::/10. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

/** Every link has the same link-local range: the address alone doesn't say where (RFC 4007). */
function withScope({ name, address }: InterfaceAddress): string {
  return isLinkLocal(address) && !address.includes("%") ? `${address}%${name}` : address;
}
