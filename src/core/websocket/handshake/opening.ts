/** A client's half of one opening handshake, of whichever version. */

import type { ResponseHead } from "../../http/head.ts";
import type { Digests } from "../digests.ts";
import type { WireVersion } from "../wire_version.ts";
import {
  checkUpgradeResponse,
  nonceOf,
  type UpgradeAnswer,
  type UpgradeRequest,
  upgradeRequest,
} from "./client.ts";
import type { NumberedVersion } from "./decision.ts";
import { checkHixieResponse, checkProof, hixieRequest } from "./hixie_client.ts";
import { newChallenge, PROOF_LENGTH } from "./hixie_keys.ts";
import { connectionKey, newKey } from "./keys.ts";

/** A version that a client can speak. */
export type ClientVersion = Exclude<WireVersion, "hixie-75">;

/** What a client asks for, and whether over TLS. */
export interface OpeningRequest extends UpgradeRequest {
  readonly isSecure: boolean;
}

/** One handshake, with keys of its own. */
export abstract class ClientOpening {
  protected readonly request: OpeningRequest;
  protected readonly digests: Digests;
  /** How many bytes behind the head of an answer belong to it. */
  abstract readonly proofLength: number;

  constructor(request: OpeningRequest, digests: Digests) {
    this.request = request;
    this.digests = digests;
  }

  /** @throws {TypeError} naming the parameter that can't be sent */
  abstract write(): Uint8Array;
  /** @throws {HandshakeError} saying what is wrong with the head of the answer */
  abstract check(head: ResponseHead): UpgradeAnswer;
  /** @throws {HandshakeError} when the bytes behind the head are not those that have to be there */
  abstract checkProof(proof: Uint8Array): void;
}

/** Of draft 04 to RFC 6455. */
class KeyedOpening extends ClientOpening {
  override readonly proofLength = 0;
  readonly #version: NumberedVersion;
  readonly #key = newKey();

  constructor(version: NumberedVersion, request: OpeningRequest, digests: Digests) {
    super(request, digests);
    this.#version = version;
  }

  override write(): Uint8Array {
    return upgradeRequest({ ...this.request, version: this.#version, key: this.#key });
  }

  override check(head: ResponseHead): UpgradeAnswer {
    const { protocols, extensions = "" } = this.request;
    const offer = { protocols, hasExtensions: extensions !== "" };
    const answer = checkUpgradeResponse(head, this.#key, offer, this.digests);
    if (this.#version !== 4) return answer;
    return { ...answer, connectionKey: connectionKey(this.#key, nonceOf(head), this.digests) };
  }

  override checkProof(): void {
    // The accept value is in the head.
  }
}

/** Of hixie-76. */
class HixieOpening extends ClientOpening {
  override readonly proofLength = PROOF_LENGTH;
  readonly #challenge = newChallenge();

  override write(): Uint8Array {
    return hixieRequest(this.request, this.#challenge);
  }

  override check(head: ResponseHead): UpgradeAnswer {
    return checkHixieResponse(head, this.request);
  }

  override checkProof(proof: Uint8Array): void {
    checkProof(proof, this.#challenge, this.digests);
  }
}

/** A handshake with fresh keys. */
export function newOpening(
  version: ClientVersion,
  request: OpeningRequest,
  digests: Digests,
): ClientOpening {
  return version === 0
    ? new HixieOpening(request, digests)
    : new KeyedOpening(version, request, digests);
}
