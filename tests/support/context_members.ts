/** What a `Context` has, by its interface: the compiler asks for a line for each member, and for no other. */

import { assertEquals } from "@std/assert";
import type { Context } from "../../mod.ts";

const MEMBERS = {
  port: true,
  user: true,
  protocols: true,
  limits: true,
  fileOps: true,
  canonicalHostname: true,
  isDestroyed: true,
  closed: true,
  clientConnect: true,
  adopt: true,
  peerAddresses: true,
  resolvePeerAddresses: true,
  hangupOnClient: true,
  setCertificate: true,
  setProxy: true,
  callbackOnWritableAllProtocol: true,
  rxFlowAllowAllProtocol: true,
  callbackAllProtocol: true,
  broadcast: true,
  openPort: true,
  service: true,
  cancelService: true,
  serviceFd: true,
  poll: true,
  pollNow: true,
  destroy: true,
  [Symbol.asyncDispose]: true,
} satisfies Record<keyof Context, true>;

/** Has a program find the members of `Context`, and nothing else of what a context is made of. */
export function assertIsContextFace(context: Context, whose: string): void {
  assertEquals(Reflect.ownKeys(context), [], `${whose}: own keys`);
  const enumerable: string[] = [];
  for (const name in context) enumerable.push(name);
  assertEquals(enumerable, [], `${whose}: enumerable members`);
  const face = Object.getPrototypeOf(context);
  assertEquals(Object.getPrototypeOf(face), Object.prototype, `${whose}: one class`);
  assertEquals(
    new Set(Reflect.ownKeys(face)),
    new Set([...Reflect.ownKeys(MEMBERS), "constructor"]),
    whose,
  );
}
