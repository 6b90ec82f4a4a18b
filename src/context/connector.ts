/** How a client gets to its server: from where, and through which proxy. */

import type { Network, NetworkTarget, Transport } from "../api/network.ts";
import type { TimeoutReason } from "../api/timeouts.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { Route, RouteTarget } from "../connection/client_handshake.ts";
import type { HeadLimits } from "../core/http/head.ts";
import { isLoopback, parseIpLiteral } from "../proxy/ip_address.ts";
import {
  chooseProxy,
  type EnvironmentProxies,
  parseProxy,
  type ProxySettings,
  ProxySettingsError,
  type ProxyTarget,
  readEnvironmentProxies,
} from "../proxy/selection.ts";
import { openTunnel } from "../proxy/tunnel.ts";
import type { ContextTls } from "../tls/context_tls.ts";
import { interfaceAddresses, sourceAddress } from "../transport/interfaces.ts";
import { readVariable } from "../transport/machine.ts";

/** What routes need of their context. */
export interface RouteSettings {
  readonly network: Network;
  readonly limits: HeadLimits;
  /** The interface or the address to connect from. */
  readonly iface: string | undefined;
  readonly disableIpv6: boolean;
  readonly keepAlive: boolean;
  /** The creation struct's. */
  readonly proxy: ProxySettings | undefined;
  readonly tls: ContextTls;
  /** The port of what `setProxy` is given without one. */
  readonly proxyPort: number | undefined;
  /** Whether the environment's proxies count. */
  readonly usesEnvironment: boolean;
}

/** The ways of a context's clients. */
export class ClientRoutes {
  readonly #settings: RouteSettings;
  #set: ProxySettings | undefined;
  #environment: EnvironmentProxies | undefined;
  #hasConnected = false;

  constructor(settings: RouteSettings) {
    this.#settings = settings;
  }

  /** As `Context.setProxy`. */
  setProxy(text: string): number {
    if (this.#hasConnected) {
      throw new LwsError("invalid-state", "setProxy: comes before the first clientConnect");
    }
    try {
      this.#set = parseProxy(text, this.#settings.proxyPort);
    } catch (error) {
      if (!(error instanceof ProxySettingsError)) throw error;
      // The text itself may have a password in it.
      throw new LwsError("invalid-argument", `setProxy: proxy: ${error.message}`, { cause: error });
    }
    return 0;
  }

  /**
   * Connects, asks the proxy for a tunnel if there is one, and shakes hands with the server.
   *
   * @param onStep a step of the way begins, which has its own time
   */
  async connect(
    target: RouteTarget,
    signal: AbortSignal,
    onStep: (reason: TimeoutReason) => void,
  ): Promise<Route> {
    // Before anything is waited for, as there is a callback in it.
    if (target.ssl !== 0) this.#settings.tls.prepareClient();
    const transport = await this.#reach(target, signal, onStep);
    const { ssl } = target;
    if (ssl === 0) return { transport, isSsl: 0, tls: undefined };
    onStep("establishWithServer");
    const secured = await this.#settings.tls.connect(transport, { ...target, ssl }, signal);
    return { transport: secured.transport, isSsl: secured.isSsl, tls: secured.info };
  }

  async #reach(
    target: RouteTarget,
    signal: AbortSignal,
    onStep: (reason: TimeoutReason) => void,
  ): Promise<Transport> {
    const { network, limits, disableIpv6, keepAlive } = this.#settings;
    const { address, port, socketPath } = target;
    this.#hasConnected = true;
    if (socketPath !== undefined) {
      return await network.connect({ hostname: "", port: 0, path: socketPath }, signal);
    }
    const proxy = this.#proxyFor({ host: address, port, isSecure: target.ssl !== 0 });
    const hostname = proxy?.host ?? address;
    const options = this.#from(target.iface ?? this.#settings.iface, hostname);
    const transport = await network.connect(
      { hostname, port: proxy?.port ?? port, disableIpv6, keepAlive, ...options },
      signal,
    );
    if (proxy === undefined) return transport;
    onStep("awaitingProxyResponse");
    const { credentials } = proxy;
    return await openTunnel(transport, { host: address, port, credentials }, limits, signal);
  }

  #from(iface: string | undefined, hostname: string): Pick<NetworkTarget, "localAddress"> {
    if (iface === undefined) return {};
    const { disableIpv6 } = this.#settings;
    const own = interfaceAddresses(iface, { disableIpv6 });
    // A name may have addresses of either kind.
    return { localAddress: parseIpLiteral(hostname) ? sourceAddress(own, hostname) : own };
  }

  #proxyFor(target: ProxyTarget): ProxySettings | undefined {
    const sources = { set: this.#set, info: this.#settings.proxy };
    // What others have set is for the world outside, as every program around understands it.
    if (!this.#settings.usesEnvironment || isLoopback(target.host) || isOfLink(target.host)) {
      return chooseProxy(target, sources);
    }
    const environment = this.#environment ??= readEnvironment();
    return chooseProxy(target, { ...sources, environment });
  }
}

/** An address with a zone means nothing to a proxy. */
function isOfLink(host: string): boolean {
  return host.includes("%");
}

/** A variable that names no proxy is logged and doesn't count, as in the C library of 2015. */
function readEnvironment(): EnvironmentProxies {
  try {
    return readEnvironmentProxies(readVariable);
  } catch (error) {
    if (!(error instanceof ProxySettingsError)) throw error;
    log("warn", error.message);
    return { http: undefined, https: undefined, noProxy: () => true };
  }
}
