/** Where a command connects, and with which certificates. */

import type { ClientConnectInfo } from "../api/client_info.ts";
import type { Context } from "../api/context.ts";
import type { ContextCreationInfo } from "../api/creation_info.ts";
import type { Wsi } from "../api/wsi.ts";
import { messageOf } from "../base/log.ts";
import { authorizationOf, connectInfoOf, parseUrl } from "../websocket_client/target.ts";
import { type Arguments, type OptionRules, UsageError } from "./arguments.ts";

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
  readonly url: string;
  readonly info: ClientConnectInfo;
}

/** The URL of a command that connects, its scheme `ws:` where it has none. @throws {UsageError} */
export function targetOf(args: Arguments): Target {
  const text = args.operand!;
  let url: URL;
  try {
    url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `ws://${text}`);
  } catch (cause) {
    throw new UsageError(messageOf(cause).replace(/^WebSocket: /, ""), { cause });
  }
  const info = connectInfoOf(url);
  const authorization = authorizationOf(url);
  url.username = url.password = "";
  const isForgiving = info.ssl === 1 && args.flag("insecure");
  return {
    url: url.href,
    info: {
      ...info,
      ...isForgiving ? { ssl: 2 } : {},
      ...authorization === undefined ? {} : { headers: [["authorization", authorization]] },
    },
  };
}

export function connectTo(context: Context, target: Target, more: ClientConnectInfo): Wsi {
  return context.clientConnect({ ...target.info, ...more });
}
