/** What is negotiated for permessage-deflate (RFC 7692 sections 5 and 7.1). */

import { shown } from "../base/log/escaping.ts";
import { describeValue } from "../base/check.ts";
import { didYouMean } from "../base/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { parseLength } from "../core/http/syntax.ts";
import {
  type ExtensionOffer,
  type ExtensionParam,
  formatExtension,
} from "../core/websocket/extension_header.ts";

/**
 * How {@linkcode permessageDeflate} compresses, and what it agrees to, as a server and as a client.
 *
 * @category Extensions
 */
export interface PermessageDeflateOptions {
  /**
   * Whether a server compresses every message on its own (RFC 7692 section 7.1.1.1). That lets all
   * connections share one compressor, so that it costs a connection nothing. With `false` messages
   * that resemble earlier ones get smaller, but every connection keeps a window for as long as it
   * lasts: about 237 KiB on the server, which compresses, and 34 KiB on the client.
   *
   * A server agrees to `true` whenever a client asks for it; a client that asks for it fails the
   * connection when the server does not agree.
   *
   * Default: `true`.
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * Whether a client compresses every message on its own (RFC 7692 section 7.1.1.2). With `false`
   * every connection keeps a window for as long as it lasts: about 237 KiB on the client, which
   * compresses, and 34 KiB on the server.
   *
   * A client does what a server asks for; a server takes a client at its word that says `true`.
   *
   * Default: `true`.
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * The window with which a server compresses, 9 to 15: two to the power of it are its bytes
   * (RFC 7692 section 7.1.2.1). One less halves what the window costs, and finds less to leave out.
   *
   * A server takes no more than a client asks for; where that is 8, which zlib can't keep to, it does
   * not compress. A client that asks for less than 15 fails the connection when the server does not
   * agree.
   *
   * Default: `15`.
   */
  readonly serverMaxWindowBits?: number;
  /**
   * The window with which a client compresses, 9 to 15 (RFC 7692 section 7.1.2.2). A server asks for
   * it only if a client lets it ask; other clients may use 15. A client takes no more than a server
   * asks for, and fails the connection where that is 8, which zlib can't keep to.
   *
   * Default: `15`.
   */
  readonly clientMaxWindowBits?: number;
  /**
   * How hard to compress, from 1, the fastest, to 9, the smallest; 0 does not compress, and -1 is
   * zlib's own choice, 6.
   *
   * Default: `1`.
   */
  readonly level?: number;
  /**
   * How much memory zlib takes to compress, besides the window: from 1, the least, to 9, the fastest.
   * A compressor takes two to the power of it plus 9 bytes.
   *
   * Default: `8`.
   */
  readonly memLevel?: number;
  /**
   * Messages of fewer bytes than this are sent as they are, unless the program asks otherwise;
   * `Infinity` compresses only what the program asks for.
   *
   * Default: `1024`.
   */
  readonly threshold?: number;
}

/** What both sides have agreed to. */
export interface PermessageDeflateParams {
  /** Whether the server forgets its window after every message. */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client forgets its window after every message. */
  readonly clientNoContextTakeover: boolean;
  /** The server's window: 9 to 15 when that is this end, 8 to 15 when it is the peer. */
  readonly serverMaxWindowBits: number;
  /** The client's window: 9 to 15 when that is this end, 8 to 15 when it is the peer. */
  readonly clientMaxWindowBits: number;
}

/** A server's consent: what was agreed, and the element of `Sec-WebSocket-Extensions` that says so. */
export interface PermessageDeflateConsent {
  readonly params: PermessageDeflateParams;
  readonly answer: string;
}

/**
 * Fills in the defaults.
 *
 * @throws {LwsError} `invalid-argument` that names every field that is wrong, its value and what is allowed
 */
export function checkPermessageDeflateOptions(
  options: PermessageDeflateOptions,
): Required<PermessageDeflateOptions> {
  if (typeof options !== "object" || options === null) {
    refuse(`options is ${describeValue(options)}; allowed: an object`);
  }
  const checked: Record<string, unknown> = { ...DEFAULTS };
  const problems: string[] = [];
  for (const field of Object.keys(options)) {
    if (!isOption(field)) {
      problems.push(
        `${field} is no option of permessageDeflate${didYouMean(field, Object.keys(RULES))}`,
      );
      continue;
    }
    const value: unknown = options[field];
    if (value === undefined) continue;
    const { allows, allowed } = RULES[field];
    if (!allows(value)) problems.push(`${field} is ${describeValue(value)}; allowed: ${allowed}`);
    checked[field] = value;
  }
  if (problems.length > 0) refuse(problems.join("\n"));
  return checked as unknown as Required<PermessageDeflateOptions>;
}

function refuse(why: string): never {
  throw new LwsError("invalid-argument", `permessage-deflate: ${why}`);
}

/**
 * What a client offers: one element of `Sec-WebSocket-Extensions`. `canTakeover` says whether it can
 * keep a window from one message to the next.
 *
 * It always has client_max_window_bits, without which a server that must save memory could not but
 * decline. A server may then answer 8, which zlib can't keep to; see {@linkcode checkAnswer}.
 */
export function makeOffer(
  options: Required<PermessageDeflateOptions>,
  canTakeover: boolean,
): string {
  const wanted = wantedParams(options, canTakeover);
  const { serverMaxWindowBits, clientMaxWindowBits } = wanted;
  const params = takeoverParams(wanted);
  if (serverMaxWindowBits < MAX_WINDOW_BITS) {
    params.push({ name: SERVER_MAX_WINDOW_BITS, value: String(serverMaxWindowBits) });
  }
  const hint = clientMaxWindowBits < MAX_WINDOW_BITS ? String(clientMaxWindowBits) : undefined;
  params.push({ name: CLIENT_MAX_WINDOW_BITS, value: hint });
  return formatExtension({ name: NAME, params });
}

/**
 * A server's consent to the first permessage-deflate among `offers` that it can agree to; `undefined`
 * when there is none. The others are what the client falls back on, in this order (section 5), so one
 * that section 7 has a server decline does no harm to those behind it.
 */
export function acceptOffer(
  offers: readonly ExtensionOffer[],
  options: Required<PermessageDeflateOptions>,
  canTakeover: boolean,
): PermessageDeflateConsent | undefined {
  const wanted = wantedParams(options, canTakeover);
  for (const { name, params } of offers) {
    if (name !== NAME) continue;
    const offered = readParams(params, "offer");
    const consent = typeof offered === "string" ? undefined : agree(offered, wanted);
    if (consent !== undefined) return consent;
  }
  return undefined;
}

/**
 * What a client with these options is bound to by the server's answer to {@linkcode makeOffer}.
 *
 * A client_max_window_bits above the one that was offered is no fault: what the client offers there is
 * a hint that the server may ignore (section 7.1.2.2), so the client takes the smaller of both.
 *
 * @throws {Error} that says what is wrong with the answer, which fails the connection (section 7)
 */
export function checkAnswer(
  answer: ExtensionOffer,
  options: Required<PermessageDeflateOptions>,
  canTakeover: boolean,
): PermessageDeflateParams {
  if (answer.name !== NAME) throw badAnswer(`it is "${shown(answer.name)}"`);
  const wanted = wantedParams(options, canTakeover);
  const answered = readParams(answer.params, "answer");
  if (typeof answered === "string") throw badAnswer(answered);
  if (wanted.serverNoContextTakeover && !answered.serverNoContextTakeover) {
    throw badAnswer(`${SERVER_NO_CONTEXT_TAKEOVER} was offered and is missing`);
  }
  const serverBits = answered.serverMaxWindowBits ?? MAX_WINDOW_BITS;
  if (serverBits > wanted.serverMaxWindowBits) {
    const what = answered.serverMaxWindowBits === undefined ? "missing" : serverBits;
    throw badAnswer(
      `${SERVER_MAX_WINDOW_BITS} was offered as ${wanted.serverMaxWindowBits} and is ${what}`,
    );
  }
  const clientBits = bitsOf(answered.clientMaxWindowBits);
  if (clientBits < MIN_OWN_WINDOW_BITS) {
    throw badAnswer(`${CLIENT_MAX_WINDOW_BITS} is ${clientBits}, which zlib can't keep to`);
  }
  return {
    serverNoContextTakeover: answered.serverNoContextTakeover,
    clientNoContextTakeover: wanted.clientNoContextTakeover || answered.clientNoContextTakeover,
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: Math.min(wanted.clientMaxWindowBits, clientBits),
  };
}

const NAME = "permessage-deflate";
/** Section 7.1.1.1. */
const SERVER_NO_CONTEXT_TAKEOVER = "server_no_context_takeover";
/** Section 7.1.1.2. */
const CLIENT_NO_CONTEXT_TAKEOVER = "client_no_context_takeover";
/** Section 7.1.2.1. */
const SERVER_MAX_WINDOW_BITS = "server_max_window_bits";
/** Section 7.1.2.2. */
const CLIENT_MAX_WINDOW_BITS = "client_max_window_bits";

const MIN_WINDOW_BITS = 8;
/** Also what holds where nothing is said (sections 7.1.2.1 and 7.1.2.2). */
export const MAX_WINDOW_BITS = 15;
/** The smallest window that zlib compresses with: raw deflate makes 9 of 8. */
export const MIN_OWN_WINDOW_BITS = 9;

const DEFAULTS: Required<PermessageDeflateOptions> = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: MAX_WINDOW_BITS,
  clientMaxWindowBits: MAX_WINDOW_BITS,
  level: 1,
  memLevel: 8,
  threshold: 1024,
};

interface Rule {
  readonly allows: (value: unknown) => boolean;
  readonly allowed: string;
}

const YES_OR_NO: Rule = {
  allows: (value) => typeof value === "boolean",
  allowed: "true or false",
};

const RULES: Readonly<Record<keyof PermessageDeflateOptions, Rule>> = {
  serverNoContextTakeover: YES_OR_NO,
  clientNoContextTakeover: YES_OR_NO,
  serverMaxWindowBits: integerFrom(MIN_OWN_WINDOW_BITS, MAX_WINDOW_BITS),
  clientMaxWindowBits: integerFrom(MIN_OWN_WINDOW_BITS, MAX_WINDOW_BITS),
  level: integerFrom(-1, 9),
  memLevel: integerFrom(1, 9),
  threshold: {
    allows: (value) => value === Infinity || (Number.isInteger(value) && Number(value) >= 0),
    allowed: "a whole number from 0 to Infinity",
  },
};

/** The parameters of one offer or answer. */
interface WireParams {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverMaxWindowBits: number | undefined;
  /** `"any"` in an offer that names it without a value. */
  clientMaxWindowBits: number | "any" | undefined;
}

/** A decimal integer from 8 to 15 without leading zeros (sections 7.1.2.1 and 7.1.2.2). */
export function parseWindowBits(value: string): number | undefined {
  const bits = parseLength(value);
  const isInRange = bits >= MIN_WINDOW_BITS && bits <= MAX_WINDOW_BITS;
  return isInRange && value === String(bits) ? bits : undefined;
}

function integerFrom(smallest: number, largest: number): Rule {
  return {
    allows: (value) =>
      Number.isInteger(value) && Number(value) >= smallest && Number(value) <= largest,
    allowed: `an integer from ${smallest} to ${largest}`,
  };
}

function isOption(field: string): field is keyof PermessageDeflateOptions {
  return Object.hasOwn(RULES, field);
}

/** What this end asks of both: only a codec with takeover may keep a window or let the peer keep one. */
function wantedParams(
  options: Required<PermessageDeflateOptions>,
  canTakeover: boolean,
): PermessageDeflateParams {
  return {
    serverNoContextTakeover: options.serverNoContextTakeover || !canTakeover,
    clientNoContextTakeover: options.clientNoContextTakeover || !canTakeover,
    serverMaxWindowBits: options.serverMaxWindowBits,
    clientMaxWindowBits: options.clientMaxWindowBits,
  };
}

/** Reads the parameters of an offer or answer; a text says which rule of section 7 they break. */
function readParams(
  params: readonly ExtensionParam[],
  source: "offer" | "answer",
): WireParams | string {
  const read: WireParams = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen = new Set<string>();
  for (const { name, value } of params) {
    if (seen.has(name)) return `${name} comes twice`;
    seen.add(name);
    const bits = value === undefined ? undefined : parseWindowBits(value);
    switch (name) {
      case SERVER_NO_CONTEXT_TAKEOVER:
        if (value !== undefined) return `${name} has a value`;
        read.serverNoContextTakeover = true;
        break;
      case CLIENT_NO_CONTEXT_TAKEOVER:
        if (value !== undefined) return `${name} has a value`;
        read.clientNoContextTakeover = true;
        break;
      case SERVER_MAX_WINDOW_BITS:
        if (bits === undefined) return badBits(name, value);
        read.serverMaxWindowBits = bits;
        break;
      case CLIENT_MAX_WINDOW_BITS:
        if (bits === undefined && (value !== undefined || source === "answer")) {
          return badBits(name, value);
        }
        read.clientMaxWindowBits = bits ?? "any";
        break;
      default:
        return `"${shown(name)}" is no parameter of it`;
    }
  }
  return read;
}

function badBits(name: string, value: string | undefined): string {
  return value === undefined
    ? `${name} has no value`
    : `${name} is "${shown(value)}", not an integer from 8 to 15`;
}

function bitsOf(bits: WireParams["clientMaxWindowBits"]): number {
  return bits === undefined || bits === "any" ? MAX_WINDOW_BITS : bits;
}

/** A server's consent to one legal offer; `undefined` when it can't keep to what is asked of it. */
function agree(
  offered: WireParams,
  wanted: PermessageDeflateParams,
): PermessageDeflateConsent | undefined {
  const serverLimit = offered.serverMaxWindowBits ?? MAX_WINDOW_BITS;
  if (serverLimit < MIN_OWN_WINDOW_BITS) return undefined;
  // Only a client that offers the parameter may be asked for a smaller window.
  const clientWish = offered.clientMaxWindowBits === undefined
    ? MAX_WINDOW_BITS
    : wanted.clientMaxWindowBits;
  const agreed: PermessageDeflateParams = {
    serverNoContextTakeover: wanted.serverNoContextTakeover || offered.serverNoContextTakeover,
    clientNoContextTakeover: wanted.clientNoContextTakeover || offered.clientNoContextTakeover,
    serverMaxWindowBits: Math.min(serverLimit, wanted.serverMaxWindowBits),
    clientMaxWindowBits: Math.min(bitsOf(offered.clientMaxWindowBits), clientWish),
  };
  const params = takeoverParams(agreed);
  // What was offered must be confirmed, also where it changes nothing.
  if (offered.serverMaxWindowBits !== undefined || agreed.serverMaxWindowBits < MAX_WINDOW_BITS) {
    params.push({ name: SERVER_MAX_WINDOW_BITS, value: String(agreed.serverMaxWindowBits) });
  }
  if (agreed.clientMaxWindowBits < MAX_WINDOW_BITS) {
    params.push({ name: CLIENT_MAX_WINDOW_BITS, value: String(agreed.clientMaxWindowBits) });
  }
  return { params: agreed, answer: formatExtension({ name: NAME, params }) };
}

function takeoverParams(params: PermessageDeflateParams): ExtensionParam[] {
  const list: ExtensionParam[] = [];
  if (params.serverNoContextTakeover) {
    list.push({ name: SERVER_NO_CONTEXT_TAKEOVER, value: undefined });
  }
  if (params.clientNoContextTakeover) {
    list.push({ name: CLIENT_NO_CONTEXT_TAKEOVER, value: undefined });
  }
  return list;
}

function badAnswer(fault: string): Error {
  return new Error(`the server's answer to ${NAME} can't be agreed to: ${fault}`);
}
