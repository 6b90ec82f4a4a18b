/** Which of a context's extensions a connection uses (RFC 6455 section 9.1). */

import { type ExtensionOffer, parseExtensions } from "./core/extension_list.ts";
import { HandshakeError } from "./core/opening_handshake.ts";
import type { AcceptedExtension, Extension, ExtensionSession } from "./extensions/extension.ts";

/** A server's choice: the first of its own that can agree to what the client offers. */
export function acceptExtension(
  listed: readonly Extension[],
  offers: readonly ExtensionOffer[],
): AcceptedExtension | undefined {
  for (const extension of listed) {
    const ofName = offers.filter(({ name }) => name === extension.name);
    const accepted = ofName.length > 0 ? extension.accept(ofName) : undefined;
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

/**
 * What a client gets of the server's answer; `undefined` when the server chose nothing.
 *
 * @throws {HandshakeError} for an answer that fails the connection
 */
export function confirmExtensions(
  listed: readonly Extension[],
  answer: string,
): ExtensionSession | undefined {
  const chosen = parseExtensions(answer);
  if (chosen === undefined) throw new HandshakeError("Sec-WebSocket-Extensions is malformed");
  const [first, second] = chosen;
  if (first === undefined) return undefined;
  const extension = listed.find(({ name }) => name === first.name);
  if (extension === undefined) {
    throw new HandshakeError(
      `the server chose the extension ${JSON.stringify(first.name)}, which was not offered`,
    );
  }
  if (second !== undefined) {
    throw new HandshakeError("the server chose more than one extension");
  }
  try {
    return extension.confirm(first);
  } catch (error) {
    throw new HandshakeError((error as Error).message, { cause: error });
  }
}
