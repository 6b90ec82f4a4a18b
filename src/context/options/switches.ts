/** The rules of the switches of a context, and their check. */

import type { CheckedOptions, ContextOptions } from "../../api/creation_info.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { checkAll, flag, type Inquiry, type Rule } from "../../base/option_rules.ts";

/** What a switch may depend on. */
interface Circumstances {
  readonly listensWithTls: boolean;
  readonly requireValidClientCert: unknown;
}

const LISTENER = "an sslCertFilepath to listen with";

/** The rules, in the order of {@linkcode ContextOptions}. */
export const SWITCH_RULES = {
  defeatClientMask: flag("Clients don't mask; breaks RFC 6455, for debugging and tests only."),
  requireValidClientCert: beside(
    LISTENER,
    ({ listensWithTls }) => listensWithTls,
    "A TLS server demands a client certificate of an authority that it trusts.",
  ),
  skipServerCanonicalName: flag('`context.canonicalHostname` is `"unknown"`.'),
  allowNonSslOnSslPort: beside(
    LISTENER,
    ({ listensWithTls }) => listensWithTls,
    "A TLS port takes plain HTTP and WebSockets as well.",
  ),
  libev: flag("Taken, with a line in the log: there is one event loop, the runtime's."),
  libuv: flag("As `libev`."),
  disableIpv6: flag("IPv4 only."),
  disableOsCaCerts: flag("Clients trust only `sslCaFilepath` and what callbacks load."),
  peerCertNotRequired: beside(
    "requireValidClientCert",
    ({ requireValidClientCert }) => requireValidClientCert,
    "A client's certificate is asked for; clients with none or a bad one get in, too.",
  ),
} satisfies Record<keyof ContextOptions, Rule<boolean, Circumstances>>;

/** Checks the option `options`, and completes it. */
export function checkSwitches(
  given: unknown,
  listensWithTls: boolean,
  ask: Inquiry<unknown>,
): CheckedOptions {
  const isObject = typeof given === "object" && !Array.isArray(given);
  if (given !== undefined && !isObject) ask.refuse(given);
  const switches: Partial<Record<keyof ContextOptions, unknown>> = isObject ? given ?? {} : {};
  for (const [name, value] of Object.entries(switches)) {
    if (Object.hasOwn(SWITCH_RULES, name)) continue;
    const names = Object.keys(SWITCH_RULES);
    ask.refusePart(`.${name}`, value, `one of ${names.join(", ")}${didYouMean(name, names)}`);
  }
  const { requireValidClientCert } = switches;
  return checkAll(SWITCH_RULES, switches, {
    info: { listensWithTls, requireValidClientCert },
    problems: ask.problems,
    prefix: `${ask.field}.`,
  });
}

/** A switch that is of use together with something else only. */
function beside(
  what: string,
  isThere: (circumstances: Circumstances) => unknown,
  about: string,
): Rule<boolean, Circumstances> {
  const rule = flag(about);
  return {
    ...rule,
    allowed: `true or false; false without ${what}`,
    check(value, ask) {
      if (value === true && !isThere(ask.info)) ask.refuse(true, `false without ${what}`);
      if (value !== undefined && typeof value !== "boolean") ask.refuse(value, rule.allowed);
      return value === true;
    },
  };
}
