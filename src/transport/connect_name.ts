/** Connecting by TCP from addresses of this machine, or by IPv4 alone: what the runtime can't. */

import { isIP } from "node:net";
import type { NetworkTarget, StreamConn } from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import { interleaved, raceAddresses, type RaceOptions } from "./happy_eyeballs.ts";
import { sourceAddress } from "./interfaces.ts";
import { connectByNode } from "./node_stream.ts";

/** What of the system is asked, for tests to put something else there. */
export interface NameSystem<Connection> extends Pick<RaceOptions<Connection>, "after"> {
  /** The addresses that a name has, in the order of the system. */
  resolve(name: string, port: number): Promise<readonly string[]>;
  /** Whether an address may be connected to; a name may be where its addresses may not. */
  mayConnect(address: string, port: number): boolean;
  /** Connects to an IP address. */
  dial(
    address: string,
    port: number,
    source: string | undefined,
    signal: AbortSignal,
  ): Promise<Connection>;
  /** Connects to the first address of a name that is of the family. */
  dialName(
    name: string,
    port: number,
    source: string | undefined,
    family: 0 | 4 | 6,
    signal: AbortSignal,
  ): Promise<Connection>;
}

/**
 * Connects, to a name at each of its addresses that will do, in the order and at the pace of RFC 8305.
 * Where the name may be connected to and its addresses may not (`--allow-net=name`), the first one is
 * tried alone, as the runtime then doesn't tell which are the name's.
 *
 * Rejects as {@linkcode Network.connect} does.
 */
export async function connectName<Connection extends { close(): void }>(
  target: NetworkTarget,
  signal: AbortSignal,
  system: NameSystem<Connection>,
): Promise<Connection> {
  const { hostname, port, disableIpv6 } = target;
  const sources = sourcesOf(target);
  signal.throwIfAborted();
  if (isIP(hostname) !== 0) {
    return await system.dial(hostname, port, sourceFor(sources, hostname), signal);
  }
  const found = await unlessAborted(system.resolve(hostname, port), signal);
  const families = new Set(sources?.map(isIP));
  const fit = found.filter((each) =>
    !(disableIpv6 && isIP(each) === 6) && (sources === undefined || families.has(isIP(each)))
  );
  if (fit.length === 0) throw noWay(target, sources, found);
  const permitted = fit.filter((each) => system.mayConnect(each, port));
  if (permitted.length === 0) {
    const source = sourceFor(sources, fit[0]!);
    const family = source === undefined ? 4 : isIP(source) as 4 | 6;
    return await system.dialName(hostname, port, source, family, signal);
  }
  return await raceAddresses(interleaved(permitted), {
    dial: (address, each) => system.dial(address, port, sourceFor(sources, address), each),
    discard: (connection) => connection.close(),
    ...system.after && { after: system.after },
  }, signal);
}

function sourcesOf({ localAddress }: NetworkTarget): readonly string[] | undefined {
  if (localAddress === undefined) return undefined;
  const sources = typeof localAddress === "string" ? [localAddress] : localAddress;
  for (const each of sources) {
    if (isIP(each) !== 0) continue;
    throw new LwsError("invalid-option", `${each} is no IP address to connect from`);
  }
  return sources;
}

function sourceFor(sources: readonly string[] | undefined, address: string): string | undefined {
  return sources && sourceAddress(sources, address);
}

function noWay(
  { hostname }: NetworkTarget,
  sources: readonly string[] | undefined,
  found: readonly string[],
): Error {
  if (found.length === 0) return new Error(`${hostname} has no address`);
  const why = sources === undefined
    ? "disableIpv6 turns IPv6 off"
    : `there is no way from ${sources.join(", ")} to that`;
  return new Error(`${hostname} has only ${found.join(", ")}, and ${why}`);
}

/** A lookup can't be cancelled; after an abort it is not waited for. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}

/** The operating system. */
export const runtimeSystem: NameSystem<StreamConn> = {
  async resolve(name, port) {
    // Loaded at the first lookup: most programs need none.
    const { lookup } = await import("node:dns");
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    // With the port, as that may be all that the name is permitted with.
    const options = { all: true as const, order: "verbatim" as const, port };
    lookup(name, options, (error, found) => {
      if (error === null) resolve(found.map(({ address }) => address));
      else reject(error.code === "EPERM" ? mayNotLookUp(name, port) : error);
    });
    return await promise;
  },

  mayConnect(address, port) {
    const host = isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
    return Deno.permissions.querySync({ name: "net", host }).state === "granted";
  },

  async dial(address, port, source, signal) {
    // `node:net` knows no zones; the runtime does, and the zone says where to connect from.
    const isOnLink = source !== undefined && zoneOf(address) !== undefined;
    if (source !== undefined && !isOnLink) {
      mayBind(source);
      return await connectByNode({ address, port, source, family: 0 }, signal);
    }
    return await Deno.connect({ hostname: address, port, signal });
  },

  async dialName(name, port, source, family, signal) {
    if (source !== undefined) mayBind(source);
    return await connectByNode({ address: name, port, source, family }, signal);
  },
};

function mayNotLookUp(name: string, port: number): LwsError {
  const text = `may not look up ${name}; run with --allow-net=${name}:${port}`;
  return new LwsError("permission-denied", text);
}

/** Where that is denied, `node:net` throws in a callback of its own, where it can't be caught. */
function mayBind(source: string): void {
  const host = isIP(source) === 6 ? `[${source}]:0` : `${source}:0`;
  if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return;
  throw new LwsError(
    "permission-denied",
    `may not connect from ${source}; run with --allow-net=${host}`,
  );
}

function zoneOf(address: string): string | undefined {
  return address.split("%")[1];
}
