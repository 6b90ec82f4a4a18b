/**
 * An extension that counts: the payload of messages and the packets that carry it, each way. A server and
 * a client of its own exchange messages that permessage-deflate compresses, and each prints what it saved.
 *
 *     deno run --allow-net examples/byte_counter.ts --messages 100
 */

import {
  type CallbackExtension,
  callbackExtension,
  createContext,
  handlers,
  permessageDeflate,
  type Wsi,
} from "@x/lws";
import { orEnd, readOptions } from "./arguments.ts";

/** Bytes on one connection. Packets are frames of data with their headers; what comes in has all frames. */
export interface ByteCounts {
  payloadIn: number;
  payloadOut: number;
  packetsIn: number;
  packetsOut: number;
}

/**
 * Counts the bytes of each connection on which both ends have it; `report` gets them at its end. In a
 * list it goes in front of what compresses: there it sees payload as programs do.
 */
export function byteCounter(
  report: (wsi: Wsi, counts: Readonly<ByteCounts>) => void,
): CallbackExtension {
  return callbackExtension<ByteCounts>({
    name: "x-byte-counter",
    perSessionData: () => ({ payloadIn: 0, payloadOut: 0, packetsIn: 0, packetsOut: 0 }),
    callback(_context, _extension, wsi, reason, counts, data) {
      switch (reason) {
        case "payloadRx":
          counts.payloadIn += data.tokenLength;
          break;
        case "payloadTx":
          counts.payloadOut += data.tokenLength;
          break;
        case "packetRxPreparse":
          counts.packetsIn += data.tokenLength;
          break;
        case "packetTxPresend":
          counts.packetsOut += data.tokenLength;
          break;
        case "destroy":
          report(wsi, counts);
          break;
      }
    },
  });
}

function print(wsi: Wsi, counts: Readonly<ByteCounts>): void {
  const { payloadIn, payloadOut, packetsIn, packetsOut } = counts;
  // deno-lint-ignore no-console -- a program's own output
  console.log(
    `${
      wsi.isClient ? "client" : "server"
    }: ${payloadOut} bytes sent in packets of ${packetsOut}, ` +
      `${payloadIn} received in packets of ${packetsIn}`,
  );
}

if (import.meta.main) {
  const { options } = readOptions({ messages: 100 });
  const ended = Promise.withResolvers<void>();
  let echoed = 0;
  await using context = orEnd(() =>
    createContext({
      port: 0,
      iface: "127.0.0.1",
      extensions: [byteCounter(print), permessageDeflate({ threshold: 0 })],
      protocols: [{
        name: "echo",
        callback: handlers({
          clientEstablished(wsi) {
            for (let i = 0; i < options.messages; i++) wsi.write(`message ${i} `.repeat(50));
            wsi.write("the last one");
          },
          message(wsi, _user, message) {
            if (!wsi.isClient) wsi.write(message);
            else if (++echoed > options.messages) wsi.close(1000);
          },
          clientConnectionError: (_wsi, _user, text) => ended.reject(new Error(text)),
          closed: (wsi) => wsi.isClient ? ended.resolve() : undefined,
        }),
      }],
    })
  );
  context.clientConnect({ address: "127.0.0.1", port: context.port });
  await ended.promise;
}
