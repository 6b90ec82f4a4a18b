/** What goes over the port between a context and those who use it from another worker. */

/** A call of a `RemoteContext`, as its port carries it. */
export type PortCall =
  | { readonly call: "broadcast"; readonly protocol: string; readonly data: Uint8Array | string }
  | { readonly call: "callbackOnWritableAllProtocol"; readonly protocol: string }
  | { readonly call: "cancelService" | "destroy" | "close" };

/** What the context says: that it is destroyed, and hears no more. */
export const CONTEXT_GONE = "destroyed";

/** Whether a message is a call; anybody who has the port can send anything. */
export function isPortCall(message: unknown): message is PortCall {
  if (typeof message !== "object" || message === null) return false;
  const { call, protocol, data } = message as Record<string, unknown>;
  switch (call) {
    case "broadcast":
      return typeof protocol === "string" &&
        (typeof data === "string" || data instanceof Uint8Array);
    case "callbackOnWritableAllProtocol":
      return typeof protocol === "string";
    default:
      return call === "cancelService" || call === "destroy" || call === "close";
  }
}
