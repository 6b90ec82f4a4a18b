/** The server's side of TLS by OpenSSL, over connections that are accepted already. */

import type { Transport } from "../../../api/network.ts";
import type { TlsInfo } from "../../../api/tls.ts";
import { LwsError } from "../../../base/errors.ts";
import type { TlsIdentity } from "../../../tls/certificate.ts";
import { serverNameIn } from "../../../tls/client_hello.ts";
import { describeCertificate } from "../../../tls/info.ts";
import {
  Identities,
  type NamedIdentity,
  type SecureOptions,
  type TlsServerOptions,
  whyNotTrusted,
} from "../../../tls/server.ts";
import type { Additions, SecuringHandshake, ServerSide, TlsTuning } from "../../../tls/stack.ts";
import { PeekedTransport } from "../../first_bytes.ts";
import { OpensslContext } from "./context.ts";
import { askedName, chainOf, clientVerdict, describeSession } from "./peer.ts";
import type { Pipes } from "./pipes.ts";
import { Session } from "./session.ts";
import { OpensslTransport } from "./transport.ts";

/** As `TlsServer`, but that how long a handshake takes is its owner's concern alone. */
export class OpensslServer implements ServerSide {
  readonly #pipes: Pipes;
  readonly #options: TlsServerOptions;
  readonly #tuning: TlsTuning;
  readonly #additions: Additions | undefined;
  #identities: Identities<OpensslContext>;
  #isClosed = false;

  /** @throws {LwsError} that names the member that can't be used */
  constructor(
    pipes: Pipes,
    options: TlsServerOptions,
    tuning: TlsTuning,
    additions?: Additions,
  ) {
    this.#pipes = pipes;
    this.#options = options;
    this.#tuning = tuning;
    this.#additions = additions;
    this.#identities = this.#load(options.identity, options.identities);
  }

  setCertificate(identity: TlsIdentity, identities: readonly NamedIdentity[] = []): void {
    const made = this.#load(identity, identities);
    // The program may have done anything while it was asked.
    const former = this.#isClosed ? made : this.#identities;
    if (!this.#isClosed) this.#identities = made;
    for (const context of former.all) context.free();
  }

  get trustsNobody(): boolean {
    return this.#identities.default.trustsNobody;
  }

  close(): void {
    this.#isClosed = true;
    for (const context of this.#identities.all) context.free();
  }

  secure(inner: Transport, options: SecureOptions = {}): SecuringHandshake {
    if (!this.#identities.hasNames) return this.#begin(inner, this.#identities.default, options);
    const peeked = new PeekedTransport(inner, serverNameIn);
    let handshake: SecuringHandshake | undefined;
    let isGivenUp = false;
    const done = peeked.found.then((name) => {
      if (isGivenUp || name === undefined) {
        peeked.close();
        throw new LwsError(
          "connection-closed",
          "the peer closed the connection in the TLS handshake, or it was lost",
        );
      }
      handshake = this.#begin(peeked, this.#identities.forName(name), options);
      return handshake.done;
    });
    done.catch(() => {});
    return {
      done,
      close() {
        isGivenUp = true;
        if (handshake === undefined) peeked.close();
        else handshake.close();
      },
    };
  }

  #begin(inner: Transport, context: OpensslContext, options: SecureOptions): SecuringHandshake {
    let session: Session;
    try {
      session = new Session(this.#pipes, context);
    } catch (error) {
      inner.close();
      return { done: Promise.reject(error), close() {} };
    }
    const judge = () => {
      const info = this.#describe(session);
      if (this.#isWelcome(info, options)) return info;
      const why = info.authorizationError ?? "the verification refused it";
      throw new LwsError("certificate-refused", `the client's certificate was refused: ${why}`);
    };
    const transport = new OpensslTransport(inner, session, true, judge, options.budget);
    transport.begin();
    return { done: transport.done, close: () => transport.giveUp() };
  }

  #load(identity: TlsIdentity, others: readonly NamedIdentity[] = []): Identities<OpensslContext> {
    const made: OpensslContext[] = [];
    try {
      return new Identities(identity, others, (checked) => {
        const context = new OpensslContext(this.#pipes.openssl, {
          side: "server",
          identity: checked,
          ca: this.#options.ca ?? [],
          trustsSystem: false,
          asksForCertificate: this.#asks,
          tuning: this.#tuning,
          additions: this.#additions,
        });
        made.push(context);
        return context;
      });
    } catch (error) {
      for (const context of made) context.free();
      throw error;
    }
  }

  get #asks(): boolean {
    return (this.#options.clientCertificate ?? "none") !== "none";
  }

  #describe(session: Session): TlsInfo {
    const [certificate] = this.#asks ? chainOf(session) : [];
    const verdict = certificate && clientVerdict(session);
    const authorized = certificate !== undefined && verdict === undefined;
    return {
      ...describeSession(session),
      serverName: askedName(session),
      authorized,
      authorizationError: authorized || !this.#asks
        ? undefined
        : whyNotTrusted(certificate, verdict ?? ""),
      peerCertificate: certificate && describeCertificate(certificate),
      isSsl: 1,
    };
  }

  #isWelcome(info: TlsInfo, { verifyClient }: SecureOptions): boolean {
    if (!this.#asks) return true;
    if (verifyClient !== undefined) return verifyClient(info);
    return this.#options.clientCertificate === "request" || info.authorized;
  }
}
