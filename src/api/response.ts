/** What an answer to a request is made of. */

/**
 * What ends a response beside its last bytes.
 *
 * @category Files and HTTP
 */
export interface HttpCompletion {
  /**
   * Fields behind a chunked body (RFC 9110 section 6.5), such as a checksum of it; a `trailer` field in the
   * head, which announces them, is the program's to write. Refused with `invalid-argument` where the body
   * has a length or its own chunks, and for fields that come too late there, as `content-length`,
   * `transfer-encoding`, `host`, `content-type` or `set-cookie`. A client of HTTP/1.0 doesn't get them.
   *
   * Default: none.
   */
  readonly trailers?: Iterable<readonly [string, string]>;
}

/**
 * Pieces of a body, one after the other: text as UTF-8, of views their bytes, of buffers all of them.
 *
 * @category Files and HTTP
 */
export type ResponseBodyStream =
  | ReadableStream<string | ArrayBufferView | ArrayBufferLike>
  | AsyncIterable<string | ArrayBufferView | ArrayBufferLike>;

/**
 * What {@linkcode Wsi.respond} takes as a body.
 *
 * @category Files and HTTP
 */
export type ResponseBodyInit = string | ArrayBufferView | ArrayBufferLike | ResponseBodyStream;
