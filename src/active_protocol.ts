/** What a context adds to the protocols that it was given. */

import type { Context } from "./context.ts";
import type { ActiveProtocol, Protocol } from "./protocol.ts";

/** What a context knows of a protocol. */
export interface ProtocolFacts {
  readonly owningServer: Context;
  readonly protocolIndex: number;
  readonly broadcastSocketPort: number;
  readonly broadcastToken: string;
}

/** Makes an object that inherits from the program's own one, so that both stay what they are. */
export function activate(protocol: Protocol, facts: ProtocolFacts): ActiveProtocol {
  const own: PropertyDescriptorMap = {};
  for (const [name, value] of Object.entries({ ...facts, broadcastSocketUserFd: -1 })) {
    // The owner is a whole context, which nobody wants to see printed with every protocol.
    own[name] = { value, enumerable: name !== "owningServer" };
  }
  return Object.create(protocol, own);
}
