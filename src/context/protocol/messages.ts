/** Whole messages out of the pieces in which a callback gets them. */

import type { Wsi } from "../../api/wsi.ts";
import { behind } from "../../base/face.ts";
import type { Connection } from "../../connection/connection.ts";
import { FAILURES } from "../../core/websocket/close.ts";
import type { AnyMethod } from "./method_table.ts";

/** The pieces of a message that came in several. */
interface Gathering {
  bytes: Uint8Array;
  length: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Hands whole messages to a method, out of the pieces that the result is called with. */
export function gatherMessages(onMessage: AnyMethod): AnyMethod {
  const gatherings = new WeakMap<Wsi, Gathering>();

  return (wsi, user, data) => {
    const piece = data as Uint8Array;
    const { maxMessageSize } = wsi.context.limits;
    const isLast = wsi.isFinalFragment && wsi.remainingPacketPayload === 0;
    const isFirst = wsi.isFirstFragment;
    const gathering = isFirst ? undefined : gatherings.get(wsi);
    const before = gathering?.length ?? 0;
    // Refused by what the frame announces, before it is gathered.
    if (before + piece.length + wsi.remainingPacketPayload > maxMessageSize) {
      gatherings.delete(wsi);
      // What fails the connection is no close of the program's, which an extension may put off.
      const connection = behind<Connection>(wsi);
      connection.owner.counters.hit("maxMessageSize");
      connection.close("limit", ...FAILURES.messageTooBig);
      return;
    }
    if (isFirst && isLast) {
      return onMessage(wsi, user, wsi.frameIsBinary ? piece.slice() : decoder.decode(piece));
    }

    const grown = gathering ?? { bytes: new Uint8Array(piece.length * 2), length: 0 };
    append(grown, piece);
    if (!isLast) {
      if (gathering === undefined) gatherings.set(wsi, grown);
      return;
    }
    gatherings.delete(wsi);
    const whole = grown.bytes.subarray(0, grown.length);
    return onMessage(wsi, user, wsi.frameIsBinary ? whole.slice() : decoder.decode(whole));
  };
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
