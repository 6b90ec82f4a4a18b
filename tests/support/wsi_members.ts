/** What a `Wsi` has, by its interface: the compiler asks for a line for each member, and for no other. */

import { assertEquals } from "@std/assert";
import type { Wsi } from "../../mod.ts";

const MEMBERS = {
  context: true,
  protocol: true,
  user: true,
  socketFd: true,
  isSsl: true,
  tls: true,
  isClient: true,
  wireVersion: true,
  extensions: true,
  peerAddresses: true,
  uri: true,
  request: true,
  pathParams: true,
  rawUri: true,
  method: true,
  hdrTotalLength: true,
  hdrCopy: true,
  hdrCopyFragment: true,
  hdrValues: true,
  headerNames: true,
  hdrSnapshot: true,
  cookie: true,
  uriArg: true,
  uriArgs: true,
  write: true,
  callbackOnWritable: true,
  partialBuffered: true,
  sendPipeChoked: true,
  unsentBytes: true,
  remainingPacketPayload: true,
  isFinalFragment: true,
  isFirstFragment: true,
  frameIsBinary: true,
  reservedBits: true,
  messages: true,
  send: true,
  rxFlowControl: true,
  setTimeout: true,
  close: true,
  subscribe: true,
  unsubscribe: true,
  publish: true,
  topics: true,
  serveHttpFile: true,
  respond: true,
  returnHttpStatus: true,
  writeEarlyHints: true,
  writeHttpHeaders: true,
  httpTransactionCompleted: true,
} satisfies Record<keyof Wsi, true>;

/** Every name that leads from an object, its class's constructor included, to anything of its class. */
function membersOf(object: object): string[] {
  const names = new Set<PropertyKey>();
  let each = Object.getPrototypeOf(object);
  while (each !== Object.prototype && each !== null) {
    for (const name of Reflect.ownKeys(each)) names.add(name);
    for (const name of Reflect.ownKeys(each.constructor)) {
      if (!["length", "name", "prototype"].includes(String(name))) {
        names.add(`static ${String(name)}`);
      }
    }
    each = Object.getPrototypeOf(each);
  }
  return [...names].map(String).sort();
}

/** Has a program find the members of an interface, and nothing else of what is behind the object. */
export function assertHasOnly(object: object, members: object, whose: string): void {
  assertEquals(Reflect.ownKeys(object), [], `${whose}: own keys`);
  const enumerable: string[] = [];
  for (const name in object) enumerable.push(name);
  assertEquals(enumerable, [], `${whose}: enumerable members`);
  // Beside those of the interface, what a log shows of it; no method.
  const wanted = [...Reflect.ownKeys(members), "constructor", Symbol.toStringTag].map(String)
    .sort();
  assertEquals(membersOf(object), wanted, whose);
}

export function assertIsFace(wsi: Wsi, whose: string): void {
  assertHasOnly(wsi, MEMBERS, whose);
}
