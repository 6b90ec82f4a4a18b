/** How a client gets to its server: from where, and through which proxy. */

import { CONTEXT_PORT_NO_LISTEN } from "../api/creation_info.ts";
import type { NetworkTarget, PolledNetwork, Transport } from "../api/network.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { Route, RouteAsker, RouteTarget } from "../connection/client/route.ts";
import type { CheckedInfo } from "./creation_options.ts";
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
import type { ClientTlsTarget, ContextTls } from "../tls/context_tls.ts";
import { interfaceAddresses, sourceAddress } from "../transport/interfaces.ts";
import { readVariable } from "../transport/machine.ts";
import { tcpNetwork } from "../transport/network.ts";

/** Where a client connects to first. */
interface Way {
  readonly proxy: ProxySettings | undefined;
  readonly place: NetworkTarget;
}

/** The ways of a context's clients. */
export class Connector {
  readonly #info: CheckedInfo;
  readonly #tls: ContextTls;
  #set: ProxySettings | undefined;
  #environment: EnvironmentProxies | undefined;
  #hasConnected = false;
  /** Whether a client wanted TLS. */
  usesTls = false;

  constructor(info: CheckedInfo, tls: ContextTls) {
    this.#info = info;
    this.#tls = tls;
  }

  /** As `Context.setProxy`. */
  setProxy(text: string): number {
    if (this.#hasConnected) {
      throw new LwsError("invalid-state", "setProxy: comes before the first clientConnect");
    }
    try {
      this.#set = parseProxy(text, this.#info.proxyPort);
    } catch (error) {
      if (!(error instanceof ProxySettingsError)) throw error;
      // The text itself may have a password in it.
      throw new LwsError("invalid-argument", `setProxy: proxy: ${error.message}`, { cause: error });
    }
    return 0;
  }

  /**
   * Connects, asks the proxy for a tunnel if there is one, and shakes hands with the server: without a promise
   * where the network can do so, and nothing else is needed.
   */
  connect(target: RouteTarget, signal: AbortSignal, asker: RouteAsker): void {
    this.usesTls ||= target.ssl !== 0;
    if (this.#dials(target, signal, asker)) return;
    this.#connect(target, signal, asker).then(
      (route) => asker.onConnected(route),
      (error) => asker.onRefused(error),
    );
  }

  #dials(target: RouteTarget, signal: AbortSignal, asker: RouteAsker): boolean {
    const { network } = this.#info;
    const { ssl } = target;
    if (!("connectNow" in network) || target.socketPath !== undefined) return false;
    if (ssl !== 0 && !this.#tls.shakesAtOnce) return false;
    let way: Way;
    try {
      way = this.#placeOf(target);
    } catch {
      // It is told when it was tried the other way, which fails as well.
      return false;
    }
    if (way.proxy !== undefined) return false;
    const failed = (error: unknown) => asker.onRefused(error);
    try {
      if (ssl !== 0) this.#tls.prepareClient();
    } catch (error) {
      // The asker waits for service before it tells that.
      failed(error);
      return true;
    }
    return (network as PolledNetwork).connectNow(way.place, signal, {
      connected: (transport) => {
        asker.onSocket(transport.fd);
        if (ssl === 0) return asker.onConnected({ transport, isSsl: 0, tls: undefined });
        asker.onStep("tls");
        this.#shake(transport, { ...target, ssl }, signal, asker);
      },
      failed,
    });
  }

  #shake(
    transport: Transport,
    target: ClientTlsTarget,
    signal: AbortSignal,
    asker: RouteAsker,
  ): void {
    const failed = (error: unknown) => asker.onRefused(error);
    try {
      this.#tls.shake(transport, target, signal).then(
        (secured) => asker.onConnected({ ...secured, tls: secured.info }),
        failed,
      );
    } catch (error) {
      failed(error);
    }
  }

  async #connect(
    target: RouteTarget,
    signal: AbortSignal,
    asker: RouteAsker,
  ): Promise<Route> {
    // Before anything is waited for, as there is a callback in it.
    if (target.ssl !== 0) this.#tls.prepareClient();
    const transport = await this.#reach(target, signal, asker);
    const { ssl } = target;
    if (ssl === 0) return { transport, isSsl: 0, tls: undefined };
    asker.onStep("tls");
    const secured = await this.#tls.connect(transport, { ...target, ssl }, signal);
    return { transport: secured.transport, isSsl: secured.isSsl, tls: secured.info };
  }

  async #reach(
    target: RouteTarget,
    signal: AbortSignal,
    asker: RouteAsker,
  ): Promise<Transport> {
    const { network, limits } = this.#info;
    const { address, port, socketPath } = target;
    if (socketPath !== undefined) {
      this.#hasConnected = true;
      const transport = await network.connect({ hostname: "", port: 0, path: socketPath }, signal);
      asker.onSocket(transport.fd);
      return transport;
    }
    const { proxy, place } = this.#placeOf(target);
    const transport = await network.connect(place, signal);
    asker.onSocket(transport.fd);
    if (proxy === undefined) return transport;
    asker.onStep("proxy");
    const { credentials } = proxy;
    return await openTunnel(transport, { host: address, port, credentials }, limits, signal);
  }

  /** Where to connect to: the server or its proxy. */
  #placeOf(target: RouteTarget): Way {
    const { listen, tcpKeepAlive, options: { disableIpv6 } } = this.#info;
    const { address, port } = target;
    this.#hasConnected = true;
    const proxy = this.#proxyFor({ host: address, port, isSecure: target.ssl !== 0 });
    const hostname = proxy?.host ?? address;
    // A context that listens has its iface for that.
    const own = listen.port === CONTEXT_PORT_NO_LISTEN ? listen.iface : undefined;
    const place = {
      hostname,
      port: proxy?.port ?? port,
      disableIpv6,
      keepAlive: tcpKeepAlive,
      ...this.#from(target.iface ?? own, hostname),
    };
    return { proxy, place };
  }

  #from(iface: string | undefined, hostname: string): Pick<NetworkTarget, "localAddress"> {
    if (iface === undefined) return {};
    const { disableIpv6 } = this.#info.options;
    const own = interfaceAddresses(iface, { disableIpv6 });
    // A name may have addresses of either kind.
    return { localAddress: parseIpLiteral(hostname) ? sourceAddress(own, hostname) : own };
  }

  #proxyFor(target: ProxyTarget): ProxySettings | undefined {
    const sources = { set: this.#set, info: this.#info.proxy };
    // The environment speaks of the system's network, which is not the one that a program brings along,
    // nor this machine itself.
    if (this.#info.network !== tcpNetwork || isLoopback(target.host) || isOfLink(target.host)) {
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
