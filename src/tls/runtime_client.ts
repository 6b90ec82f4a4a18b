/**
 * The client's side of TLS by the runtime's own sockets. They trust the runtime's authorities and no
 * others, show no certificate, and tell nothing of the server's; `node:tls` is for all that.
 */

import { isIP } from "node:net";
import type { TlsInfo } from "../api/tls.ts";
import { LwsError, type LwsErrorCode } from "../base/errors.ts";
import { StreamTransport } from "../transport/stream_transport.ts";

/** How a connection is made. */
export interface RuntimeTlsOptions {
  /** The host that is meant, a name or an IP address without brackets; its certificate has to be for it. */
  readonly serverName: string;
  /** Further authorities to trust, as PEM texts. @default {[]} */
  readonly ca?: readonly string[];
  /**
   * Called when the connection was given up while the server took nothing. The runtime keeps such a
   * socket, which can't be closed, until the server or the system ends it.
   */
  onAbandoned(): void;
}

/** A connection that is through with its handshake. */
export interface RuntimeTlsConnection {
  readonly transport: StreamTransport;
  readonly info: TlsInfo;
}

/** What the runtime doesn't tell. */
const UNKNOWN = "unknown";

/**
 * Makes TLS of a connection on which no read or write is under way; it is closed when nothing comes of it.
 *
 * Rejects with a {@linkcode LwsError}, or with the signal's reason when that aborts first.
 */
export async function secureByRuntime(
  conn: Deno.TcpConn,
  options: RuntimeTlsOptions,
  signal: AbortSignal,
): Promise<RuntimeTlsConnection> {
  const { serverName, ca = [], onAbandoned } = options;
  let tls: Deno.TlsConn;
  try {
    signal.throwIfAborted();
    tls = await Deno.startTls(conn, {
      hostname: serverName,
      caCerts: [...ca],
      alpnProtocols: ["http/1.1"],
    });
  } catch (error) {
    closeQuietly(conn);
    if (signal.aborted) throw signal.reason;
    throw describe(error, serverName);
  }
  const giveUp = () => closeQuietly(tls);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const { alpnProtocol } = await tls.handshake();
    signal.throwIfAborted();
    return {
      transport: new RuntimeTlsTransport(tls, onAbandoned),
      info: {
        protocol: UNKNOWN,
        cipher: UNKNOWN,
        alpnProtocol: alpnProtocol ?? undefined,
        serverName: isIP(serverName) === 0 ? serverName : undefined,
        authorized: true,
        authorizationError: undefined,
        peerCertificate: undefined,
        isSsl: 1,
      },
    };
  } catch (error) {
    closeQuietly(tls);
    if (!signal.aborted) throw describe(error, serverName);
    onAbandoned();
    throw signal.reason;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

class RuntimeTlsTransport extends StreamTransport {
  readonly #onAbandoned: () => void;

  constructor(conn: Deno.TlsConn, onAbandoned: () => void) {
    super(conn);
    this.#onAbandoned = onAbandoned;
  }

  /**
   * Many servers end without the notice of RFC 8446 section 6.1, and `node:tls` takes that for an end, too:
   * a WebSocket says itself whether it is complete.
   */
  protected override isEnd(error: unknown): boolean {
    return error instanceof Deno.errors.UnexpectedEof;
  }

  override close(): void {
    if (this.isWriting) this.#onAbandoned();
    super.close();
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* The runtime closed it already, after a failure. */ }
}

type Verdict = readonly [said: RegExp, code: LwsErrorCode, text: (found: string[]) => string];

/** What the runtime's verifier says, in the words that `node:tls` connections have. */
const VERDICTS: readonly Verdict[] = [
  [
    /certificate not valid for name.*?only valid for (.*)$/,
    "certificate-name-mismatch",
    ([, names]) => `the server's certificate is for ${namesOf(names!)}, not for `,
  ],
  [
    /NotValidForName|not valid for name/,
    "certificate-name-mismatch",
    () => "the server's certificate is not for ",
  ],
  [
    /certificate expired.*?not valid after (\d+)/,
    "certificate-expired",
    ([, seconds]) => `the server's certificate has expired on ${dateOf(seconds!)}`,
  ],
  [/Expired/, "certificate-expired", () => "the server's certificate has expired"],
  [
    /not valid yet.*?not valid before (\d+)/,
    "certificate-not-yet-valid",
    ([, seconds]) => `the server's certificate is not valid before ${dateOf(seconds!)}`,
  ],
  [/NotValidYet/, "certificate-not-yet-valid", () => "the server's certificate is not valid yet"],
  [
    /extended key usage|InvalidPurpose/,
    "certificate-wrong-purpose",
    () => "the server's certificate is not for servers",
  ],
  [
    /CaUsedAsEndEntity/,
    "certificate-self-signed",
    () =>
      "the server's certificate is self-signed as an authority's own, which counts in sslCaFilepath only",
  ],
  [
    /UnknownIssuer/,
    "certificate-unknown-issuer",
    () =>
      "the server's certificate is self-signed, or was issued by somebody whom nobody in the CA list " +
      "vouches for (UnknownIssuer)",
  ],
];

function describe(cause: unknown, host: string): LwsError {
  const why = cause instanceof Error ? cause.message : String(cause);
  for (const [said, code, text] of VERDICTS) {
    const found = said.exec(why);
    if (found === null) continue;
    const message = text(found);
    return new LwsError(code, code === "certificate-name-mismatch" ? message + host : message, {
      cause,
    });
  }
  const { name } = cause as { name?: string };
  if (name === "UnexpectedEof" || name === "ConnectionReset" || name === "BrokenPipe") {
    return new LwsError(
      "connection-closed",
      "the peer closed the connection in the TLS handshake, or it was lost",
      { cause },
    );
  }
  return new LwsError("tls-handshake-failed", `the TLS handshake failed: ${why}`, { cause });
}

/** `DnsName("a") or IpAddress(::1)` as certificates write it. */
function namesOf(text: string): string {
  return text.replaceAll(/DnsName\("([^"]*)"\)/g, "DNS:$1")
    .replaceAll(/IpAddress\(([^)]*)\)/g, "IP Address:$1");
}

function dateOf(seconds: string): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
