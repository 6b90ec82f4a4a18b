/** The client's side of TLS by OpenSSL, over connections that are made already. */

import { isIP } from "node:net";
import type { Transport } from "../../../api/network.ts";
import { checkIdentity } from "../../../tls/certificate.ts";
import { judgeServer, type TlsClientOptions, type TlsConnectOptions } from "../../../tls/client.ts";
import { describeCertificate } from "../../../tls/info.ts";
import type { Additions, ClientSide, SecuringHandshake, TlsTuning } from "../../../tls/stack.ts";
import { OpensslContext } from "./context.ts";
import { chainOf, describeSession, isForHost, serverVerdict } from "./peer.ts";
import type { Pipes } from "./pipes.ts";
import { Session } from "./session.ts";
import { OpensslTransport } from "./transport.ts";

/** As `TlsClient`; the authorities that count by themselves are the system's. */
export class OpensslClient implements ClientSide {
  readonly #pipes: Pipes;
  readonly #context: OpensslContext;

  /** @throws {LwsError} that names the member that can't be used */
  constructor(
    pipes: Pipes,
    options: TlsClientOptions,
    tuning: TlsTuning,
    additions?: Additions,
  ) {
    const { ca = [], identity, disableOsCaCerts = false } = options;
    this.#pipes = pipes;
    this.#context = new OpensslContext(pipes.openssl, {
      side: "client",
      identity: identity && checkIdentity(identity),
      ca,
      trustsSystem: !disableOsCaCerts,
      asksForCertificate: false,
      tuning,
      additions,
    });
  }

  close(): void {
    this.#context.free();
  }

  /** @throws {LwsError} `tls-handshake-failed` when OpenSSL can't make a connection's state */
  secure(inner: Transport, options: TlsConnectOptions): SecuringHandshake {
    // RFC 6066 section 3: a name goes without the dot that ends it.
    const host = options.serverName.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
    const isIp = isIP(host) !== 0;
    const allowSelfSigned = options.allowSelfSigned === true;
    // RFC 6066 section 3: an IP address is no server name.
    const session = new Session(this.#pipes, this.#context, isIp ? undefined : host);
    const judge = () => {
      const chain = chainOf(session);
      const code = serverVerdict(session);
      judgeServer({
        chain,
        host,
        isForHost: isForHost(session, host, isIp),
        authorizationError: code,
        allowSelfSigned,
      });
      return {
        ...describeSession(session),
        serverName: isIp ? undefined : host,
        authorized: code === undefined,
        authorizationError: code,
        peerCertificate: chain[0] && describeCertificate(chain[0]),
        isSsl: allowSelfSigned ? 2 as const : 1 as const,
      };
    };
    const transport = new OpensslTransport(inner, session, false, judge);
    transport.begin();
    return { done: transport.done, close: () => transport.giveUp() };
  }
}
