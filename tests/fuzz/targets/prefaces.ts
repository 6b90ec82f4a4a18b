/** What stands in front of a connection's own bytes: PROXY headers, answers of proxies, a TLS client's first words. */

import { responseFraming } from "../../../src/core/http/body/reader.ts";
import type { HeadLimits } from "../../../src/core/http/head.ts";
import { parseProxyHeader, type ProxyHeader } from "../../../src/proxy/proxy_protocol.ts";
import type { RefusedAnswer } from "../../../src/core/http/refused_answer.ts";
import { formatIp, parseIp } from "../../../src/proxy/ip_address.ts";
import { TunnelAnswer, TunnelError } from "../../../src/proxy/tunnel.ts";
import { MOST_HANDSHAKE_RECORDS, serverNameIn } from "../../../src/tls/client_hello.ts";
import { concat } from "../../support/frames.ts";
import type { Dice } from "../dice.ts";
import { pump, sameHoweverSplit } from "../splits.ts";
import { expect, expectSame, latin1, type Target, textOf, wordsOf } from "../target.ts";
import { HTTP_WORDS, makeMessage } from "./http_text.ts";

const SIGNATURE = latin1("\r\n\r\n\0\r\nQUIT\n");
const ADDRESSES = [
  "1.2.3.4",
  "255.255.255.255",
  "01.2.3.4",
  "::1",
  "::ffff:1.2.3.4",
  "1:2:3:4:5:6:7:8",
  "",
  "1::2::3",
];

function makeProxyLine(dice: Dice): Uint8Array {
  const family = dice.pick(["TCP4", "TCP4", "TCP6", "UNKNOWN", "TCP5"]);
  const address = () =>
    dice.once(9) ? dice.pick(ADDRESSES) : family === "TCP4" ? "10.0.0.1" : "2001:db8::1";
  const port = () => dice.pick(["0", "1", "65535", "65536", "080", "", "443"]);
  const rest = `${address()} ${address()} ${port()} ${port()}`;
  return latin1(`PROXY ${family} ${rest}${dice.once(9) ? " ".repeat(dice.below(90)) : ""}\r\n`);
}

function makeProxyBlock(dice: Dice): Uint8Array {
  const command = dice.pick([0x20, 0x21, 0x21, 0x21, 0x22, 0x11]);
  const family = dice.pick([0x11, 0x21, 0x31, 0x00, 0x12, 0x41, 0x13]);
  const least = [0, 12, 36, 216][family >> 4] ?? 0;
  const length = Math.max(0, least + dice.pick([0, 0, 0, -1, 1, 7]));
  const said = dice.once(12) ? dice.pick([0, 4096, 4097, 65_535]) : length;
  const head = Uint8Array.of(command, family, said >> 8, said & 0xff);
  return concat(SIGNATURE, head, dice.bytes(length), dice.bytes(dice.small(9)));
}

const proxyHeader: Target = {
  name: "proxy-header",
  covers:
    "proxy/{proxy_protocol,ip_address}: the PROXY protocol's line and block, asked after with each byte",
  words: wordsOf(
    "PROXY ",
    "TCP4 ",
    "TCP6 ",
    "UNKNOWN",
    "\r\n",
    textOf(SIGNATURE),
    "::",
    "255.",
    " 0",
  ),
  make: (dice) => dice.once(2) ? makeProxyLine(dice) : makeProxyBlock(dice),
  check(input) {
    const header = parseProxyHeader(input);
    const told = JSON.stringify(header);
    for (let length = 0; length < input.length; length++) {
      const early: ProxyHeader = parseProxyHeader(input.subarray(0, length));
      if (early.kind === "incomplete") continue;
      expectSame(`of ${length} bytes`, early.kind, header.kind);
      if (early.kind !== "invalid") expectSame(`of ${length} bytes`, JSON.stringify(early), told);
      break;
    }
    if (header.kind === "own" || header.kind === "proxied") {
      expect("longer than the input", header.length <= input.length);
    }
    if (header.kind !== "proxied") return header.kind === "invalid" ? header.error : header.kind;
    for (const { hostname, port } of [header.source, header.destination]) {
      expect("a port out of range", port >= 0 && port <= 65_535);
      const bytes = hostname === "" ? undefined : parseIp(hostname);
      expect(`${hostname} is no address`, hostname === "" || bytes !== undefined);
      if (bytes !== undefined) expectSame("an address", formatIp(bytes), hostname);
    }
    return `proxied ${header.source.hostname.includes(":")}`;
  },
};

const LIMITS: HeadLimits = { maxHeaderBytes: 1000, maxHeaderFields: 20 };

const proxyAnswer: Target = {
  name: "proxy-answer",
  covers:
    "proxy/tunnel, core/http/refused_answer: what HTTP proxies answer to CONNECT, and where the tunnel begins",
  words: HTTP_WORDS,
  make(dice) {
    const interim = dice.times(
      dice.once(4) ? 1 + dice.below(18) : 0,
      () => latin1("HTTP/1.1 103 a\r\n\r\n"),
    );
    const status = dice.pick([200, 200, 204, 299, 101, 302, 403, 407, 502]);
    return concat(
      ...interim,
      makeMessage(dice, `HTTP/1.1 ${status} ${dice.pick(["OK", "", "\xfc"])}`, []),
    );
  },
  check(input, dice) {
    const told = sameHoweverSplit(input, dice, (reads) => {
      const answer = new TunnelAnswer(LIMITS);
      let taken = 0;
      try {
        pump(reads, (bytes) => {
          if (answer.isOpen) return { taken: 0, goesOn: false };
          const count = answer.take(bytes);
          taken += count;
          return { taken: count, goesOn: false };
        });
      } catch (error) {
        if (!(error instanceof TunnelError)) throw error;
        return `${error.message} ${error.status} ${bodyOf(error.answer)}`;
      }
      if (answer.isOpen) return `open ${taken}`;
      return answer.refusal === undefined
        ? "waits"
        : `${answer.refusal.message} ${bodyOf(answer.refusal.answer)}`;
    }, (text) => text);
    if (!told.startsWith("open ")) return told.slice(0, 50);
    const heads = textOf(input.subarray(0, Number(told.slice(5)))).split("\r\n\r\n");
    expect("a head without an end", heads.pop() === "");
    const statuses = heads.map((head) => Number(head.slice(9, 12)));
    const final = statuses.findIndex((status) => status >= 200);
    expect(`the tunnel begins behind ${statuses}`, final === statuses.length - 1);
    expect("no agreement", statuses[final]! < 300);
    return "open";
  },
};

/** What is kept of the body; what ends with the connection counts as far as it came along with the head. */
function bodyOf(answer: RefusedAnswer | undefined): string {
  if (answer === undefined) return "";
  const framing = responseFraming(answer.head);
  return framing.kind === "close" && !framing.isAnnounced ? "" : answer.body;
}

function makeHello(dice: Dice): Uint8Array {
  const name = latin1(dice.pick(["a.example", "", "A.B", "\xff\0", "x".repeat(255)]));
  const entry = concat(Uint8Array.of(dice.once(20) ? 1 : 0, name.length >> 8, name.length), name);
  const list = concat(Uint8Array.of(entry.length >> 8, entry.length), entry);
  const others = dice.times(dice.small(4), () => {
    const data = dice.bytes(dice.small(30));
    return concat(Uint8Array.of(0, 1 + dice.below(60), data.length >> 8, data.length), data);
  });
  const sni = concat(Uint8Array.of(0, 0, list.length >> 8, list.length), list);
  const extensions = concat(...others, ...(dice.once(8) ? [] : [sni]), ...others);
  const session = dice.bytes(dice.pick([0, 32, 32, dice.below(256)]));
  const body = concat(
    Uint8Array.of(3, 3),
    dice.bytes(32),
    Uint8Array.of(session.length),
    session,
    Uint8Array.of(0, 4, 0x13, 1, 0x13, 2, 1, 0),
    Uint8Array.of(extensions.length >> 8, extensions.length),
    extensions,
  );
  const message = concat(Uint8Array.of(1, 0, body.length >> 8, body.length), body);
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length;) {
    const piece = message.subarray(
      at,
      at + (dice.once(3) ? 1 + dice.below(message.length) : message.length),
    );
    records.push(Uint8Array.of(0x16, 3, 1, piece.length >> 8, piece.length), piece);
    at += piece.length;
  }
  return concat(...records);
}

/** RFC 8446 and RFC 6066 once more, in another way: undefined where it is not well-formed. */
function nameOfHello(bytes: Uint8Array): string | undefined {
  let at = 0;
  let records = 0;
  let message = new Uint8Array(0);
  const isWhole = () =>
    message.length >= 4 &&
    message.length >= 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
  while (!isWhole()) {
    if (bytes[at] !== 0x16 || at + 5 > bytes.length) return undefined;
    if (++records > MOST_HANDSHAKE_RECORDS) return undefined;
    const size = bytes[at + 3]! << 8 | bytes[at + 4]!;
    if (size === 0 || at + 5 + size > bytes.length) return undefined;
    message = new Uint8Array(concat(message, bytes.subarray(at + 5, at + 5 + size)));
    at += 5 + size;
  }
  if (message[0] !== 1) return undefined;
  let rest: Uint8Array = message.subarray(
    4,
    4 + (message[1]! << 16 | message[2]! << 8 | message[3]!),
  );
  const vector = (lengthBytes: number): Uint8Array | undefined => {
    if (rest.length < lengthBytes) return undefined;
    const size = rest.subarray(0, lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    if (rest.length < lengthBytes + size) return undefined;
    const found = rest.subarray(lengthBytes, lengthBytes + size);
    rest = rest.subarray(lengthBytes + size);
    return found;
  };
  if (rest.length < 34) return undefined;
  rest = rest.subarray(34);
  if (vector(1) === undefined || vector(2) === undefined || vector(1) === undefined) {
    return undefined;
  }
  const extensions = vector(2);
  if (extensions === undefined || rest.length > 0) return undefined;
  rest = extensions;
  let name: string | undefined;
  while (rest.length > 0) {
    const type = rest[0]! << 8 | rest[1]!;
    rest = rest.subarray(2);
    const data = vector(2);
    if (data === undefined) return undefined;
    if (type !== 0 || name !== undefined) continue;
    const after = rest;
    rest = data;
    const list = vector(2);
    if (list === undefined || rest.length > 0 || list[0] !== 0) return undefined;
    rest = list.subarray(1);
    const host = vector(2);
    if (host === undefined) return undefined;
    name = textOf(host).toLowerCase();
    rest = after;
  }
  return name ?? "";
}

const clientHello: Target = {
  name: "client-hello",
  covers:
    "tls/client_hello: TLS records and the name in a ClientHello, asked after with each read; against a second " +
    "reader where the message is well-formed",
  words: [[0x16, 3, 1], [0, 0], [1, 0, 0], [0x16, 3, 1, 0, 0], [0xff, 0xff]].map((it) =>
    Uint8Array.from(it)
  ),
  make: makeHello,
  check(input, dice) {
    const name = serverNameIn(input);
    for (let trial = 0; trial < 8; trial++) {
      const early = serverNameIn(input.subarray(0, dice.below(input.length + 1)));
      if (early !== undefined) expectSame("of less", `${early}`, `${name}`);
    }
    const other = nameOfHello(input);
    if (other !== undefined) {
      // Windows-1252 has other characters for some bytes, of which no host name has any.
      const plain = (text: string | undefined) => `${text}`.replace(/[^\0-\x7e]/g, "?");
      expectSame("another reader's name", plain(name), plain(other));
    }
    return name === undefined ? "waits" : `${name.length > 0} ${other !== undefined}`;
  },
};

export const PREFACE_TARGETS: readonly Target[] = [proxyHeader, proxyAnswer, clientHello];
