/** One connection's state in OpenSSL: an `SSL`, which is freed once. */

import { LwsError } from "../../../base/errors.ts";
import type { OpensslContext } from "./context.ts";
import { dropErrors, type Openssl, type Pointer, queuedErrors } from "./library.ts";
import type { Pipes } from "./pipes.ts";
import { Records } from "./records.ts";

// <openssl/ssl.h>, <openssl/tls1.h>
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;

/** What a record has besides its content: header, type and tag, RFC 8446 section 5.2. */
const LEAST_OF_A_RECORD = 22;
/** Of what was fed, what may be left when it is worth to look whether all was taken. */
const NEARLY_ALL = 64;

/** Decrypts, encrypts, and shakes hands, by what is in the {@linkcode Pipes}. */
export class Session {
  readonly pipes: Pipes;
  /** Null once it is freed. */
  #ssl: Pointer;
  readonly #records: Records;
  /** Whether the peer has said that it will send no more. */
  hasEnded = false;

  /**
   * @param serverName of a client, what it asks for
   * @throws {LwsError} `tls-handshake-failed` when OpenSSL can't make one
   */
  constructor(pipes: Pipes, context: OpensslContext, serverName?: string) {
    const { openssl } = pipes;
    this.pipes = pipes;
    this.#records = new Records(context.side === "server");
    dropErrors(openssl);
    this.#ssl = openssl.SSL_new(context.pointer);
    if (this.#ssl === null) throw failed(openssl, "the TLS handshake failed");
    pipes.lend(this.#ssl);
    if (context.side === "server") openssl.SSL_set_accept_state(this.#ssl);
    else openssl.SSL_set_connect_state(this.#ssl);
    if (serverName !== undefined) {
      const name = new TextEncoder().encode(`${serverName}\0`);
      if (openssl.SSL_ctrl(this.#ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0n, name) === 1n) return;
      this.free();
      throw failed(openssl, "the TLS handshake failed");
    }
  }

  get pointer(): Pointer {
    return this.#ssl;
  }

  /**
   * Puts down what was received, from an offset on: as much of it as is to be taken at once.
   *
   * @returns where that ends
   * @throws {LwsError} `connection-closed` without memory for it; `tls-handshake-failed` for a handshake of a length
   *   that none has
   */
  feed(bytes: Uint8Array, from: number): number {
    const end = this.#records.pieceEnd(bytes, from);
    this.pipes.feed(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end));
    return end;
  }

  /** Goes on with the handshake; whether it is done. @throws {LwsError} `tls-handshake-failed` */
  handshake(): boolean {
    const { openssl } = this.pipes;
    dropErrors(openssl);
    const result = openssl.SSL_do_handshake(this.#ssl);
    if (result === 1) {
      this.#records.shook();
      return true;
    }
    if (openssl.SSL_get_error(this.#ssl, result) === SSL_ERROR_WANT_READ) {
      if (this.pipes.produced > 0) this.#records.answered();
      return false;
    }
    this.pipes.discard();
    throw failed(openssl, "the TLS handshake failed");
  }

  /**
   * Decrypts all that was fed.
   *
   * @param at where in the buffer, which has room for it
   * @param fed how many bytes that were
   * @returns where what is decrypted ends
   * @throws {LwsError} `connection-closed` when it is broken, or when too little comes of what was fed
   */
  read(buffer: Uint8Array<ArrayBuffer>, at: number, fed: number): number {
    const { openssl } = this.pipes;
    dropErrors(openssl);
    for (let left = fed, records = 0;;) {
      const room = at === 0 ? buffer : buffer.subarray(at);
      const count = openssl.SSL_read(this.#ssl, room, room.length);
      if (count > 0) {
        at += count;
        records++;
        left -= count + LEAST_OF_A_RECORD;
        // Without read-ahead OpenSSL takes no more than it decrypts: where nothing is left to take, asking it
        // costs as much as a small message.
        if (left > NEARLY_ALL || !this.pipes.isConsumed) continue;
        this.#records.brought(records);
        return at;
      }
      const error = openssl.SSL_get_error(this.#ssl, count);
      if (error === SSL_ERROR_WANT_READ) {
        this.#records.brought(records);
        return at;
      }
      // What comes behind the notice counts for nothing, RFC 8446 section 6.1.
      this.pipes.discard();
      this.hasEnded = true;
      if (error === SSL_ERROR_ZERO_RETURN) return at;
      throw failed(openssl, "the TLS connection broke", "connection-closed");
    }
  }

  /**
   * Encrypts the bytes.
   *
   * @returns false when it took none, as a ticket or a change of keys has come in part: once more is read it can
   * @throws {LwsError} `connection-closed` when that can't be done any more
   */
  write(bytes: Uint8Array): boolean {
    const { openssl } = this.pipes;
    const { length } = bytes;
    if (length === 0) return true;
    dropErrors(openssl);
    // Memory takes all of it.
    const count = openssl.SSL_write(this.#ssl, bytes as Uint8Array<ArrayBuffer>, length);
    if (count === length) return true;
    if (openssl.SSL_get_error(this.#ssl, count) === SSL_ERROR_WANT_READ) return false;
    this.pipes.discardOutput();
    throw failed(openssl, "the TLS connection broke", "connection-closed");
  }

  /** Says that nothing more will be sent, RFC 8446 section 6.1. */
  sayGoodbye(): void {
    dropErrors(this.pipes.openssl);
    this.pipes.openssl.SSL_shutdown(this.#ssl);
  }

  /** Harmless when repeated. */
  free(): void {
    const ssl = this.#ssl;
    if (ssl === null) return;
    this.#ssl = null;
    this.pipes.openssl.SSL_free(ssl);
  }
}

function failed(
  openssl: Openssl,
  what: string,
  code: "connection-closed" | "tls-handshake-failed" = "tls-handshake-failed",
): LwsError {
  return new LwsError(code, `${what}: ${queuedErrors(openssl) || "OpenSSL doesn't say why"}`);
}
