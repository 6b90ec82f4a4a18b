/** The chunked transfer coding (RFC 9112 section 7.1), decoded in place. */

import { checkFieldLine } from "../fields.ts";
import { CR, HttpSyntaxError, isBlank, isFieldByte, isTokenByte, latin1, LF } from "../syntax.ts";

/** Bytes that extensions and trailers of one body may take together. */
export const MAX_CHUNK_EXTRAS = 16 * 1024;
/** What a chunk costs at least, in bytes, once there are more than {@linkcode FREE_CHUNKS}. */
export const MINIMUM_CHUNK_COST = 16;
/** So many chunks may be as small as they like. */
export const FREE_CHUNKS = 1024;

/** As many digits as 2^64 has; zeros in front would go on for ever. */
const MAX_SIZE_DIGITS = 16;

/**
 * Fields that a trailer may not carry: by the time it comes, decisions have been taken on them
 * (RFC 9110 section 6.5.1). Other trailer fields are checked for syntax and dropped.
 */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Where the next byte belongs, by the grammar of section 7.1. */
type State =
  | "size"
  | "after size"
  | "extension start"
  | "extension name"
  | "after extension name"
  | "extension value start"
  | "extension value"
  | "quoted value"
  | "quoted pair"
  | "extension end"
  | "after extension"
  | "size line feed"
  | "data"
  | "data carriage return"
  | "data line feed"
  | "trailer"
  | "trailer line feed"
  | "done";

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Decodes one body. All that is not payload is kept as state, so that any split costs the same.
 *
 * A body may have `maxBodySize` bytes of payload and {@linkcode FREE_CHUNKS} chunks of any size;
 * more chunks than that must have {@linkcode MINIMUM_CHUNK_COST} bytes on average of a full body,
 * so that a peer can't make much work out of few bytes.
 */
export class ChunkedDecoder {
  readonly #maxBodySize: number;
  readonly #maxChunks: number;
  #state: State = "size";
  #isPaused = false;
  /** The size under way, and then what is left of the chunk. */
  #remaining = 0;
  #digits = 0;
  #total = 0;
  #chunks = 0;
  #extras = 0;
  /** The trailer line under way. */
  #line: number[] = [];

  /** A decoder for one body of at most `maxBodySize` bytes of payload. */
  constructor(maxBodySize: number) {
    this.#maxBodySize = maxBodySize;
    this.#maxChunks = FREE_CHUNKS + maxBodySize / MINIMUM_CHUNK_COST;
  }

  /** Whether the last chunk and the trailers have come. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Called in `onData`: the read returns behind this piece. */
  pause(): void {
    this.#isPaused = true;
  }

  /**
   * Gives the payload in `bytes` to `onData` as views and returns how many bytes it took.
   *
   * @throws {HttpSyntaxError} 400 or 413
   */
  read(bytes: Uint8Array, onData: (piece: Uint8Array) => void): number {
    this.#isPaused = false;
    let at = 0;
    while (at < bytes.length && !this.#isPaused && this.#state !== "done") {
      if (this.#state !== "data") {
        this.#take(bytes[at++]!);
        continue;
      }
      const piece = bytes.subarray(at, at + this.#remaining);
      at += piece.length;
      this.#remaining -= piece.length;
      if (this.#remaining === 0) this.#state = "data carriage return";
      onData(piece);
    }
    return at;
  }

  /** One byte that is no payload, by the grammar of sections 7.1, 7.1.1 and 7.1.2. */
  #take(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#takeSize(byte);
      case "size line feed":
        return this.#endSizeLine(byte);
      case "data carriage return":
        if (byte !== CR) throw broken("a chunk is longer than its size");
        this.#state = "data line feed";
        return;
      case "data line feed":
        if (byte !== LF) throw broken("a chunk does not end in CRLF");
        this.#state = "size";
        return;
      case "trailer":
        return this.#takeTrailer(byte);
      case "trailer line feed":
        return this.#endTrailerLine(byte);
      default:
        this.#countExtra();
        this.#state = this.#takeExtension(byte);
    }
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#remaining = this.#remaining * 16 + digit;
      this.#digits++;
      if (this.#digits > MAX_SIZE_DIGITS || this.#remaining > Number.MAX_SAFE_INTEGER) {
        throw broken("a chunk size is too large");
      }
      return;
    }
    if (this.#digits === 0) throw broken("a chunk without a size");
    if (byte !== CR && byte !== SEMICOLON && !isBlank(byte)) throw broken("a bad chunk size");
    if (byte !== CR) this.#countExtra();
    this.#state = byte === CR
      ? "size line feed"
      : byte === SEMICOLON
      ? "extension start"
      : "after size";
  }

  /** Section 7.1.1; extensions are parsed so that none hides a line end, and have no effect. */
  #takeExtension(byte: number): State {
    switch (this.#state) {
      case "after size":
        if (isBlank(byte)) return "after size";
        if (byte === SEMICOLON) return "extension start";
        break;
      case "extension start":
        if (isBlank(byte)) return "extension start";
        if (isTokenByte[byte] === 1) return "extension name";
        break;
      case "extension name":
        if (isTokenByte[byte] === 1) return "extension name";
        if (byte === CR) return "size line feed";
        return afterExtensionName(byte);
      case "after extension name":
        return afterExtensionName(byte);
      case "extension value start":
        if (isBlank(byte)) return "extension value start";
        if (byte === QUOTE) return "quoted value";
        if (isTokenByte[byte] === 1) return "extension value";
        break;
      case "extension value":
        if (isTokenByte[byte] === 1) return "extension value";
        if (byte === CR) return "size line feed";
        return afterExtension(byte);
      case "quoted value":
        if (byte === QUOTE) return "extension end";
        if (byte === BACKSLASH) return "quoted pair";
        if (isFieldByte[byte] === 1) return "quoted value";
        break;
      case "quoted pair":
        if (isFieldByte[byte] === 1) return "quoted value";
        break;
      case "extension end":
        if (byte === CR) return "size line feed";
        return afterExtension(byte);
      case "after extension":
        return afterExtension(byte);
    }
    throw broken("a bad chunk extension");
  }

  #endSizeLine(byte: number): void {
    if (byte !== LF) throw broken("a chunk size does not end in CRLF");
    this.#digits = 0;
    if (this.#remaining === 0) {
      this.#state = "trailer";
      return;
    }
    this.#chunks++;
    if (this.#remaining > this.#maxBodySize - this.#total) {
      throw new HttpSyntaxError(413, "the body is too long", "maxBodySize");
    }
    if (this.#chunks > this.#maxChunks) {
      throw new HttpSyntaxError(413, "too many tiny chunks", "maxBodySize");
    }
    this.#total += this.#remaining;
    this.#state = "data";
  }

  #takeTrailer(byte: number): void {
    this.#countExtra();
    if (byte === CR) {
      this.#state = "trailer line feed";
      return;
    }
    if (isFieldByte[byte] !== 1) throw broken("a bad character in a trailer");
    this.#line.push(byte);
  }

  #endTrailerLine(byte: number): void {
    if (byte !== LF) throw broken("a trailer does not end in CRLF");
    if (this.#line.length === 0) {
      this.#state = "done";
      return;
    }
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    const name = latin1(line, 0, checkFieldLine(line, 0, line.length, 400)).toLowerCase();
    if (FORBIDDEN_TRAILERS.has(name)) throw broken("a trailer with a field that must come first");
    this.#state = "trailer";
  }

  #countExtra(): void {
    this.#extras++;
    if (this.#extras > MAX_CHUNK_EXTRAS) {
      throw new HttpSyntaxError(413, "chunk extensions and trailers are too long");
    }
  }
}

/** Behind a blank no line ends: the grammar has blanks in front of `;` and `=` only. */
function afterExtensionName(byte: number): State {
  if (isBlank(byte)) return "after extension name";
  if (byte === EQUALS) return "extension value start";
  if (byte === SEMICOLON) return "extension start";
  throw broken("a bad chunk extension");
}

function afterExtension(byte: number): State {
  if (isBlank(byte)) return "after extension";
  if (byte === SEMICOLON) return "extension start";
  throw broken("a bad chunk extension");
}

function broken(message: string): HttpSyntaxError {
  return new HttpSyntaxError(400, message);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
