/** permessage-deflate: compressed messages (RFC 7692 section 7). */

import type { AcceptedExtension, Extension, ExtensionSession } from "../api/extension.ts";
import type { ExtensionOffer } from "../core/websocket/extension_header.ts";
import {
  type AgreedParams,
  COMPRESSION,
  DeflateSession,
  SharedStreams,
} from "./deflate_session.ts";
import {
  acceptOffer,
  checkAnswer,
  checkPermessageDeflateOptions,
  makeOffer,
  type PermessageDeflateOptions,
  type PermessageDeflateParams,
} from "./permessage_deflate_params.ts";
import { zlibCodec } from "./zlib.ts";
import type { ZlibCodec } from "./zlib_codec.ts";

const NAME = "permessage-deflate";

/**
 * Compressed messages for a context's `extensions`, on servers and clients. By default no connection
 * keeps a window from one message to the next, so that all share one compressor and compression costs
 * an idle connection nothing.
 *
 * @category Extensions
 * @throws {LwsError} `invalid-argument`, naming the option that is wrong.
 *
 * @example
 * ```ts
 * import { createContext, handlers, permessageDeflate } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   extensions: [permessageDeflate({ level: 3 })],
 *   protocols: [{
 *     name: "echo",
 *     callback: handlers({ message: (wsi, _user, message) => void wsi.write(message) }),
 *   }],
 * });
 * ```
 */
export function permessageDeflate(options: PermessageDeflateOptions = {}): Extension {
  return permessageDeflateBy(zlibCodec, options);
}

/** {@linkcode permessageDeflate} by a codec, which is the one of choice unless a test has another. */
export function permessageDeflateBy(
  codec: ZlibCodec,
  options: PermessageDeflateOptions = {},
): Extension {
  return new PermessageDeflate(options, codec);
}

class PermessageDeflate implements Extension {
  readonly name = NAME;
  readonly group = COMPRESSION;
  readonly #options: Required<PermessageDeflateOptions>;
  readonly #codec: ZlibCodec;
  readonly #streams: SharedStreams;

  constructor(options: PermessageDeflateOptions, codec: ZlibCodec) {
    this.#options = checkPermessageDeflateOptions(options);
    this.#codec = codec;
    this.#streams = new SharedStreams(codec, this.#options);
  }

  accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined {
    const accepted = acceptOffer(offers, this.#options, this.#codec.hasTakeover);
    if (accepted === undefined) return undefined;
    const { answer, params } = accepted;
    return { answer, session: this.#session(serverParams(params)) };
  }

  offer(): string {
    return makeOffer(this.#options, this.#codec.hasTakeover);
  }

  confirm(answer: ExtensionOffer): ExtensionSession {
    const params = checkAnswer(answer, this.#options, this.#codec.hasTakeover);
    return this.#session(clientParams(params));
  }

  close(): void {
    this.#streams.close();
  }

  #session(agreed: AgreedParams): ExtensionSession {
    return new DeflateSession(this.#streams, "message", agreed);
  }
}

function serverParams(params: PermessageDeflateParams): AgreedParams {
  return {
    sendWindowBits: params.serverMaxWindowBits,
    sendContextTakeover: !params.serverNoContextTakeover,
    receiveWindowBits: params.clientMaxWindowBits,
    receiveContextTakeover: !params.clientNoContextTakeover,
  };
}

function clientParams(params: PermessageDeflateParams): AgreedParams {
  return {
    sendWindowBits: params.clientMaxWindowBits,
    sendContextTakeover: !params.clientNoContextTakeover,
    receiveWindowBits: params.serverMaxWindowBits,
    receiveContextTakeover: !params.serverNoContextTakeover,
  };
}
