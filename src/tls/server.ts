/** The server's side of TLS, over connections that are accepted already. */

import type { X509Certificate } from "node:crypto";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { isBun } from "../base/runtime/runtime.ts";
import type { Transport } from "../api/network.ts";
import type { TlsInfo } from "../api/tls.ts";
import {
  type CheckedIdentity,
  checkIdentity,
  keyRefused,
  plainPem,
  type TlsIdentity,
} from "./certificate.ts";
import { isMeantFor } from "./certificate_extensions.ts";
import { serverNameIn } from "./client_hello.ts";
import { LwsError } from "../base/errors.ts";
import { handshakeFailed, PendingHandshake, type TlsHandshake } from "./handshake.ts";
import { describeCertificate, describeConnection, peerChain } from "./info.ts";
import { TransportDuplex } from "./transport_duplex.ts";
import { TlsTransport } from "./transport.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import { HandshakeTurns } from "../service/turns/handshake_turns.ts";
import { PeekedTransport } from "../transport/first_bytes.ts";

/** An identity for some host names. */
export interface NamedIdentity extends TlsIdentity {
  /**
   * The host names, `*.` for one label included.
   *
   * @default what the certificate is for
   */
  readonly serverNames?: readonly string[] | undefined;
}

/** The certificates that a server shows, and which clients it lets in. */
export interface TlsServerOptions {
  /** What is shown to clients that name no host, or one that no other identity is for. */
  readonly identity: TlsIdentity;
  /** Further identities, by the host name that a client asks for. */
  readonly identities?: readonly NamedIdentity[] | undefined;
  /** The authorities whose client certificates are good, and no others, as PEM texts of one or more. */
  readonly ca?: readonly string[] | undefined;
  /**
   * Whether clients are asked for a certificate: `request` lets those in, too, that have none or a
   * bad one.
   *
   * @default {"none"}
   */
  readonly clientCertificate?: "none" | "request" | "require" | undefined;
  /**
   * The longest that `node:tls` may take over a handshake, in milliseconds, from 1. An owner that gives it
   * up earlier should still say here when: the runtime keeps what belongs to it, some 10 KiB, until then.
   * It doesn't limit how long a client takes to name its host.
   *
   * @default {10000}
   */
  readonly handshakeTimeoutMs?: number | undefined;
}

/** How one connection is made. */
export interface SecureOptions {
  /**
   * Has the last word on a client, before any of its bytes are served; not called when no
   * certificate is asked for. `info.authorized` is the verdict so far.
   *
   * @default the verdict, where a certificate is required; every client, where one is requested
   */
  readonly verifyClient?: ((info: TlsInfo) => boolean) | undefined;
  /** The turns in which the handshake goes on. Default: whenever something of it has come. */
  readonly budget?: TurnBudget | undefined;
}

/** A server object of one connection, which inherits all else from that of all. */
type ServerOfOne = Server & { handshakeUnderWay: (event: TLSSocket | Error) => void };

/** Bun calls listeners with the server that they were given to as `this`: there each connection has a server. */
const remakes = new WeakMap<Server, () => Server>();

/** A server's certificates, and the handshakes that show them. */
export class TlsServer {
  readonly #ca: readonly string[] | undefined;
  readonly #clientCertificate: "none" | "request" | "require";
  readonly #handshakeTimeoutMs: number;
  /** Fingerprints of certificates that passed a whole handshake here; a resumed one checks nothing. */
  readonly #passed = new Set<string>();
  #identities: Identities<Server>;

  /** @throws {LwsError} that names the member that can't be used. */
  constructor(options: TlsServerOptions) {
    this.#ca = options.ca?.map(plainPem);
    this.#clientCertificate = options.clientCertificate ?? "none";
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
    this.#identities = this.#load(options.identity, options.identities);
  }

  /**
   * Shows another certificate from the next handshake on, and others by host name; connections that
   * stand go on.
   *
   * @throws {LwsError} that names the member that can't be used; then all stays as it was.
   */
  setCertificate(identity: TlsIdentity, identities: readonly NamedIdentity[] = []): void {
    this.#identities = this.#load(identity, identities);
  }

  /** Makes TLS of an accepted connection that is not started. */
  secure(inner: Transport, options: SecureOptions = {}): TlsHandshake {
    if (!this.#identities.hasNames) {
      const duplex = new TransportDuplex(inner);
      const handshake = new PendingHandshake(duplex);
      this.#begin(this.#identities.default, duplex, inner, handshake, options);
      return handshake;
    }
    // Not by the runtime's own `SNICallback`: it never frees a handshake that stops before the name.
    const peeked = new PeekedTransport(inner, serverNameIn);
    const duplex = new TransportDuplex(peeked);
    const handshake = new PendingHandshake(duplex);
    peeked.found.then((serverName) => {
      if (handshake.isOver) return;
      const server = this.#identities.forName(serverName ?? "");
      this.#begin(server, duplex, peeked, handshake, options);
    });
    return handshake;
  }

  #load(identity: TlsIdentity, others: readonly NamedIdentity[] = []): Identities<Server> {
    return new Identities(identity, others, (checked) => this.#makeServer(checked));
  }

  /** Never listens; it is what `node:tls` has for the rules of a handshake. */
  #makeServer(identity: CheckedIdentity): Server {
    let server: Server;
    try {
      server = createServer({
        cert: identity.cert,
        key: identity.key,
        ...this.#ca && { ca: [...this.#ca] },
        // One that offers only the older one, as curl --http1.0 does, is refused otherwise.
        ALPNProtocols: ["http/1.1", "http/1.0"],
        requestCert: this.#clientCertificate !== "none",
        rejectUnauthorized: false,
        handshakeTimeout: this.#handshakeTimeoutMs,
      });
    } catch (cause) {
      throw keyRefused(cause, identity.refusal);
    }
    server.on("secureConnection", function (this: ServerOfOne, socket: TLSSocket) {
      this.handshakeUnderWay(socket);
    });
    server.on("tlsClientError", function (this: ServerOfOne, error: Error) {
      this.handshakeUnderWay(error);
    });
    if (isBun) remakes.set(server, () => this.#makeServer(identity));
    return server;
  }

  #begin(
    server: Server,
    duplex: TransportDuplex,
    inner: Transport,
    handshake: PendingHandshake,
    options: SecureOptions,
  ): void {
    // The events of a server don't tell whose connection they are about, but its `this` does.
    const serverOfOne = (remakes.get(server)?.() ?? Object.create(server)) as ServerOfOne;
    if (options.budget !== undefined) duplex.turns = new HandshakeTurns(options.budget, inner);
    serverOfOne.handshakeUnderWay = (event) => {
      duplex.turns = undefined;
      if (event instanceof Error) return handshake.fail(handshakeFailed(event));
      if (handshake.isOver) return void event.destroy();
      duplex.hold();
      this.#admit(event, duplex, inner, handshake, options);
    };
    serverOfOne.emit("connection", duplex);
    duplex.begin();
  }

  #admit(
    socket: TLSSocket,
    duplex: TransportDuplex,
    inner: Transport,
    handshake: PendingHandshake,
    options: SecureOptions,
  ): void {
    socket.on("error", () => {});
    try {
      const info = describeClient(socket, this.#clientCertificate !== "none", this.#passed);
      if (this.#isWelcome(info, options)) {
        handshake.succeed(new TlsTransport(socket, duplex, inner, info));
      } else {
        const why = info.authorizationError ?? "the verification refused it";
        handshake.fail(
          new LwsError("certificate-refused", `the client's certificate was refused: ${why}`),
        );
        socket.destroy();
      }
    } catch (error) {
      handshake.fail(handshakeFailed(error));
      socket.destroy();
    }
  }

  #isWelcome(info: TlsInfo, { verifyClient }: SecureOptions): boolean {
    if (this.#clientCertificate === "none") return true;
    if (verifyClient !== undefined) return verifyClient(info);
    return this.#clientCertificate === "request" || info.authorized;
  }
}

/** The identities of a server, by host name: of each what a stack of TLS makes of it. */
export class Identities<Made> {
  /** For clients that name no host, or an unknown one. */
  readonly default: Made;
  /** Each of them once, also one whose names are another's by now. */
  readonly all: ReadonlySet<Made>;
  readonly #byName = new Map<string, Made>();

  constructor(
    identity: TlsIdentity,
    others: readonly NamedIdentity[],
    make: (identity: CheckedIdentity) => Made,
  ) {
    this.default = make(checkIdentity(identity));
    const all = new Set([this.default]);
    this.all = all;
    for (const other of others) {
      const checked = checkIdentity(other);
      const made = make(checked);
      all.add(made);
      for (const name of other.serverNames ?? checked.hostNames) {
        this.#byName.set(name.toLowerCase(), made);
      }
    }
  }

  get hasNames(): boolean {
    return this.#byName.size > 0;
  }

  /** RFC 6066 section 3 and RFC 9525 section 6.3: a wildcard stands for the whole first label. */
  forName(name: string): Made {
    return this.#byName.get(name) ?? this.#byName.get(name.replace(/^[^.]+/, "*")) ?? this.default;
  }
}

function describeClient(socket: TLSSocket, isAsked: boolean, passed: Set<string>): TlsInfo {
  const [certificate] = isAsked ? peerChain(socket) : [];
  // Without a certificate, or without having asked for one, `authorized` doesn't mean much.
  const authorized = certificate !== undefined && socket.authorized &&
    hasPassed(socket, certificate, passed);
  return {
    ...describeConnection(socket),
    serverName: (socket as { servername?: string | null }).servername || undefined,
    authorized,
    authorizationError: authorized || !isAsked ? undefined : reasonOf(socket, certificate),
    peerCertificate: certificate && describeCertificate(certificate),
    isSsl: 1,
  };
}

/** The most certificates to remember; a client whose own is forgotten makes a whole handshake again. */
const MOST_PASSED = 10_000;

/**
 * The runtime calls every resumed session authorized, also one whose certificate was refused, and its
 * ticket keys are those of the whole process: another server's verdict would count here.
 */
function hasPassed(socket: TLSSocket, certificate: X509Certificate, passed: Set<string>): boolean {
  const { fingerprint256, validTo } = certificate;
  if (socket.isSessionReused()) {
    return passed.has(fingerprint256) && Date.now() <= Date.parse(validTo);
  }
  passed.delete(fingerprint256);
  passed.add(fingerprint256);
  if (passed.size > MOST_PASSED) passed.delete(passed.values().next().value!);
  return true;
}

/** The runtime says nearly always that no authority of the list signed it. */
function reasonOf(socket: TLSSocket, certificate: X509Certificate | undefined): string {
  if (certificate !== undefined && isFit(certificate) && socket.isSessionReused()) {
    return "its session was resumed, and it was never checked here";
  }
  return whyNotTrusted(certificate, String(socket.authorizationError));
}

function isFit(certificate: X509Certificate): boolean {
  const now = Date.now();
  return now <= Date.parse(certificate.validTo) && now >= Date.parse(certificate.validFrom) &&
    isMeantFor(certificate, "client");
}

/**
 * Why a client's certificate is not trusted.
 *
 * @param code what the stack says, by the names of `node:tls`
 */
export function whyNotTrusted(certificate: X509Certificate | undefined, code: string): string {
  if (certificate === undefined) return "it showed none";
  const now = Date.now();
  if (now > Date.parse(certificate.validTo)) return "it has expired";
  if (now < Date.parse(certificate.validFrom)) return "it is not valid yet";
  if (!isMeantFor(certificate, "client")) return "it is not for clients";
  return UNKNOWN_ISSUER.includes(code) ? "nobody in the CA list signed it" : code;
}

const UNKNOWN_ISSUER = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
];
