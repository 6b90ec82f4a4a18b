/** What the commands that listen have in common: where they do, with which certificate. */

import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { Context } from "../api/context.ts";
import { type Arguments, type OptionRules, UsageError } from "./arguments.ts";
import type { CliHost } from "./host.ts";

/** Nothing but this machine gets in. */
const LOOPBACK = "127.0.0.1";

/** The options of a command that listens. */
export function listeningRules(port: number): OptionRules {
  return {
    port: { short: "p", value: "PORT", about: `where to listen; 0 takes a free one (${port})` },
    host: { value: "HOST", about: `the address to listen on; 0.0.0.0 for all (${LOOPBACK})` },
    "tls-cert": { value: "FILE", about: "the certificate, in PEM, which makes it TLS" },
    "tls-key": { value: "FILE", about: "its private key, in PEM" },
  };
}

/** The members of `createContext` that those options say. @throws {UsageError} */
export function listeningMembers(
  args: Arguments,
  host: CliHost,
  port: number,
): Partial<ContextCreationInfo> {
  const cert = args.text("tls-cert");
  const key = args.text("tls-key");
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--tls-cert and --tls-key go together");
  }
  return {
    port: args.number("port", { from: 0, to: 65_535 }) ?? port,
    iface: args.text("host") ?? LOOPBACK,
    clock: host.clock,
    ...host.network === undefined ? {} : { network: host.network },
    ...cert === undefined ? {} : { sslCertFilepath: cert, sslPrivateKeyFilepath: key! },
  };
}

/** Where it listens, as a URL. */
export function urlOf(scheme: "http" | "ws", args: Arguments, context: Context): string {
  const host = args.text("host") ?? LOOPBACK;
  const written = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const isSecure = args.text("tls-cert") !== undefined;
  return `${scheme}${isSecure ? "s" : ""}://${written}:${context.port}/`;
}
