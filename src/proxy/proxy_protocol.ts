/**
 * The PROXY protocol, versions 1 and 2: a line or a block in front of a connection's own bytes, by
 * which a proxy tells the client's address. Sections are those of HAProxy's `proxy-protocol.txt`.
 */

import type { Transport } from "../api/network.ts";
import { CR, latin1, LF, parseLength } from "../core/http/syntax.ts";
import { formatIp, parseIp } from "./ip_address.ts";
import { type Preface, readPreface } from "../transport/first_bytes.ts";

/** One end of the connection that the proxy passes on. */
export interface ProxiedAddress {
  /** An IP address as text; empty for a unix socket, whose clients have none. */
  readonly hostname: string;
  /** 0 to 65,535; 0 for a unix socket. */
  readonly port: number;
}

/** What the bytes so far are. */
export type ProxyHeader =
  /** The beginning of a header; ask again with more. */
  | { readonly kind: "incomplete" }
  /** No header, or a broken one: the connection is to be dropped, as its client is unknown. */
  | { readonly kind: "invalid"; readonly error: string }
  /** A header of `length` bytes that leaves the socket's own addresses as they are. */
  | { readonly kind: "own"; readonly length: number }
  /** A header of `length` bytes that names the ends of the proxied connection. */
  | {
    readonly kind: "proxied";
    readonly length: number;
    readonly source: ProxiedAddress;
    readonly destination: ProxiedAddress;
  };

/** The longest line of version 1, CR and LF included (section 2.1). */
export const PROXY_V1_LONGEST = 107;
/** The bytes of version 2 in front of the addresses (section 2.2). */
export const PROXY_V2_FIXED = 16;

/**
 * The most that a header of version 2 may announce behind its first 16 bytes. Section 2.2 wants the
 * whole to fit one segment (some 1,400 bytes), the addresses are 216 of it at most, and the largest
 * vectors in use are names and a client's certificate. The field itself could say 65,535, which every
 * connection would then have to be ready to hold before anything is known of it.
 */
export const PROXY_V2_LONGEST = 4096;

const INCOMPLETE: ProxyHeader = { kind: "incomplete" };

/**
 * Reads a header. `bytes` begins with the connection's first byte on every call, however many reads
 * it came in; a call takes no longer than the longest line does, so that asking anew costs nothing.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (bytes.length === 0) return INCOMPLETE;
  if (bytes[0] === V2_SIGNATURE[0]) return parseV2(bytes);
  return parseV1(bytes);
}

const V1_START = "PROXY ";

const V2_SIGNATURE = /* @__PURE__ */ Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);

/** The high half of the 14th byte. */
const UNSPECIFIED = 0;
const INET = 1;
const INET6 = 2;
const UNIX = 3;
/** The low half of the 14th byte; unspecified is 0 there too. */
const STREAM = 1;
const DATAGRAM = 2;

/** Bytes of both addresses, ports included, by family. */
const ADDRESS_LENGTHS = [0, 12, 36, 216] as const;

/** Why a connection can't be served: its PROXY header is missing or broken, so that its client is unknown. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
}

/**
 * Reads the PROXY protocol's header, version 1 or 2, off an accepted connection, TLS or not: the header
 * comes before TLS.
 *
 * Fulfils with a transport that has the addresses which the proxy names, and the bytes behind the
 * header. Else the transport is closed, and the promise rejects: with a {@linkcode ProxyHeaderError} when
 * there is no such header, with the signal's reason when that aborts first. There is no timeout but
 * the signal.
 *
 * @param accepted not started
 */
export function readProxyHeader(accepted: Transport, signal: AbortSignal): Promise<Transport> {
  return readPreface(accepted, new ProxyPreface(), signal);
}

/** Section 2.1. */
function parseV1(bytes: Uint8Array): ProxyHeader {
  const start = latin1(bytes, 0, Math.min(bytes.length, V1_START.length));
  if (!V1_START.startsWith(start)) return invalid("no PROXY protocol header");
  const end = bytes.subarray(0, PROXY_V1_LONGEST).indexOf(CR);
  if (end < 0 && bytes.length < PROXY_V1_LONGEST) return INCOMPLETE;
  if (end < 0 || end + 1 === PROXY_V1_LONGEST) return invalid("the PROXY line is too long");
  if (end + 1 === bytes.length) return INCOMPLETE;
  if (bytes[end + 1] !== LF) return invalid("a bare CR in the PROXY line");
  const length = end + 2;
  const [family, ...fields] = latin1(bytes, V1_START.length, end).split(" ");
  // What follows UNKNOWN is to be ignored, whatever it is.
  if (family === "UNKNOWN") return { kind: "own", length };
  if (family !== "TCP4" && family !== "TCP6") return invalid("an unknown family in the PROXY line");
  if (fields.length !== 4) return invalid("a PROXY line has two addresses and two ports");
  const [from, to, fromPort, toPort] = fields as [string, string, string, string];
  const source = readEnd(from, fromPort, family === "TCP4" ? 4 : 16);
  const destination = readEnd(to, toPort, family === "TCP4" ? 4 : 16);
  if (source === undefined || destination === undefined) {
    return invalid("a bad address or port in the PROXY line");
  }
  return { kind: "proxied", length, source, destination };
}

/** One end as a line has it: an address of so many bytes, and a port without leading zeros. */
function readEnd(address: string, portText: string, size: number): ProxiedAddress | undefined {
  const bytes = parseIp(address);
  const port = parseLength(portText);
  if (bytes?.length !== size || port < 0 || port > 65_535 || String(port) !== portText) {
    return undefined;
  }
  return { hostname: formatIp(bytes), port };
}

/** Section 2.2. */
function parseV2(bytes: Uint8Array): ProxyHeader {
  for (let i = 0; i < Math.min(bytes.length, V2_SIGNATURE.length); i++) {
    if (bytes[i] !== V2_SIGNATURE[i]) return invalid("no PROXY protocol header");
  }
  if (bytes.length < 13) return INCOMPLETE;
  const command = bytes[12]! & 0x0f;
  if (bytes[12]! >> 4 !== 2) return invalid("an unknown version of the PROXY protocol");
  if (command > 1) return invalid("an unknown command of the PROXY protocol");
  if (bytes.length < PROXY_V2_FIXED) return INCOMPLETE;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  const isLocal = command === 0;
  // LOCAL is to be accepted whatever family it has.
  if (!isLocal && (family > UNIX || transport > DATAGRAM)) {
    return invalid("an unknown family of the PROXY protocol");
  }
  const announced = bytes[14]! << 8 | bytes[15]!;
  if (announced > PROXY_V2_LONGEST) return invalid("the PROXY header is too long");
  // A datagram's ends, and unspecified ones, are not a stream's: the socket's own stand.
  const isOwn = isLocal || family === UNSPECIFIED || transport !== STREAM;
  if (!isOwn && announced < ADDRESS_LENGTHS[family]!) {
    return invalid("the PROXY header is too short for its addresses");
  }
  const length = PROXY_V2_FIXED + announced;
  if (bytes.length < length) return INCOMPLETE;
  return isOwn ? { kind: "own", length } : readV2Ends(bytes, family, length);
}

function readV2Ends(bytes: Uint8Array, family: number, length: number): ProxyHeader {
  if (family !== INET && family !== INET6) {
    const end: ProxiedAddress = { hostname: "", port: 0 };
    return { kind: "proxied", length, source: end, destination: end };
  }
  const size = family === INET ? 4 : 16;
  const ports = PROXY_V2_FIXED + 2 * size;
  const end = (index: 0 | 1): ProxiedAddress => {
    const start = PROXY_V2_FIXED + index * size;
    const port = ports + 2 * index;
    return {
      hostname: formatIp(bytes.subarray(start, start + size)),
      port: bytes[port]! << 8 | bytes[port + 1]!,
    };
  };
  return { kind: "proxied", length, source: end(0), destination: end(1) };
}

function invalid(error: string): ProxyHeader {
  return { kind: "invalid", error };
}

class ProxyPreface implements Preface {
  isComplete = false;
  localAddress: ProxiedAddress | undefined;
  remoteAddress: ProxiedAddress | undefined;

  take(bytes: Uint8Array): number {
    const header = parseProxyHeader(bytes);
    if (header.kind === "incomplete") return 0;
    if (header.kind === "invalid") throw new ProxyHeaderError(header.error);
    if (header.kind === "proxied") {
      this.localAddress = header.destination;
      this.remoteAddress = header.source;
    }
    this.isComplete = true;
    return header.length;
  }

  cutShort(): Error {
    return new ProxyHeaderError("the connection ended before its PROXY header was complete");
  }
}
