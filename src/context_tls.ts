/** TLS as a context has it: its certificates, whom it trusts, and the handshakes of both sides. */

import { LwsError } from "./errors.ts";
import { LateTransport, type Making } from "./late_transport.ts";
import type { CertificateInfo, PrivateKeyLoader, TlsMembers, TrustLoader } from "./tls_members.ts";
import { StreamTransport } from "./transport/tcp.ts";
import {
  firstByteOf,
  PeekedTransport,
  TLS_HANDSHAKE_RECORD,
} from "./transport/peeked_transport.ts";
import { TlsClient } from "./transport/tls_client.ts";
import { TlsOptionError } from "./transport/tls_error.ts";
import { checkIdentity, type TlsIdentity } from "./transport/tls_identity.ts";
import type { TlsInfo } from "./transport/tls_info.ts";
import { parseCertificates, readPem } from "./transport/tls_pem.ts";
import { type NamedIdentity, TlsServer } from "./transport/tls_server.ts";
import type { Transport } from "./transport/transport.ts";
import { TransportConn } from "./transport_conn.ts";

/** How TLS is set up. */
export interface TlsSettings {
  readonly members: TlsMembers;
  readonly listens: boolean;
  readonly requireValidClientCert: boolean;
  readonly peerCertNotRequired: boolean;
  readonly allowNonSslOnSslPort: boolean;
  readonly disableOsCaCerts: boolean;
  readonly handshakeTimeoutMs: number;
}

/** What the program may add, by callbacks of the first protocol. */
export interface TlsHost {
  loadClientTrust(loader: TrustLoader): void;
  loadServerTrust(loader: TrustLoader): void;
  /** Non-zero fails the creation. */
  requirePrivateKey(loader: PrivateKeyLoader): number;
}

/** What decides about one accepted connection. */
export interface AcceptOptions {
  /** The program's word on a client's certificate; undefined for none. */
  verify(info: TlsInfo): boolean | undefined;
  /** The handshake is done. */
  secured(info: TlsInfo): void;
}

/** A client's connection that is through with its handshake. */
export interface SecuredClient {
  readonly transport: Transport;
  readonly isSsl: 1 | 2;
  /** Undefined where the program has a TLS layer of its own. */
  readonly info: TlsInfo | undefined;
}

/** The TLS of one context. */
export class ContextTls {
  readonly #settings: TlsSettings;
  readonly #host: TlsHost;
  readonly #ca: readonly string[];
  readonly #clientIdentity: TlsIdentity | undefined;
  readonly #server: TlsServer | undefined;
  #client: TlsClient | undefined;

  /** @throws {LwsError} `invalid-option`, naming what can't be used. */
  constructor(settings: TlsSettings, host: TlsHost) {
    this.#settings = settings;
    this.#host = host;
    try {
      const { sslCaFilepath } = settings.members;
      this.#ca = isGiven(sslCaFilepath) ? [readPem(sslCaFilepath, "sslCaFilepath")] : [];
      for (const ca of this.#ca) parseCertificates(ca, "sslCaFilepath");
      const identity = this.#readIdentity();
      if (settings.listens) this.#server = identity && this.#makeServer(identity);
      else this.#clientIdentity = identity;
      if (this.#clientIdentity !== undefined) checkIdentity(this.#clientIdentity);
    } catch (error) {
      throw asLwsError(error, "invalid-option");
    }
  }

  /** Whether what is accepted speaks TLS. */
  get isServer(): boolean {
    return this.#server !== undefined;
  }

  /** Makes TLS of an accepted connection, or finds out that it is none, where that is allowed. */
  accept(inner: Transport, options: AcceptOptions): Transport {
    const server = this.#server;
    if (server === undefined) return inner;
    if (!this.#settings.allowNonSslOnSslPort) {
      return new LateTransport(inner, this.#shake(server, inner, options));
    }
    const peeked = new PeekedTransport(inner, firstByteOf);
    let shaking: Making | undefined;
    const done = peeked.found.then((byte) => {
      if (byte !== TLS_HANDSHAKE_RECORD) return peeked;
      shaking = this.#shake(server, peeked, options);
      return shaking.done;
    });
    const close = () => shaking === undefined ? peeked.close() : shaking.close();
    return new LateTransport(inner, { done, close });
  }

  /** As `Context.setCertificate`. */
  setCertificate(certificate: CertificateInfo, others: readonly CertificateInfo[]): void {
    if (this.#server === undefined) {
      throw new LwsError("invalid-state", "setCertificate: the context does not listen with TLS");
    }
    try {
      this.#server.setCertificate(readCertificate(certificate), others.map(readCertificate));
    } catch (error) {
      throw asLwsError(error, "invalid-argument");
    }
  }

  /** The client's side of a handshake. */
  async connect(
    inner: Transport,
    target: { serverName: string; port: number; ssl: 1 | 2 },
    signal: AbortSignal,
  ): Promise<SecuredClient> {
    const { serverName, port, ssl } = target;
    const { providedClientTls } = this.#settings.members;
    if (isGiven(providedClientTls)) {
      const conn = await providedClientTls(serverName, port, new TransportConn(inner));
      return { transport: new StreamTransport(conn), isSsl: ssl, info: undefined };
    }
    const shaking = this.#clientTls().secure(inner, { serverName, allowSelfSigned: ssl === 2 });
    const giveUp = () => shaking.close();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const transport = await shaking.done;
      return { transport, isSsl: ssl, info: transport.info };
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #shake(server: TlsServer, inner: Transport, options: AcceptOptions): Making {
    const mayLack = this.#settings.peerCertNotRequired;
    const verifyClient = (info: TlsInfo) => {
      if (info.peerCertificate === undefined) return mayLack;
      return options.verify(info) ?? (info.authorized || mayLack);
    };
    const shaking = server.secure(inner, { verifyClient });
    const done = shaking.done.then((transport) => {
      options.secured(transport.info);
      return transport;
    });
    return { done, close: () => shaking.close() };
  }

  #readIdentity(): TlsIdentity | undefined {
    const { sslCertFilepath, sslPrivateKeyFilepath, sslPrivateKeyPassword } =
      this.#settings.members;
    if (!isGiven(sslCertFilepath)) return undefined;
    const cert = readPem(sslCertFilepath, "sslCertFilepath");
    const passphrase = sslPrivateKeyPassword ?? undefined;
    if (isGiven(sslPrivateKeyFilepath)) {
      return { cert, key: readPem(sslPrivateKeyFilepath, "sslPrivateKeyFilepath"), passphrase };
    }
    let loaded: Pick<TlsIdentity, "key" | "passphrase"> | undefined;
    const result = this.#host.requirePrivateKey({
      setPrivateKey(pem, passphrase) {
        loaded = { key: readPem(pem, "sslPrivateKeyFilepath"), passphrase };
      },
    });
    if (result !== 0 || loaded === undefined) {
      throw new TlsOptionError(
        "sslPrivateKeyFilepath",
        "there is none, and opensslContextRequiresPrivateKey has not given one",
      );
    }
    return { cert, ...loaded };
  }

  #makeServer(identity: TlsIdentity): TlsServer {
    const { members, requireValidClientCert, peerCertNotRequired } = this.#settings;
    const ca = [...this.#ca];
    if (requireValidClientCert) this.#host.loadServerTrust(trustLoader(ca));
    const asks = peerCertNotRequired ? "request" : "require";
    return new TlsServer({
      identity,
      identities: (members.certificates ?? []).map(readCertificate),
      ca: ca.length > 0 ? ca : undefined,
      clientCertificate: requireValidClientCert ? asks : "none",
      handshakeTimeoutMs: this.#settings.handshakeTimeoutMs,
    });
  }

  /** Made when the first client wants it. */
  #clientTls(): TlsClient {
    if (this.#client !== undefined) return this.#client;
    const ca = [...this.#ca];
    this.#host.loadClientTrust(trustLoader(ca));
    return this.#client = new TlsClient({
      ca,
      disableOsCaCerts: this.#settings.disableOsCaCerts,
      identity: this.#clientIdentity,
    });
  }
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function readCertificate({ cert, key, passphrase, serverNames }: CertificateInfo): NamedIdentity {
  return {
    cert: readPem(cert, "sslCertFilepath"),
    key: readPem(key, "sslPrivateKeyFilepath"),
    passphrase,
    serverNames,
  };
}

function trustLoader(ca: string[]): TrustLoader {
  const add = (pemOrPath: string) => {
    try {
      const pem = readPem(pemOrPath, "sslCaFilepath");
      parseCertificates(pem, "sslCaFilepath");
      ca.push(pem);
    } catch (error) {
      throw asLwsError(error, "invalid-argument");
    }
  };
  return { addCaCert: add, addCaFile: add };
}

function asLwsError(error: unknown, code: "invalid-argument" | "invalid-option"): unknown {
  if (!(error instanceof TlsOptionError)) return error;
  return new LwsError(code, error.message, { cause: error });
}
