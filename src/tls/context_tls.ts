/** TLS as a context has it: its certificates, its authorities, and the handshakes of both sides. */

import type { Transport } from "../api/network.ts";
import type {
  CertificateInfo,
  PrivateKeyLoader,
  TlsInfo,
  TlsMembers,
  TrustLoader,
} from "../api/tls.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { checkIdentity, parseCertificates, readPem, type TlsIdentity } from "./certificate.ts";
import { HandshakingTransport, type Making } from "./handshaking_transport.ts";
import { provided } from "./provided_client_tls.ts";
import { secureByRuntime } from "./runtime_client.ts";
import {
  type Additions,
  type ClientSide,
  lendTrial,
  nodeStack,
  type SecuredTransport,
  type SecuringHandshake,
  type ServerSide,
  type TlsStack,
  type TrialPointers,
} from "./stack.ts";
import { readCertificate, readOthers } from "./context/certificates.ts";
import { askForKey, askForTrust, type GivenKey } from "./context/loaders.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import { firstByteOf, PeekedTransport, TLS_HANDSHAKE_RECORD } from "../transport/first_bytes.ts";
import { detached } from "../transport/network.ts";

/** How TLS is set up. */
export interface TlsSettings {
  readonly members: TlsMembers;
  readonly listens: boolean;
  readonly requireValidClientCert: boolean;
  readonly peerCertNotRequired: boolean;
  readonly allowNonSslOnSslPort: boolean;
  readonly disableOsCaCerts: boolean;
  readonly handshakeTimeoutMs: number;
  /** What the network brings. @default {nodeStack} */
  readonly stack?: TlsStack | undefined;
}

/** What the program may add, by callbacks of the first protocol. */
export interface TlsCallbacks {
  loadClientTrust(loader: TrustLoader): void;
  loadServerTrust(loader: TrustLoader): void;
  /** Non-zero fails the creation. */
  requirePrivateKey(loader: PrivateKeyLoader): number;
}

/** What a TLS server's handshake tells of its connection. Implemented by the admission. */
export interface AcceptOptions {
  /** Does `work` when the service policy allows callbacks, at once or later; never, once all is over. */
  deliver(work: () => void): void;
  /** The program's word on a client's certificate; undefined for none. */
  verify(info: TlsInfo, trial: TrialPointers | undefined): boolean | undefined;
  /** The handshake is done, and nothing was read. */
  secured(info: TlsInfo): void;
  /** Nothing came of it. */
  failed(why: string): void;
  /** The turns in which handshakes go on. Default: whenever something of them has come. */
  readonly budget?: TurnBudget | undefined;
}

/** What a client wants of its TLS. */
export interface ClientTlsTarget {
  readonly serverName: string;
  readonly port: number;
  readonly ssl: 1 | 2;
  /** Whether the server's certificate, the version and the cipher have to be known. */
  readonly peerCertificate: boolean;
}

/** A client's connection that is through with its handshake. */
export interface SecuredClient {
  readonly transport: Transport;
  readonly isSsl: 1 | 2;
  /** Undefined where the program has a TLS layer of its own. */
  readonly info: TlsInfo | undefined;
}

/**
 * `node:tls` ends a handshake by a timer of its own, which looks at nothing that lies in the socket, so
 * that it comes so much later than the library's.
 */
const UNREAD_MS = 10_000;

/** The TLS of one context. */
export class ContextTls {
  readonly #settings: TlsSettings;
  readonly #callbacks: TlsCallbacks;
  readonly #ca: readonly string[];
  readonly #clientIdentity: TlsIdentity | undefined;
  readonly #stack: TlsStack;
  readonly #server: ServerSide | undefined;
  /** Made when the first client wants it. */
  #client: ClientSide | undefined;
  #isPrepared = false;
  /** Whether clients need nothing that the runtime's own TLS hasn't got. */
  #runtimeWillDo = false;

  /** @throws {LwsError} `invalid-option`, naming what can't be used. */
  constructor(settings: TlsSettings, callbacks: TlsCallbacks) {
    this.#settings = settings;
    this.#callbacks = callbacks;
    this.#stack = settings.stack ?? nodeStack;
    this.#stack.check(settings.members);
    const { sslCaFilepath } = settings.members;
    this.#ca = isGiven(sslCaFilepath) ? [readPem(sslCaFilepath, "sslCaFilepath")] : [];
    for (const ca of this.#ca) parseCertificates(ca, "sslCaFilepath");
    const identity = this.#readIdentity();
    if (settings.listens) this.#server = identity && this.#makeServer(identity);
    else this.#clientIdentity = identity;
    if (this.#clientIdentity === undefined) return;
    checkIdentity(this.#clientIdentity);
    // The program sets its key by the pointer, while creation can still fail for that.
    if (this.#clientIdentity.key === undefined) this.prepareClient();
  }

  /** Whether what is accepted speaks TLS. */
  get isServer(): boolean {
    return this.#server !== undefined;
  }

  /**
   * What of it goes on only while the runtime does, if there is such.
   *
   * @param hasClients whether there were clients with TLS
   */
  runtimeIsNeededFor(hasClients: boolean): string | undefined {
    const isUsed = this.isServer || hasClients;
    if (isUsed && this.#stack === nodeStack) return BY_THE_RUNTIME;
    return hasClients && this.#isProvided ? "providedClientTls" : undefined;
  }

  /** Whether clients need no promise. */
  get shakesAtOnce(): boolean {
    return this.#stack !== nodeStack && !this.#isProvided;
  }

  get #isProvided(): boolean {
    return isGiven(this.#settings.members.providedClientTls);
  }

  /** Makes TLS of an accepted connection, or finds out that it is none, where that is allowed. */
  accept(inner: Transport, options: AcceptOptions): Transport {
    const server = this.#server;
    if (server === undefined) return inner;
    if (!this.#settings.allowNonSslOnSslPort) {
      return new HandshakingTransport(inner, this.#shake(server, inner, options));
    }
    const peeked = new PeekedTransport(inner, firstByteOf);
    let shaking: Making | undefined;
    const done = peeked.found.then((byte) => {
      if (byte !== TLS_HANDSHAKE_RECORD) return peeked;
      shaking = this.#shake(server, peeked, options);
      return shaking.done;
    });
    return new HandshakingTransport(inner, {
      done,
      judge(made, admit) {
        if (shaking === undefined) admit(true);
        else shaking.judge!(made, admit);
      },
      close: () => shaking === undefined ? peeked.close() : shaking.close(),
    });
  }

  /** As `Context.setCertificate`. */
  setCertificate(certificate: CertificateInfo, others: readonly CertificateInfo[]): void {
    if (this.#server === undefined) {
      throw new LwsError("invalid-state", "setCertificate: the context does not listen with TLS");
    }
    const own = readCertificate(certificate, "setCertificate: certificate", "invalid-argument");
    const more = readOthers(others, "setCertificate: others", "invalid-argument");
    this.#server.setCertificate(own, more);
  }

  /** The context is over, and makes no connection any more. */
  close(): void {
    this.#server?.close?.();
    this.#client?.close?.();
  }

  /**
   * Has the program add authorities that clients trust, once, while it is the program's own call that runs.
   *
   * @throws {LwsError} `invalid-option`, naming what can't be used any more
   */
  prepareClient(): void {
    if (this.#isPrepared || this.#isProvided) return;
    // The callback may connect as well.
    this.#isPrepared = true;
    const ca = [...this.#ca];
    const trust = (loader: TrustLoader) => this.#callbacks.loadClientTrust(loader);
    const { disableOsCaCerts, members } = this.#settings;
    const identity = this.#clientIdentity;
    if (!this.#stack.lendsContexts) {
      ca.push(...askForTrust(trust, undefined));
      this.#runtimeWillDo = ca.length === 0 && !disableOsCaCerts && identity === undefined;
      // Nothing can be wrong with it then, and few clients need it.
      if (this.#runtimeWillDo) return;
    }
    try {
      const options = { ca, disableOsCaCerts, identity };
      this.#client = this.#stack.client(options, members, this.#additions(trust));
    } catch (error) {
      this.#isPrepared = false;
      throw error;
    }
  }

  /** The client's side of a handshake; `inner` is closed when nothing comes of it. */
  async connect(
    inner: Transport,
    target: ClientTlsTarget,
    signal: AbortSignal,
  ): Promise<SecuredClient> {
    const { ssl, serverName, port, peerCertificate } = target;
    const { providedClientTls } = this.#settings.members;
    if (isGiven(providedClientTls)) {
      const asked = { serverName, port, ssl };
      const transport = await provided(providedClientTls, inner, asked, signal);
      return { transport, isSsl: ssl, info: undefined };
    }
    const isPlain = this.#runtimeWillDo && ssl === 1 && !peerCertificate;
    const conn = isPlain ? detached(inner) : undefined;
    if (conn !== undefined) {
      // `node:tls` can be closed whatever the server does: one such socket is enough.
      const onAbandoned = () => void (this.#runtimeWillDo = false);
      const secured = await secureByRuntime(conn, { serverName, onAbandoned }, signal);
      return { ...secured, isSsl: 1 };
    }
    return await this.shake(inner, target, signal);
  }

  /**
   * As {@linkcode connect}, by what the context itself brings: without a promise where the stack needs none.
   *
   * @throws {LwsError} when that can't be begun
   */
  shake(
    inner: Transport,
    { ssl, serverName }: ClientTlsTarget,
    signal: AbortSignal,
  ): PromiseLike<SecuredClient> {
    let shaking: SecuringHandshake;
    try {
      signal.throwIfAborted();
      this.#client ??= this.#stack.client({}, this.#settings.members);
      shaking = this.#client.secure(inner, { serverName, allowSelfSigned: ssl === 2 });
    } catch (error) {
      inner.close();
      throw error;
    }
    const giveUp = () => shaking.close();
    signal.addEventListener("abort", giveUp, { once: true });
    return shaking.done.then((transport) => {
      signal.removeEventListener("abort", giveUp);
      return { transport, isSsl: ssl, info: transport.info };
    }, (error) => {
      signal.removeEventListener("abort", giveUp);
      throw error;
    });
  }

  #shake(server: ServerSide, inner: Transport, options: AcceptOptions): Making {
    // Whether a client is welcome is said below, in service where the program wants that.
    const shaking = server.secure(inner, { verifyClient: () => true, budget: options.budget });
    shaking.done.then(undefined, (error: LwsError) => options.failed(error.message));
    return {
      done: shaking.done,
      judge: (made, admit) => {
        const { info } = made as SecuredTransport;
        const tell = (verdict: boolean) => {
          if (!verdict) {
            options.failed(`the client's certificate was refused: ${whyRefused(info)}`);
          }
          admit(verdict);
        };
        options.secured(info);
        const { requireValidClientCert, peerCertNotRequired } = this.#settings;
        if (!requireValidClientCert) return tell(true);
        if (info.peerCertificate === undefined) return tell(peerCertNotRequired);
        const { authorized } = info;
        options.deliver(() => {
          lendTrial(made as SecuredTransport, (trial) => {
            tell(options.verify(info, trial) ?? (authorized || peerCertNotRequired));
          });
        });
      },
      close: () => shaking.close(),
    };
  }

  #readIdentity(): TlsIdentity | undefined {
    const { sslCertFilepath, sslPrivateKeyFilepath } = this.#settings.members;
    if (!isGiven(sslCertFilepath)) return undefined;
    const cert = readPem(sslCertFilepath, "sslCertFilepath");
    const passphrase = this.#settings.members.sslPrivateKeyPassword ?? undefined;
    if (isGiven(sslPrivateKeyFilepath)) {
      return { cert, key: readPem(sslPrivateKeyFilepath, "sslPrivateKeyFilepath"), passphrase };
    }
    return this.#stack.lendsContexts
      ? { cert, key: undefined, passphrase }
      : { cert, ...this.#askForKey(undefined)! };
  }

  #askForKey(sslCtx: object | undefined): GivenKey | undefined {
    return askForKey(
      (loader) => this.#callbacks.requirePrivateKey(loader),
      this.#settings.members.sslPrivateKeyPassword ?? undefined,
      sslCtx,
    );
  }

  /** What the program adds to each context that the stack makes; it is asked before where the stack lends none. */
  #additions(trust: (loader: TrustLoader) => void): Additions {
    return {
      trust: (sslCtx) => askForTrust(trust, sslCtx),
      privateKey: (sslCtx) => this.#askForKey(sslCtx),
    };
  }

  #makeServer(identity: TlsIdentity): ServerSide {
    const { members, requireValidClientCert, peerCertNotRequired } = this.#settings;
    const ca = [...this.#ca];
    const trust = (loader: TrustLoader) => {
      if (requireValidClientCert) this.#callbacks.loadServerTrust(loader);
    };
    if (requireValidClientCert) {
      if (!this.#stack.lendsContexts) ca.push(...askForTrust(trust, undefined));
      if (this.#settings.allowNonSslOnSslPort) log("warn", PLAIN_IS_NOT_ASKED);
    }
    const asks = peerCertNotRequired ? "request" : "require";
    const server = this.#stack.server(
      {
        identity,
        identities: readOthers(members.certificates ?? [], "certificates", "invalid-option"),
        // An empty list trusts none; the runtime's authorities vouch for servers, not for clients.
        ca,
        clientCertificate: requireValidClientCert ? asks : "none",
        handshakeTimeoutMs: this.#settings.handshakeTimeoutMs + UNREAD_MS,
      },
      members,
      this.#additions(trust),
    );
    if (requireValidClientCert && (server.trustsNobody ?? ca.length === 0)) {
      log("warn", NOBODY_TRUSTED);
    }
    return server;
  }
}

const BY_THE_RUNTIME = 'TLS without epollNetwork({ tls: "openssl" })';

const NOBODY_TRUSTED =
  "options.requireValidClientCert: there is no authority for clients, from sslCaFilepath or from " +
  "opensslLoadExtraServerVerifyCerts; only opensslPerformClientCertVerification lets somebody in";

const PLAIN_IS_NOT_ASKED =
  "options.allowNonSslOnSslPort: who speaks plain HTTP is asked for no certificate, " +
  "requireValidClientCert or not";

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function whyRefused(info: TlsInfo): string {
  return info.authorized
    ? "opensslPerformClientCertVerification refused it"
    : info.authorizationError ?? "nobody vouches for it";
}
