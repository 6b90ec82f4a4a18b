/** What the main API is about to gain. */

import type { Context } from "../context.ts";

export interface LaterContext extends Context {
  broadcast(protocol: string, data: Uint8Array): number;
}
export const laterContext = (context: Context): LaterContext => context as LaterContext;
