/** The records of a connection's TLS as they come: how many are taken at once, and how many may bring nothing. */

import { LwsError, PastLimit } from "../../../base/errors.ts";
import { MOST_HANDSHAKE_RECORDS } from "../../../tls/client_hello.ts";
import { LARGEST_FEED } from "./pipes.ts";

/** RFC 8446 section 5.1: type, version, and two bytes of length. */
const HEADER = 5;
/** The first byte of a hello as SSL 2.0 had it, in records of another form; OpenSSL would take it. */
const SSL2_HELLO = 0x80;

/** No client says hello in more bytes, post-quantum key shares included. */
const LONGEST_HELLO = 32 * 1024;
/** What a whole handshake comes in: certificates are most of it, of which OpenSSL takes 100 KiB. */
const LONGEST_HANDSHAKE = 160 * 1024;

/**
 * By so many, records without data may outnumber those with some: tickets, changes of keys, alerts and empty records.
 * Some of them cost as much as ten others. OpenSSL bounds only those that are empty.
 */
const MOST_IN_VAIN = 64;
/** Taken at once, while some bring nothing: OpenSSL doesn't stop before one that does. */
const FEW_RECORDS = 32;
/** Taken at once of those that all bring something; then the others have their turn. */
const MANY_RECORDS = 512;

/** Walks over the headers of what one connection receives. */
export class Records {
  /** What has come of the header under way, and its last two bytes as a number. */
  #headerSeen = 0;
  #length = 0;
  /** What is still to come of the record under way. */
  #left = 0;
  /** Records that ended in the piece that was fed last. */
  #ended = 0;
  #atOnce = FEW_RECORDS;
  #inVain = 0;
  #isHandshake = true;
  /** Of the handshake: what has come, and may. */
  #bytes = 0;
  #records = 0;
  #mostBytes: number;

  constructor(isServer: boolean) {
    this.#mostBytes = isServer ? LONGEST_HELLO : LONGEST_HANDSHAKE;
  }

  /**
   * Where the piece that begins at `from` ends.
   *
   * @throws {LwsError} `tls-handshake-failed` for a handshake that is longer than any
   */
  pieceEnd(bytes: Uint8Array, from: number): number {
    let last = Math.min(bytes.length, from + LARGEST_FEED);
    let most = this.#atOnce;
    if (this.#isHandshake) {
      if (this.#bytes === 0 && bytes[from]! >= SSL2_HELLO) throw noTls();
      if (this.#bytes === this.#mostBytes) throw tooLong(`${this.#mostBytes} bytes`);
      if (this.#records === MOST_HANDSHAKE_RECORDS) throw tooLong(`${this.#records} records`);
      last = Math.min(last, from + this.#mostBytes - this.#bytes);
      most = Math.min(most, MOST_HANDSHAKE_RECORDS - this.#records);
    }
    let ended = 0;
    let at = from;
    while (at < last && ended < most) {
      if (this.#left === 0) {
        this.#length = (this.#length << 8 | bytes[at++]!) & 0xFFFF;
        if (++this.#headerSeen < HEADER) continue;
        this.#headerSeen = 0;
        this.#left = this.#length;
      }
      const taken = Math.min(this.#left, last - at);
      at += taken;
      this.#left -= taken;
      if (this.#left === 0) ended++;
    }
    this.#ended = ended;
    if (this.#isHandshake) {
      this.#bytes += at - from;
      this.#records += ended;
    }
    return at;
  }

  /** The hello was taken: the rest of the handshake may be longer. */
  answered(): void {
    this.#mostBytes = LONGEST_HANDSHAKE;
  }

  /** The handshake is over. What else was in the same piece is not counted. */
  shook(): void {
    this.#isHandshake = false;
    this.#ended = 0;
  }

  /**
   * The piece was decrypted, and so many of its records had data in them.
   *
   * @throws {PastLimit} when too many had none
   */
  brought(count: number): void {
    const inVain = this.#ended - count;
    this.#ended = 0;
    this.#atOnce = inVain > 0 ? FEW_RECORDS : Math.min(this.#atOnce * 2, MANY_RECORDS);
    this.#inVain = Math.max(this.#inVain + inVain - count, 0);
    if (this.#inVain <= MOST_IN_VAIN) return;
    throw new PastLimit(
      `the peer has sent more than ${MOST_IN_VAIN} TLS records with no data in them, such as changes of keys`,
    );
  }
}

function tooLong(most: string): LwsError {
  return new LwsError(
    "tls-handshake-failed",
    `the TLS handshake failed: the peer takes more than ${most} to say its part`,
  );
}

function noTls(): LwsError {
  return new LwsError("tls-handshake-failed", "the TLS handshake failed: that is no record of TLS");
}
