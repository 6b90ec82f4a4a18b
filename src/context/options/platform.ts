/**
 * The rules of the options that deal with the operating system, with TLS and with proxies, and their
 * checks.
 */

import {
  CONTEXT_PORT_NO_LISTEN,
  type ContextOptions,
  type PlatformInfo,
} from "../../api/creation_info.ts";
import type { KeepAliveKind, KeepAliveSettings } from "../../api/limits.ts";
import type { Network, TcpKeepAlive } from "../../api/network.ts";
import type { TlsMembers } from "../../api/tls.ts";
import { type Checked, type Inquiry, isWhole, type Rule } from "../../base/option_rules.ts";
import { checkSwitches } from "./switches.ts";
import { parseProxy, type ProxySettings, ProxySettingsError } from "../../proxy/selection.ts";
import type { Identity } from "../../transport/machine.ts";
import { tlsStackOf } from "../../tls/stack.ts";
import { tcpNetwork } from "../../transport/network.ts";

/** What the checks see of a creation struct. */
export type PlatformStruct = PlatformInfo & {
  readonly port?: number;
  readonly network?: Network;
  readonly listener?: unknown;
};
type Ask = Inquiry<PlatformStruct>;

/** The longest delay that the runtime's timers can wait. */
const MAX_SECONDS = 2_147_483;
/** The id behind it is −1 to the system. */
const LARGEST_ID = 2 ** 32 - 2;
const DEFAULT_KA_TIME = 60;
const DEFAULT_KA_PROBES = 3;
const DEFAULT_KA_INTERVAL = 10;
/** MAX_TCP_KEEPIDLE, MAX_TCP_KEEPCNT and MAX_TCP_KEEPINTVL of Linux. */
const MOST_OF_TCP = { kaTime: 32_767, kaProbes: 127, kaInterval: 32_767 };
const KEEP_ALIVE_KINDS: readonly unknown[] = ["ping", "tcp", "both"] satisfies KeepAliveKind[];

const OVER_OPENSSL = 'epollNetwork({ tls: "openssl" })';
const VERSIONS = '"TLSv1.2" or "TLSv1.3"';
const PEM = "PEM text, or the path of a PEM file";

/** The rules of {@linkcode TlsMembers}. */
export const TLS_RULES = {
  sslCertFilepath: pem("The certificate with the intermediate ones; on a listener, turns TLS on."),
  sslPrivateKeyFilepath: {
    ...pem("Its private key; without one the first protocol is asked for it."),
    check: checkKey,
  },
  sslCaFilepath: pem("Certificates of authorities to trust."),
  sslPrivateKeyPassword: {
    kind: "text",
    allowed: "a text",
    default: "`null`",
    about: "The passphrase of the private key.",
    check: checkPassword,
  },
  sslCipherList: {
    kind: "text",
    allowed: `"DEFAULT", as the runtime's list of ciphers is fixed; ${OVER_OPENSSL} takes others`,
    default: '`"DEFAULT"`',
    about: "OpenSSL's list of ciphers, of TLS 1.2.",
    check(value, ask: Ask): void {
      if ((value ?? "DEFAULT") !== "DEFAULT") checkTuning(value, ask, "OpenSSL's list of ciphers");
    },
  },
  sslTls13Ciphers: tuning(
    "The ciphers of TLS 1.3, with `:` between.",
    'names such as "TLS_AES_128_GCM_SHA256", with ":" between',
  ),
  sslMinVersion: version("The oldest version of TLS to speak."),
  sslMaxVersion: {
    ...version("The newest version of TLS to speak."),
    check(value, ask: Ask): void {
      checkVersion(value, ask);
      if (value !== "TLSv1.2" || ask.info.sslMinVersion !== "TLSv1.3") return;
      ask.refuse(value, '"TLSv1.3" beside that sslMinVersion');
    },
  },
  sslGroups: tuning(
    "The groups for the exchange of keys, with `:` between.",
    'names such as "X25519", with ":" between',
  ),
  providedClientTls: {
    kind: "function",
    allowed: "a function",
    default: "`null`",
    about: "A TLS layer of the program's own for client connections.",
    check(value, ask: Ask): void {
      if (typeof (value ?? (() => {})) !== "function") ask.refuse(value);
    },
  },
  certificates: {
    kind: "list",
    allowed: "an array",
    default: "none",
    about: "Further certificates of a server, by the host name that a client asks for (SNI).",
    check: checkCertificates,
  },
} satisfies Record<keyof TlsMembers, Rule<void, PlatformStruct>>;

/** The rules of the rest of {@linkcode PlatformInfo}. */
export const SYSTEM_RULES = {
  options: {
    kind: "object",
    allowed: "an object of booleans",
    default: "all are off",
    about: "Switches: see below.",
    check(value, ask: Ask): Required<ContextOptions> {
      return checkSwitches(value, listensWithTls(ask.info), ask);
    },
  },
  kaTime: {
    kind: "seconds",
    allowed: `a whole number from 0 to ${MAX_SECONDS}`,
    default: `\`${DEFAULT_KA_TIME}\``,
    about: "Without a sign of life from a WebSocket's peer until it is probed; 0 never probes.",
    check: (value, ask: Ask) => checkSeconds(value ?? DEFAULT_KA_TIME, 0, ask),
  },
  kaProbes: {
    kind: "number",
    allowed: `a whole number from 1 to ${MAX_SECONDS}, or 0 beside a kaTime of 0`,
    default: "`3`",
    about: "Probes without an answer that end a connection.",
    check: (value, ask: Ask) => checkSeconds(value ?? DEFAULT_KA_PROBES, 1, ask),
  },
  kaInterval: {
    kind: "seconds",
    allowed: `a whole number from 1 to ${MAX_SECONDS}, or 0 beside a kaTime of 0`,
    default: "`10`",
    about: "From probe to probe, and from the last one to the end.",
    check: (value, ask: Ask) => checkSeconds(value ?? DEFAULT_KA_INTERVAL, 1, ask),
  },
  keepAlive: {
    kind: "text",
    allowed: '"ping", "tcp" or "both"',
    default: '`"ping"`',
    about: "What probes: the library, the system by TCP keep-alive with these times, or both.",
    check: checkKeepAlive,
  },
  gid: id("The group that the process changes to once the context listens."),
  uid: id("The user to change to, behind the group."),
  httpProxyPort: {
    kind: "number",
    allowed: "a whole number from 0 to 65535",
    default: "`0`",
    about: "The port of a proxy whose text has none; 0 is none.",
    check(value, ask: Ask): number | undefined {
      if (!isWhole(value ?? 0, 0, 65_535)) ask.refuse(value);
      return portOf(value);
    },
  },
  httpProxyAddress: {
    kind: "text",
    allowed: "a text",
    default: "`null`",
    about: "The HTTP proxy through which clients connect: `user:password@host:port`, or a URL.",
    check: checkProxy,
  },
} satisfies Record<Exclude<keyof PlatformInfo, keyof TlsMembers>, Rule<unknown, PlatformStruct>>;

/** Puts the checked members of keep-alive together; undefined when nothing is probed by pings. */
export function keepAliveOf(
  { kaTime, kaProbes, kaInterval, keepAlive }: Checked<typeof SYSTEM_RULES>,
): KeepAliveSettings | undefined {
  if (kaTime === 0 || keepAlive === "tcp") return undefined;
  return { timeMs: kaTime * 1000, probes: kaProbes, intervalMs: kaInterval * 1000 };
}

/**
 * The same for TCP.
 *
 * @param isAskedFor whether there is a `kaTime`, without which it costs no connection a call
 */
export function tcpKeepAliveOf(
  { kaTime, kaProbes, kaInterval, keepAlive }: Checked<typeof SYSTEM_RULES>,
  isAskedFor: boolean,
): boolean | TcpKeepAlive {
  if (kaTime === 0) return false;
  if (keepAlive === "ping") return isAskedFor;
  return { idleSeconds: kaTime, probes: kaProbes, intervalSeconds: kaInterval };
}

/** Puts the checked members of a group and a user together. */
export function identityOf({ gid, uid }: Checked<typeof SYSTEM_RULES>): Identity {
  return { gid, uid };
}

function pem(about: string): Rule<void, PlatformStruct> {
  return { kind: "text", allowed: PEM, default: "`null`", about, check: checkPem };
}

function tuning(about: string, allowed: string): Rule<void, PlatformStruct> {
  return {
    kind: "text",
    allowed: `null, as the runtime's TLS can't be told; ${OVER_OPENSSL} takes ${allowed}`,
    default: "`null`",
    about,
    check: (value, ask) => checkTuning(value, ask, allowed),
  };
}

function version(about: string): Rule<void, PlatformStruct> {
  return { ...tuning(about, VERSIONS), check: checkVersion };
}

function checkVersion(value: unknown, ask: Ask): void {
  checkTuning(value, ask, VERSIONS);
  if (typeof value !== "string" || tlsStackOf(ask.info.network) === undefined) return;
  if (value !== "" && !["TLSv1.2", "TLSv1.3"].includes(value)) ask.refuse(value, VERSIONS);
}

/** Refuses what the network's TLS can't be told, and what is no text; the stack knows the rest. */
function checkTuning(value: unknown, ask: Ask, allowed: string): void {
  if ((value ?? undefined) === undefined) return;
  if (tlsStackOf(ask.info.network) === undefined) ask.refuse(value);
  else if (typeof value !== "string" || value === "" || value.includes("\0")) {
    ask.refuse(value, allowed);
  }
}

function checkPem(value: unknown, ask: Ask): void {
  if (value === undefined || value === null || (typeof value === "string" && value !== "")) return;
  ask.refuse(value);
}

function checkKey(value: unknown, ask: Ask): void {
  checkPem(value, ask);
  refuseWithoutCert(value, ask);
}

function checkPassword(value: unknown, ask: Ask): void {
  const password = value ?? undefined;
  // A secret does not belong into a message that ends in a log.
  if (password !== undefined && typeof password !== "string") ask.refuse("no text");
  refuseWithoutCert(value, ask);
}

/** Of what belongs to a certificate, without showing it. */
function refuseWithoutCert(value: unknown, ask: Ask): void {
  const isGiven = (value ?? undefined) !== undefined;
  if (isGiven && !hasCert(ask.info)) ask.refuse("set", "null without an sslCertFilepath");
}

function checkCertificates(given: unknown, ask: Ask): void {
  if (given === undefined) return;
  if (!Array.isArray(given)) ask.refuse(given);
  else {
    given.forEach((each, index) => {
      for (const member of ["cert", "key"] as const) {
        const value = each?.[member];
        if (typeof value === "string" && value !== "") continue;
        ask.refusePart(`[${index}].${member}`, value, PEM);
      }
    });
  }
  if (listensWithTls(ask.info)) return;
  ask.refuse("set", "nothing without an sslCertFilepath to listen with");
}

function hasCert({ sslCertFilepath }: PlatformStruct): boolean {
  return (sslCertFilepath ?? undefined) !== undefined;
}

function listensWithTls(info: PlatformStruct): boolean {
  return hasCert(info) && info.port !== CONTEXT_PORT_NO_LISTEN;
}

function checkSeconds(value: unknown, least: number, ask: Ask): number {
  const isOn = (ask.info.kaTime ?? DEFAULT_KA_TIME) !== 0;
  const smallest = isOn ? least : 0;
  if (!isWhole(value, smallest, MAX_SECONDS)) {
    ask.refuse(value, `a whole number from ${smallest} to ${MAX_SECONDS}`);
  }
  return value as number;
}

function checkKeepAlive(value: unknown, ask: Ask): KeepAliveKind {
  const kind = (value ?? "ping") as KeepAliveKind;
  if (!KEEP_ALIVE_KINDS.includes(kind)) ask.refuse(value);
  if (kind === "ping") return kind;
  const { network = tcpNetwork, listener } = ask.info;
  if (!network?.features?.includes("keepAliveTimes")) {
    ask.refuse(value, '"ping", as the network can\'t set the times of TCP keep-alive');
  } else if (listener !== undefined) ask.refuse(value, '"ping" beside listener');
  for (const name of ["kaTime", "kaProbes", "kaInterval"] as const) {
    if ((ask.info[name] ?? 0) <= MOST_OF_TCP[name]) continue;
    ask.refuse(value, `"ping" beside a ${name} above ${MOST_OF_TCP[name]}`);
  }
  return kind;
}

function id(about: string): Rule<number> {
  return {
    kind: "number",
    allowed: `-1, or a whole number from 0 to ${LARGEST_ID}`,
    default: "`-1`",
    about,
    check(value, ask) {
      const given = value ?? -1;
      if (!isWhole(given, -1, LARGEST_ID)) ask.refuse(given);
      return given as number;
    },
  };
}

function portOf(value: unknown): number | undefined {
  return typeof value === "number" && value !== 0 ? value : undefined;
}

function checkProxy(value: unknown, ask: Ask): ProxySettings | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") {
    ask.refuse(value);
    return undefined;
  }
  try {
    return parseProxy(value, portOf(ask.info.httpProxyPort));
  } catch (error) {
    if (!(error instanceof ProxySettingsError)) throw error;
    // Without the text, which may have a password in it.
    ask.problems.push(`${ask.field} is no proxy: ${error.message}`);
    return undefined;
  }
}
