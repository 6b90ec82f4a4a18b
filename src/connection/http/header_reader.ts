/** Headers as users read them: field names and the library's pseudo tokens. */

import { line, log } from "../../base/log.ts";
import type { HeaderSource } from "../phase.ts";
import { findCookie } from "../../core/http/cookies.ts";
import { type FieldName, fieldName } from "../../core/http/fields.ts";
import type { RequestHead, ResponseHead } from "../../core/http/head.ts";
import { COMMON_METHODS } from "../../core/http/methods.ts";
import { latin1 } from "../../core/http/syntax.ts";
import { decodeArguments, type UriArgument } from "../../core/http/target.ts";
import type { ShownHead } from "../../web/incoming_request.ts";

/** What joins the lines of a repeated field. */
const JOINT = ", ";
/** The arguments of a request's URI, and what joins them. */
const URI_ARGS = "uri args";
const URI_ARGS_JOINT = "&";
/** The bytes behind the head of a handshake of hixie-76, or of its answer: no header, and one character each. */
const CHALLENGE = "challenge body";
/** The version of HTTP, which stands in the head's first line and is no header. */
const VERSION = "http";

/** Field names in any case, and pseudo tokens: names with a blank, which no field can have. */
abstract class Headers<Head extends RequestHead | ResponseHead> implements HeaderSource {
  readonly head: Head;
  readonly #challenge: Uint8Array | undefined;
  /** Names whose values are longer than the context lets the program see, and how much it does. */
  #cut: Map<string, number> | undefined;
  #last: { readonly name: string; readonly pieces: readonly string[] } | undefined;

  /** @param challenge what belongs to the head of a hixie-76, and stands behind it */
  constructor(head: Head, challenge: Uint8Array | undefined) {
    this.head = head;
    this.#challenge = challenge;
  }

  /**
   * Cuts what is longer than its limit, with a line in the log. The handshake reads the fields
   * themselves, which stay whole.
   */
  limit(limits: CheckedTokenLimits, socketFd: number): this {
    if (limits === undefined) return this;
    for (const [name, limit] of limits) {
      const length = this.get(name)?.length ?? 0;
      if (length <= limit) continue;
      this.#cut ??= new Map();
      this.#cut.set(name, limit);
      log(
        "warn",
        () => line`connection ${socketFd}: header ${name} is cut from ${length} to ${limit}`,
      );
    }
    return this;
  }

  get(token: string): string | undefined {
    const name = fieldName(token);
    if (name === VERSION) return this.#version;
    const text = this.pseudo().get(name) ?? this.head.fields.get(name);
    return this.#cut === undefined ? text : text?.slice(0, this.#cut.get(name));
  }

  totalLength(token: string): number {
    return this.get(token)?.length ?? 0;
  }

  fragment(token: string, n: number): string | undefined {
    return this.#shown(token.toLowerCase())[n];
  }

  values(token: string): string[] {
    return [...this.#shown(token.toLowerCase())];
  }

  names(): string[] {
    return this.head.fields.names();
  }

  /** The pieces as far as the program gets to see them; kept, as they are mostly read one after the other. */
  #shown(name: string): readonly string[] {
    if (this.#last?.name !== name) this.#last = { name, pieces: this.#cutPieces(name) };
    return this.#last.pieces;
  }

  #cutPieces(name: string): readonly string[] {
    const pieces = this.pieces(name);
    const limit = this.limitOf(name);
    if (limit === undefined) return pieces;
    const joint = name === URI_ARGS ? URI_ARGS_JOINT : JOINT;
    // Cut where the joined text is cut; what begins behind the cut is gone.
    const shown: string[] = [];
    let start = 0;
    for (const piece of pieces) {
      if (start > 0 && start >= limit) break;
      shown.push(piece.slice(0, limit - start));
      start += piece.length + joint.length;
    }
    return shown;
  }

  snapshot(): Map<string, string> {
    const { fields } = this.head;
    const all = new Map<string, string>(this.pseudo());
    for (const [name] of fields.entries()) all.set(name, fields.get(name)!);
    for (const [name, limit] of this.#cut ?? []) all.set(name, all.get(name)!.slice(0, limit));
    return all;
  }

  /** How much of a header the program gets to see, by a name in lower case; undefined for all of it. */
  protected limitOf(name: string): number | undefined {
    return this.#cut?.get(name);
  }

  /** What {@linkcode fragment} counts, by a name in lower case. */
  protected pieces(name: string): readonly string[] {
    if (name === VERSION) return [this.#version];
    const pseudo = this.pseudo().get(name);
    return pseudo === undefined ? this.head.fields.getAll(name as FieldName) : [pseudo];
  }

  get #version(): string {
    return `HTTP/1.${this.head.minorVersion}`;
  }

  /** Made when asked for: most programs never read one. */
  protected pseudo(): ReadonlyMap<string, string> {
    const pseudo = this.ownPseudo();
    const challenge = this.#challenge;
    if (challenge !== undefined) pseudo.set(CHALLENGE, latin1(challenge, 0, challenge.length));
    return pseudo;
  }

  protected abstract ownPseudo(): Map<string, string>;
  abstract readonly rawUri: string;
  abstract readonly request: ShownHead | undefined;
  abstract cookie(name: string): string | undefined;
  abstract uriArgs(name: string): string[];
}

/** The headers of a request on a server. */
export class RequestHeaders extends Headers<RequestHead> {
  /** Decoded once: a program that reads one argument reads others, too. */
  #arguments: readonly UriArgument[] | undefined;

  /** What is cut of its two parts is cut of them here, too. */
  override get rawUri(): string {
    const { target } = this.head;
    const pathLimit = this.limitOf(this.#uriToken ?? "");
    const argsLimit = this.limitOf(URI_ARGS);
    if (pathLimit === undefined && argsLimit === undefined) return target;
    const mark = target.indexOf("?");
    const path = target.slice(0, mark < 0 ? undefined : mark).slice(0, pathLimit);
    return mark < 0 ? path : `${path}?${target.slice(mark + 1).slice(0, argsLimit)}`;
  }

  override get request(): ShownHead {
    return this;
  }

  override cookie(name: string): string | undefined {
    return findCookie(this.values("cookie"), name);
  }

  override uriArgs(name: string): string[] {
    const limit = this.limitOf(URI_ARGS) ?? Infinity;
    const values: string[] = [];
    let start = 0;
    for (const { text, nameLength } of this.#decoded) {
      if (start > 0 && start >= limit) break;
      const valueStart = start + nameLength + 1;
      // Where the limit cuts a name, it is unknown which argument it was.
      if (text !== "" && start + nameLength <= limit && text.slice(0, nameLength) === name) {
        values.push(text.slice(nameLength + 1, Math.max(0, limit - valueStart) + nameLength + 1));
      }
      start += text.length + URI_ARGS_JOINT.length;
    }
    return values;
  }

  protected override pieces(name: string): readonly string[] {
    if (name !== URI_ARGS || this.head.uriArgs === "") return super.pieces(name);
    return this.#decoded.map(({ text }) => text);
  }

  protected override ownPseudo(): Map<string, string> {
    const { path, uriArgs } = this.head;
    const pseudo = new Map<string, string>();
    if (this.#uriToken !== undefined) pseudo.set(this.#uriToken, path);
    if (uriArgs !== "") pseudo.set(URI_ARGS, this.pieces(URI_ARGS).join(URI_ARGS_JOINT));
    return pseudo;
  }

  get #decoded(): readonly UriArgument[] {
    return this.#arguments ??= decodeArguments(this.head.uriArgs);
  }

  /** Of other methods it might be a token that means something else, as of one that is called CLIENT. */
  get #uriToken(): string | undefined {
    const { method } = this.head;
    return COMMON_METHODS.names.has(method) ? `${method.toLowerCase()} uri` : undefined;
  }
}

/** The headers of the answer to a client's handshake. */
export class ResponseHeaders extends Headers<ResponseHead> {
  readonly #body: string;

  /** @param body what is shown of the answer's body */
  constructor(head: ResponseHead, body: string, challenge: Uint8Array | undefined) {
    super(head, challenge);
    this.#body = body;
  }

  override get rawUri(): string {
    return "";
  }

  override get request(): undefined {
    return undefined;
  }

  override cookie(): undefined {
    return undefined;
  }

  override uriArgs(): string[] {
    return [];
  }

  protected override ownPseudo(): Map<string, string> {
    const { status, reason } = this.head;
    const pseudo = new Map([["http status", `${status} ${reason}`.trimEnd()]]);
    if (this.#body !== "") pseudo.set("http body", this.#body);
    return pseudo;
  }
}

/** Checked limits by name; undefined where nothing is limited. */
export type CheckedTokenLimits = ReadonlyMap<string, number> | undefined;
