/** TLS as a context has it: its certificates, its authorities, and the handshakes of both sides. */

import type { Transport } from "../api/network.ts";
import type {
  CertificateInfo,
  PrivateKeyLoader,
  TlsInfo,
  TlsMembers,
  TrustLoader,
} from "../api/tls.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { checkIdentity, parseCertificates, readPem, type TlsIdentity } from "./certificate.ts";
import { HandshakingTransport, type Making } from "./handshaking_transport.ts";
import { provided } from "./provided_client_tls.ts";
import { refusalBy, type TlsField } from "./refusal.ts";
import { secureByRuntime } from "./runtime_client.ts";
import type { NamedIdentity } from "./server.ts";
import {
  type ClientSide,
  nodeStack,
  type SecuredTransport,
  type SecuringHandshake,
  type ServerSide,
  type TlsStack,
} from "./stack.ts";
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
  verify(info: TlsInfo): boolean | undefined;
  /** The handshake is done, and nothing was read. */
  secured(info: TlsInfo): void;
  /** Nothing came of it. */
  failed(why: string): void;
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
    if (this.#clientIdentity !== undefined) checkIdentity(this.#clientIdentity);
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
    lendLoader(ca, (loader) => this.#callbacks.loadClientTrust(loader));
    const isPlain = ca.length === 0 && !this.#settings.disableOsCaCerts &&
      this.#clientIdentity === undefined;
    this.#runtimeWillDo = isPlain && this.#stack === nodeStack;
    // Nothing can be wrong with it then, and few clients need it.
    if (isPlain) return;
    try {
      this.#client = this.#stack.client({
        ca,
        disableOsCaCerts: this.#settings.disableOsCaCerts,
        identity: this.#clientIdentity,
      }, this.#settings.members);
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
    const shaking = server.secure(inner, { verifyClient: () => true });
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
        options.deliver(() =>
          tell(options.verify(info) ?? (info.authorized || peerCertNotRequired))
        );
      },
      close: () => shaking.close(),
    };
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
    let isOver = false;
    let failure: unknown;
    const result = this.#callbacks.requirePrivateKey({
      setPrivateKey(pem, ownPassphrase) {
        try {
          mustBeDuringCallback(isOver, "setPrivateKey");
          mustBeText("setPrivateKey", "pem", pem);
          if (ownPassphrase !== undefined) {
            mustBeText("setPrivateKey", "passphrase", ownPassphrase, "no text");
          }
          const key = readPem(pem, "sslPrivateKeyFilepath", refusalBy("invalid-argument"));
          loaded = { key, passphrase: ownPassphrase ?? passphrase };
        } catch (error) {
          failure = error;
          throw error;
        }
      },
    });
    isOver = true;
    if (result === 0 && loaded !== undefined) return { cert, ...loaded };
    throw new LwsError(
      failure instanceof LwsError && failure.code === "permission-denied"
        ? failure.code
        : "invalid-option",
      failure instanceof Error
        ? `sslPrivateKeyFilepath: opensslContextRequiresPrivateKey: ${failure.message}`
        : "sslPrivateKeyFilepath: there is none, and opensslContextRequiresPrivateKey has not given one",
      { cause: failure },
    );
  }

  #makeServer(identity: TlsIdentity): ServerSide {
    const { members, requireValidClientCert, peerCertNotRequired } = this.#settings;
    const ca = [...this.#ca];
    if (requireValidClientCert) {
      lendLoader(ca, (loader) => this.#callbacks.loadServerTrust(loader));
      if (ca.length === 0) log("warn", NOBODY_TRUSTED);
      if (this.#settings.allowNonSslOnSslPort) log("warn", PLAIN_IS_NOT_ASKED);
    }
    const asks = peerCertNotRequired ? "request" : "require";
    return this.#stack.server({
      identity,
      identities: readOthers(members.certificates ?? [], "certificates", "invalid-option"),
      // An empty list trusts none; the runtime's authorities vouch for servers, not for clients.
      ca,
      clientCertificate: requireValidClientCert ? asks : "none",
      handshakeTimeoutMs: this.#settings.handshakeTimeoutMs + UNREAD_MS,
    }, members);
  }
}

const BY_THE_RUNTIME = 'TLS without epollNetwork({ tls: "openssl" })';

const NOBODY_TRUSTED =
  "options.requireValidClientCert: there is no authority for clients, from sslCaFilepath or from " +
  "opensslLoadExtraServerVerifyCerts; only opensslPerformClientCertVerification lets somebody in";

const PLAIN_IS_NOT_ASKED =
  "options.allowNonSslOnSslPort: who speaks plain HTTP is asked for no certificate, " +
  "requireValidClientCert or not";

type CertificateErrorCode = "invalid-argument" | "invalid-option";

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

/** The member of a {@linkcode CertificateInfo} that an error of a file's check is about. */
const CERTIFICATE_MEMBERS: Record<TlsField, keyof CertificateInfo> = {
  sslCertFilepath: "cert",
  sslPrivateKeyFilepath: "key",
  sslPrivateKeyPassword: "passphrase",
  sslCaFilepath: "cert",
};

/** Reads and checks one, so that what is wrong has the name of where it stands. */
function readCertificate(
  given: CertificateInfo,
  where: string,
  code: CertificateErrorCode,
): NamedIdentity & { readonly hostNames: readonly string[] } {
  const refuse = (member: string, allowed: string) => {
    throw new LwsError(code, `${where}${member} must be ${allowed}`);
  };
  if (typeof given !== "object" || given === null) refuse("", "an object with cert and key");
  const { cert, key, passphrase, serverNames } = given;
  for (const [member, value] of [["cert", cert], ["key", key]] as const) {
    if (typeof value === "string" && value !== "") continue;
    refuse(`.${member}`, "PEM text, or the path of a PEM file");
  }
  if (passphrase !== undefined && typeof passphrase !== "string") refuse(".passphrase", "a text");
  const isName = (each: unknown) => typeof each === "string" && each !== "";
  if (serverNames !== undefined && !(Array.isArray(serverNames) && serverNames.every(isName))) {
    refuse(".serverNames", "an array of host names");
  }
  const refusal = refusalBy(code, (field) => `${where}.${CERTIFICATE_MEMBERS[field]}`);
  const identity = {
    cert: readPem(cert, "sslCertFilepath", refusal),
    key: readPem(key, "sslPrivateKeyFilepath", refusal),
    passphrase,
    refusal,
  };
  return { ...identity, serverNames, hostNames: checkIdentity(identity).hostNames };
}

/** Reads the certificates that are chosen by host names. */
function readOthers(
  given: readonly CertificateInfo[],
  where: string,
  code: CertificateErrorCode,
): NamedIdentity[] {
  if (!Array.isArray(given)) throw new LwsError(code, `${where} must be an array of certificates`);
  return given.map((each, index) => {
    const name = `${where}[${index}]`;
    const identity = readCertificate(each, name, code);
    if ((identity.serverNames ?? identity.hostNames).length > 0) return identity;
    throw new LwsError(
      code,
      `${name}.serverNames must name a host, as the certificate itself names none`,
    );
  });
}

/** Lends a loader for the time of a callback. */
function lendLoader(ca: string[], callback: (loader: TrustLoader) => void): void {
  let isOver = false;
  const adder = (call: string, member: string) => (pemOrPath: string) => {
    mustBeDuringCallback(isOver, call);
    mustBeText(call, member, pemOrPath);
    const refusal = refusalBy("invalid-argument", () => `${call}: ${member}`);
    const pem = readPem(pemOrPath, "sslCaFilepath", refusal);
    parseCertificates(pem, "sslCaFilepath", refusal);
    ca.push(pem);
  };
  callback({ addCaCert: adder("addCaCert", "pem"), addCaFile: adder("addCaFile", "path") });
  isOver = true;
}

function mustBeDuringCallback(isOver: boolean, call: string): void {
  if (isOver) throw new LwsError("invalid-state", `${call}: the callback that it was for is over`);
}

function mustBeText(call: string, member: string, value: unknown, shown = value): void {
  if (typeof value !== "string" || value === "") refuseArgument(call, member, shown, "a text");
}

function whyRefused(info: TlsInfo): string {
  return info.authorized
    ? "opensslPerformClientCertVerification refused it"
    : info.authorizationError ?? "nobody vouches for it";
}
