/** A server whose connections a test loops over. */

import type { ContextCreationInfo, Protocol, Wsi } from "../../../mod.ts";
import { serve, type Served, type WebSocketPeer } from "../../support/serve.ts";

export type Message = string | Uint8Array;

/** What the callback got of messages in pieces, as `kind:text`. */
export interface Looped extends AsyncDisposable {
  readonly served: Served;
  readonly peer: WebSocketPeer;
  readonly wsi: Wsi;
  readonly received: string[];
  /** Messages that the server has received. */
  count(): number;
}

/** A connection of a server, whose callback writes down what it receives. */
export async function connected(info: Partial<ContextCreationInfo> = {}): Promise<Looped> {
  const { promise, resolve } = Promise.withResolvers<Wsi>();
  const received: string[] = [];
  const protocol: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      if (reason === "established") resolve(wsi);
      if (reason === "receive") received.push(pieceOf(wsi, data));
    },
  };
  const served = serve([protocol], info);
  const peer = await served.open();
  const wsi = await promise;
  return {
    served,
    peer,
    wsi,
    received,
    count: () => served.context.stats().protocols.chat!.received.messages,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

/** A piece, and where it stands in its message. */
export function pieceOf(wsi: Wsi, piece: Uint8Array): string {
  const place = `${wsi.isFirstFragment ? "[" : "…"}${wsi.frameIsBinary ? "binary" : "text"}`;
  const end = wsi.isFinalFragment && wsi.remainingPacketPayload === 0 ? "]" : "…";
  return `${place}:${new TextDecoder().decode(piece)}${end}`;
}

/** All messages, until the loop ends. */
export async function all(messages: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

/** The value of the next message. */
export async function next(
  messages: AsyncIterator<Message, undefined>,
): Promise<Message | undefined> {
  return (await messages.next()).value;
}

export function text(payload: string) {
  return { opcode: 1, payload };
}

/** A close frame's payload. */
export function closing(code: number, reason = ""): { opcode: 8; payload: Uint8Array } {
  const said = new TextEncoder().encode(reason);
  return { opcode: 8, payload: Uint8Array.of(code >> 8, code & 255, ...said) };
}
