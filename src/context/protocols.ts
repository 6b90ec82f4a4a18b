/** What a context adds to the protocols that it was given. */

import type { Context } from "../api/context.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";

/** What a context knows of a protocol. */
export interface ProtocolFacts {
  readonly owningServer: Context;
  readonly protocolIndex: number;
  readonly broadcastSocketPort: number;
  readonly broadcastToken: string;
}

/** Makes an object that inherits from the program's own one, so that both stay what they are. */
export function activate(protocol: Protocol, facts: ProtocolFacts): ActiveProtocol {
  const { owningServer, protocolIndex, broadcastSocketPort, broadcastToken } = facts;
  return Object.create(protocol, {
    protocolIndex: { value: protocolIndex, enumerable: true },
    broadcastSocketPort: { value: broadcastSocketPort, enumerable: true },
    broadcastSocketUserFd: { value: -1, enumerable: true },
    // Not to be printed with every protocol: a whole context, and a secret.
    owningServer: { value: owningServer },
    broadcastToken: { value: broadcastToken },
  });
}
