/** A response as `fetch` of a program returns it, on its way to a connection. */

import { bytesOf } from "../base/bytes.ts";
import { line, log } from "../base/log.ts";
import type { FieldLine } from "../core/http/writer.ts";

/** How often what is there already is asked for; a body that is no stream of the program's needs three. */
const TURNS = 10;

/** A whole body that is longer is sent in pieces all the same. */
const LONGEST_WHOLE = 64 * 1024;

/** A response that can be sent. */
export interface SendableResponse {
  readonly status: number;
  readonly fields: readonly FieldLine[];
  /** Bytes where they are all there, and few; else what gives them one after the other. */
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
  /** Bytes that were read of it. */
  readonly held: number;
}

/** The request that it answers. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Whether a program has returned a response, of whichever realm. */
export function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === "[object Response]";
}

/**
 * Reads of a response what is there at once, to know whether that is all.
 *
 * @throws when it can't be sent
 */
export async function sendable(response: Response, asked: Asked): Promise<SendableResponse> {
  const isHead = asked.method === "HEAD";
  const { status, body, bodyUsed } = response;
  if (status < 200 || status > 599) throw new TypeError(`the status of the response is ${status}`);
  if (bodyUsed || body?.locked) throw new TypeError("the body of the response was read already");
  const fields = framedHere(response);
  const hasNone = status === 204 || status === 205 || status === 304;
  const none = { status, body: NO_BYTES, held: 0 };
  if (hasNone) return { ...none, fields };
  // What GET would be answered with is not known: the program may have left it out.
  if (body === null && isHead) return { ...none, fields };
  if (body === null) return { ...none, fields: measured(fields, 0, asked) };
  const { whole, rest, held } = await firstPieces(body.getReader());
  if (whole === undefined) return { status, fields, body: rest, held };
  const isShort = whole.length <= LONGEST_WHOLE || isHead;
  const all = measured(fields, whole.length, asked);
  return { status, fields: all, body: isShort ? whole : alone(whole), held };
}

/** What reads a body from where its reader is now. */
type RestReader = Pick<Reader, "cancel"> & { read(): Promise<unknown> };

/** A body whose first piece was asked for already, as all that reads such needs it. */
export class ReadAhead {
  readonly #reader: RestReader;

  constructor(reader: RestReader) {
    this.#reader = reader;
  }

  getReader(): RestReader {
    return this.#reader;
  }
}

/** Lets go of a body that is not sent; a failure of that is of no consequence. */
export function discard(value: unknown, reason: unknown): void {
  if (isResponse(value) && !value.body?.locked) value.body?.cancel(reason).catch(() => {});
}

/** The same for a body whose first pieces were read, so that its stream has a reader. */
export function letGo(body: SendableResponse["body"], reason: unknown): void {
  if ("getReader" in body) body.getReader().cancel(reason).catch(() => {});
}

const NO_BYTES = new Uint8Array(0);

/** The fields but for those that frame the body where the library does. */
function framedHere({ status, headers }: Response): FieldLine[] {
  const hasLength = status !== 204 && status !== 205;
  return [...headers].filter(([name]) =>
    name !== "transfer-encoding" && (hasLength || name !== "content-length")
  );
}

/** Says the length of what is there all at once, whatever the program has said of it. */
function measured(fields: FieldLine[], length: number, { method, path }: Asked): FieldLine[] {
  const said = fields.find(([name]) => name === "content-length")?.[1];
  if (said !== undefined && (method === "HEAD" || said === String(length))) return fields;
  if (said !== undefined) {
    log(
      "warn",
      () =>
        line`fetch of ${method} ${path}: content-length is ${said}, and the body has ${length} bytes`,
    );
  }
  return [...fields.filter(([name]) => name !== "content-length"), [
    "content-length",
    String(length),
  ]];
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Result = ReadableStreamReadResult<Uint8Array>;

interface FirstPieces {
  /** The body, if its one piece and its end are there at once. */
  readonly whole: Uint8Array | undefined;
  /** All of it, read already or not. */
  readonly rest: ReadableStream<Uint8Array>;
  /** Bytes that were read already. */
  readonly held: number;
}

/** @throws what the stream broke with, if nothing of it was there before, and for a first piece that can't be sent */
async function firstPieces(reader: Reader): Promise<FirstPieces> {
  const reads: Promise<Result>[] = [];
  const rest = restOf(reader, reads);
  const first = await atOnce(reader, reads);
  if (first === undefined) return { whole: undefined, rest, held: 0 };
  if (first.done) return { whole: NO_BYTES, rest, held: 0 };
  const piece = bytesIn(first.value, reader);
  const second = await atOnce(reader, reads).catch(() => undefined);
  const held = piece.length + (second?.value?.length ?? 0);
  return { whole: second?.done ? piece : undefined, rest, held };
}

/** A stream that is none of bytes may yield anything: a text, as `wsi.respond` takes it, and a buffer are bytes as well. */
function bytesIn(piece: unknown, reader: Reader): Uint8Array {
  try {
    return bytesOf("a piece of the body", piece as string);
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** The next piece, if it is there at once. */
async function atOnce(reader: Reader, reads: Promise<Result>[]): Promise<Result | undefined> {
  const read = reader.read();
  reads.push(read);
  let isThere = false;
  const note = () => {
    isThere = true;
  };
  read.then(note, note);
  for (let turn = 0; turn < TURNS && !isThere; turn++) await undefined;
  return isThere ? await read : undefined;
}

/** All of a body. The reader that it came from would keep the text that it was made of. */
function alone(piece: Uint8Array): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = piece;
  return readAhead({
    read() {
      const value = next;
      next = undefined;
      return Promise.resolve({ done: value === undefined, value });
    },
    cancel: () => Promise.resolve(),
  });
}

/** What was asked for already comes first. */
function restOf(reader: Reader, reads: Promise<Result>[]): ReadableStream<Uint8Array> {
  return readAhead({
    read: () => reads.shift() ?? reader.read(),
    cancel: (reason) => reader.cancel(reason),
  });
}

function readAhead(reader: RestReader): ReadableStream<Uint8Array> {
  return new ReadAhead(reader) as unknown as ReadableStream<Uint8Array>;
}
