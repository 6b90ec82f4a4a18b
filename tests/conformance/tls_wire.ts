/** What TLS looks like from outside: the records that go over a transport. */

import type { MemoryTransport } from "../../src/testing/memory_transport.ts";
import type { TransportHandler } from "../../src/api/network.ts";
import { concat } from "../support/frames.ts";

/** A transport, and all bytes that it has carried. */
export interface Wire {
  readonly transport: MemoryTransport;
  /** The bytes that its owner has written. */
  sent(): Uint8Array;
  received(): Uint8Array;
}

/** A TLS record of RFC 8446 section 5.1, by its header. */
export interface TlsRecord {
  readonly type: number;
  readonly length: number;
}

/** Types of records. */
export const TLS_RECORD = { alert: 21, handshake: 22, applicationData: 23 } as const;

/** Writes down what goes over a transport. */
export function tapped(below: MemoryTransport): Wire {
  const sent: Uint8Array[] = [];
  const received: Uint8Array[] = [];
  const transport = new Proxy(below, {
    get(target, member) {
      if (member === "write") {
        return (bytes: Uint8Array) => {
          sent.push(bytes.slice());
          return target.write(bytes);
        };
      }
      if (member === "start") {
        return (handler: TransportHandler) =>
          target.start({
            onBytes(bytes) {
              const offered = bytes.slice();
              const taken = handler.onBytes(bytes);
              received.push(offered.subarray(0, taken));
              return taken;
            },
            onDrain: () => handler.onDrain(),
            onEnd: () => handler.onEnd(),
            onClose: (error) => handler.onClose(error),
          });
      }
      const value = Reflect.get(target, member, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { transport, sent: () => concat(...sent), received: () => concat(...received) };
}

/** The records that bytes consist of; throws when they are no TLS. */
export function recordsOf(bytes: Uint8Array): TlsRecord[] {
  const records: TlsRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const [type, major, minor] = bytes.subarray(at);
    const length = bytes[at + 3]! << 8 | bytes[at + 4]!;
    const isRecord = type! >= 20 && type! <= 24 && major === 3 && minor! <= 4;
    if (!isRecord || at + 5 + length > bytes.length) throw new Error(`no TLS record at ${at}`);
    records.push({ type: type!, length });
    at += 5 + length;
  }
  return records;
}
