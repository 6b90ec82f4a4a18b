/** The rules of what a context listens on, and their checks. */

import {
  CONTEXT_PORT_NO_LISTEN,
  type ListenInfo,
  type TrustProxy,
} from "../../api/creation_info.ts";
import type { Network, NetworkFeature, StreamListener } from "../../api/network.ts";
import {
  type Checked,
  flag,
  type Inquiry,
  isWhole,
  missingMethods,
  type Rule,
} from "../../base/option_rules.ts";
import type { CheckedListenInfo } from "../listen.ts";
import { type ProxyTrust, readProxyTrust } from "../../proxy/forwarded_for.ts";
import { parseIpLiteral } from "../../proxy/ip_address.ts";
import { tcpNetwork } from "../../transport/network.ts";

/** What the checks see of a creation struct. */
export type ListenStruct = ListenInfo & { readonly network?: Network };
type Ask = Inquiry<ListenStruct>;

/** The rules, in the order of {@linkcode ListenInfo}. */
export const LISTEN_RULES = {
  port: {
    kind: "number",
    allowed: "an integer from 0 to 65535, or CONTEXT_PORT_NO_LISTEN",
    default: "none; `0` beside `socketPath`, `listenFd` or `listener`",
    about: "The port to listen on; 0 takes a free one, `CONTEXT_PORT_NO_LISTEN` (−1) none at all.",
    check: checkPort,
  },
  iface: {
    kind: "text",
    allowed: "an IP address, a host name or the name of an interface",
    default: '`"0.0.0.0"`',
    about: "The address to listen on; of a context that doesn't listen, to connect from.",
    check: checkIface,
  },
  socketPath: {
    kind: "text",
    allowed: "a path",
    default: "none",
    about: "A unix socket to listen on; with `@` in front, an abstract name of Linux.",
    check(value, ask: Ask): string | undefined {
      if (value !== undefined && !isText(value)) ask.refuse(value);
      return value as string | undefined;
    },
  },
  socketMode: {
    kind: "number",
    allowed: "0 to 0o777, beside socketPath",
    default: "what the umask leaves",
    about: "The permissions of the unix socket's file.",
    check(value, ask: Ask): number | undefined {
      const isRight = isWhole(value, 0, 0o777) && ask.info.socketPath !== undefined;
      if (value !== undefined && !isRight) ask.refuse(value);
      return value as number | undefined;
    },
  },
  listenFd: {
    kind: "number",
    allowed: "a descriptor, from 0 on",
    default: "none",
    about: "The descriptor of a listening socket that the program was started with.",
    check(value, ask: Ask): number | undefined {
      refuseBeside(value, ask);
      if (value !== undefined && !isWhole(value, 0, Number.MAX_VALUE)) ask.refuse(value);
      return value as number | undefined;
    },
  },
  listener: {
    kind: "object",
    allowed: "an object with accept, close",
    default: "none",
    about: "A listener that is open already, such as one of the runtime's.",
    check(value, ask: Ask): StreamListener | undefined {
      refuseBeside(value, ask);
      const missing = value === undefined ? [] : missingMethods(value, ["accept", "close"]);
      if (missing.length > 0) ask.refuse(value);
      return value as StreamListener | undefined;
    },
  },
  reusePort: ofAddress("reusePort", "Whether other contexts may listen on the same port."),
  ipv6Only: ofAddress("ipv6Only", "Whether an `iface` of IPv6 keeps IPv4 out."),
  proxyProtocol: flag("Whether each connection begins with a header of HAProxy's PROXY protocol."),
  trustProxy: {
    kind: "any",
    allowed: "a boolean, a number of proxies, or a list of addresses and ranges",
    default: "`false`",
    about: "Which proxies are believed when they tell the client's address by `X-Forwarded-For`.",
    check: checkTrust,
  },
} satisfies Record<keyof ListenInfo, Rule<unknown, ListenStruct>>;

/** Puts the checked options together. */
export function listenInfoOf(checked: Checked<typeof LISTEN_RULES>): CheckedListenInfo {
  return {
    port: checked.port,
    iface: checked.iface,
    path: checked.socketPath,
    mode: checked.socketMode,
    fd: checked.listenFd,
    listener: checked.listener,
    reusePort: checked.reusePort,
    ipv6Only: checked.ipv6Only,
    proxyProtocol: checked.proxyProtocol,
    proxyTrust: checked.trustProxy,
  };
}

/** A switch of a socket that listens on an address, which not every network has. */
function ofAddress(name: NetworkFeature, about: string): Rule<boolean, ListenStruct> {
  const rule = flag(about);
  return {
    ...rule,
    check(value, ask) {
      const isOn = rule.check(value, ask);
      const { port, network = tcpNetwork } = ask.info;
      const place = port === CONTEXT_PORT_NO_LISTEN
        ? "a port of CONTEXT_PORT_NO_LISTEN"
        : placesOf(ask.info)[0];
      if (isOn && place !== undefined) ask.refuse(value, `false beside ${place}`);
      else if (isOn && !network?.features?.includes(name)) {
        ask.refuse(value, "false, as the network has no such feature");
      }
      return isOn;
    },
  };
}

/** What stands in place of a port: the first one counts, others are wrong beside it. */
function placesOf({ socketPath, listenFd, listener }: ListenInfo): string[] {
  const places = Object.entries({ socketPath, listenFd, listener });
  return places.filter(([, value]) => value !== undefined).map(([name]) => name);
}

function refuseBeside(value: unknown, ask: Ask): void {
  const [first] = placesOf(ask.info);
  if (value !== undefined && first !== ask.field) ask.refuse(value, `nothing beside ${first}`);
}

function checkPort(value: unknown, ask: Ask): number {
  const [place] = placesOf(ask.info);
  const port = value ?? (place === undefined ? value : 0);
  if (!isWhole(port, CONTEXT_PORT_NO_LISTEN, 65_535)) {
    ask.refuse(port);
    return CONTEXT_PORT_NO_LISTEN;
  }
  if (place !== undefined && port !== 0) ask.refuse(port, `0 beside ${place}`);
  return port;
}

function checkIface(value: unknown, ask: Ask): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isText(value)) {
    ask.refuse(value);
    return undefined;
  }
  const [place] = placesOf(ask.info);
  if (place !== undefined) ask.refuse(value, `nothing beside ${place}`);
  return parseIpLiteral(value)?.host ?? value;
}

function checkTrust(trust: unknown, ask: Ask): ProxyTrust | undefined {
  if (trust === undefined || trust === false) return undefined;
  const isKnown = trust === true || typeof trust === "number" ||
    (Array.isArray(trust) && trust.every((each) => typeof each === "string"));
  if (!isKnown) {
    ask.refuse(trust);
    return undefined;
  }
  try {
    return readProxyTrust(trust as TrustProxy);
  } catch (error) {
    ask.refuse(trust, `${ask.allowed} (${(error as Error).message})`);
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
