/** What a client and a server of ours send each other, and what has to arrive of it. */

import { assertEquals } from "@std/assert";
import type { Extension, PermessageDeflateOptions, Protocol, WireVersion, Wsi } from "../../mod.ts";
import { allocPadded, handlers, permessageDeflate, prepareMessage } from "../../mod.ts";
import {
  anyText,
  bytes,
  compressible,
  cutAt,
  cuts,
  fc,
  readSizes,
  stage,
  until,
} from "./support.ts";

const encoder = new TextEncoder();

export const windowBits = fc.integer({ min: 9, max: 15 });
export const rxBufferSize = fc.constantFrom(1, 5, 100, 1024, 65_536);

/** The protocol itself, which throws where what it is told of a piece can't be so. */
export function checkingPieces(protocol: Protocol): Protocol {
  const { callback } = protocol;
  const inMessage = new WeakSet<Wsi>();
  return {
    ...protocol,
    callback(...args) {
      const [wsi, reason, , data] = args;
      if (reason === "receive" || reason === "clientReceive") {
        if (wsi.isFirstFragment === inMessage.has(wsi)) throw new Error("isFirstFragment is wrong");
        const { length } = data;
        if (length > protocol.rxBufferSize!) throw new Error(`a piece of ${length} bytes`);
        if (wsi.isFinalFragment && wsi.remainingPacketPayload === 0) inMessage.delete(wsi);
        else inMessage.add(wsi);
      }
      return callback!.apply(protocol, args);
    },
  };
}

/** A version that our clients speak, too. */
export type ClientVersion = Exclude<WireVersion, "hixie-75">;

export interface Sent {
  readonly data: string | Uint8Array;
  /** Where the sender cuts it into fragments; `undefined`: it is written as it is. */
  readonly shares: readonly number[] | undefined;
  readonly compress: boolean | undefined;
  /** How a message that is not cut is written. */
  readonly how: "plain" | "padded" | "prepared";
  /** The payloads of pings behind its first fragment, or behind the message. */
  readonly pings: readonly Uint8Array[];
}

export const data = fc.oneof<fc.Arbitrary<string | Uint8Array>[]>(
  anyText(3000),
  compressible(3000),
);

export const sent: fc.Arbitrary<Sent> = fc.record({
  data,
  shares: fc.option(cuts(3), { nil: undefined, freq: 2 }),
  compress: fc.constantFrom(undefined, undefined, undefined, true, false),
  how: fc.constantFrom("plain", "plain", "padded", "prepared"),
  pings: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, {
    arbitrary: fc.array(bytes(125), { maxLength: 2 }),
    weight: 1,
  }),
});

function write(wsi: Wsi, { data, shares, compress, how, pings }: Sent): void {
  const kind = typeof data === "string" ? "text" : "binary";
  const whole = typeof data === "string" ? encoder.encode(data) : data;
  const options = compress === undefined ? {} : { compress };
  const ping = () => {
    for (const payload of pings) wsi.write(payload, "ping");
  };
  if (shares !== undefined) {
    const parts = cutAt(whole, shares);
    for (const [i, part] of parts.entries()) {
      const fin = i === parts.length - 1;
      wsi.write(part, i === 0 ? kind : "continuation", { ...options, fin });
      if (i === 0) ping();
    }
    return;
  }
  if (how === "prepared") wsi.write(prepareMessage(data));
  else if (how === "padded") {
    const padded = allocPadded(whole.length);
    padded.set(whole);
    wsi.write(padded, kind, options);
  } else wsi.write(data, kind, options);
  ping();
}

/** What has to arrive, in order; fragments of a message come behind the pings between them. */
function expectedOf(all: readonly Sent[]): unknown[] {
  return all.flatMap(({ data, shares, pings }) => {
    const pinged = pings.map((payload) => ["ping", payload]);
    return shares !== undefined && shares.length > 0 ? [...pinged, data] : [data, ...pinged];
  });
}

/** A protocol that sends all at once and writes down what arrives. */
function exchanger(
  name: string,
  size: number,
  sends: readonly Sent[],
  arrived: unknown[],
): Protocol {
  const begin = (wsi: Wsi) => {
    for (const each of sends) write(wsi, each);
  };
  const ping = (_wsi: Wsi, _user: unknown, payload: Uint8Array) =>
    void arrived.push(["ping", payload.slice()]);
  return checkingPieces({
    name,
    rxBufferSize: size,
    callback: handlers({
      established: begin,
      clientEstablished: begin,
      receivePing: ping,
      clientReceivePing: ping,
      message: (_wsi, _user, message) => void arrived.push(message),
      closed: (_wsi, _user, { code, reason }) => void arrived.push(["closed", code, reason]),
      clientConnectionError: () => void arrived.push(["no connection"]),
    }),
  });
}

/** Options of both sides that can come to terms; `undefined`: no extension there. */
export const compression = fc.tuple(
  fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: windowBits,
    clientMaxWindowBits: windowBits,
    level: fc.integer({ min: 0, max: 9 }),
    threshold: fc.constantFrom(0, 0, 0, 100),
  }),
  fc.integer({ min: 0, max: 6 }),
  fc.boolean(),
).map((
  [server, wider, takesOver],
): [PermessageDeflateOptions, PermessageDeflateOptions] => [server, {
  ...server,
  // The client asks for no less than the server grants.
  serverMaxWindowBits: Math.min(15, server.serverMaxWindowBits + wider),
  clientMaxWindowBits: 15 - wider,
  serverNoContextTakeover: server.serverNoContextTakeover && takesOver,
}]);

const extensionsOf = (
  options: PermessageDeflateOptions | undefined,
): { extensions: Extension[] } => ({
  extensions: options === undefined ? [] : [permessageDeflate(options)],
});

/** Sends it, both ways at once, and sees that it arrives. */
export async function exchange(
  options: readonly [PermessageDeflateOptions | undefined, PermessageDeflateOptions | undefined],
  up: readonly Sent[],
  down: readonly Sent[],
  sizes: readonly [number, number],
  reads: readonly [readonly number[], readonly number[]],
  version: ClientVersion = 13,
): Promise<void> {
  const atServer: unknown[] = [];
  const atClient: unknown[] = [];
  await using staged = stage(
    exchanger("server", sizes[0], down, atServer),
    { ...extensionsOf(options[0]), versions: [version] },
    ...reads,
  );
  const client = exchanger("client", sizes[1], up, atClient);
  staged.connect(client, extensionsOf(options[1]), { version });
  const [expectedUp, expectedDown] = [expectedOf(up), expectedOf(down)];
  const isDone = () =>
    atServer.length >= expectedUp.length && atClient.length >= expectedDown.length;
  await until("messages are missing", isDone).catch((error) => {
    // What is missing says more, so that it comes first.
    assertEquals(atServer, expectedUp, "client to server");
    assertEquals(atClient, expectedDown, "server to client");
    throw error;
  });
  assertEquals(atServer, expectedUp, "client to server");
  assertEquals(atClient, expectedDown, "server to client");
}

/** At times all of it again, so that a window that is kept has something to refer to. */
export const some = fc.tuple(fc.array(sent, { maxLength: 5 }), fc.boolean()).map(([all, twice]) =>
  twice ? [...all, ...all] : all
);
export const bothSizes = fc.tuple(rxBufferSize, rxBufferSize);
export const bothReads = fc.tuple(readSizes, readSizes);
