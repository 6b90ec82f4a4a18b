/**
 * Channels between workers as Node's `worker_threads` has them, whose ports the web's workers take as well: only
 * these tell when the other end has gone with its worker, and let a message be looked for without waiting.
 */

import { MessageChannel as NodeChannel, receiveMessageOnPort } from "node:worker_threads";

/** What comes over a channel. */
export interface ChannelEvents {
  onMessage(message: unknown): void;
  /** A message has come that can't be read. */
  onUnreadable(): void;
  /** The other end is closed, or its worker has ended; the last call. */
  onGone(): void;
}

/** One end of a channel, which does not keep the program running. */
export interface ChannelEnd {
  /** Harmless when the other end has gone. */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** What was posted before still arrives; no event comes any more. */
  close(): void;
}

/** A channel: the end that stays, and the port that can be transferred. */
export interface OpenChannel {
  readonly end: ChannelEnd;
  readonly port: MessagePort;
}

/** Makes one. */
export function openChannel(events: ChannelEvents): OpenChannel {
  const { port1, port2 } = new NodeChannel();
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    port1.close();
  };
  // As the web has it: Node's own listeners have each message searched for ports, byte by byte.
  const web = port1 as unknown as MessagePort;
  web.onmessage = ({ data }) => {
    if (isOpen) events.onMessage(data);
  };
  web.onmessageerror = () => {
    if (isOpen) events.onUnreadable();
  };
  port1.on("close", () => {
    if (!isOpen) return;
    close();
    events.onGone();
  });
  port1.unref();
  const end: ChannelEnd = {
    post: (message, transfer = []) => web.postMessage(message, [...transfer]),
    close,
  };
  return { end, port: port2 as unknown as MessagePort };
}

/** The message that waits at a port, if one does; it is not dispatched as well. */
export function receiveAtOnce(port: MessagePort): unknown {
  return receiveMessageOnPort(port as unknown as Parameters<typeof receiveMessageOnPort>[0])
    ?.message;
}
