/**
 * deflate-frame: compressed frames, as browsers spoke it before RFC 7692
 * (draft-tyoshino-hybi-websocket-perframe-deflate-06).
 */

import {
  type ExtensionOffer,
  type ExtensionParam,
  formatExtension,
} from "../core/extension_list.ts";
import { COMPRESSION, DeflateSession, SharedStreams } from "./deflate_session.ts";
import type { AcceptedExtension, Extension, ExtensionSession } from "./extension.ts";
import {
  checkPermessageDeflateOptions,
  MAX_WINDOW_BITS,
  MIN_OWN_WINDOW_BITS,
  parseWindowBits,
  type PermessageDeflateOptions,
} from "./permessage_deflate_params.ts";
import { type ZlibCodec, zlibCodec } from "./zlib.ts";

/**
 * Compressed frames for a context's `extensions`, under the name `deflate-frame`; the options mean what
 * they mean for `permessageDeflate`. For peers from before 2014 only: list it behind that.
 *
 * @throws {RangeError} naming the option that is wrong.
 */
export function deflateFrame(options: PermessageDeflateOptions = {}): Extension {
  return new FrameDeflate("deflate-frame", options, zlibCodec);
}

/** {@linkcode deflateFrame} under the name that Safari used, `x-webkit-deflate-frame`. */
export function xWebkitDeflateFrame(options: PermessageDeflateOptions = {}): Extension {
  return new FrameDeflate("x-webkit-deflate-frame", options, zlibCodec);
}

/** What the one who sends the parameters asks of the other's compression. */
interface Request {
  readonly noContextTakeover: boolean;
  readonly maxWindowBits: number;
}

const NO_CONTEXT_TAKEOVER = "no_context_takeover";
const MAX_WINDOW_BITS_PARAM = "max_window_bits";

class FrameDeflate implements Extension {
  readonly name: string;
  readonly group = COMPRESSION;
  readonly #options: Required<PermessageDeflateOptions>;
  readonly #codec: ZlibCodec;
  readonly #streams: SharedStreams;

  constructor(name: string, options: PermessageDeflateOptions, codec: ZlibCodec) {
    this.name = name;
    this.#options = checkPermessageDeflateOptions(options);
    this.#codec = codec;
    this.#streams = new SharedStreams(codec, this.#options);
  }

  accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined {
    const { serverNoContextTakeover, serverMaxWindowBits } = this.#options;
    for (const offer of offers) {
      const asked = offer.name === this.name ? readRequest(offer.params) : undefined;
      if (asked === undefined || asked.maxWindowBits < MIN_OWN_WINDOW_BITS) continue;
      const ours = this.#requestToClient();
      const session = this.#session(
        Math.min(asked.maxWindowBits, serverMaxWindowBits),
        asked.noContextTakeover || serverNoContextTakeover,
        ours,
      );
      return { answer: this.#element(ours), session };
    }
    return undefined;
  }

  offer(): string {
    return this.#element(this.#requestToServer());
  }

  confirm(answer: ExtensionOffer): ExtensionSession {
    const { clientNoContextTakeover, clientMaxWindowBits } = this.#options;
    const asked = readRequest(answer.params);
    if (asked === undefined || asked.maxWindowBits < MIN_OWN_WINDOW_BITS) {
      throw new Error(`the server's answer to ${this.name} has parameters that can't be kept`);
    }
    return this.#session(
      Math.min(asked.maxWindowBits, clientMaxWindowBits),
      asked.noContextTakeover || clientNoContextTakeover,
      this.#requestToServer(),
    );
  }

  close(): void {
    this.#streams.close();
  }

  #requestToServer(): Request {
    const { serverNoContextTakeover, serverMaxWindowBits } = this.#options;
    return {
      noContextTakeover: serverNoContextTakeover || !this.#codec.hasTakeover,
      maxWindowBits: serverMaxWindowBits,
    };
  }

  #requestToClient(): Request {
    const { clientNoContextTakeover, clientMaxWindowBits } = this.#options;
    return {
      noContextTakeover: clientNoContextTakeover || !this.#codec.hasTakeover,
      maxWindowBits: clientMaxWindowBits,
    };
  }

  #element(request: Request): string {
    const params: ExtensionParam[] = [];
    if (request.noContextTakeover) params.push({ name: NO_CONTEXT_TAKEOVER, value: undefined });
    if (request.maxWindowBits < MAX_WINDOW_BITS) {
      params.push({ name: MAX_WINDOW_BITS_PARAM, value: String(request.maxWindowBits) });
    }
    return formatExtension({ name: this.name, params });
  }

  #session(sendBits: number, sendsAlone: boolean, toPeer: Request): ExtensionSession {
    return new DeflateSession(this.#streams, "frame", {
      sendBits,
      sendKeeps: !sendsAlone && this.#codec.hasTakeover,
      receiveBits: toPeer.maxWindowBits,
      receiveKeeps: !toPeer.noContextTakeover,
    });
  }
}

/** `undefined` for parameters that are unknown, repeated or out of range. */
function readRequest(params: readonly ExtensionParam[]): Request | undefined {
  let noContextTakeover = false;
  let maxWindowBits: number | undefined;
  for (const { name, value } of params) {
    if (name === NO_CONTEXT_TAKEOVER && value === undefined && !noContextTakeover) {
      noContextTakeover = true;
    } else if (name === MAX_WINDOW_BITS_PARAM && maxWindowBits === undefined) {
      maxWindowBits = parseWindowBits(value ?? "");
      if (maxWindowBits === undefined) return undefined;
    } else return undefined;
  }
  return { noContextTakeover, maxWindowBits: maxWindowBits ?? MAX_WINDOW_BITS };
}
