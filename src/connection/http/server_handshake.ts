/** The opening handshake on a server: how a request becomes a WebSocket (RFC 6455 section 4.2.2). */

import type { Reason } from "../../api/reasons.ts";
import { nameOf } from "../../base/log/callback_names.ts";
import { KeptTexts } from "../../base/text/kept_texts.ts";
import { line, log, type LogLevel, messageOf, own } from "../../base/log.ts";
import type { AwaitedCallbacks } from "../awaited_callback.ts";
import { consents, makeUser } from "../callbacks.ts";
import type { Connection } from "../connection.ts";
import type { HandshakeRates } from "../limits/handshake_rates.ts";
import type { ProtocolEntry } from "../owner.ts";
import type { HeaderSource } from "../phase.ts";
import { isSecure, setParams } from "./requested.ts";
import type { HttpResponse } from "./response.ts";
import { chooseProtocol, type NoChoice } from "../upgrade/choice.ts";
import { UpgradeFilter } from "../upgrade/filter.ts";
import { WebSocketSession } from "../websocket_session.ts";
import type { RequestHead } from "../../core/http/head.ts";
import type { FieldLine } from "../../core/http/writer.ts";
import { type ExtensionOffer, parseExtensions } from "../../core/websocket/extension_header.ts";
import type { WebSocketUpgrade } from "../../core/websocket/handshake/decision.ts";
import { hixieResponse } from "../../core/websocket/handshake/hixie_server.ts";
import { connectionKey, newKey } from "../../core/websocket/handshake/keys.ts";
import { upgradeResponse } from "../../core/websocket/handshake/server.ts";
import { isAllowedOrigin } from "../../core/websocket/handshake/origin.ts";
import type { WireCodec } from "../../core/websocket/wire/codec.ts";
import { codecOf } from "../../core/websocket/wire/version_codec.ts";
import { acceptExtensions, type ExtensionAnswer } from "../../extensions/negotiation.ts";

/** The HTTP phase that a handshake is a request of. Implemented by HttpSession. */
export interface HandshakeExchange {
  readonly allowedOrigins: readonly string[] | undefined;
  readonly callbacks: Pick<AwaitedCallbacks<never>, "call" | "await">;
  readonly headers: HeaderSource | undefined;
  /** Whether a part of a response was written. */
  readonly hasAnswered: boolean;
  /** The answering half of the request in hand. */
  readonly response: HttpResponse | undefined;
  /** Answers with an error, if nothing else was answered, and closes. */
  refuse(
    status: number,
    reason: string,
    fields?: Iterable<readonly [string, string]>,
    level?: LogLevel,
  ): void;
  step(event: "upgraded"): void;
  noteReturn(reason: Reason, result: number): void;
  endIfComplete(): void;
}

const paths = new KeptTexts();

/** One handshake. */
export class ServerHandshake {
  readonly #connection: Connection;
  readonly #exchange: HandshakeExchange;
  readonly #head: RequestHead;
  readonly #upgrade: WebSocketUpgrade;
  /** The eight bytes of a hixie-76. */
  readonly #challenge: Uint8Array | undefined;
  readonly #first: ProtocolEntry;
  /** The `user` of the first protocol. */
  readonly #httpUser: unknown;
  #offers: readonly ExtensionOffer[] = [];
  #filter: UpgradeFilter | undefined;

  constructor(
    connection: Connection,
    exchange: HandshakeExchange,
    head: RequestHead,
    upgrade: WebSocketUpgrade,
    challenge: Uint8Array | undefined,
  ) {
    this.#connection = connection;
    this.#exchange = exchange;
    this.#head = head;
    this.#upgrade = upgrade;
    this.#challenge = challenge;
    this.#first = connection.owner.entries[0]!;
    this.#httpUser = connection.user;
  }

  /** Chooses, and asks the program. */
  begin(): void {
    const connection = this.#connection;
    const { owner } = connection;
    const exchange = this.#exchange;
    if (owner.handshakeRates !== undefined && this.#isTooSoon(owner.handshakeRates)) return;
    const choice = chooseProtocol(owner, this.#head, this.#upgrade);
    if (!("entry" in choice)) return this.#refuseChoice(choice);
    const { entry, subprotocol, params } = choice;
    setParams(connection, params);
    if (!this.#isOriginAllowed(entry)) {
      owner.counters.refusedFor("origin");
      return exchange.refuse(403, "the origin is not allowed");
    }

    const offers = parseExtensions(this.#upgrade.extensions);
    if (offers === undefined) {
      owner.counters.refusedFor("malformed");
      return exchange.refuse(400, "a malformed Sec-WebSocket-Extensions");
    }

    if (entry !== this.#first) {
      if (!makeUser(connection, entry)) {
        owner.counters.refusedFor("fault");
        return exchange.refuse(500, "perSessionData threw");
      }
      connection.enter(entry);
    }
    connection.wireVersion = this.#upgrade.version;
    this.#offers = offers;
    this.#filter = new UpgradeFilter(this.#upgrade.protocols, subprotocol);
    // An answer of the filter's own refuses, which ends the connection: its head is to say so.
    exchange.response!.closes = true;
    const reason = "filterProtocolConnection";
    const result = exchange.callbacks.call(entry, reason, this.#filter);
    if (typeof result === "number") this.#accept(result);
    else this.#await(entry, reason, result);
  }

  /** Answers one too many of its address. */
  #isTooSoon(rates: HandshakeRates): boolean {
    const { owner, peer } = this.#connection;
    const address = peer?.addresses.ip ?? "";
    // A peer on a unix socket has none.
    const waitMs = address === "" ? 0 : rates.untilAllowed(address, owner.wheel.now());
    if (waitMs === 0) return false;
    owner.counters.refusedFor("rate");
    owner.counters.hit("maxHandshakesPerSecond");
    const seconds = String(Math.ceil(waitMs / 1000));
    this.#exchange.refuse(429, "too many handshakes of one address", [["Retry-After", seconds]]);
    return true;
  }

  #refuseChoice({ cause, fitting }: NoChoice): void {
    this.#connection.owner.counters.refusedFor(cause);
    if (cause === "path") {
      const what = `no protocol serves the path ${JSON.stringify(this.#head.path)}`;
      return this.#exchange.refuse(404, what, [], "notice");
    }
    const spoken = fitting.map(({ protocol }) => protocol.name).join(", ");
    const { length } = this.#upgrade.protocols;
    const what = `none of the client's ${length} subprotocols is spoken here (${spoken})`;
    this.#exchange.refuse(400, what, [], "notice");
  }

  // The following three are apart, as a closure within another function costs each of its calls.

  #await(entry: ProtocolEntry, reason: Reason, promised: PromiseLike<unknown>): void {
    this.#exchange.callbacks.await(entry, reason, promised, (late) => this.#accept(late));
  }

  get #isToAgree(): boolean {
    return this.#offers.length > 0 && this.#connection.isOpen && !this.#exchange.hasAnswered;
  }

  /** The extensions that the server and the program agree to. */
  #agree(): ExtensionAnswer | undefined {
    const connection = this.#connection;
    const { entries, extensions } = connection.owner;
    return acceptExtensions(
      extensions,
      this.#offers,
      (name) => consents(connection, entries[0]!, "confirmExtensionOkay", name, this.#httpUser),
    );
  }

  #logAgreed(text: string): void {
    log("ext", () => line`connection ${this.#connection.socketFd}: agreed on ${text}`);
  }

  /** It came to nothing: the connection stays one of HTTP, and ends as one. */
  undo(): void {
    this.#connection.enter(this.#first);
    this.#connection.user = this.#httpUser;
    this.#connection.wireVersion = undefined;
  }

  #accept(verdict: number): void {
    const connection = this.#connection;
    const exchange = this.#exchange;
    const { fields } = this.#filter!;
    this.#filter!.isSettled = true;
    let agreed: ExtensionAnswer | undefined;
    if (verdict !== 0) exchange.noteReturn("filterProtocolConnection", verdict);
    else if (this.#isToAgree) agreed = this.#agree();
    // What was answered already can't become a 101.
    const isRefused = verdict !== 0 || exchange.hasAnswered;
    if (!isRefused) exchange.endIfComplete();
    if (isRefused && exchange.response?.letsLeave(true)) {
      connection.owner.counters.refusedFor("filter");
      agreed?.layers.close();
      return this.undo();
    }
    if (isRefused || !connection.isOpen) {
      return this.#refuse(agreed, 403, `${this.#filterName} refused it`);
    }
    try {
      agreed?.layers.begin(connection);
    } catch (error) {
      return this.#refuse(agreed, 500, `an extension could not be set up: ${messageOf(error)}`);
    }
    if (!connection.isOpen) return this.#refuse(agreed, 403, "an extension closed it");

    if (agreed !== undefined) this.#logAgreed(agreed.text);
    const codec = this.#answer(
      agreed === undefined ? fields : [["Sec-WebSocket-Extensions", agreed.text], ...fields],
    );
    // From now on it is the only part of the request that is kept.
    connection.uri = paths.of(connection.uri);
    const { headers } = exchange;
    const session = new WebSocketSession(connection, agreed?.layers, headers, codec);
    connection.phase = session;
    exchange.step("upgraded");
    session.begin();
  }

  get #filterName(): string {
    return nameOf(this.#connection.entry.protocol, "filterProtocolConnection");
  }

  #refuse(agreed: ExtensionAnswer | undefined, status: number, reason: string): void {
    this.#connection.owner.counters.refusedFor(status === 500 ? "fault" : "filter");
    agreed?.layers.close();
    this.undo();
    this.#exchange.refuse(status, reason);
  }

  /** Sends the 101 of the version; returns how it has its frames. */
  #answer(fields: readonly FieldLine[]): WireCodec | undefined {
    const { outbox, owner: { digests, draft04Masking } } = this.#connection;
    const upgrade = this.#upgrade;
    const protocol = this.#filter!.chosen;
    const setup = { isClient: false, digests, draft04Masking, connectionKey: undefined };
    if (upgrade.version === 0 || upgrade.version === "hixie-75") {
      const chosen = { protocol, fields, isSecure: this.#isSecure, challenge: this.#challenge };
      outbox.say(hixieResponse(upgrade, this.#head, chosen, digests));
      return codecOf(upgrade.version, setup);
    }
    const { key, version } = upgrade;
    const nonce = version === 4 ? newKey() : undefined;
    outbox.say(upgradeResponse(key, { protocol, fields, nonce }, digests));
    if (nonce === undefined) return codecOf(version, setup);
    return codecOf(version, { ...setup, connectionKey: connectionKey(key, nonce, digests) });
  }

  #isOriginAllowed(entry: ProtocolEntry): boolean {
    const { origin } = this.#upgrade;
    if (origin === undefined) return true;
    const allowed = entry.allowedOrigins ?? this.#exchange.allowedOrigins;
    if (isAllowedOrigin(origin, this.#head.host, this.#isSecure, allowed)) return true;
    log(
      "warn",
      () =>
        line`connection ${this.#connection.socketFd}: the Origin is not that of Host; to let such handshakes in, list the origin of their pages in allowedOrigins of the context or of protocol "${
          own(entry.protocol.name)
        }"`,
    );
    return false;
  }

  get #isSecure(): boolean {
    return isSecure(this.#connection, this.#head.fields.get("x-forwarded-proto"));
  }
}
