/** Which of a context's extensions a connection uses (RFC 6455 section 9.1). */

import { shown } from "../base/log/escaping.ts";
import type { AcceptedExtension, Extension, ExtensionSession } from "../api/extension.ts";
import { disregard } from "../base/callback_results.ts";
import { describeValue } from "../base/check.ts";
import { line, log, messageOf, thrown } from "../base/log.ts";
import { isFieldValue } from "../core/http/syntax.ts";
import { type ExtensionOffer, parseExtensions } from "../core/websocket/extension_header.ts";
import { HandshakeError } from "../core/websocket/handshake/client.ts";
import { attempt, ExtensionLayers } from "./pipeline.ts";

/** What a server answers. */
export interface ExtensionAnswer {
  /** The value of `Sec-WebSocket-Extensions`. */
  readonly text: string;
  readonly layers: ExtensionLayers;
}

/**
 * A server's choice: of its own, in its order, all that agree to an offer of the client, go with those
 * before them, and that `consents` has nothing against.
 */
export function acceptExtensions(
  listed: readonly Extension[],
  offers: readonly ExtensionOffer[],
  consents: (name: string) => boolean,
): ExtensionAnswer | undefined {
  const chosen = new Choice();
  const answers: string[] = [];
  for (const extension of listed) {
    const ofName = offers.filter(({ name }) => name === extension.name);
    if (ofName.length === 0 || chosen.hasGroupOf(extension)) continue;
    const accepted = tryAccept(extension, ofName);
    if (accepted === undefined) continue;
    const { answer, session } = accepted;
    if (chosen.faultOf(extension, session) === undefined && consents(extension.name)) {
      chosen.add(extension, session);
      answers.push(answer);
    } else attempt("close", () => session.close());
  }
  if (answers.length === 0) return undefined;
  return { text: answers.join(", "), layers: chosen.layers() };
}

const UNITS: readonly unknown[] = ["message", "frame", "stream"];
const METHODS = ["encode", "encodeShared", "sentShared", "push", "read", "close"] as const;

/**
 * What a client gets of the server's answer; `undefined` when the server chose nothing.
 *
 * @throws {HandshakeError} for an answer that fails the connection
 */
export function confirmExtensions(
  offered: readonly Extension[],
  answer: string,
): ExtensionLayers | undefined {
  const elements = parseExtensions(answer);
  if (elements === undefined) throw new HandshakeError("Sec-WebSocket-Extensions is malformed");
  if (elements.length === 0) return undefined;
  const chosen = new Choice();
  try {
    for (const [element, extension] of matched(offered, elements)) {
      const session = extension.confirm(element);
      disregard(session, `confirm of the extension "${extension.name}"`);
      checkSession(session);
      const fault = chosen.faultOf(extension, session);
      chosen.add(extension, session);
      if (fault !== undefined) {
        throw new Error(`the server chose the extension "${extension.name}" ${fault}`);
      }
    }
  } catch (error) {
    chosen.layers().close();
    throw new HandshakeError(messageOf(error), { cause: error });
  }
  return chosen.layers();
}

/** An extension that throws, or returns what is no session, agrees to nothing; the connection goes on. */
function tryAccept(
  extension: Extension,
  offers: readonly ExtensionOffer[],
): AcceptedExtension | undefined {
  try {
    const accepted = extension.accept(offers);
    if (accepted === undefined) return undefined;
    disregard(accepted, `accept of the extension "${extension.name}"`);
    const { answer, session } = accepted;
    if (typeof answer !== "string" || !isFieldValue(answer)) {
      throw new TypeError(
        `answer is ${describeValue(answer)}; allowed: what can stand in a header`,
      );
    }
    checkSession(session);
    return accepted;
  } catch (error) {
    log("err", () => line`accept of the extension "${extension.name}" threw: ${thrown(error)}`);
    return undefined;
  }
}

/** @throws {TypeError} which names the member of a session that is wrong */
function checkSession(session: Partial<ExtensionSession> | undefined): void {
  if (typeof session !== "object" || session === null) {
    throw new TypeError(`session is ${describeValue(session)}; allowed: an object`);
  }
  const { unit, reservedBits } = session;
  const missing = METHODS.filter((name) => typeof session[name] !== "function");
  if (missing.length > 0) throw new TypeError(`session has no ${missing.join(", ")}`);
  if (!UNITS.includes(unit)) {
    throw new TypeError(`unit is ${describeValue(unit)}; allowed: ${UNITS.join(", ")}`);
  }
  if (!Number.isInteger(reservedBits) || reservedBits! < 0 || reservedBits! > 7) {
    throw new TypeError(`reservedBits is ${describeValue(reservedBits)}; allowed: 0 to 7`);
  }
}

/** The elements of an answer with what was offered under their names. */
function matched(
  offered: readonly Extension[],
  elements: readonly ExtensionOffer[],
): readonly (readonly [ExtensionOffer, Extension])[] {
  const names = new Set<string>();
  return elements.map((element) => {
    const extension = offered.find(({ name }) => name === element.name);
    const said = `the server chose the extension "${shown(element.name)}"`;
    if (extension === undefined) throw new Error(`${said}, which was not offered`);
    if (names.has(element.name)) throw new Error(`${said} twice`);
    names.add(element.name);
    return [element, extension];
  });
}

/** Extensions that go together, in their order. */
class Choice {
  readonly #names: string[] = [];
  readonly #groups = new Set<string>();
  readonly #sessions: ExtensionSession[] = [];
  #bits = 0;
  #hasFrame = false;

  hasGroupOf({ group }: Extension): boolean {
    return group !== undefined && this.#groups.has(group);
  }

  /** Why an extension can't follow those that were added; `undefined` when it can. */
  faultOf(extension: Extension, session: ExtensionSession): string | undefined {
    if (this.hasGroupOf(extension)) return `beside another one for ${extension.group}`;
    if ((session.reservedBits & this.#bits) !== 0) {
      return "beside another one with the same reserved bit";
    }
    // The bytes of a message tell no more where its frames began and ended.
    if (session.unit === "message" && this.#hasFrame) return "for messages behind one for frames";
    return undefined;
  }

  add({ name, group }: Extension, session: ExtensionSession): void {
    this.#names.push(name);
    this.#sessions.push(session);
    if (group !== undefined) this.#groups.add(group);
    this.#bits |= session.reservedBits;
    this.#hasFrame ||= session.unit === "frame";
  }

  layers(): ExtensionLayers {
    return new ExtensionLayers(this.#names, this.#sessions);
  }
}
