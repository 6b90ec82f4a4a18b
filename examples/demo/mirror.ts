/**
 * `lws-mirror-protocol`: every packet goes to all connections of the protocol, its sender included,
 * through one ring buffer, and first of all what was drawn before they came. When the slowest reader is
 * about to be overtaken no client is read from until it has caught up; one that reads nothing for some
 * seconds is cut. The packet `clear;` forgets the drawing.
 */

import { handlers, type PreparedMessage, prepareMessage, type Protocol, type Wsi } from "@x/lws";
import { Past } from "./past.ts";
import type { Presence } from "./presence.ts";

const RING = 64;
/** Free places at which reading stops: what is already read must still find one. */
const RESERVE = 16;
const PATIENCE_SECONDS = 5;
const LONGEST_PACKET = 4096;

interface Reader {
  /** What is left to send of what was drawn before it came. */
  past: string[];
  /** The number of the next packet to send. */
  next: number;
}

/** Makes the protocol. */
export function mirrorProtocol(presence: Presence): Protocol<Reader> {
  const ring = new Array<PreparedMessage>(RING);
  const readers = new Map<Wsi, Reader>();
  const past = new Past();
  let written = 0;
  let isStopped = false;

  const slowest = () => Math.min(...[...readers.values()].map(({ next }) => next), written);

  /** Stops or resumes reading from all clients, by how full the ring is. */
  function control(): void {
    const isFull = written - slowest() > RING - RESERVE;
    if (isFull === isStopped) return;
    isStopped = isFull;
    for (const [wsi, reader] of readers) {
      wsi.rxFlowControl(!isFull);
      const lags = isFull && written - reader.next > RING - RESERVE;
      wsi.setTimeout(lags ? "userReason" : "noPendingTimeout", PATIENCE_SECONDS);
    }
  }

  const protocol: Protocol<Reader> = {
    name: "lws-mirror-protocol",
    perSessionData: () => ({ past: [], next: 0 }),
    callback: handlers<Reader>({
      established(wsi, reader) {
        reader.past = past.packets();
        reader.next = written;
        readers.set(wsi, reader);
        if (isStopped) wsi.rxFlowControl(false);
        presence.enter(wsi);
        wsi.callbackOnWritable();
      },
      closed(wsi) {
        readers.delete(wsi);
        control();
        presence.leave(wsi);
      },
      message(wsi, _reader, message) {
        if (typeof message !== "string" || message.length > LONGEST_PACKET) {
          return void wsi.close(1003, "short text only");
        }
        // Only a message that was read in the same turn as the stop can find the ring full.
        if (written - slowest() >= RING) return;
        past.add(message);
        ring[written++ % RING] = prepareMessage(message);
        control();
        wsi.context.callbackOnWritableAllProtocol(protocol);
      },
      serverWriteable(wsi, reader) {
        while (reader.past.length > 0 && !wsi.partialBuffered) wsi.write(reader.past.shift()!);
        while (reader.next < written && !wsi.partialBuffered) {
          wsi.write(ring[reader.next++ % RING]!);
        }
        if (reader.next < written || reader.past.length > 0) wsi.callbackOnWritable();
        control();
      },
    }),
  };
  return protocol;
}
