/**
 * The members of the creation struct that deal with the operating system, with TLS and with proxies,
 * and their check.
 */

import {
  type CheckedOptions,
  CONTEXT_PORT_NO_LISTEN,
  type PlatformInfo,
} from "../api/creation_info.ts";
import type { KeepAliveSettings } from "../api/limits.ts";
import { parseProxy, type ProxySettings, ProxySettingsError } from "../proxy/selection.ts";
import type { Identity } from "../transport/machine.ts";

/** The longest delay that the runtime's timers can wait. */
const MAX_SECONDS = 2_147_483;
/** The id behind it is −1 to the system. */
const LARGEST_ID = 2 ** 32 - 2;

type Complain = (field: string, value: unknown, allowed: string) => void;

const ALL_OFF: CheckedOptions = {
  defeatClientMask: false,
  requireValidClientCert: false,
  skipServerCanonicalName: false,
  allowNonSslOnSslPort: false,
  libev: false,
  libuv: false,
  disableIpv6: false,
  disableOsCaCerts: false,
  peerCertNotRequired: false,
};

/** The members, for the check of unknown ones. */
export const PLATFORM_FIELDS: ReadonlySet<string> = new Set([
  "options",
  "sslCertFilepath",
  "sslPrivateKeyFilepath",
  "sslPrivateKeyPassword",
  "sslCaFilepath",
  "sslCipherList",
  "certificates",
  "providedClientTls",
  "httpProxyAddress",
  "httpProxyPort",
  "gid",
  "uid",
  "kaTime",
  "kaProbes",
  "kaInterval",
]);

/** Checks the members and completes the options. */
export function checkPlatformInfo(
  info: PlatformInfo & { readonly port?: number },
  complain: Complain,
): CheckedOptions {
  const paths = ["sslCertFilepath", "sslPrivateKeyFilepath", "sslCaFilepath"] as const;
  for (const field of paths) {
    const value = info[field] ?? undefined;
    if (value === undefined || (typeof value === "string" && value !== "")) continue;
    complain(field, value, "PEM text, or the path of a PEM file");
  }
  const password = info.sslPrivateKeyPassword ?? undefined;
  // A secret does not belong into a message that ends in a log.
  if (password !== undefined && typeof password !== "string") {
    complain("sslPrivateKeyPassword", "no text", "a text");
  }
  const ciphers = info.sslCipherList ?? "DEFAULT";
  if (ciphers !== "DEFAULT") {
    complain("sslCipherList", ciphers, '"DEFAULT", as the runtime\'s list of ciphers is fixed');
  }
  const provided = info.providedClientTls ?? undefined;
  if (provided !== undefined && typeof provided !== "function") {
    complain("providedClientTls", provided, "a function");
  }
  checkCertificates(info.certificates, complain);
  const listens = info.port !== CONTEXT_PORT_NO_LISTEN;
  const hasCert = (info.sslCertFilepath ?? undefined) !== undefined;
  for (const field of ["sslPrivateKeyFilepath", "sslPrivateKeyPassword"] as const) {
    const isGiven = (info[field] ?? undefined) !== undefined;
    if (isGiven && !hasCert) complain(field, "set", "null without an sslCertFilepath");
  }
  if (info.certificates !== undefined && !(hasCert && listens)) {
    complain("certificates", "set", "nothing without an sslCertFilepath to listen with");
  }
  const options = checkOptions(info.options, complain);
  const needs = [
    ["requireValidClientCert", hasCert && listens, "an sslCertFilepath to listen with"],
    ["allowNonSslOnSslPort", hasCert && listens, "an sslCertFilepath to listen with"],
    ["peerCertNotRequired", options.requireValidClientCert, "requireValidClientCert"],
  ] as const;
  for (const [name, isThere, what] of needs) {
    if (options[name] && !isThere) complain(`options.${name}`, true, `false without ${what}`);
  }
  return options;
}

const DEFAULT_KA_TIME = 60;
const DEFAULT_KA_PROBES = 3;
const DEFAULT_KA_INTERVAL = 10;

/** Checks and completes the members of keep-alive; undefined when nothing is probed. */
export function checkKeepAlive(
  info: PlatformInfo,
  complain: Complain,
): KeepAliveSettings | undefined {
  const kaTime = info.kaTime ?? DEFAULT_KA_TIME;
  const kaProbes = info.kaProbes ?? DEFAULT_KA_PROBES;
  const kaInterval = info.kaInterval ?? DEFAULT_KA_INTERVAL;
  const isOn = kaTime !== 0;
  const members = [["kaTime", kaTime, 0], ["kaProbes", kaProbes, 1], ["kaInterval", kaInterval, 1]];
  for (const [field, value, least] of members as [string, number, number][]) {
    const smallest = isOn ? least : 0;
    if (Number.isInteger(value) && value >= smallest && value <= MAX_SECONDS) continue;
    complain(field, value, `a whole number from ${smallest} to ${MAX_SECONDS}`);
  }
  if (!isOn) return undefined;
  return {
    timeMs: kaTime * 1000,
    probes: kaProbes,
    intervalMs: kaInterval * 1000,
    usesTcp: typeof info.kaTime === "number",
  };
}

/** Checks the members that name a group and a user. */
export function checkIdentity(info: PlatformInfo, complain: Complain): Identity {
  const check = (field: "gid" | "uid") => {
    const id = info[field] ?? -1;
    if (!Number.isInteger(id) || id < -1 || id > LARGEST_ID) {
      complain(field, id, `-1, or a whole number from 0 to ${LARGEST_ID}`);
    }
    return id;
  };
  return { gid: check("gid"), uid: check("uid") };
}

/** Checks the port of proxies; undefined when it says none. */
export function checkProxyPort(
  { httpProxyPort }: PlatformInfo,
  complain: Complain,
): number | undefined {
  const port = httpProxyPort ?? 0;
  const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (!isPort) complain("httpProxyPort", httpProxyPort, "a whole number from 0 to 65535");
  return port === 0 ? undefined : port;
}

/**
 * Checks the member that names a proxy.
 *
 * @param problems where it is said what is wrong, without the text, which may have a password in it
 */
export function checkProxy(
  { httpProxyAddress }: PlatformInfo,
  port: number | undefined,
  problems: string[],
  complain: Complain,
): ProxySettings | undefined {
  if (httpProxyAddress === undefined || httpProxyAddress === null) return undefined;
  if (typeof httpProxyAddress !== "string") {
    complain("httpProxyAddress", httpProxyAddress, "a text");
    return undefined;
  }
  try {
    return parseProxy(httpProxyAddress, port);
  } catch (error) {
    if (!(error instanceof ProxySettingsError)) throw error;
    problems.push(`httpProxyAddress is no proxy: ${error.message}`);
    return undefined;
  }
}

function checkCertificates(given: PlatformInfo["certificates"], complain: Complain): void {
  if (given === undefined) return;
  if (!Array.isArray(given)) return complain("certificates", given, "an array");
  given.forEach((each, index) => {
    for (const member of ["cert", "key"] as const) {
      const value = each?.[member];
      if (typeof value === "string" && value !== "") continue;
      complain(`certificates[${index}].${member}`, value, "PEM text, or the path of a PEM file");
    }
  });
}

function checkOptions(given: unknown, complain: Complain): CheckedOptions {
  if (given === undefined || given === null) return ALL_OFF;
  if (typeof given !== "object" || Array.isArray(given)) {
    complain("options", given, "an object of booleans");
    return ALL_OFF;
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(ALL_OFF, name)) {
      complain(`options.${name}`, value, `one of ${Object.keys(ALL_OFF).join(", ")}`);
    } else if (value !== undefined && typeof value !== "boolean") {
      complain(`options.${name}`, value, "true or false");
    }
  }
  const options: Record<string, unknown> = { ...ALL_OFF };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) options[name] = value;
  return options as unknown as CheckedOptions;
}
