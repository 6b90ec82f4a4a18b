/** Compresses files on the way: which ones, for which clients, and how many at a time. */

import type { FileStat } from "../api/file_ops.ts";
import { acceptedCodings, type ContentCoding } from "../core/http/accept_encoding.ts";
import { listHasToken } from "../core/http/syntax.ts";
import type { FieldLine } from "../core/http/writer.ts";
import type { FileRequest } from "./answer.ts";
import { CODINGS, Encoder } from "./encoder.ts";
import { isCompressible } from "./types.ts";
import { tagOfCoded, validatorsOf } from "./validators.ts";

/** Below it, in bytes, the fields and the time cost more than is saved. */
export const SHORTEST_COMPRESSED = 1024;

/** Each takes some 1 MiB with Brotli, and half of it with gzip, for as long as its reader takes. */
export const MOST_ENCODERS = 64;

/** A request with what compression makes of its answer. */
export interface Plan {
  readonly request: FileRequest;
  /** What the body is compressed with; undefined for the bytes as they are. */
  readonly coding: ContentCoding | undefined;
}

/** The compression of a context. */
export class Compression {
  #running = 0;

  /**
   * Plans the answer with a file. What could be compressed has `vary`, whether it is or not. A range is one
   * of the file as it is: a coding that is made anew each time may have other bytes at the next request.
   *
   * @param now In milliseconds since 1970.
   */
  plan(request: FileRequest, stat: FileStat, now: number): Plan {
    const given = new Map(request.fields.map(([name, value]) => [name.toLowerCase(), value]));
    if (!isWorthIt(request, stat, given)) return { request, coding: undefined };
    const varied = withField(request, "vary", varyWith(given.get("vary")));
    const accepted = acceptedCodings(request.field("accept-encoding"), CODINGS);
    const wantsRange = request.field("range") !== undefined && accepted.acceptsIdentity;
    const coding = accepted.codings[0];
    if (coding === undefined || wantsRange || this.#running === MOST_ENCODERS) {
      return { request: varied, coding: undefined };
    }
    const { etag } = validatorsOf(request.path, stat, given, now);
    let coded = withField(varied, "content-encoding", coding);
    // The same bytes may become others with the next release of zlib (RFC 9110 section 8.8.1).
    if (etag !== undefined) coded = withField(coded, "etag", weak(tagOfCoded(etag, coding)));
    return { request: withField(coded, "accept-ranges", "none"), coding };
  }

  /** Makes an encoder for what {@linkcode plan} has planned just now. */
  start(coding: ContentCoding): Encoder {
    this.#running++;
    return new Encoder(coding);
  }

  /** Closes an encoder, once. */
  stop(encoder: Encoder): void {
    this.#running--;
    encoder.close();
  }
}

function isWorthIt(
  { method, contentType }: FileRequest,
  { length }: FileStat,
  given: ReadonlyMap<string, string>,
): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (length < SHORTEST_COMPRESSED || given.has("content-encoding")) return false;
  // RFC 9111 section 5.2.2.6: the program wants it to arrive as it is.
  if (listHasToken(given.get("cache-control") ?? "", "no-transform")) return false;
  return isCompressible(given.get("content-type") ?? contentType);
}

function varyWith(vary: string | undefined): string {
  if (vary === undefined) return "accept-encoding";
  return vary === "*" || listHasToken(vary, "accept-encoding") ? vary : `${vary}, accept-encoding`;
}

function withField(request: FileRequest, name: string, value: string): FileRequest {
  const others = request.fields.filter(([each]) => each.toLowerCase() !== name);
  const field: FieldLine = [name, value];
  return { ...request, fields: [...others, field] };
}

function weak(etag: string): string {
  return etag.startsWith("W/") ? etag : `W/${etag}`;
}
