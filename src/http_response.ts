/** The answering half of one HTTP transaction. */

import { refuseArgument } from "./arguments.ts";
import { type Bytes, bytesOf } from "./bytes.ts";
import { statusText } from "./core/http_status.ts";
import { responseHead } from "./core/response_writer.ts";
import type { Connection } from "./connection.ts";
import type { HttpExchange } from "./phase.ts";
import { LwsError } from "./errors.ts";
import { ConnectionFileResponse } from "./file_transfer.ts";
import { type FileTransfer, serveFile } from "./files/engine.ts";
import type { WriteKind } from "./wsi.ts";

const encoder = new TextEncoder();

type Fields = Iterable<readonly [string, string]>;

/** What the response needs to know of its request. */
export interface ResponseOptions {
  readonly method: string;
  /** Whether the client lets the connection live on. */
  readonly keepsAlive: boolean;
  readonly minorVersion: 0 | 1;
  /** The user says that the response is whole. */
  readonly onComplete: () => void;
  /** Something of it waits to be sent. */
  readonly onSend: () => void;
  /** Whether the connection can't live on behind a head that leaves now. */
  readonly mustClose: () => boolean;
  /** The value of a field of the request, its lines joined. */
  readonly requestField: (name: string) => string | undefined;
  /** Does what tells the program something, when the program is ready to hear it. */
  readonly defer: (work: () => void) => void;
}

/** One response. Heads, bodies and their framing are RFC 9112's. */
export class HttpResponse implements HttpExchange {
  readonly method: string;
  /** Whether the connection must close with this transaction. */
  closes: boolean;
  /** Whether a part of the response was written. */
  hasBegun = false;
  isComplete = false;

  readonly #connection: Connection;
  readonly #minorVersion: 0 | 1;
  readonly #onComplete: () => void;
  readonly #onSend: () => void;
  readonly #mustClose: () => boolean;
  readonly #requestField: (name: string) => string | undefined;
  readonly #defer: (work: () => void) => void;
  #transfer: FileTransfer | undefined;

  constructor(connection: Connection, options: ResponseOptions) {
    this.#connection = connection;
    this.method = options.method;
    this.closes = !options.keepsAlive;
    this.#minorVersion = options.minorVersion;
    this.#onComplete = options.onComplete;
    this.#onSend = options.onSend;
    this.#mustClose = options.mustClose;
    this.#requestField = options.requestField;
    this.#defer = options.defer;
  }

  /** Whether a file is on its way. */
  get isTransferring(): boolean {
    return this.#transfer !== undefined;
  }

  /** Whether some of it waits to be sent, or will in a moment. */
  get isUnderWay(): boolean {
    if (!this.hasBegun) return false;
    const { unsentBytes, wantsWritable } = this.#connection;
    return this.isTransferring || unsentBytes > 0 || wantsWritable;
  }

  serveFile(path: string, contentType: string | undefined, headers: Fields): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    if (typeof path !== "string") refuseArgument("serveHttpFile", "path", path, "text");
    const fields = fieldsOf("serveHttpFile", headers);
    // Only to refuse bad fields now, and not when the file is open.
    checkFields("serveHttpFile", () => {
      responseHead(200, [["content-type", contentType ?? "text/plain"], ...fields]);
    });
    this.hasBegun = true;
    if (this.#mustClose()) this.closes = true;
    const response = new ConnectionFileResponse(this.#connection, {
      method: this.method,
      requestField: this.#requestField,
      onSend: this.#onSend,
      sendHead: (status, all) => this.#sendHead(status, all),
      onFail: (status, all) => {
        this.#transfer = undefined;
        this.hasBegun = false;
        this.returnStatus(status, undefined, all);
        this.complete();
      },
      onDone: () => {
        this.#transfer = undefined;
        this.#defer(() => {
          const first = this.#connection.owner.entries[0]!;
          this.#connection.call(first, "httpFileCompletion", undefined);
          this.complete();
        });
      },
    });
    const { fileOps } = this.#connection.owner;
    this.#transfer = serveFile(response, fileOps, path, { contentType, fields });
    return 0;
  }

  returnStatus(code: number, html: string | undefined, fields: Fields = []): 0 | 1 {
    if (this.hasBegun || this.isComplete) return 1;
    checkStatus("returnHttpStatus", "code", code);
    if (html !== undefined && html !== null && typeof html !== "string") {
      refuseArgument("returnHttpStatus", "html", html, "text");
    }
    const hasBody = code !== 204 && code !== 304;
    const body = encoder.encode(
      `<!doctype html><html><body><h1>${code}</h1>${html ?? statusText(code)}</body></html>`,
    );
    const framing: [string, string][] = hasBody
      ? [["content-type", "text/html; charset=utf-8"], ["content-length", String(body.length)]]
      : [];
    this.hasBegun = true;
    if (this.#mustClose()) this.closes = true;
    this.#sendHead(code, [...framing, ...fields]);
    if (hasBody && this.method !== "HEAD") this.#send(body);
    return 0;
  }

  writeHeaders(status: number, headers: Fields): 0 | -1 {
    if (this.hasBegun || this.isComplete) return -1;
    checkStatus("writeHttpHeaders", "status", status);
    const fields = fieldsOf("writeHttpHeaders", headers);
    // Without a length only the connection's end can mark the body's (RFC 9112 section 6.3).
    const isFramed = fields.some(([name]) => {
      const lower = name.toLowerCase();
      return lower === "content-length" || lower === "transfer-encoding";
    });
    const closes = this.closes || this.#mustClose() ||
      (!isFramed && status !== 204 && status !== 304);
    // A bad field throws here, and leaves the request to be answered otherwise.
    checkFields("writeHttpHeaders", () => this.#sendHead(status, fields, closes));
    this.closes = closes;
    this.hasBegun = true;
    return 0;
  }

  /** The HTTP kinds of `wsi.write`: bytes as they are, but for the body of an answer to HEAD. */
  write(data: Bytes | string, kind: WriteKind): number {
    if (this.isComplete || this.#transfer !== undefined) return -1;
    const bytes = bytesOf("write: data", data);
    const isHead = kind === "httpHeaders" || !this.hasBegun;
    const isBeside = kind === "httpHeaders" && !this.hasBegun;
    this.hasBegun = true;
    const sent = this.method === "HEAD" && !isHead ? bytes.length : this.#send(bytes, isBeside);
    if (sent >= 0 && kind === "httpFinal") this.complete();
    return sent;
  }

  complete(): 0 | 1 {
    if (!this.isComplete) {
      if (!this.hasBegun) this.closes = true;
      this.isComplete = true;
      this.#onComplete();
    }
    return this.closes ? 1 : 0;
  }

  onDrain(): void {
    this.#transfer?.onDrain();
  }

  /** The connection is gone. */
  abandon(): void {
    this.#transfer?.abandon();
  }

  #sendHead(status: number, fields: Fields, closes = this.closes): void {
    const all: (readonly [string, string])[] = [["date", httpDate()], ...fields];
    if (closes) all.push(["connection", "close"]);
    else if (this.#minorVersion === 0) all.push(["connection", "keep-alive"]);
    this.#send(responseHead(status, all), true);
  }

  /** @param isBeside whether it is a head, for which a body in one long write need not wait */
  #send(bytes: Uint8Array, isBeside = false): number {
    const connection = this.#connection;
    const { length } = bytes;
    if (!connection.hasRoom(length, length)) return -1;
    if (length > 0) {
      if (isBeside) connection.say(bytes);
      else {
        connection.tx.put(bytes);
        connection.queued();
      }
      this.#onSend();
    }
    return length;
  }
}

function checkStatus(call: string, name: string, code: number): void {
  if (Number.isInteger(code) && code >= 200 && code <= 599) return;
  refuseArgument(call, name, code, "a whole number from 200 to 599");
}

function fieldsOf(call: string, headers: Fields): (readonly [string, string])[] {
  const allowed = "pairs of a name and a value";
  if (typeof headers?.[Symbol.iterator] !== "function" || typeof headers === "string") {
    refuseArgument(call, "headers", headers, allowed);
  }
  const fields = [...headers];
  const stray = fields.find((each) => !Array.isArray(each));
  if (stray !== undefined) refuseArgument(call, "headers", stray, allowed);
  return fields;
}

/** Runs what writes fields; one that can't be sent becomes the error that programs are told of. */
function checkFields(call: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new LwsError("invalid-argument", `${call}: ${cause.message}`, { cause });
  }
}

let dateSecond = 0;
let dateText = "";

/** RFC 9110 section 6.6.1; made once a second. */
function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
