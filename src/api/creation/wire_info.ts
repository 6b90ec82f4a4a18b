/** What a server speaks, versions of the protocol and subprotocols: members of the creation struct. */

import type { Draft04Masking, WireVersion } from "../../core/websocket/wire_version.ts";

export type { Draft04Masking, WireVersion };

/**
 * Whether a client that names subprotocols must be served by one of them.
 *
 * @category Server and client
 */
export type SubprotocolPolicy = "required" | "optional";

/**
 * Members of the creation struct for subprotocols, and for the versions that came before RFC 6455:
 * `docs/guide/old-wire-versions.md` tells what each lacks, and why they are off.
 *
 * @category Server and client
 */
export interface WireInfo {
  /**
   * The versions of the protocol that servers speak, all of them on the same port. A handshake of another one
   * is answered 426, with `Sec-WebSocket-Version` listing the numbers of these in their order, or 400 where it
   * names no version: 0 and `"hixie-75"` have none in that header. What clients speak is said by
   * `clientConnect`, and needs nothing here. One version at least, and none twice.
   *
   * Default: `[13]`.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   iface: "127.0.0.1",
   *   versions: [13, 8, 7],
   *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
   * });
   * ```
   */
  readonly versions?: readonly WireVersion[];
  /**
   * How clients of version 4 mask; see {@linkcode Draft04Masking}. It is the same for all of a server's, as
   * nothing on the wire tells.
   *
   * Default: `"draft"`.
   */
  readonly draft04Masking?: Draft04Masking;
  /**
   * What becomes of a client that names subprotocols, none of which is the name of a protocol that serves its path.
   * `"required"`: it is answered 400. `"optional"`: the connection goes on without one (RFC 6455 section
   * 4.2.2), with the first protocol whose path fits. Browsers close a connection for which they asked for one
   * and got none, and clients of version 0 may do so as well.
   *
   * Default: `"required"`.
   *
   * @example
   * ```ts
   * import { createContext, handlers } from "@x/lws";
   *
   * await using context = createContext({
   *   port: 0,
   *   iface: "127.0.0.1",
   *   subprotocols: "optional",
   *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
   * });
   * ```
   */
  readonly subprotocols?: SubprotocolPolicy;
}
