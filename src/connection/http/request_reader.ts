/** Reads requests as far as it takes to know what becomes of them. */

import type { ConnectionOwner } from "../owner.ts";
import { isForProtocol } from "./answers/fetched_answer.ts";
import { logRequest } from "./request_log.ts";
import { type BodyFraming, requestFraming } from "../../core/http/body/reader.ts";
import { type RequestHead, RequestHeadParser } from "../../core/http/head.ts";
import type { UpgradeDecision } from "../../core/websocket/handshake/decision.ts";
import { CHALLENGE_LENGTH } from "../../core/websocket/handshake/hixie_keys.ts";
import { readUpgrade } from "../../core/websocket/handshake/server.ts";

/** A request whose head is read. */
export interface ReadRequest {
  readonly head: RequestHead;
  readonly framing: BodyFraming;
  readonly decision: UpgradeDecision;
  /** The eight bytes behind the head of a handshake of hixie-76; `undefined` for everything else. */
  readonly challenge: Uint8Array | undefined;
}

type ReadingOwner = Pick<
  ConnectionOwner,
  "limits" | "methods" | "versions" | "fetch" | "hasProtocols" | "entries"
>;

/** Reads the requests of one connection, one after the other. */
export class RequestReader {
  readonly #parser: RequestHeadParser;
  readonly #owner: ReadingOwner;
  readonly #socketFd: number;
  #request: ReadRequest | undefined;
  /** The length of a head whose eight bytes have not all come; else 0. */
  #headLength = 0;
  /** That of the last head that was read. */
  length = 0;

  constructor(
    owner: ReadingOwner,
    socketFd: number,
  ) {
    this.#parser = new RequestHeadParser(owner.limits, owner.methods);
    this.#owner = owner;
    this.#socketFd = socketFd;
  }

  /** The request, once {@linkcode read} has returned its length. */
  get request(): ReadRequest {
    return this.#request!;
  }

  /**
   * Reads on. `bytes` begins with the request's first byte on every call. Returns how many bytes the head
   * takes, and what belongs to it, or 0 when it needs more.
   *
   * @throws {HttpSyntaxError} as soon as the bytes can't become a head within the limits
   */
  read(bytes: Uint8Array): number {
    const length = this.#headLength > 0 ? this.#headLength : this.#readHead(bytes);
    if (length === 0) return 0;
    const request = this.#request!;
    const { head, decision } = request;
    if (decision.kind !== "websocket" || decision.version !== 0) return length;
    // A request for `fetch` is one of HTTP, behind which the next one begins.
    if (!isForProtocol(this.#owner, head)) return length;
    const end = length + CHALLENGE_LENGTH;
    const isWhole = bytes.length >= end;
    this.#headLength = isWhole ? 0 : length;
    if (!isWhole) return 0;
    this.#request = { ...request, challenge: bytes.slice(length, end) };
    return end;
  }

  #readHead(bytes: Uint8Array): number {
    const length = this.#parser.parse(bytes);
    if (length === 0) return 0;
    this.length = length;
    const { head } = this.#parser;
    this.#parser.reset();
    logRequest(this.#socketFd, head, length);
    const framing = requestFraming(head);
    const decision = readUpgrade(head, framing, this.#owner.versions);
    this.#request = { head, framing, decision, challenge: undefined };
    return length;
  }
}
