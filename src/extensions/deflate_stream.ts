/**
 * deflate-stream: one compressed stream each way behind the handshake
 * (draft-ietf-hybi-thewebsocketprotocol-10 section 9.2.1).
 */

import type {
  AcceptedExtension,
  Extension,
  ExtensionSession,
  OutgoingPart,
} from "../api/extension.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { messageOf } from "../base/log.ts";
import type { ExtensionOffer } from "../core/websocket/extension_header.ts";
import { COMPRESSION } from "./deflate_session.ts";
import { zlibCodec } from "./zlib.ts";
import type { Deflater, Inflater } from "./zlib_codec.ts";

const NAME = "deflate-stream";
const WINDOW_BITS = 15;

/**
 * How {@linkcode deflateStream} compresses.
 *
 * @category Extensions
 */
export interface DeflateStreamOptions {
  /** 0 (stored) to 9 (slowest, smallest); −1 is zlib's default, 6. Default: `1`. */
  readonly level?: number;
  /** How much memory the search takes, 1 to 9. Default: `8`. */
  readonly memLevel?: number;
}

/**
 * One compressed stream each way, frame headers included, for a context's `extensions`; for peers from
 * before RFC 6455 only. Each connection keeps a compressor and a decompressor, about 270 KiB.
 *
 * @category Extensions
 * @throws {LwsError} `invalid-argument`, naming the option that is wrong.
 *   `unsupported` where the runtime's zlib keeps no state from one write to the next.
 *
 * @example
 * ```ts
 * import { createContext, deflateStream, handlers } from "@x/lws";
 *
 * await using context = createContext({
 *   port: 0,
 *   extensions: [deflateStream({ level: 6 })],
 *   protocols: [{ name: "echo", callback: handlers({ message: (wsi, _, it) => void wsi.write(it) }) }],
 * });
 * ```
 */
export function deflateStream(options: DeflateStreamOptions = {}): Extension {
  if (typeof options !== "object" || options === null) refuse("options must be an object");
  const { level = 1, memLevel = 8, ...others } = options;
  for (const field of Object.keys(others)) {
    refuse(`${field} is no option of deflateStream${didYouMean(field, ["level", "memLevel"])}`);
  }
  const tuning = { windowBits: WINDOW_BITS, level, memLevel };
  // What is out of range is to be known now, and not at the first connection.
  try {
    zlibCodec.deflater(tuning).close();
  } catch (cause) {
    refuse(messageOf(cause), cause);
  }
  if (!zlibCodec.hasTakeover) {
    throw new LwsError("unsupported", "deflate-stream needs the runtime's native zlib");
  }
  const session = () =>
    new StreamSession(
      zlibCodec.deflater(tuning),
      zlibCodec.inflater({ windowBits: WINDOW_BITS }),
    );
  return {
    name: NAME,
    group: COMPRESSION,
    accept(offers: readonly ExtensionOffer[]): AcceptedExtension | undefined {
      const isPlain = offers.some(({ name, params }) => name === NAME && params.length === 0);
      return isPlain ? { answer: NAME, session: session() } : undefined;
    },
    offer: () => NAME,
    confirm(answer: ExtensionOffer): ExtensionSession {
      if (answer.params.length === 0) return session();
      throw new Error("the server's answer to deflate-stream has parameters");
    },
    close(): void {},
  };
}

function refuse(why: string, cause?: unknown): never {
  throw new LwsError("invalid-argument", `deflate-stream: ${why}`, { cause });
}

class StreamSession implements ExtensionSession {
  readonly unit = "stream";
  readonly reservedBits = 0;
  /** Nothing can be shared: what comes out depends on all that went before. */
  readonly sharedKey = undefined;
  readonly #deflater: Deflater;
  readonly #inflater: Inflater;

  constructor(deflater: Deflater, inflater: Inflater) {
    this.#deflater = deflater;
    this.#inflater = inflater;
  }

  encode({ payload }: OutgoingPart): Uint8Array {
    return this.#deflater.deflate(payload);
  }

  encodeShared(): undefined {
    return undefined;
  }

  sentShared(): void {}

  push(piece: Uint8Array): void {
    this.#inflater.push(piece);
  }

  keep(): void {
    this.#inflater.keep();
  }

  get held(): number {
    return this.#inflater.held;
  }

  read(target: Uint8Array): number {
    return this.#inflater.pull(target);
  }

  close(): void {
    this.#deflater.close();
    this.#inflater.close();
  }
}
