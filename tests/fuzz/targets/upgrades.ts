/** Opening handshakes of every version on both sides, and what is agreed on in them. */

import { requestFraming } from "../../../src/core/http/body/reader.ts";
import {
  type RequestHead,
  RequestHeadParser,
  ResponseHeadParser,
} from "../../../src/core/http/head.ts";
import { HttpSyntaxError } from "../../../src/core/http/syntax.ts";
import { formatExtension, parseExtensions } from "../../../src/core/websocket/extension_header.ts";
import {
  checkUpgradeResponse,
  HandshakeError,
  nonceOf,
  type UpgradeAnswer,
} from "../../../src/core/websocket/handshake/client.ts";
import type { WebSocketUpgrade } from "../../../src/core/websocket/handshake/decision.ts";
import {
  checkHixieResponse,
  checkProof,
} from "../../../src/core/websocket/handshake/hixie_client.ts";
import { proofOf } from "../../../src/core/websocket/handshake/hixie_keys.ts";
import { hixieResponse } from "../../../src/core/websocket/handshake/hixie_server.ts";
import { readUpgrade, upgradeResponse } from "../../../src/core/websocket/handshake/server.ts";
import { isAllowedOrigin } from "../../../src/core/websocket/handshake/origin.ts";
import { WIRE_VERSIONS, type WireVersion } from "../../../src/core/websocket/wire_version.ts";
import { digests } from "../../../src/context/digests.ts";
import type { Extension } from "../../../src/api/extension.ts";
import { deflateFrame } from "../../../src/extensions/deflate_frame.ts";
import { deflateStream } from "../../../src/extensions/deflate_stream.ts";
import { acceptExtensions, confirmExtensions } from "../../../src/extensions/negotiation.ts";
import { permessageDeflate } from "../../../src/extensions/permessage_deflate.ts";
import { xWebkitDeflateFrame } from "../../../src/extensions/deflate_frame.ts";
import { sameHoweverSplit } from "../splits.ts";
import { expect, expectSame, latin1, type Target, textOf } from "../target.ts";
import {
  KEY_TEXT,
  makeAgreement,
  makeExtensions,
  makeUpgrade,
  UPGRADE_WORDS,
} from "./upgrade_text.ts";
import { concat } from "../../support/frames.ts";

const LIMITS = { maxHeaderBytes: 8192, maxHeaderFields: 100 };

const VERSIONS: readonly (readonly WireVersion[])[] = [
  WIRE_VERSIONS,
  [13],
  [13, 8, 7],
  [0, "hixie-75"],
];

/** Extensions that both sides of a handshake know, as options have them. */
const EXTENSIONS: readonly (readonly Extension[])[] = [
  [permessageDeflate(), deflateFrame(), xWebkitDeflateFrame(), deflateStream()],
  [
    permessageDeflate({
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    }),
  ],
  [deflateFrame({ clientMaxWindowBits: 10 }), permessageDeflate({ clientMaxWindowBits: 12 })],
  [permessageDeflate({ serverNoContextTakeover: false }), deflateStream()],
];

/** Reads a head in any pieces: it begins with its first byte on every call. */
function readHead<Head>(
  parser: { parse(bytes: Uint8Array): number; readonly head: Head },
  reads: readonly Uint8Array[],
): { readonly head: Head; readonly length: number } | string {
  let all: Uint8Array = new Uint8Array(0);
  try {
    for (const read of reads) {
      all = concat(all, read);
      const length = parser.parse(all);
      if (length > 0) return { head: parser.head, length };
    }
  } catch (error) {
    if (error instanceof HttpSyntaxError) return error.message;
    throw error;
  }
  return "incomplete";
}

const accept: Target = {
  name: "accept",
  covers:
    "core/websocket/handshake/{server,hixie_server,hixie_keys,keys,fields,decision,origin}: " +
    "requests of all versions; what our server answers is what our client agrees to",
  words: UPGRADE_WORDS,
  make: (dice) => latin1(String.fromCharCode(dice.below(4)) + makeUpgrade(dice)),
  check(input, dice) {
    const versions = VERSIONS[(input[0] ?? 0) & 3]!;
    const wire = input.subarray(1);
    const read = sameHoweverSplit(
      wire,
      dice,
      (reads) => readHead(new RequestHeadParser(LIMITS), reads),
      (result) => typeof result === "string" ? result : `${result.length}`,
    );
    if (typeof read === "string") return read;
    const { head, length } = read;
    let framing;
    try {
      framing = requestFraming(head);
    } catch (error) {
      if (error instanceof HttpSyntaxError) return error.message;
      throw error;
    }
    const decision = readUpgrade(head, framing, versions);
    const origin = head.fields.get("origin");
    if (origin !== undefined) checkOrigin(origin, head.host);
    if (decision.kind === "plain") return "plain";
    if (decision.kind === "refused") {
      expect("a status of a refusal", decision.status >= 400 && decision.status < 500);
      return decision.reason;
    }
    expect("a version that isn't spoken", versions.includes(decision.version));
    for (const name of decision.protocols) expect("an empty protocol", name !== "");
    checkAnswer(head, decision, wire.subarray(length, length + 8));
    return `${decision.version} ${decision.protocols.length} ${decision.extensions !== ""}`;
  },
};

/** RFC 6454: `null` and lists are foreign, and so is another host than the request's. */
function checkOrigin(origin: string, host: string): void {
  for (const secure of [false, true]) {
    if (!isAllowedOrigin(origin, host, secure, undefined)) continue;
    const url = URL.parse(origin);
    const own = URL.parse(`${secure ? "https" : "http"}://${host}`);
    const same = url !== null && own !== null && url.origin === own.origin;
    expect(`${origin} is no page of ${host}`, same || !/^[\w.:[\]/-]*$/.test(origin + host));
  }
}

/** What our server says is understood by our client, and means the same. */
function checkAnswer(head: RequestHead, decision: WebSocketUpgrade, behind: Uint8Array): void {
  const [protocol] = decision.protocols;
  if (decision.version === 0 || decision.version === "hixie-75") {
    const challenge = behind.length === 8 ? behind : new Uint8Array(8);
    const answer = { protocol, fields: [], isSecure: false, challenge };
    const bytes = hixieResponse(decision, head, answer, digests);
    const parser = new ResponseHeadParser(LIMITS);
    const length = parser.parse(bytes);
    expect("our own answer is no answer", length > 0);
    if (decision.version === 0) {
      const proof = proofOf(...decision.numbers, challenge, digests);
      expectSame("the proof", bytes.subarray(length).toHex(), proof.toHex());
    }
    return;
  }
  const bytes = upgradeResponse(decision.key, { protocol, fields: [] }, digests).slice();
  const parser = new ResponseHeadParser(LIMITS);
  expect("our own answer is no answer", parser.parse(bytes) === bytes.length);
  const offer = { protocols: decision.protocols, hasExtensions: false };
  const agreed = checkUpgradeResponse(parser.head, decision.key, offer, digests);
  expect("another protocol", agreed.protocol === protocol);
}

const CHALLENGE = { key1: "1 8", key2: "2 0", key3: latin1("12345678") };
const PROOF = textOf(proofOf(18, 20, CHALLENGE.key3, digests));

const answer: Target = {
  name: "answer",
  covers:
    "core/websocket/handshake/{client,hixie_client,hixie_keys,keys}, extensions/negotiation: answers to " +
    "clients of all versions, with what they choose of the extensions offered",
  words: UPGRADE_WORDS,
  make(dice) {
    const kind = dice.below(32);
    return latin1(String.fromCharCode(kind) + makeAgreement(dice, (kind & 3) === 0, PROOF));
  },
  check(input, dice) {
    const [kind = 0] = input;
    const wire = input.subarray(1);
    const read = sameHoweverSplit(
      wire,
      dice,
      (reads) => readHead(new ResponseHeadParser(LIMITS), reads),
      (result) => typeof result === "string" ? result : `${result.length}`,
    );
    if (typeof read === "string") return read;
    const { head, length } = read;
    const protocols = (kind & 4) === 0 ? ["a"] : [];
    const request = {
      path: "/x",
      host: "a",
      origin: "http://a",
      protocols,
      fields: [],
      isSecure: false,
    };
    try {
      let agreed: UpgradeAnswer;
      if ((kind & 3) === 0) {
        agreed = checkHixieResponse(head, request);
        checkProof(wire.subarray(length, length + 16), CHALLENGE, digests);
        expectSame("the proof", textOf(wire.subarray(length, length + 16)), PROOF);
      } else {
        agreed = checkUpgradeResponse(head, KEY_TEXT, { protocols, hasExtensions: true }, digests);
        if ((kind & 3) === 1) nonceOf(head);
      }
      expect("no switch", head.status === 101);
      expect(
        "a protocol that was not offered",
        agreed.protocol === undefined || protocols.includes(agreed.protocol),
      );
      confirmExtensions(EXTENSIONS[kind >> 3 & 3]!, agreed.extensions)?.close();
      return `agreed ${agreed.extensions !== ""}`;
    } catch (error) {
      if (error instanceof HandshakeError) return error.message.slice(0, 60);
      throw error;
    }
  },
};

const extensions: Target = {
  name: "extensions",
  covers:
    "core/websocket/extension_header, extensions/{negotiation,permessage_deflate_params,permessage_deflate," +
    "deflate_frame,deflate_stream}: offers; what our server answers to them, and to our own, our client confirms",
  words: UPGRADE_WORDS,
  make: (dice) => latin1(String.fromCharCode(dice.below(4)) + makeExtensions(dice)),
  check(input) {
    const listed = EXTENSIONS[(input[0] ?? 0) & 3]!;
    const offers = parseExtensions(textOf(input.subarray(1)));
    if (offers === undefined) return "malformed";
    const written = offers.map(formatExtension).join(", ");
    expectSame("read again", JSON.stringify(parseExtensions(written)), JSON.stringify(offers));
    const chosen = acceptExtensions(listed, offers, () => true);
    chosen?.layers.close();
    const answered = chosen && parseExtensions(chosen.text);
    expect("an answer that is malformed", chosen === undefined || answered !== undefined);
    for (const { name, params } of answered ?? []) {
      const offer = offers.find((each) => each.name === name);
      expect(`${name} was not offered`, offer !== undefined);
      const names = params.map((param) => param.name);
      expect(`a parameter of ${name} twice`, new Set(names).size === names.length);
      if (name !== "permessage-deflate") continue;
      // RFC 7692 section 7.1.2.2: only a client that offers it may be asked for it.
      const isAsked = names.includes("client_max_window_bits");
      const knows = offers.some((each) =>
        each.name === name && each.params.some((param) => param.name === "client_max_window_bits")
      );
      expect("client_max_window_bits was not offered", !isAsked || knows);
    }
    // An offer of ours: both ends are of one mind.
    const ours = listed.map((each) => each.offer()).join(", ");
    const answer = acceptExtensions(listed, parseExtensions(ours)!, () => true);
    answer?.layers.close();
    confirmExtensions(listed, answer?.text ?? "")?.close();
    return `${Math.min(offers.length, 4)} ${chosen?.text ?? "none"}`;
  },
};

export const UPGRADE_TARGETS: readonly Target[] = [accept, answer, extensions];
