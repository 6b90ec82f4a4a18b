/** Whole messages, of the pieces in which they come. */

import type { Wsi } from "../../api/wsi.ts";
import { behind } from "../../base/face.ts";
import { FAILURES } from "../../core/websocket/close.ts";

/** What fails when a message is too big. Implemented by Connection. */
interface Failing {
  readonly owner: { readonly counters: { hit(limit: "maxMessageSize"): void } };
  close(cause: "limit", code: number, reason: string): number;
}

/** The pieces of a message that came in several. */
interface Gathering {
  bytes: Uint8Array;
  length: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Puts messages together, of any number of connections. */
export class MessageGatherer {
  readonly #gatherings = new WeakMap<Wsi, Gathering>();

  /** Whether the last piece of the connection's message has not come. */
  isInside(wsi: Wsi): boolean {
    return this.#gatherings.has(wsi);
  }

  /**
   * The message that ends with a piece, a `Uint8Array` of its own or a string; undefined when more of it
   * follows, and when it is too big, which fails the connection.
   */
  take(wsi: Wsi, piece: Uint8Array): string | Uint8Array | undefined {
    const { maxMessageSize } = wsi.context.limits;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    const isFirst = wsi.isFirstFragment;
    const gathering = isFirst ? undefined : this.#gatherings.get(wsi);
    const before = gathering === undefined ? 0 : gathering.length;
    // Refused by what the frame announces, before it is gathered.
    if (before + piece.length + wsi.remainingPacketPayload > maxMessageSize) {
      this.#gatherings.delete(wsi);
      return refuseTooBig(wsi);
    }
    if (isFirst && isLast) return wsi.frameIsBinary ? piece.slice() : decoder.decode(piece);

    const grown = gathering ?? { bytes: new Uint8Array(piece.length * 2), length: 0 };
    append(grown, piece);
    if (!isLast) {
      if (gathering === undefined) this.#gatherings.set(wsi, grown);
      return undefined;
    }
    this.#gatherings.delete(wsi);
    const whole = grown.bytes.subarray(0, grown.length);
    return wsi.frameIsBinary ? whole.slice() : decoder.decode(whole);
  }
}

/** What fails the connection is no close of the program's, which an extension may put off. */
function refuseTooBig(wsi: Wsi): undefined {
  const connection = behind<Failing>(wsi);
  connection.owner.counters.hit("maxMessageSize");
  connection.close("limit", ...FAILURES.messageTooBig);
}

function append(gathering: Gathering, piece: Uint8Array): void {
  const length = gathering.length + piece.length;
  if (length > gathering.bytes.length) {
    const grown = new Uint8Array(Math.max(length, gathering.bytes.length * 2));
    grown.set(gathering.bytes.subarray(0, gathering.length));
    gathering.bytes = grown;
  }
  gathering.bytes.set(piece, gathering.length);
  gathering.length = length;
}
