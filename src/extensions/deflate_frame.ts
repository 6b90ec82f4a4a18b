/**
 * deflate-frame: compressed frames, as browsers spoke it before RFC 7692
 * (draft-tyoshino-hybi-websocket-perframe-deflate-06).
 */

import type { AcceptedExtension, Extension, ExtensionSession } from "../api/extension.ts";
import {
  type ExtensionOffer,
  type ExtensionParam,
  formatExtension,
} from "../core/websocket/extension_header.ts";
import { COMPRESSION, DeflateSession, SharedStreams } from "./deflate_session.ts";
import {
  checkPermessageDeflateOptions,
  MAX_WINDOW_BITS,
  MIN_OWN_WINDOW_BITS,
  parseWindowBits,
  type PermessageDeflateOptions,
} from "./permessage_deflate_params.ts";
import { zlibCodec } from "./zlib.ts";
import type { ZlibCodec } from "./zlib_codec.ts";

/**
 * Compressed frames for a context's `extensions`, under the name `deflate-frame`; the options mean what
 * they mean for `permessageDeflate`. For peers from before 2014 only: list it behind that.
 *
 * An offer without parameters is answered without: libwebsockets of then drops an answer that has any.
 * The client may then keep its window from frame to frame, which costs the server 34 KiB for as long as
 * the connection lasts, unless `clientNoContextTakeover` or `clientMaxWindowBits` is given.
 *
 * @category Extensions
 * @throws {LwsError} `invalid-argument`, naming the option that is wrong.
 *
 * @example
 * ```ts
 * import { createContext, deflateFrame, handlers, permessageDeflate } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   extensions: [permessageDeflate(), deflateFrame()],
 *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
 * });
 * ```
 */
export function deflateFrame(options: PermessageDeflateOptions = {}): Extension {
  return deflateFrameBy(zlibCodec, options);
}

/** {@linkcode deflateFrame} by a codec, which is the one of choice unless a test has another. */
export function deflateFrameBy(
  codec: ZlibCodec,
  options: PermessageDeflateOptions = {},
): Extension {
  return new FrameDeflate("deflate-frame", options, codec);
}

/**
 * {@linkcode deflateFrame} under the name that Safari used, `x-webkit-deflate-frame`.
 *
 * @category Extensions
 * @throws {LwsError} `invalid-argument`, naming the option that is wrong.
 */
export function xWebkitDeflateFrame(options: PermessageDeflateOptions = {}): Extension {
  return new FrameDeflate("x-webkit-deflate-frame", options, zlibCodec);
}

/**
 * Compressed frames as libwebsockets had them built in until 2015: no parameter is offered, and none is
 * answered, whatever the peer's are.
 *
 * @param name `deflate-frame`, or `x-webkit-deflate-frame`.
 */
export function plainDeflateFrame(name: string): Extension {
  return new FrameDeflate(name, {}, zlibCodec, true);
}

/** The parameters of an offer or answer: what its sender asks of the peer's compression. */
interface Request {
  readonly noContextTakeover: boolean;
  readonly maxWindowBits: number;
}

/** What no parameters ask for. */
const NOTHING: Request = { noContextTakeover: false, maxWindowBits: MAX_WINDOW_BITS };

const NO_CONTEXT_TAKEOVER = "no_context_takeover";
const MAX_WINDOW_BITS_PARAM = "max_window_bits";

class FrameDeflate implements Extension {
  readonly name: string;
  readonly group = COMPRESSION;
  readonly #options: Required<PermessageDeflateOptions>;
  readonly #codec: ZlibCodec;
  readonly #streams: SharedStreams;
  /** Whether nothing is ever asked of the peer. */
  readonly #isPlain: boolean;
  /** Whether a client is asked for something that offered no parameters. */
  readonly #asksAnyClient: boolean;

  constructor(
    name: string,
    options: PermessageDeflateOptions,
    codec: ZlibCodec,
    isPlain = false,
  ) {
    this.name = name;
    this.#options = checkPermessageDeflateOptions(options);
    this.#codec = codec;
    this.#isPlain = isPlain;
    // Not the defaults: old peers drop an answer with parameters that they did not offer.
    this.#asksAnyClient = options.clientNoContextTakeover !== undefined ||
      options.clientMaxWindowBits !== undefined;
    this.#streams = new SharedStreams(codec, this.#options);
  }

  accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined {
    const { serverNoContextTakeover, serverMaxWindowBits } = this.#options;
    for (const offer of offers) {
      const asked = offer.name === this.name ? readRequest(offer.params) : undefined;
      if (asked === undefined || asked.maxWindowBits < MIN_OWN_WINDOW_BITS) continue;
      const knowsNone = offer.params.length === 0 && !this.#asksAnyClient;
      const ours = this.#isPlain || knowsNone ? NOTHING : this.#requestToClient();
      // Without a request the client keeps its window, and so must the server.
      if (!ours.noContextTakeover && !this.#codec.hasTakeover) continue;
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
    if (this.#isPlain && this.#codec.hasTakeover) return NOTHING;
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

  #session(sendWindowBits: number, sendsAlone: boolean, toPeer: Request): ExtensionSession {
    return new DeflateSession(this.#streams, "frame", {
      sendWindowBits,
      sendContextTakeover: !sendsAlone && this.#codec.hasTakeover,
      receiveWindowBits: toPeer.maxWindowBits,
      receiveContextTakeover: !toPeer.noContextTakeover,
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
