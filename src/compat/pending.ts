/** What the main API is about to gain. */

import type { Context } from "../context.ts";
import type { Wsi } from "../wsi.ts";

export interface LaterWsi extends Wsi {
  hdrCopyFragment(token: string, n: number, maxLength?: number): string | undefined;
  readonly sendPipeChoked: boolean;
}
export interface LaterContext extends Context {
  readonly canonicalHostname: string;
  hangupOnClient(socketFd: number): void;
  setProxy(proxy: string): number;
  rxFlowAllowAllProtocol(protocol: string): void;
  broadcast(protocol: string, data: Uint8Array): number;
}
export const later = (wsi: Wsi): LaterWsi => wsi as LaterWsi;
export const laterContext = (context: Context): LaterContext => context as LaterContext;
