/** Content codings made on the way, by the zlib of the runtime (RFC 1952, RFC 7932). */

import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { ContentCoding } from "../core/http/accept_encoding.ts";

/** Where the next one costs more time than it saves bytes. */
const GZIP_LEVEL = 4;
const BROTLI_QUALITY = 3;
/**
 * Of 64 KiB: an encoder takes some 1 MiB, for 8 % more bytes than with a quality of 4 and 256 KiB, where it takes
 * nearly 4, and some 10 with Brotli's own window. A smaller one saves little, as the rest is tables.
 */
const BROTLI_WINDOW_BITS = 16;

/** The codings that there are, the most wanted first: gzip is made in half of Brotli's time, to as few bytes. */
export const CODINGS: readonly ContentCoding[] = typeof createBrotliCompress === "function"
  ? ["gzip", "br"]
  : ["gzip"];

/** Compresses one body. */
export class Encoder {
  /** What is compressed, and not taken yet. */
  readonly output: Uint8Array[] = [];
  /** Whether the last output is there. */
  isAtEnd = false;
  readonly #stream: ReturnType<typeof createGzip>;
  #fail: (error: unknown) => void = () => {};

  constructor(coding: ContentCoding) {
    this.#stream = coding === "gzip" ? createGzip({ level: GZIP_LEVEL }) : createBrotliCompress({
      params: {
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
      },
    });
    this.#stream.on("data", (bytes: Uint8Array) => this.output.push(bytes));
    this.#stream.on("error", (error: unknown) => this.#fail(error));
  }

  /** Compresses `bytes`, which may be used otherwise as soon as this resolves. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#stream.write(bytes, () => resolve());
    });
  }

  /** Nothing follows; all output is there once this resolves. */
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#stream.on("end", () => {
        this.isAtEnd = true;
        resolve();
      });
      this.#stream.end();
    });
  }

  /** Gives its memory back, wherever it is. */
  close(): void {
    this.#stream.destroy();
  }
}
