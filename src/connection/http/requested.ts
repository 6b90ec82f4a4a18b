/** What a connection keeps of its request for the program, beyond the head's own time. */

import type { IncomingRequest } from "../../api/http/incoming_request.ts";
import type { Phase } from "../phase.ts";
import type { Peer } from "../../proxy/peer.ts";
import type { ProxyTrust } from "../../proxy/forwarded_for.ts";
import { ConnectionRequest, NO_PARAMS, type PathParams } from "../../web/incoming_request.ts";

/**
 * The parameters of its path until the request itself is asked for, which has them from then on; undefined
 * where there is neither. One field for both, as connections that are idle are many.
 */
export type Requested = ConnectionRequest | PathParams | undefined;

/** A connection with a request. Implemented by Connection. */
export interface Requesting {
  requested: Requested;
  readonly isSsl: 0 | 1 | 2;
  readonly owner: { readonly proxyTrust: ProxyTrust | undefined; readonly filtersHttp: boolean };
  readonly peer: Pick<Peer, "addresses" | "socketAddress"> | undefined;
  readonly phase: Pick<Phase, "headers"> | undefined;
}

/** The request as the program sees it; undefined where there is none, or none any more. */
export function requestOf(connection: Requesting): IncomingRequest | undefined {
  const { requested } = connection;
  if (requested instanceof ConnectionRequest) return requested;
  const shown = connection.phase?.headers?.request;
  if (shown === undefined) return undefined;
  const origin = {
    isSecure: isSecure(connection, shown.values("x-forwarded-proto").join(", ")),
    isFiltered: connection.owner.filtersHttp,
    remoteAddress: connection.peer?.addresses.ip ?? "",
  };
  return connection.requested = new ConnectionRequest(shown, origin, requested ?? NO_PARAMS);
}

/** The parameters of its path. */
export function paramsOf({ requested }: Pick<Requesting, "requested">): PathParams {
  return requested instanceof ConnectionRequest ? requested.params : requested ?? NO_PARAMS;
}

/** Its path fits that of a protocol. */
export function setParams(connection: Pick<Requesting, "requested">, params: PathParams): void {
  const { requested } = connection;
  if (requested instanceof ConnectionRequest) ConnectionRequest.fit(requested, params);
  else connection.requested = params;
}

/** Whether the client speaks TLS: to this end, or to a proxy that is believed where we have none. */
export function isSecure(
  { isSsl, owner: { proxyTrust }, peer }: Omit<Requesting, "requested" | "phase">,
  forwardedProto: string | undefined,
): boolean {
  if (isSsl !== 0) return true;
  if (proxyTrust === undefined) return false;
  return forwardedProto?.toLowerCase() === "https" &&
    proxyTrust.isTrusted(peer?.socketAddress ?? "", 0);
}
