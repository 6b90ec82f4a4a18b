/** Whole messages, of the pieces in which they come. */

import type { Wsi } from "../../api/wsi.ts";
import { line, log, own } from "../../base/log.ts";
import { freeBuffer } from "../../base/buffers.ts";
import { behind } from "../../base/face.ts";
import type { BufferedBytes, Gathered, Holder } from "../limits/buffered_bytes.ts";
import { FAILURES } from "../../core/websocket/close.ts";
import { keep } from "../../base/spare_piece.ts";

/** What fails when a message is too big. Implemented by Connection. */
interface Failing extends Holder {
  readonly socketFd: number;
  readonly owner: {
    readonly counters: { hit(limit: "maxMessageSize"): void };
    readonly buffered: BufferedBytes;
  };
  close(cause: "limit", code: number, reason: string): number;
}

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
/** What one takes beside its bytes. */
const OVERHEAD = 200;

/** The pieces of a message that came in several. */
class Gathering implements Gathered {
  bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  length = 0;

  /** Returns how many bytes it takes more for it. */
  append(piece: Uint8Array): number {
    const old = this.bytes;
    const from = this.length;
    const length = from + piece.length;
    const room = old.length;
    if (length > room) {
      this.bytes = new Uint8Array(Math.max(length, 2 * (from === 0 ? length : room)));
      this.bytes.set(old.subarray(0, from));
      // The garbage collector would let many such pile up first.
      if (from > 0) freeBuffer(old);
    }
    this.bytes.set(piece, from);
    this.length = length;
    return this.bytes.length - room;
  }

  free(): void {
    if (this.length > 0) freeBuffer(this.bytes);
    this.bytes = NO_BYTES;
    this.length = 0;
  }
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
      if (gathering !== undefined) this.#drop(wsi, gathering);
      return refuseTooBig(wsi);
    }
    if (isFirst && isLast) return wsi.frameIsBinary ? keep(piece) : decoder.decode(piece);

    const grown = gathering ?? new Gathering();
    const added = grown.append(piece);
    if (!isLast) {
      if (gathering === undefined) this.#gatherings.set(wsi, grown);
      if (added > 0) count(wsi, gathering === undefined ? added + OVERHEAD : added, grown);
      return undefined;
    }
    const whole = grown.bytes.subarray(0, grown.length);
    const message = wsi.frameIsBinary ? whole.slice() : decoder.decode(whole);
    if (gathering !== undefined) this.#drop(wsi, gathering, added);
    else grown.free();
    return message;
  }

  /** @param added by how much it grew last, which is not counted */
  #drop(wsi: Wsi, gathering: Gathering, added = 0): void {
    this.#gatherings.delete(wsi);
    count(wsi, added - gathering.bytes.length - OVERHEAD, undefined);
    gathering.free();
  }
}

function count(wsi: Wsi, added: number, gathered: Gathered | undefined): void {
  const connection = behind<Failing>(wsi);
  connection.owner.buffered.gathers(connection, added, gathered);
}

/** What fails the connection is no close of the program's, which an extension may put off. */
function refuseTooBig(wsi: Wsi): undefined {
  const connection = behind<Failing>(wsi);
  const [code, reason] = FAILURES.messageTooBig;
  log("info", () => line`connection ${connection.socketFd}: ${own(code)} ${reason}`);
  connection.owner.counters.hit("maxMessageSize");
  connection.close("limit", code, reason);
}
