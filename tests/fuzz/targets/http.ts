/** HTTP/1.1: requests as a server reads them, answers as a client does, and bodies in chunks. */

import {
  BodyReader,
  expectsContinue,
  requestFraming,
  responseFraming,
} from "../../../src/core/http/body/reader.ts";
import { ChunkedDecoder } from "../../../src/core/http/body/chunked_decoder.ts";
import { CHUNK_END, chunkStart, lastChunk } from "../../../src/core/http/body/chunked_encoder.ts";
import {
  keepsAlive,
  RequestHeadParser,
  type ResponseHead,
  ResponseHeadParser,
} from "../../../src/core/http/head.ts";
import { ResponseHeadReader } from "../../../src/core/http/head_reader.ts";
import { ANY_METHOD, COMMON_METHODS } from "../../../src/core/http/methods.ts";
import { RefusedAnswer } from "../../../src/core/http/refused_answer.ts";
import { HttpSyntaxError } from "../../../src/core/http/syntax.ts";
import { concat } from "../../support/frames.ts";
import type { Dice } from "../dice.ts";
import { type Heard, heard } from "../oracles/llhttp.ts";
import { pump, sameHoweverSplit, splits } from "../splits.ts";
import { expect, expectSame, latin1, type Target } from "../target.ts";
import { isLooser, STRICTER } from "./llhttp_rules.ts";
import { HTTP_WORDS, makeChunks, makeFields, makeMessage, TARGETS } from "./http_text.ts";

const LIMITS = [
  { maxHeaderBytes: 8192, maxHeaderFields: 100 },
  { maxHeaderBytes: 8192, maxHeaderFields: 100 },
  { maxHeaderBytes: 64, maxHeaderFields: 100 },
  { maxHeaderBytes: 300, maxHeaderFields: 2 },
];
const MOST_BODY = 1_000_000;

/** A message as it was read; of a response the method and the target are empty. */
interface Read {
  readonly start: string;
  readonly fields: readonly string[];
  readonly isUpgrade: boolean;
  body: string;
  isWhole: boolean;
}

interface Reading {
  readonly messages: Read[];
  failure: string | undefined;
}

function toldOf({ messages, failure }: Reading): string {
  const told = messages.map(({ start, fields, body, isWhole }) =>
    `${start}\n${fields.join("\n")}\n${isWhole ? "whole" : "cut"} ${body}`
  );
  return [...told, failure].join("\n---\n");
}

/** What it does with any error, of which one kind alone may be thrown. */
function failureOf(error: unknown): string {
  if (!(error instanceof HttpSyntaxError)) throw error;
  return `${error.status} ${error.message}`;
}

type Pause = (events: number) => boolean;

/** Reads requests one behind the other, as a connection does. */
function readRequests(
  reads: readonly Uint8Array[],
  limits: typeof LIMITS[number],
  anyMethod: boolean,
  pauses: Pause,
): Reading {
  const reading: Reading = { messages: [], failure: undefined };
  const parser = new RequestHeadParser(limits, anyMethod ? ANY_METHOD : COMMON_METHODS);
  let body: BodyReader | undefined;
  let isLast = false;
  const take = (bytes: Uint8Array): number => {
    if (isLast && body === undefined) return 0;
    if (body !== undefined) {
      const taken = readBody(body, bytes, reading.messages.at(-1)!, pauses);
      if (body.done) body = undefined;
      return taken;
    }
    const length = parser.parse(bytes);
    if (length === 0) return 0;
    const { head } = parser;
    parser.reset();
    expect("a path that doesn't begin with a slash", /^(\/|\*$)/.test(head.path));
    expect(
      "a path that leaves its root",
      !/(^|\/)\.{1,2}(\/|$)|\/\//.test(head.path),
    );
    const framing = requestFraming(head);
    expect("a length that is none", /^\d*$/.test(head.fields.get("content-length") ?? ""));
    expectsContinue(head);
    isLast = !keepsAlive(head);
    const message: Read = {
      start: `${head.method} ${head.target}`,
      fields: [...head.fields.entries()].map(([name, value]) => `${name}: ${value}`),
      isUpgrade: head.fields.has("upgrade"),
      body: "",
      isWhole: false,
    };
    body = new BodyReader(framing, MOST_BODY);
    reading.messages.push(message);
    if (body.done) {
      message.isWhole = true;
      body = undefined;
    }
    return length;
  };
  readAll(reads, reading, take);
  return reading;
}

function readBody(body: BodyReader, bytes: Uint8Array, message: Read, pauses: Pause): number {
  let events = 0;
  const taken = body.read(bytes, (piece) => {
    message.body += piece.toHex();
    if (pauses(events++)) body.pause();
  });
  if (body.done) message.isWhole = true;
  return taken;
}

function readAll(
  reads: readonly Uint8Array[],
  reading: Reading,
  take: (bytes: Uint8Array) => number,
): void {
  try {
    pump(reads, (bytes) => {
      const taken = take(bytes);
      return { taken, goesOn: taken > 0 && taken < bytes.length };
    });
  } catch (error) {
    reading.failure = failureOf(error);
  }
}

function startAndFields({ start, fields }: Read, other: Heard): void {
  const line = other.method === "" || other.target === ""
    ? `${other.status}`
    : `${other.method} ${other.target}`;
  expectSame("the start line, for llhttp", start, line);
  const sorted = (lines: readonly string[]) => lines.toSorted().join("\n");
  const theirs = other.fields.map(([name, value]) => `${name}: ${value}`);
  expectSame("the fields, for llhttp", sorted(fields), sorted(theirs));
}

function compareRequests(reading: Reading, wire: Uint8Array): void {
  const answer = heard(wire, "requests");
  const { messages, failure } = reading;
  const theirs = answer.messages.filter(({ hasHead }) => hasHead);
  const refusal = answer.failure ?? "";
  const mayDiffer = isLooser(refusal, wire);
  for (const [i, ours] of messages.entries()) {
    const other = theirs[i];
    const isLast = i === messages.length - 1;
    if (other === undefined) {
      // Behind an upgrade llhttp reads no HTTP any more.
      expect(`llhttp refuses "${ours.start}": ${refusal}`, mayDiffer || answer.isUpgrade);
      return;
    }
    startAndFields(ours, other);
    if (isLast && failure !== undefined) break;
    if (mayDiffer && !other.isWhole) return;
    expectSame(
      `the body, for llhttp ${other.isWhole ? "" : refusal}`,
      `${ours.isWhole} ${ours.body}`,
      `${other.isWhole} ${other.body}`,
    );
  }
  const next = theirs[failureIsOfBody(reading) ? messages.length - 1 : messages.length];
  if (failure === undefined || next === undefined) return;
  if (failureIsOfBody(reading) && !next.isWhole) return;
  const why = failure.slice(failure.indexOf(" ") + 1);
  expect(`llhttp takes what is refused as "${why}"`, STRICTER.has(why));
}

/** Whether it is what begins with the last message that is wrong. */
function failureIsOfBody({ messages }: Reading): boolean {
  return messages.at(-1)?.isWhole === false;
}

const requests: Target = {
  name: "requests",
  covers:
    "core/http/{head,fields,methods,syntax,target}, core/http/body/{reader,chunked_decoder}: pipelined " +
    "requests with bodies; against llhttp",
  words: HTTP_WORDS,
  make(dice) {
    const messages = dice.times(1 + dice.small(3), () => {
      const method = dice.once(6)
        ? dice.pick(["get", "CONNECT", "PRI", "QUERY", ""])
        : dice.pick(METHODS);
      const target = dice.once(2) ? "/" : dice.pick(TARGETS);
      const version = dice.once(12)
        ? dice.pick(["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1"])
        : "HTTP/1.1";
      const host = dice.once(12) ? [] : [`Host: ${dice.once(4) ? dice.pick(HOSTS) : "a"}`];
      const lead = dice.once(12) ? dice.pick(["\r\n", "\n", "\r\n\r\n\r\n"]) : "";
      return makeMessage(dice, `${lead}${method} ${target} ${version}`, host);
    });
    return concat(makeHttpSetup(dice), ...messages);
  },
  check(input, dice) {
    const [setup = 0] = input;
    const limits = LIMITS[setup & 3]!;
    const anyMethod = (setup & 4) !== 0;
    const pauses = pausesOf(setup);
    const wire = input.subarray(1);
    const reading = sameHoweverSplit(
      wire,
      dice,
      (reads) => readRequests(reads, limits, anyMethod, pauses),
      toldOf,
    );
    compareRequests(reading, wire);
    return classOf(reading);
  },
};

const METHODS = ["GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"];
const HOSTS = ["a:80", "[::1]", "", "a,b", "a b", "A", "a:x", "%41", "a:", ":80", "[::1"];

function makeHttpSetup(dice: Dice): Uint8Array {
  return Uint8Array.of(dice.once(3) ? dice.below(32) : 4);
}

function pausesOf(setup: number): Pause {
  const every = [Infinity, 1, 2, 3][setup >> 3 & 3]!;
  return (events) => (events + 1) % every === 0;
}

function classOf({ messages, failure }: Reading): string {
  const kinds = messages.slice(-3).map(({ fields, body, isWhole }) =>
    `${Math.min(fields.length, 5)}${body === "" ? "" : "b"}${isWhole ? "w" : ""}`
  );
  return `${Math.min(messages.length, 4)} ${kinds} ${failure ?? ""}`;
}

/** Reads answers as a client of WebSockets does: interim ones, a final one and its body. */
function readResponses(
  reads: readonly Uint8Array[],
  limits: typeof LIMITS[number],
  pauses: Pause,
): Reading {
  const reading: Reading = { messages: [], failure: undefined };
  const parser = new ResponseHeadParser(limits);
  let body: BodyReader | undefined;
  readAll(reads, reading, (bytes) => {
    if (body !== undefined) return readBody(body, bytes, reading.messages.at(-1)!, pauses);
    if (reading.messages.at(-1)?.isWhole === true && !isInterim(reading.messages.at(-1)!)) return 0;
    const length = parser.parse(bytes);
    if (length === 0) return 0;
    const { head } = parser;
    parser.reset();
    const message = readOf(head);
    reading.messages.push(message);
    body = new BodyReader(responseFraming(head), MOST_BODY);
    message.isWhole = body.done;
    if (isInterim(message)) body = undefined;
    return length;
  });
  return reading;
}

function isInterim({ start }: Read): boolean {
  return start.startsWith("1") && start !== "101";
}

function readOf({ status, fields }: ResponseHead): Read {
  return {
    start: String(status),
    fields: [...fields.entries()].map(([name, value]) => `${name}: ${value}`),
    isUpgrade: fields.has("upgrade"),
    body: "",
    isWhole: false,
  };
}

/** The same bytes as a program's own answer, and as a refusal. */
function readElsewhere(wire: Uint8Array, head: ResponseHead | undefined, dice: Dice): void {
  for (const reads of [[wire], ...splits(wire, dice)]) {
    const reader = new ResponseHeadReader({ method: "GET", minorVersion: 1 });
    try {
      for (const read of reads) {
        const { length, head } = reader.read(read);
        expect("more of a piece than there is", length <= read.length);
        if (head !== undefined) break;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  if (head === undefined) return;
  sameHoweverSplit(wire, dice, (reads) => {
    const answer = new RefusedAnswer(head);
    for (const read of reads) if (!answer.isComplete) answer.take(read.slice());
    return answer.body;
  }, (body) => body);
}

const responses: Target = {
  name: "responses",
  covers:
    "core/http/{head,head_reader,refused_answer}, core/http/body/{reader,response_framing}: interim and " +
    "final answers with bodies, as clients read them; heads against llhttp",
  words: HTTP_WORDS,
  make(dice) {
    const interim = dice.times(
      dice.once(4) ? 1 + dice.below(3) : 0,
      () =>
        latin1(`HTTP/1.1 ${dice.pick([100, 102, 103])} x\r\n${dice.once(2) ? "A: b\r\n" : ""}\r\n`),
    );
    const status = dice.pick([101, 200, 204, 304, 302, 403, 407, 500, 999, 99, 1000]);
    const start = dice.pick([`${status} OK`, `${status}`, `${status} `, `${status} \xfc\t`]);
    const version = dice.once(12)
      ? dice.pick(["HTTP/1.0", "HTTP/1.7", "HTTP/2.0", "ICY"])
      : "HTTP/1.1";
    return concat(makeHttpSetup(dice), ...interim, makeMessage(dice, `${version} ${start}`, []));
  },
  check(input, dice) {
    const [setup = 0] = input;
    const limits = LIMITS[setup & 3]!;
    const pauses = pausesOf(setup);
    const wire = input.subarray(1);
    const reading = sameHoweverSplit(
      wire,
      dice,
      (reads) => readResponses(reads, limits, pauses),
      toldOf,
    );
    const parser = new ResponseHeadParser(LIMITS[0]!);
    let head: ResponseHead | undefined;
    try {
      if (parser.parse(wire) > 0) head = parser.head;
    } catch (error) {
      failureOf(error);
    }
    const theirs = heard(wire, "responses").messages;
    for (const [i, message] of reading.messages.entries()) {
      if (theirs[i]?.hasHead) startAndFields(message, theirs[i]);
    }
    readElsewhere(wire, head, dice);
    return classOf(reading);
  },
};

const CHUNKED_HEAD = latin1("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

const chunks: Target = {
  name: "chunks",
  covers:
    "core/http/body/{chunked_decoder,chunked_encoder}: bodies in chunks, paused and not, and what the " +
    "encoder writes; against llhttp",
  words: HTTP_WORDS,
  make: (dice) => concat(makeHttpSetup(dice), makeChunks(dice)),
  check(input, dice) {
    const [setup = 0] = input;
    const most = (setup & 3) === 3 ? 20 : MOST_BODY;
    const pauses = pausesOf(setup);
    const wire = input.subarray(1);
    const reading = sameHoweverSplit(wire, dice, (reads) => {
      const result: Reading & { rest: string } = { messages: [], failure: undefined, rest: "" };
      const message: Read = {
        start: "POST /",
        fields: [],
        isUpgrade: false,
        body: "",
        isWhole: false,
      };
      result.messages.push(message);
      const decoder = new ChunkedDecoder(most);
      readAll(reads, result, (bytes) => {
        let events = 0;
        const taken = decoder.read(bytes, (piece) => {
          message.body += piece.toHex();
          if (pauses(events++)) decoder.pause();
        });
        expect("what follows a body is taken", !(message.isWhole && taken > 0));
        message.isWhole = decoder.done;
        return taken;
      });
      return result;
    }, toldOf);
    const message = reading.messages[0]!;
    const answer = heard(concat(CHUNKED_HEAD, wire), "requests");
    const other = answer.messages[0]!;
    const refusal = answer.failure ?? "";
    const mayDiffer = !other.isWhole && isLooser(refusal, wire);
    if (reading.failure === undefined && !mayDiffer) {
      expectSame(
        `the body, for llhttp (${refusal})`,
        `${message.isWhole} ${message.body}`,
        `${other.isWhole} ${other.body}`,
      );
    } else if (other.isWhole) {
      const why = reading.failure!.slice(4);
      expect(`llhttp takes what is refused as "${why}"`, STRICTER.has(why));
    }
    if (message.isWhole) checkEncoder(message.body, dice);
    return `${message.body.length > 0} ${message.isWhole} ${reading.failure}`;
  },
};

/** A body in chunks of ours is read as that body. */
function checkEncoder(hex: string, dice: Dice): void {
  const body = Uint8Array.fromHex(hex);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + 1 + dice.small(body.length));
    parts.push(chunkStart(piece.length), piece, CHUNK_END);
    at += piece.length;
  }
  const trailers = makeFields(dice, []).filter((line) => /^X-A:/.test(line))
    .map((line) => ["x-a", line.slice(4).trim()] as const);
  let end: Uint8Array;
  try {
    end = lastChunk(trailers);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return;
  }
  const decoder = new ChunkedDecoder(Infinity);
  let read = "";
  const wire = concat(...parts, end);
  const taken = decoder.read(wire, (piece) => read += piece.toHex());
  expectSame("a body of ours", `${decoder.done} ${taken} ${read}`, `true ${wire.length} ${hex}`);
}

export const HTTP_TARGETS: readonly Target[] = [requests, responses, chunks];
