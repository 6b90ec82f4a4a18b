/** The opening phase of a client's connection (RFC 6455 section 4.1). */

import type { Extension } from "../../api/extension.ts";
import type { CloseCause, Reason } from "../../api/reasons.ts";
import { POLLOUT } from "../../api/service.ts";
import type { TimeoutReason } from "../../api/timeouts.ts";
import type { WriteKind } from "../../api/write.ts";
import { describeFailure, isLogged, line, log, messageOf } from "../../base/log.ts";
import { next } from "../../base/state_table.ts";
import { call, consents, makeUser, noteReturn } from "../callbacks.ts";
import type { Connection } from "../connection.ts";
import type { ProtocolEntry } from "../owner.ts";
import { fieldsFor, redirectOf } from "./redirect.ts";
import { type ClientTarget, type Connector, nameOf, type Route } from "./route.ts";
import type { ClientFailure } from "./watch.ts";
import { ResponseHeaders } from "../http/header_reader.ts";
import { type HeaderSource, type Phase, unfitKind } from "../phase.ts";
import { CLIENT_HANDSHAKE, type HandshakeEvent, type HandshakeState } from "../states.ts";
import { WebSocketSession } from "../websocket_session.ts";
import { type ResponseHead, ResponseHeadParser } from "../../core/http/head.ts";
import { RefusedAnswer } from "../../core/http/refused_answer.ts";
import { isInterim } from "../../core/http/status.ts";
import { HttpSyntaxError } from "../../core/http/syntax.ts";
import { closePayload } from "../../core/websocket/close.ts";
import { HandshakeError, type UpgradeAnswer } from "../../core/websocket/handshake/client.ts";
import { HandshakeFields } from "../../core/websocket/handshake/fields.ts";
import { type ClientOpening, newOpening } from "../../core/websocket/handshake/opening.ts";
import { codecOf } from "../../core/websocket/wire/version_codec.ts";
import { confirmExtensions } from "../../extensions/negotiation.ts";
import type { ExtensionLayers } from "../../extensions/pipeline.ts";
import { TunnelError } from "../../proxy/tunnel.ts";
import { TLS_ALERT_RECORD } from "../../transport/first_bytes.ts";

/** The most 1xx responses before the answer; none has more than one or two. */
const MAX_INTERIM = 16;

/** The states in which there is no way to the server yet, and the timeout of each. */
const CONNECTING: Partial<Record<HandshakeState, TimeoutReason>> = {
  CONNECT: "awaitingConnectResponse",
  PROXY: "awaitingProxyResponse",
  TLS: "establishWithServer",
};

/** Connects, asks, and hands over to a {@linkcode WebSocketSession}, or fails with one reason. */
export class ClientHandshake implements Phase {
  readonly held = 0;
  readonly #connection: Connection;
  readonly #target: ClientTarget;
  readonly #routes: Connector;
  /** Whose per-session data the connection has already. */
  readonly #userOf: ProtocolEntry | undefined;
  readonly #aborter = new AbortController();
  readonly #parser: ResponseHeadParser;
  /** Undefined before the request. */
  #opening: ClientOpening | undefined;
  /** What an answer agreed to whose last bytes, behind its head, have not come. */
  #agreed: UpgradeAnswer | undefined;
  #failure = "the server closed the connection before it answered";
  #error: unknown;
  /** The answer of a server or a proxy that refuses; {@linkcode #failure} says so from then on. */
  #refused: RefusedAnswer | undefined;
  #state = CLIENT_HANDSHAKE.first;
  headers: HeaderSource | undefined;
  #startedAt = 0;
  #offered: readonly Extension[] = [];
  #isTimedOut = false;
  /** The failure is this end's own. */
  #isOwn = false;
  /** Why the redirect was not followed that the server's answer is. */
  #unfollowed = "";
  /** What asks where a redirect leads. */
  #successor: ClientHandshake | undefined;
  /** 1xx responses so far. */
  #interim = 0;

  constructor(
    connection: Connection,
    target: ClientTarget,
    routes: Connector,
    userOf?: ProtocolEntry,
  ) {
    this.#connection = connection;
    this.#target = target;
    this.#routes = routes;
    this.#userOf = userOf;
    this.#parser = new ResponseHeadParser(connection.owner.limits);
    connection.wireVersion = target.version;
  }

  /** Connects; whatever becomes of it is told later, by callbacks. */
  start(): void {
    const connection = this.#connection;
    const { socketFd, owner } = connection;
    this.#startedAt = owner.wheel.now();
    log("client", () => line`connection ${socketFd}: connecting to ${nameOf(this.#target)}`);
    this.#armTimeout();
    this.#routes.connect(this.#target, this.#aborter.signal, {
      onStep: (step) => {
        this.#step(step);
        this.#armTimeout();
      },
      onSocket: (fd) => {
        if (connection.isOpen) owner.opened(connection, fd);
      },
      onConnected: (route) => this.#onConnected(route),
      onRefused: (error) => this.#arrived(() => this.#onRefused(error)),
    });
  }

  #step(event: HandshakeEvent): void {
    this.#state = next(CLIENT_HANDSHAKE, this.#state, event, this.#connection.socketFd);
  }

  #armTimeout(): void {
    const reason = CONNECTING[this.#state] ?? "awaitingServerResponse";
    this.#connection.armTimeout(reason, this.#connection.owner.limits.clientTimeoutMs);
  }

  /** The program wants it no more, or has failed it. */
  giveUp(why: string): void {
    this.#isOwn = true;
    this.#fail(why);
  }

  /** It never got as far as connecting. */
  abandon(why: string): void {
    this.#isOwn = true;
    this.#failure = why;
    const { owner, socketFd } = this.#connection;
    owner.scheduler.soon({ socketFd, service: () => this.#connection.onClose() });
  }

  get isEstablished(): boolean {
    return false;
  }

  successor(): ClientHandshake | undefined {
    if (this.#successor !== undefined) this.#step("again");
    return this.#successor;
  }

  onBytes(bytes: Uint8Array): number {
    if (this.#successor !== undefined) return bytes.length;
    if (this.#refused !== undefined) return this.#takeBody(this.#refused, bytes);
    const connection = this.#connection;
    let length = 0;
    try {
      while (this.#agreed === undefined) {
        const taken = this.#parser.parse(length === 0 ? bytes : bytes.subarray(length));
        if (taken === 0) return length;
        length += taken;
        if (isInterim(this.#parser.head.status)) this.#passOver();
        else if (this.#isRedirected(this.#parser.head)) return bytes.length;
        else this.#agreed = this.#onHead(this.#parser.head);
      }
      const end = length + this.#opening!.proofLength;
      if (bytes.length < end) return length;
      this.#onAnswer(this.#agreed, bytes.subarray(length, end));
      length = end;
    } catch (error) {
      if (!(error instanceof HttpSyntaxError) && !(error instanceof HandshakeError)) throw error;
      this.#error = error;
      if (this.#refused === undefined) {
        const isTls = this.#agreed === undefined && bytes[0] === TLS_ALERT_RECORD &&
          this.#target.ssl === 0;
        this.#fail(isTls ? "the server speaks TLS; connect with wss:, or ssl: 1" : error.message);
      } else {
        this.#failure = error.message + this.#unfollowed;
        this.#takeBody(this.#refused, bytes.subarray(length));
      }
      return bytes.length;
    }
    const { phase } = connection;
    if (!connection.isOpen || phase === undefined || phase === this) return length;
    if (length === bytes.length || connection.isPaused) return length;
    return length + phase.onBytes(bytes.subarray(length));
  }

  onEnd(): void {
    // Its transport is closing, and what follows begins behind that.
    if (this.#successor === undefined) this.#connection.abort("peer");
  }

  onLeft(_bytes: number): void {
    // The server's answer is waited for, whatever becomes of the request.
  }

  onDrain(): void {
    // The request has left; nothing else is written before the answer.
  }

  onWritable(): void {
    // Asked for before there was anything to write on; the established phase starts afresh.
  }

  onTimeout(reason: TimeoutReason): void {
    const timeoutMs = this.#connection.owner.limits.clientTimeoutMs;
    this.#isTimedOut = true;
    const doing = this.#state in CONNECTING ? "connecting" : "waiting for the server's answer";
    this.#fail(`timed out while ${doing} (${reason}, clientTimeoutMs is ${timeoutMs})`);
  }

  onLeave(): void {
    this.giveUp("the context was destroyed");
  }

  onThrow(): void {
    this.giveUp("a callback threw");
  }

  onReturn(reason: Reason, result: number): void {
    noteReturn(this.#connection, reason, result);
    this.giveUp(`${reason} returned ${result}`);
  }

  // The transport holds the bytes back.
  onTurn(): void {}

  onPause(_paused: boolean): void {}

  onClose(cause: CloseCause, error: unknown): ClientFailure {
    this.#step("gone");
    const connection = this.#connection;
    const refused = this.#refused;
    const failure = this.#isTimedOut ? "timeout" : "failed";
    connection.owner.counters.failedFor(refused !== undefined ? "refused" : failure);
    if (refused !== undefined) this.#showHeaders(refused.head, refused.body);
    else if (error instanceof Error) this.#failure = `the connection broke: ${error.message}`;
    call(connection, connection.entry, "clientConnectionError", this.#failure);
    const isOwn = this.#isOwn || cause === "callback" || cause === "destroy";
    return {
      text: this.#failure,
      answer: refused?.head,
      body: refused?.body ?? "",
      wasAnswered: this.headers !== undefined || this.#error instanceof HttpSyntaxError,
      error: this.#error ?? error,
      isOwn,
    };
  }

  write(_data: unknown, kind: WriteKind | undefined): number {
    return unfitKind(kind);
  }

  close(_cause: CloseCause, code: number | undefined, reason: string): number {
    closePayload(code, reason);
    this.giveUp("closed before it was established");
    return 0;
  }

  #arrived(service: () => void): void {
    const { owner, socketFd } = this.#connection;
    owner.scheduler.arrived({ socketFd, service }, POLLOUT);
  }

  #onConnected({ transport, isSsl, tls }: Route): void {
    const connection = this.#connection;
    if (!connection.isOpen) {
      transport.close();
      return this.#arrived(() => connection.onClose());
    }
    connection.isSsl = isSsl;
    connection.tls = tls;
    this.#step("connected");
    // At once, as only its handler hears that it breaks; what it tells waits for service.
    connection.attach(transport);
    this.#arrived(() => this.#begin());
  }

  #begin(): void {
    const connection = this.#connection;
    if (!connection.isOpen) return;
    this.#logStep("connected");
    this.#armTimeout();
    connection.turn(() => this.#request());
  }

  #onRefused(error: unknown): void {
    const connection = this.#connection;
    const answer = error instanceof TunnelError ? error.answer : undefined;
    if (!this.#aborter.signal.aborted || answer !== undefined) {
      const why = error instanceof Error ? error.message : String(error);
      this.#failure = `can't connect to ${nameOf(this.#target)}: ${why}`;
    }
    this.#refused = answer;
    this.#error = error;
    log("info", () => line`connection ${connection.socketFd}: ${describeFailure(error)}`);
    connection.onClose();
  }

  #request(): void {
    const connection = this.#connection;
    const { path, host, protocols, ssl, version } = this.#target;
    // Version 0 can't do without.
    const ownOrigin = version === 0 ? `${ssl === 0 ? "http" : "https"}://${host}` : undefined;
    try {
      this.#offered = this.#offerable();
    } catch (error) {
      return this.giveUp(`an extension could not be offered: ${messageOf(error)}`);
    }
    if (!connection.isOpen) return;
    const appender = new HandshakeFields();
    call(connection, connection.owner.entries[0]!, "clientAppendHandshakeHeader", appender);
    if (!connection.isOpen) return;
    let request: Uint8Array;
    try {
      const asked = {
        path,
        host,
        origin: this.#target.origin ?? ownOrigin,
        protocols,
        fields: fieldsFor(this.#target, appender.fields),
        extensions: this.#offered.map((each) => each.offer()).join(", "),
        isSecure: ssl !== 0,
      };
      this.#opening = newOpening(version, asked, connection.owner.digests);
      request = this.#opening.write();
    } catch (error) {
      return this.giveUp(`the request can't be sent: ${messageOf(error)}`);
    }
    connection.outbox.say(request);
    this.#step("asked");
  }

  /** The listed extensions that neither another one nor the program wants left out. */
  #offerable(): readonly Extension[] {
    // It has none.
    if (this.#target.version === 0) return [];
    const connection = this.#connection;
    const { extensions } = connection.owner;
    return extensions.filter(({ name }) => {
      const vetoes = extensions.filter((each) => each.mayPropose?.(connection.wsi, name) === false);
      return vetoes.length === 0 &&
        consents(connection, connection.owner.entries[0]!, "clientConfirmExtensionSupported", name);
    });
  }

  /** RFC 9110 section 15.2: more than one may come, asked for or not; the final one follows. */
  #passOver(): void {
    if (++this.#interim > MAX_INTERIM) throw new HandshakeError("too many interim responses");
    this.#parser.reset();
  }

  /** Whether the answer says where to ask, and that is being done. */
  #isRedirected(head: ResponseHead): boolean {
    const next = redirectOf(this.#target, head);
    if (next === undefined) return false;
    if (typeof next === "string") {
      this.#unfollowed = `: ${next}`;
      return false;
    }
    const connection = this.#connection;
    this.#step("redirected");
    this.#logStep(`redirected by ${head.status} to ${next.host}`);
    this.#successor = new ClientHandshake(connection, next, this.#routes, this.#userOf);
    connection.transport!.close();
    return true;
  }

  /** Section 4.1, "If the response…" */
  #onHead(head: ResponseHead): UpgradeAnswer {
    if (head.status !== 101) {
      this.#step("refused");
      this.#refused = new RefusedAnswer(head);
    }
    this.#showHeaders(head);
    return this.#opening!.check(head);
  }

  #onAnswer({ protocol, extensions, connectionKey }: UpgradeAnswer, proof: Uint8Array): void {
    this.#opening!.checkProof(proof);
    if (proof.length > 0) this.#showHeaders(this.#parser.head, "", proof.slice());
    const connection = this.#connection;
    const { owner } = connection;
    const { hasUser } = this.#target;
    const entry = protocol === undefined ? owner.entries[0]! : owner.protocolForClient(protocol);
    if (entry === undefined) {
      return this.#fail("the server chose a protocol that the context has not");
    }
    connection.enter(entry);
    const isThere = hasUser || entry === this.#userOf;
    if (!isThere && !makeUser(connection, entry)) return this.giveUp("perSessionData threw");
    const layers = confirmExtensions(this.#offered, extensions);
    if (!this.#isWanted(layers)) {
      layers?.close();
      return;
    }
    connection.armTimeout("noPendingTimeout", 0);
    this.#step("accepted");
    this.#logStep("established");
    const { version, draft04Masking } = this.#target;
    const { digests } = owner;
    const codec = codecOf(version, { isClient: true, digests, draft04Masking, connectionKey });
    const session = new WebSocketSession(connection, layers, undefined, codec);
    connection.phase = session;
    owner.clients.established(connection);
    connection.keepPause();
    session.begin();
  }

  /** Lets the program read the head of an answer, and what there is of its body. */
  #showHeaders(head: ResponseHead, body = "", challenge?: Uint8Array): void {
    const { owner, socketFd } = this.#connection;
    const headers = new ResponseHeaders(head, body, challenge);
    this.headers = headers.limit(owner.tokenLimits, socketFd);
  }

  /** All that comes behind a refusal is taken, until enough of its body is there. */
  #takeBody(refused: RefusedAnswer, bytes: Uint8Array): number {
    refused.take(bytes);
    if (refused.isComplete) this.#fail(this.#failure);
    return bytes.length;
  }

  #logStep(step: string): void {
    const { socketFd, owner } = this.#connection;
    log("client", () => line`connection ${socketFd}: ${step}`);
    if (!isLogged("latency")) return;
    const took = owner.wheel.now() - this.#startedAt;
    log("latency", () => line`connection ${socketFd}: ${step} after ${took.toFixed(1)} ms`);
  }

  /** Whether neither an extension nor the program has anything against an answer that is good. */
  #isWanted(layers: ExtensionLayers | undefined): boolean {
    const connection = this.#connection;
    try {
      layers?.begin(connection);
    } catch (error) {
      this.giveUp(`an extension could not be set up: ${messageOf(error)}`);
    }
    if (!connection.isOpen) return false;
    const verdict = call(connection, connection.entry, "clientFilterPreEstablish", undefined);
    if (!connection.isOpen) return false;
    if (verdict !== 0) {
      noteReturn(connection, "clientFilterPreEstablish", verdict);
      this.giveUp("clientFilterPreEstablish refused the server's answer");
    }
    return verdict === 0;
  }

  #fail(text: string): void {
    // A refusal is told as the reason, whatever ends the wait for the rest of the answer.
    if (this.#refused === undefined) this.#failure = text;
    log("client", () => line`connection ${this.#connection.socketFd}: ${this.#failure}`);
    this.#connection.abort("self");
    this.#aborter.abort();
  }
}
