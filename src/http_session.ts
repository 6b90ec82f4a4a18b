/** The HTTP phase of a server's connection: requests in, and the way to a WebSocket. */

import { type BodyFraming, BodyReader, expectsContinue, requestFraming } from "./core/http_body.ts";
import {
  HttpSyntaxError,
  keepsAlive,
  type RequestHead,
  RequestHeadParser,
} from "./core/http_head.ts";
import { readUpgrade, type UpgradeDecision, upgradeResponse } from "./core/opening_handshake.ts";
import { isAllowedOrigin } from "./core/origin.ts";
import type { FieldLine } from "./core/response_writer.ts";
import { parseExtensions } from "./core/extension_list.ts";
import { chooseSubprotocol } from "./core/subprotocol.ts";
import { noteClosing } from "./callback_results.ts";
import type { Connection, ProtocolEntry } from "./connection.ts";
import type { Phase } from "./phase.ts";
import { closePayload } from "./close_arguments.ts";
import { acceptExtensions, type ExtensionAnswer } from "./extension_choice.ts";
import { HandshakeFields } from "./handshake_fields.ts";
import { HttpResponse } from "./http_response.ts";
import { isLogged, log } from "./log.ts";
import type { CloseCause, Reason } from "./reasons.ts";
import { RequestHeaders } from "./request_headers.ts";
import type { TimeoutReason, WriteKind } from "./wsi.ts";
import { WebSocketSession } from "./websocket_session.ts";
import { unfitKind } from "./write_kinds.ts";

type WebSocketUpgrade = Extract<UpgradeDecision, { kind: "websocket" }>;

/** Waiting for, or in the middle of, a request's head. */
const HEAD = 0;
/** In the middle of a request's body. */
const BODY = 1;
/** The request is whole, its response is not. */
const RESPOND = 2;

/** Methods whose requests have a body, if only an empty one (RFC 9110 section 8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** What the HTTP phase needs beside its connection. */
export interface HttpSessionOptions {
  readonly allowedOrigins: readonly string[] | undefined;
}

/** HTTP/1.1 on one accepted connection (RFC 9112): one request after the other. */
export class HttpSession implements Phase {
  readonly #connection: Connection;
  readonly #options: HttpSessionOptions;
  readonly #first: ProtocolEntry;
  readonly #parser: RequestHeadParser;
  #state = HEAD;
  #response: HttpResponse | undefined;
  #body: BodyReader | undefined;
  #inCallback = false;
  #hasReadHead = false;
  #isIdle = false;
  #peerEnded = false;

  constructor(connection: Connection, options: HttpSessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#first = connection.owner.entries[0]!;
    this.#parser = new RequestHeadParser(connection.owner.limits);
    connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
  }

  get isEstablished(): boolean {
    return false;
  }

  onBytes(bytes: Uint8Array): number {
    const connection = this.#connection;
    let position = 0;
    try {
      while (position < bytes.length && connection.isOpen && !connection.isPaused) {
        const rest = position === 0 ? bytes : bytes.subarray(position);
        if (this.#state === RESPOND) {
          // The next request waits in the transport until this one is answered.
          connection.holdInput(true);
          break;
        }
        const taken = this.#state === HEAD ? this.#takeHead(rest) : this.#takeBody(rest);
        position += taken;
        if (connection.phase !== this) {
          if (position === bytes.length || !connection.isOpen || connection.isPaused) {
            return position;
          }
          return position + connection.phase!.onBytes(bytes.subarray(position));
        }
        if (taken === 0) break;
      }
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      this.#refuse(error.status, error.message);
    }
    return position;
  }

  onEnd(): void {
    // A client may close its sending half and still want the answer.
    this.#peerEnded = true;
    if (this.#state !== RESPOND) this.#connection.finish("peer", false);
  }

  onLeft(_bytes: number): void {
    const connection = this.#connection;
    // What is left of the answer has as much time again.
    if (connection.unsentBytes === 0 || !this.#response?.hasBegun) return;
    connection.armTimeout("httpContent", connection.owner.limits.contentTimeoutMs);
  }

  onDrain(): void {
    this.#response?.onDrain();
    this.#awaitBody();
  }

  onWritable(): void {
    if (this.#response === undefined) return;
    const result = this.#callback(() =>
      this.#connection.call(this.#first, "httpWriteable", undefined)
    );
    if (result < 0) {
      this.#noteClosing("httpWriteable", result);
      this.#connection.finish("callback", true);
    } else if (this.#response?.isComplete) this.#endTransaction();
  }

  onTimeout(reason: TimeoutReason): void {
    if (reason === "establishWithServer" && this.#hasReadHead && this.#response === undefined) {
      return this.#refuse(408, "the request did not come in time");
    }
    this.#connection.cut("timeout");
  }

  onLeave(): void {
    if (this.#response === undefined) return this.#connection.cut("destroy");
    // What is being answered may still leave, within closeTimeoutMs.
    if (this.#response.isTransferring) {
      this.#response.closes = true;
      this.#connection.armTimeout("httpContent", this.#connection.owner.limits.closeTimeoutMs);
    } else this.#connection.finish("destroy", false);
  }

  onThrow(): void {
    if (this.#response !== undefined && !this.#response.hasBegun) {
      this.#response.closes = true;
      this.#response.returnStatus(500, undefined);
    }
    this.#connection.finish("callback", true);
  }

  /** The loop in onBytes looks for itself, after every piece; here only the time stops. */
  onPause(paused: boolean): void {
    const connection = this.#connection;
    if (!paused) this.#awaitBody();
    else if (this.#state === BODY && connection.unsentBytes === 0) {
      connection.armTimeout("noPendingTimeout", 0);
    }
  }

  onClose(): void {
    this.#response?.abandon();
    this.#connection.call(this.#first, "closedHttp", undefined);
  }

  write(data: Uint8Array | string, kind: WriteKind): number {
    if (kind !== "http" && kind !== "httpHeaders" && kind !== "httpFinal") {
      return unfitKind(kind);
    }
    return this.#response?.write(data, kind) ?? -1;
  }

  close(cause: CloseCause, code: number | undefined, reason: string): number {
    // Without an effect here, but a fault of the program all the same.
    closePayload(code, reason);
    this.#connection.finish(cause, true);
    return 0;
  }

  #takeHead(bytes: Uint8Array): number {
    const connection = this.#connection;
    if (this.#isIdle) {
      this.#isIdle = false;
      connection.armTimeout("establishWithServer", connection.owner.limits.headerTimeoutMs);
    }
    this.#hasReadHead = true;
    const length = this.#parser.parse(bytes);
    if (length === 0) return 0;
    const head = this.#parser.head;
    this.#parser.reset();
    if (isLogged("parser")) {
      const { fields: { size } } = head;
      log("parser", `connection ${connection.socketFd}: ${length} bytes of head, ${size} fields`);
    }
    if (isLogged("header")) logFields(connection, head);
    connection.armTimeout("noPendingTimeout", 0);
    this.#onHead(head);
    return length;
  }

  #onHead(head: RequestHead): void {
    const connection = this.#connection;
    const framing = requestFraming(head);
    const decision = readUpgrade(head, framing);
    connection.uri = head.path;
    const { proxyTrust } = connection.owner;
    if (proxyTrust !== undefined) {
      connection.believe(head.fields.get("x-forwarded-for"), proxyTrust);
    }
    connection.headers = new RequestHeaders(head).limit(
      connection.owner.tokenLimits,
      connection.socketFd,
    );
    this.#response = new HttpResponse(connection, {
      method: head.method,
      keepsAlive: keepsAlive(head) && !this.#peerEnded,
      minorVersion: head.minorVersion,
      onComplete: () => this.#onComplete(),
    });
    connection.http = this.#response;
    if (connection.owner.isDestroyed) return this.#refuse(503, "the context is being destroyed");
    switch (decision.kind) {
      case "refused":
        return this.#refuse(decision.status, decision.reason, decision.fields);
      case "websocket":
        return this.#upgrade(head, decision);
      case "plain":
        return this.#serve(head, framing);
    }
  }

  // Plain HTTP.

  #serve(head: RequestHead, framing: BodyFraming): void {
    const connection = this.#connection;
    const response = this.#response!;
    const waitsForContinue = expectsContinue(head);
    this.#body = new BodyReader(framing, connection.owner.limits.maxBodySize);
    this.#state = this.#body.done ? RESPOND : BODY;
    const filtered = this.#callback(() =>
      connection.call(this.#first, "filterHttpConnection", head.path)
    );
    if (filtered !== 0) this.#noteClosing("filterHttpConnection", filtered);
    if (filtered !== 0) return this.#refuse(403, "filterHttpConnection refused it");
    // It may have answered by itself, or closed.
    if (this.#response !== response || !connection.isOpen) return;

    const result = this.#callback(() => connection.call(this.#first, "http", head.path));
    if (!connection.isOpen) return;
    if (result !== 0) return this.onReturn("http", result);
    if (this.#response !== response) return;
    if (this.#state === RESPOND) {
      // Who waits for a body waits for an empty one, too.
      if (framing.kind !== "none" || BODY_METHODS.has(head.method)) this.#completeBody();
      return;
    }
    // RFC 9110 section 10.1.1: a client that asked first waits for this.
    if (waitsForContinue && !response.hasBegun) {
      connection.tx.reserve(CONTINUE.length).set(CONTINUE, connection.tx.position);
      connection.queued();
    }
    this.#awaitBody();
  }

  /** Gives the peer time for the next piece of its body, unless the program has stopped it. */
  #awaitBody(): void {
    const connection = this.#connection;
    if (this.#state !== BODY || connection.isPaused) return;
    connection.armTimeout("httpContent", connection.owner.limits.contentTimeoutMs);
  }

  #takeBody(bytes: Uint8Array): number {
    const connection = this.#connection;
    const body = this.#body!;
    const taken = body.read(bytes, (piece) => {
      const result = this.#callback(() => connection.call(this.#first, "httpBody", piece));
      if (result !== 0) {
        this.#noteClosing("httpBody", result);
        connection.finish("callback", true);
      }
      if (!connection.isOpen || connection.isPaused || this.#body !== body) body.pause();
    });
    if (!connection.isOpen || this.#body !== body) return taken;
    if (!body.done) {
      this.#awaitBody();
      return taken;
    }
    this.#state = RESPOND;
    if (!this.#response!.isTransferring) connection.armTimeout("noPendingTimeout", 0);
    this.#completeBody();
    return taken;
  }

  #completeBody(): void {
    const result = this.#callback(() =>
      this.#connection.call(this.#first, "httpBodyCompletion", undefined)
    );
    if (result !== 0) this.onReturn("httpBodyCompletion", result);
  }

  /** Closes once what was answered has left, a file under way included. */
  onReturn(reason: Reason, result: number): void {
    this.#noteClosing(reason, result);
    if (this.#response?.isTransferring) this.#response.closes = true;
    else this.#connection.finish("callback", true);
  }

  /** A transaction that has ended closes by itself, and its 1 only says so. */
  #noteClosing(reason: Reason, result: number): void {
    const { isOpen, socketFd } = this.#connection;
    const response = this.#response;
    if (isOpen && !(result === 1 && response?.isComplete && response.closes)) {
      noteClosing(socketFd, reason, result);
    }
  }

  /** Runs a callback; a transaction that is completed inside it ends after it. */
  #callback(run: () => number): number {
    this.#inCallback = true;
    const result = run();
    this.#inCallback = false;
    if (result === 0 && this.#response?.isComplete) this.#endTransaction();
    return result;
  }

  #onComplete(): void {
    // With the body unread, the next request can't be found.
    if (this.#state === BODY) this.#response!.closes = true;
    if (!this.#inCallback) this.#connection.turn(() => this.#endTransaction());
  }

  #endTransaction(): void {
    const connection = this.#connection;
    const response = this.#response;
    if (response === undefined || !connection.isOpen) return;
    if (response.closes || this.#peerEnded) return connection.finish("self", true);
    this.#response = undefined;
    this.#body = undefined;
    connection.http = undefined;
    connection.headers = undefined;
    this.#state = HEAD;
    this.#isIdle = true;
    this.#hasReadHead = false;
    connection.armTimeout("httpContent", connection.owner.limits.keepAliveTimeoutMs);
    connection.holdInput(false);
  }

  /** Answers with an error, if nothing else was answered, and closes. */
  #refuse(
    status: number,
    reason: string,
    fields: Iterable<readonly [string, string]> = [],
  ): void {
    const connection = this.#connection;
    log("info", () => `connection ${connection.socketFd}: ${status} ${reason}`);
    const response = this.#response ?? new HttpResponse(connection, {
      method: "",
      keepsAlive: false,
      minorVersion: 1,
      onComplete: () => {},
    });
    response.closes = true;
    response.returnStatus(status, undefined, fields);
    connection.finish("self", true);
  }

  // The way to a WebSocket.

  /** RFC 6455 section 4.2.2. */
  #upgrade(head: RequestHead, upgrade: WebSocketUpgrade): void {
    const connection = this.#connection;
    const { owner } = connection;
    const offered = upgrade.protocols;
    const chosen = chooseSubprotocol(offered, (name) => owner.protocolNamed(name) !== undefined);
    if (offered.length > 0 && chosen === undefined) {
      return this.#refuse(400, `none of the subprotocols ${offered.join(", ")} is spoken here`);
    }
    const entry = chosen === undefined ? this.#first : owner.protocolNamed(chosen)!;
    if (!this.#isOriginAllowed(head, entry)) {
      return this.#refuse(403, "the origin is not allowed");
    }

    const offers = parseExtensions(upgrade.extensions);
    if (offers === undefined) return this.#refuse(400, "a malformed Sec-WebSocket-Extensions");

    const httpUser = connection.user;
    if (entry !== this.#first) {
      if (!connection.makeUser(entry)) return this.#refuse(500, "perSessionData threw");
      connection.enter(entry);
    }
    const filter = new HandshakeFields(chosen ?? "");
    let agreed: ExtensionAnswer | undefined;
    const result = this.#callback(() => {
      const verdict = connection.call(entry, "filterProtocolConnection", filter);
      if (verdict === 0 && offers.length > 0 && connection.isOpen) {
        agreed = acceptExtensions(
          owner.extensions,
          offers,
          (name) => connection.consents("confirmExtensionOkay", name, httpUser),
        );
      }
      // What was answered already can't become a 101.
      if (verdict === 0 && this.#response!.hasBegun) return 1;
      if (verdict !== 0) this.#noteClosing("filterProtocolConnection", verdict);
      return verdict;
    });
    const refuse = (status: number, reason: string) => {
      agreed?.layers.close();
      // It stays an HTTP connection, and ends as one.
      connection.enter(this.#first);
      connection.user = httpUser;
      return this.#refuse(status, reason);
    };
    if (result !== 0 || !connection.isOpen) {
      return refuse(403, "filterProtocolConnection refused it");
    }
    try {
      agreed?.layers.begin(connection);
    } catch (error) {
      return refuse(500, `an extension could not be set up: ${(error as Error).message}`);
    }
    if (!connection.isOpen) return refuse(403, "an extension closed it");

    const fields: FieldLine[] = agreed === undefined
      ? filter.fields
      : [["Sec-WebSocket-Extensions", agreed.text], ...filter.fields];
    if (agreed !== undefined) {
      const { text } = agreed;
      log("ext", () => `connection ${connection.socketFd}: agreed on ${text}`);
    }
    const answer = upgradeResponse(upgrade.key, chosen, fields);
    connection.tx.reserve(answer.length).set(answer, connection.tx.position);
    connection.queued();
    connection.http = undefined;
    const session = new WebSocketSession(connection, agreed?.layers);
    connection.phase = session;
    session.begin();
    connection.headers = undefined;
  }

  #isOriginAllowed(head: RequestHead, entry: ProtocolEntry): boolean {
    const origin = head.fields.get("origin");
    if (origin === undefined) return true;
    const allowed = entry.allowedOrigins ?? this.#options.allowedOrigins;
    const isSecure = this.#connection.isSsl !== 0 || this.#isSecureInFront(head);
    if (isAllowedOrigin(origin, head.host, isSecure, allowed)) return true;
    log(
      "warn",
      () =>
        `origin ${origin} is not that of host ${head.host}; list it in allowedOrigins of the context ` +
        `or of protocol "${entry.protocol.name}" to let it connect`,
    );
    return false;
  }

  /** Whether a proxy that is believed has TLS where we have none. */
  #isSecureInFront(head: RequestHead): boolean {
    const { owner: { proxyTrust }, socketAddress } = this.#connection;
    return head.fields.get("x-forwarded-proto")?.toLowerCase() === "https" &&
      proxyTrust !== undefined && proxyTrust.isTrusted(socketAddress, 0);
  }
}

/** Names and lengths only: values may be secrets. */
function logFields(connection: Connection, head: RequestHead): void {
  for (const [name, value] of head.fields.entries()) {
    log("header", `connection ${connection.socketFd}: ${name}, ${value.length} characters`);
  }
}
