/** What the operating system says of this host, as far as it may be asked. Never prompts. */

/** What stands where a name is not known, or may not be. */
export const UNKNOWN_HOST = "unknown";

/** The longest name that is given, as in the C library. */
const MAX_HOST_NAME = 127;

/** This host's name; `"unknown"` when there is none, or without `--allow-sys=hostname`. */
export function hostName(): string {
  try {
    const permission = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
    if (permission.state !== "granted") return UNKNOWN_HOST;
    return Deno.hostname().slice(0, MAX_HOST_NAME) || UNKNOWN_HOST;
  } catch {
    return UNKNOWN_HOST;
  }
}

/**
 * The name of an address by the hosts file or the DNS; empty when it has none, or without
 * `--allow-net` for the address.
 */
export async function reverseLookup(ip: string): Promise<string> {
  try {
    const host = ip.includes(":") ? `[${ip}]` : ip;
    const permission = Deno.permissions.querySync({ name: "net", host });
    if (permission.state !== "granted") return "";
    // Loaded by the first who asks: most programs never do.
    const { lookupService } = await import("node:dns/promises");
    return (await lookupService(ip, 0)).hostname;
  } catch {
    return "";
  }
}
