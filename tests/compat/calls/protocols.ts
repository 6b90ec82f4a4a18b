/** Protocols and arguments that calls are tested with. */

import type { Context, Wsi } from "../../../mod.ts";
import { type Callback, type Face, type ProtocolSpec } from "../support.ts";

export const GET = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

export const quiet: ProtocolSpec = { name: "talk", callback: () => 0 };

/** A server whose only protocol collects its connections. */
export function keeping(more: Callback = () => 0): { wsis: Wsi[]; protocols: ProtocolSpec[] } {
  const wsis: Wsi[] = [];
  const callback: Callback = (wsi, reason, ...rest) => {
    if (reason === "ESTABLISHED") wsis.push(wsi);
    return more(wsi, reason, ...rest);
  };
  return { wsis, protocols: [{ name: "talk", callback }] };
}

export const talk = { protocol: "talk" };

export const noListen = (face: Face) => face.api.CONTEXT_PORT_NO_LISTEN as number;

/** The arguments of a client's connect. */
export const to = (context: Context, asked: string | null = "talk") =>
  [context, "127.0.0.1", 80, 0, "/", "h", null, asked, -1] as const;
