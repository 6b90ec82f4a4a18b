/** What a `Context` has, by its interface: the compiler asks for a line for each member, and for no other. */

import type { Context } from "../../mod.ts";
import { assertHasOnly } from "./wsi_members.ts";

const MEMBERS = {
  port: true,
  user: true,
  protocols: true,
  limits: true,
  fileOps: true,
  canonicalHostname: true,
  presence: true,
  isDestroyed: true,
  closed: true,
  clientConnect: true,
  dial: true,
  adopt: true,
  peerAddresses: true,
  resolvePeerAddresses: true,
  hangupOnClient: true,
  setCertificate: true,
  setProxy: true,
  stats: true,
  connections: true,
  callbackOnWritableAllProtocol: true,
  rxFlowAllowAllProtocol: true,
  callbackAllProtocol: true,
  broadcast: true,
  publish: true,
  history: true,
  subscriberCount: true,
  openPort: true,
  service: true,
  serviceSync: true,
  cancelService: true,
  serviceFd: true,
  poll: true,
  pollNow: true,
  destroy: true,
  [Symbol.asyncDispose]: true,
} satisfies Record<keyof Context, true>;

export function assertIsContextFace(context: Context, whose: string): void {
  assertHasOnly(context, MEMBERS, whose);
}
