/** A server that a test plays, and the client of ours that comes. */

import type { Wsi } from "../../../mod.ts";
import {
  acceptOf,
  type PlayedServer,
  readHead,
  TARGET,
  WebSocketPeer,
} from "../../support/serve.ts";

/** Connects, and answers with a 101. Frames of a server have no key. */
export async function acceptAndOpen(
  served: PlayedServer,
): Promise<{ readonly wsi: Wsi; readonly socket: WebSocketPeer }> {
  const wsi = served.context.clientConnect(TARGET);
  const peer = await served.accept();
  const head = await readHead(peer);
  const key = /^sec-websocket-key: (.*)\r$/im.exec(head)![1]!;
  peer.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  return { wsi, socket: new WebSocketPeer(peer, "") };
}
