/** Client connections. */

import type { Context } from "../../api/context.ts";
import type { Wsi } from "../../api/wsi.ts";
import { type BlockingContext, isBlocking } from "./over_network.ts";
import { attempt, attemptSoon } from "../engine/attempt.ts";
import { theContext, theText, theWhole } from "../engine/guards.ts";
import { servedOf } from "../engine/served.ts";
import { clientVersion, EVERY_VERSION } from "../engine/versions.ts";
import { splitList } from "../../core/http/syntax.ts";

/** `lws_client_connect` of any generation. */
export type ClientConnect<Result = Wsi | null> = (
  context: Context,
  address: string,
  port: number,
  ssl_connection: number,
  path: string | null,
  host: string | null,
  origin: string | null,
  protocol: string | null,
  ietf_version_or_minus_one: number,
) => Result;

/** `lws_client_connect_extended`: the connection's `user` is given, and there from the first callback. */
export type ClientConnectExtended = (
  ...given: [...Parameters<ClientConnect>, userdata: unknown]
) => Wsi | null;

/**
 * A `lws_client_connect` that begins to connect, and returns null for wrong arguments.
 *
 * @param name The C call, for the log.
 */
export function connecting(name: string): ClientConnect {
  return (context, address, port, ssl, path, host, origin, protocol, version) =>
    connect(name, context, address, port, ssl, path, host, origin, protocol, version, null);
}

/** As {@linkcode connecting}, for `lws_client_connect_extended`. */
export function connectingExtended(name: string): ClientConnectExtended {
  return (context, address, port, ssl, path, host, origin, protocol, version, userdata) =>
    connect(name, context, address, port, ssl, path, host, origin, protocol, version, userdata);
}

/** A {@linkcode ClientConnect} that goes on until the handshake is over, and blocks where the context says so. */
export interface ClientConnectWhole {
  /** Blocks; null when the handshake failed. */
  (context: BlockingContext, ...target: ConnectTarget): Wsi | null;
  /** A promise, in place of blocking. */
  (context: Context, ...target: ConnectTarget): Promise<Wsi | null>;
}

/** What a {@linkcode ClientConnect} is given behind its context. */
export type ConnectTarget = Parameters<ClientConnect> extends [unknown, ...infer Rest] ? Rest
  : never;

/** As {@linkcode connecting}, until the handshake is over. */
export function connectingWhole(name: string): ClientConnectWhole {
  const begin = connecting(name);
  const connectWhole: ClientConnect<Wsi | null | Promise<Wsi | null>> = (
    context,
    address,
    port,
    ssl,
    path,
    host,
    origin,
    protocol,
    version,
  ) => {
    const beginNow = () =>
      begin(context, address, port, ssl, path, host, origin, protocol, version);
    if (isBlocking(context)) {
      return attempt<Wsi | null>(name, null, () => {
        const wsi = beginNow();
        return wsi !== null && blocksUntilEstablished(context, wsi) ? wsi : null;
      });
    }
    return attemptSoon<Wsi | null>(name, null, async () => {
      const wsi = beginNow();
      return wsi !== null && await isEstablished(context, wsi) ? wsi : null;
    });
  };
  return connectWhole as ClientConnectWhole;
}

function connect(name: string, ...given: Parameters<ClientConnectExtended>): Wsi | null {
  const [context, address, port, ssl, path, host, origin, protocol, version, userdata] = given;
  return attempt<Wsi | null>(name, null, () => {
    const served = servedOf(theContext(context));
    // Contexts of the main API are of no generation.
    const spoken = served?.generation.clientVersions ?? EVERY_VERSION;
    const wireVersion = clientVersion(version, spoken);
    theWhole("ssl_connection", ssl, 0, 2);
    for (const [argument, text] of Object.entries({ path, host, origin, protocol })) {
      if (text !== null) theText(argument, text);
    }
    const wsi = context.clientConnect({
      address,
      port,
      ...(ssl === 0 ? {} : { ssl: ssl as 0 | 1 | 2 }),
      ...(path === null ? {} : { path }),
      ...(host === null ? {} : { host }),
      ...(origin === null ? {} : { origin: prefixed(served?.generation.originPrefix, origin) }),
      protocol,
      version: wireVersion,
      ...(served === undefined ? {} : { draft04Masking: served.draft04Masking }),
      ...(userdata === null || userdata === undefined ? {} : { userdata }),
    });
    served?.connections.add(wsi);
    served?.asked.set(wsi, splitList(protocol ?? ""));
    served?.sslAsked.set(wsi, ssl);
    return wsi;
  });
}

function prefixed(prefix = "", origin: string): string {
  return origin.includes("://") ? origin : prefix + origin;
}

/** Serves the context until the outcome of a client's handshake is known. */
async function isEstablished(context: Context, wsi: Wsi): Promise<boolean> {
  const outcome = outcomeOf(context, wsi);
  while (outcome.isEstablished === undefined && await context.service(Infinity) >= 0) {
    // Each round delivers one event or more, the outcome among them.
  }
  return outcome.isEstablished === true;
}

/** As {@linkcode isEstablished}, by blocking the thread. */
function blocksUntilEstablished(context: Context, wsi: Wsi): boolean {
  const outcome = outcomeOf(context, wsi);
  while (outcome.isEstablished === undefined && context.serviceSync(Infinity) >= 0) {
    // As above.
  }
  return outcome.isEstablished === true;
}

/** What comes of a client's handshake, once that is known. */
function outcomeOf(context: Context, wsi: Wsi): { readonly isEstablished: boolean | undefined } {
  const outcomes = servedOf(context)?.outcomes;
  // A context of the main API tells the outcome to its own callbacks.
  if (outcomes === undefined) return { isEstablished: true };
  const outcome = { isEstablished: undefined as boolean | undefined };
  outcomes.set(wsi, (established) => {
    outcomes.delete(wsi);
    outcome.isEstablished = established;
    // The call of service that told it may be another one than that which waits.
    context.cancelService();
  });
  return outcome;
}
