/** Where a command connects, and with which certificates. */

import type { ClientConnectOptions } from "../api/client_info.ts";
import type { Context } from "../api/context.ts";
import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { Wsi } from "../api/wsi.ts";
import { readWebSocketUrl } from "../core/http/websocket_url.ts";
import { type Arguments, type OptionRules, UsageError } from "./arguments.ts";

const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The options of a command that connects, for TLS. */
export const TLS_RULES: OptionRules = {
  ca: { value: "FILE", about: "trust the authorities of this PEM file, and no others" },
  cert: { value: "FILE", about: "the certificate to show, in PEM" },
  key: { value: "FILE", about: "its private key, in PEM" },
  insecure: { short: "k", about: "take a self-signed certificate, whatever else is right with it" },
};

/** The members of `createContext` that those options say. @throws {UsageError} */
export function tlsMembers(args: Arguments): Partial<ContextCreationInfo> {
  const cert = args.text("cert");
  const key = args.text("key");
  const ca = args.text("ca");
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key go together");
  }
  return {
    ...cert === undefined ? {} : { sslCertFilepath: cert, sslPrivateKeyFilepath: key! },
    ...ca === undefined ? {} : { sslCaFilepath: ca, options: { disableOsCaCerts: true } },
  };
}

/** Where to connect. */
export interface Target {
  /** As it may be shown: without user and password. */
  readonly shown: string;
  /** Connects there. */
  connect(context: Context, options?: ClientConnectOptions): Wsi;
}

/** The URL of a command that connects; its scheme is `ws:` where it has none. @throws {UsageError} */
export function targetOf(args: Arguments): Target {
  const text = args.operand!;
  const url = readWebSocketUrl(HAS_SCHEME.test(text) ? text : `ws://${text}`);
  if (typeof url === "string") throw new UsageError(url);
  const shown = new URL(url);
  shown.username = shown.password = "";
  const isForgiving = url.protocol === "wss:" && args.flag("insecure");
  return {
    shown: shown.href,
    connect: (context, options = {}) =>
      context.clientConnect(url, isForgiving ? { ...options, ssl: 2 } : options),
  };
}
