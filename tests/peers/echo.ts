/** Both sides of an echo test: our server, and our client against a server of somebody else's. */

import { assertEquals } from "@std/assert";
import {
  type CloseInfo,
  type Context,
  CONTEXT_PORT_NO_LISTEN,
  createContext,
  handlers,
} from "../../mod.ts";

const LONGEST = 64 * 1024 * 1024;
const LIMITS = { maxFramePayload: LONGEST, maxMessageSize: LONGEST, maxUnsentBytes: 2 * LONGEST };

export const LENGTHS = [0, 125, 126, 65_535, 65_536, 16 * 1024 * 1024];

/** A server that echoes whole messages, and tells how its first connection ended. */
export function echoServer(): { context: Context; closed: Promise<CloseInfo>; url: string } {
  const { promise: closed, resolve } = Promise.withResolvers<CloseInfo>();
  const context = createContext({
    port: 0,
    iface: "127.0.0.1",
    ...LIMITS,
    protocols: [{
      name: "echo",
      callback: handlers({
        message: (wsi, _user, message) =>
          void wsi.write(message, typeof message === "string" ? "text" : "binary"),
        closed: (_wsi, _user, info) => resolve(info),
      }),
    }],
  });
  return { context, closed, url: `ws://127.0.0.1:${context.port}/` };
}

/** What a client of ours saw of an echo server. */
export interface ClientReport {
  readonly pongs: number;
  readonly close: CloseInfo;
}

/**
 * Sends messages of every length, text and binary, and a fragmented one with pings in between, and
 * checks that each comes back.
 */
export async function echoThrough(port: number, path = "/"): Promise<ClientReport> {
  const sent: (string | Uint8Array)[] = [];
  for (const length of LENGTHS) sent.push("a".repeat(length), new Uint8Array(length).fill(7));
  sent.push("Hello");
  let received = 0;
  let pongs = 0;
  const { promise, resolve, reject } = Promise.withResolvers<CloseInfo>();

  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    ...LIMITS,
    protocols: [{
      name: "client",
      callback: handlers({
        clientConnectionError: (_wsi, _user, text) => reject(new Error(text)),
        clientEstablished: (wsi) => void wsi.callbackOnWritable(),
        clientWriteable(wsi) {
          const message = sent[received]!;
          if (message !== "Hello") {
            wsi.write(message, typeof message === "string" ? "text" : "binary");
            return;
          }
          wsi.write("Hel", "text", { fin: false });
          wsi.write("one", "ping");
          wsi.write("l", "continuation", { fin: false });
          wsi.write("two", "ping");
          wsi.write("o", "continuation");
        },
        clientReceivePong: () => void pongs++,
        message(wsi, _user, message) {
          try {
            assertEquals(typeof message, typeof sent[received]);
            assertEquals(message.length, sent[received]!.length);
            if (typeof message === "string") assertEquals(message === sent[received], true);
            else assertEquals(message.every((byte) => byte === 7), true);
          } catch (error) {
            reject(error);
          }
          if (++received === sent.length) wsi.close(3001, "done");
          else wsi.callbackOnWritable();
        },
        closed: (_wsi, _user, info) => resolve(info),
      }),
    }],
  });
  context.clientConnect({ address: "127.0.0.1", port, path });
  const close = await promise;
  assertEquals(received, sent.length);
  return { pongs, close };
}
