/** Asking an HTTP proxy for a tunnel, and reading its answer (RFC 9110 section 9.3.6). */

import { describeValue } from "../base/check.ts";
import { shown } from "../base/log/escaping.ts";
import type { Transport } from "../api/network.ts";
import { base64Of } from "../base/text/encodings.ts";
import { type HeadLimits, ResponseHeadParser } from "../core/http/head.ts";
import { RefusedAnswer } from "../core/http/refused_answer.ts";
import { statusText } from "../core/http/status.ts";
import { HttpSyntaxError } from "../core/http/syntax.ts";
import { parseAuthority } from "../core/http/target.ts";
import { parseIp } from "./ip_address.ts";
import { type Preface, readPreface } from "../transport/first_bytes.ts";

/** What a proxy is asked for. */
export interface TunnelRequest {
  /** A host name or an IP address; IPv6 with or without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** `user:password`, for proxies that want that. */
  readonly credentials?: string | undefined;
}

/** Why there is no tunnel. */
export class TunnelError extends Error {
  override readonly name = "TunnelError";
  /** What the proxy answered; undefined when that was no answer. */
  readonly answer: RefusedAnswer | undefined;

  /** `message` is for the program's log. */
  constructor(message: string, answer?: RefusedAnswer) {
    super(message);
    this.answer = answer;
  }

  /** The status of the proxy's answer; 0 when that was none. */
  get status(): number {
    return this.answer?.head.status ?? 0;
  }
}

/**
 * The request for a tunnel. HTTP/1.1, other than libwebsockets' 1.0, as that has `Host`; proxies which
 * know 1.0 alone answer it all the same.
 *
 * @throws {TunnelError} when host or port can't be in a request.
 */
export function tunnelRequest(request: TunnelRequest): Uint8Array {
  const { host, port, credentials } = request;
  const name = host.replace(/^\[(.*)\]$/, "$1");
  const isIpv6 = parseIp(name)?.length === 16;
  const authority = `${isIpv6 ? `[${name}]` : host}:${port}`;
  const isHost = isIpv6 || (host[0] !== "[" && !host.includes(":"));
  if (!isHost || parseAuthority(authority)?.port !== port || port === 0) {
    throw new TunnelError(`no proxy can be asked for ${describeValue(host)} port ${port}`);
  }
  const authorization = credentials === undefined
    ? ""
    : `Proxy-Authorization: Basic ${base64Of(new TextEncoder().encode(credentials))}\r\n`;
  return new TextEncoder().encode(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`,
  );
}

/** The most 1xx responses before the answer; none has more than one or two. */
const MAX_INTERIM = 16;
/** What of a reason phrase goes into an error. */
const LONGEST_REASON = 100;

/** Reads the answer to a {@linkcode tunnelRequest}. */
export class TunnelAnswer {
  readonly #parser: ResponseHeadParser;
  #interim = 0;
  #isOpen = false;
  #refusal: TunnelError | undefined;

  /** @param limits what one head may have; interim ones count each for itself, and are 16 at most */
  constructor(limits: HeadLimits) {
    this.#parser = new ResponseHeadParser(limits);
  }

  /** Whether the proxy has agreed: all behind what was taken belongs to the tunnel. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What the proxy refuses with, while more of its body may come. */
  get refusal(): TunnelError | undefined {
    return this.#refusal;
  }

  /**
   * Returns how many bytes were taken, which are whole heads; the rest comes again, in front of what
   * follows it. No body is taken behind a 2xx: that has none, whatever its `Content-Length` and
   * `Transfer-Encoding` say.
   *
   * @throws {TunnelError} when the answer is a refusal, and what of its body is kept has come; or when
   *   it is none.
   */
  take(bytes: Uint8Array): number {
    const length = this.#refusal === undefined ? this.#takeHeads(bytes) : 0;
    if (this.#refusal === undefined) return length;
    const answer = this.#refusal.answer!;
    answer.take(bytes.subarray(length));
    if (answer.isComplete) throw this.#refusal;
    return bytes.length;
  }

  #takeHeads(bytes: Uint8Array): number {
    let length = 0;
    try {
      while (!this.#isOpen && this.#refusal === undefined) {
        const taken = this.#parser.parse(bytes.subarray(length));
        if (taken === 0) break;
        length += taken;
        this.#onHead();
      }
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      throw new TunnelError(`the proxy's answer can't be read: ${error.message}`);
    }
    return length;
  }

  #onHead(): void {
    const { status, reason } = this.#parser.head;
    if (status >= 200 && status < 300) {
      this.#isOpen = true;
      return;
    }
    // 101 is final, and no answer to CONNECT.
    if (status >= 200 || status === 101) {
      const text = shown(reason || statusText(status), LONGEST_REASON);
      this.#refusal = new TunnelError(
        `the proxy answered ${status} ${text}`.trimEnd(),
        new RefusedAnswer(this.#parser.head),
      );
      return;
    }
    // RFC 9110 section 15.2: more than one may come, asked for or not.
    if (++this.#interim > MAX_INTERIM) {
      throw new TunnelError("the proxy sent too many interim responses");
    }
    this.#parser.reset();
  }
}

/**
 * Asks the proxy at the transport's other end for a tunnel, and waits for its answer.
 *
 * Fulfils with a transport whose bytes are the tunnel's, those first that came with the answer. Its
 * addresses stay those of the connection to the proxy. Else the transport is closed, and the promise
 * rejects: with a {@linkcode TunnelError} that has the proxy's answer when it refuses, with the
 * signal's reason when that aborts first. There is no timeout but the signal.
 *
 * @param proxy connected, and not started
 * @param limits what a head of the proxy's may have
 */
export function openTunnel(
  proxy: Transport,
  request: TunnelRequest,
  limits: HeadLimits,
  signal: AbortSignal,
): Promise<Transport> {
  try {
    return readPreface(proxy, new TunnelPreface(tunnelRequest(request), limits), signal);
  } catch (error) {
    proxy.close();
    return Promise.reject(error);
  }
}

class TunnelPreface implements Preface {
  readonly request: Uint8Array;
  readonly #answer: TunnelAnswer;

  constructor(request: Uint8Array, limits: HeadLimits) {
    this.request = request;
    this.#answer = new TunnelAnswer(limits);
  }

  get isComplete(): boolean {
    return this.#answer.isOpen;
  }

  get refusal(): TunnelError | undefined {
    return this.#answer.refusal;
  }

  take(bytes: Uint8Array): number {
    return this.#answer.take(bytes);
  }

  cutShort(broken?: { readonly error: unknown }): Error {
    if (this.refusal !== undefined) return this.refusal;
    if (broken === undefined) {
      return new TunnelError("the proxy closed the connection before it answered");
    }
    const why = broken.error instanceof Error ? `: ${broken.error.message}` : "";
    return new TunnelError(`the connection to the proxy broke${why}`);
  }
}
