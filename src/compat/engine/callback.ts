/** Turns a C callback into a protocol's callback of the main API. */

import type { Context } from "../../api/context.ts";
import type { HandshakeFilter, Reason, ReasonData } from "../../api/reasons.ts";
import type { Wsi } from "../../api/wsi.ts";
import { behind } from "../../base/face.ts";
import type { Generation, Given } from "./generation.ts";
import { NEWEST, plain } from "./placements.ts";
import { numberFrom } from "./results.ts";
import { type AnyProtocolStruct, NAMELESS, type Served } from "./served.ts";

/** What is asked of a connection behind its `Wsi`. Implemented by Connection. */
interface Droppable {
  /** Ends it for a number that a callback returned, where the reason has no rule of its own. */
  dropFor(reason: Reason, result: number): void;
}

/** A callback of the main API without the pairing of reasons and data. */
export type LooseCallback = (wsi: Wsi, reason: Reason, user: unknown, data: unknown) => number;

type LoosePlacement = (user: unknown, data: unknown, wsi: Wsi) => Given;

/** User reasons carry their number: `user:1000` comes to C callbacks as 1000. */
export function userReason(number: number): `user:${number}` {
  return `user:${number}`;
}

let calling: Context | undefined;

/** The context that runs a callback now, for C calls that name no context. */
export function callingContext(): Context | undefined {
  return calling;
}

/**
 * The callback of `own` in the main API.
 *
 * @param isFirstName Whether it is for the first of the names that the struct has.
 */
export function adapt(
  served: Served,
  own: AnyProtocolStruct,
  isFirstName: boolean,
): LooseCallback {
  const { generation } = served;
  const { reasons, swallowsEmptyFrames, errorsGoToAskedProtocol } = generation;
  const splitsPollMode = reasons.number("setModePollFd") !== undefined;

  return (wsi, reason, user, data) => {
    served.bind(wsi.context);
    // They come once for a struct.
    if (!isFirstName && (reason === "protocolInit" || reason === "protocolDestroy")) return 0;
    if (refuses(served, own, wsi, reason, data)) return 1;
    if (reason === "wsiCreate") served.connections.add(wsi);
    if (reason === "wsiDestroy") served.connections.delete(wsi);
    if (reason === "changeModePollFd" && splitsPollMode) {
      return changePollMode(served, own, wsi, user, data as ReasonData["changeModePollFd"]);
    }

    const number = numberOf(generation, reason);
    let result = 0;
    if (number !== undefined) {
      const isEmptyFrame = reason === "receive" || reason === "clientReceive"
        ? (data as Uint8Array).length === 0
        : false;
      if (isEmptyFrame && swallowsEmptyFrames) return 0;
      const target = reason === "clientConnectionError" && errorsGoToAskedProtocol
        ? served.askedFirst(wsi) ?? own
        : own;
      result = call(served, target, wsi, number, place(generation, wsi, reason, user, data));
      result = judge(generation, reason, result);
      // In C 0 accepts whatever the verdict.
      if (reason === "opensslPerformClientCertVerification" && result === 0) {
        (data as ReasonData["opensslPerformClientCertVerification"]).accept();
      }
      // The main API has sent the file, and goes on whatever this returns.
      if (reason === "httpFileCompletion" && result !== 0) {
        behind<Droppable>(wsi).dropFor(reason, result);
      }
    }
    if (reason === "clientEstablished" || reason === "clientConnectionError") {
      served.outcomes.get(wsi)?.(reason === "clientEstablished");
    }
    return result;
  };
}

/** The number of a reason; a generation may have one for two, or none. */
function numberOf(generation: Generation, reason: Reason): number | undefined {
  if (reason.startsWith("user:")) return Number(reason.slice("user:".length));
  const { reasons } = generation;
  const isWriteable = reason === "serverWriteable" || reason === "httpWriteable";
  // One reason stood for all connections, before there was one for servers.
  if (isWriteable && reasons.number("serverWriteable") === undefined) {
    return reasons.number("clientWriteable");
  }
  return reasons.number(reason);
}

function place(
  generation: Generation,
  wsi: Wsi,
  reason: Reason,
  user: unknown,
  data: unknown,
): Given {
  const name = reason as keyof ReasonData;
  const placement = generation.placements?.[name] ?? NEWEST[name] ?? plain;
  return (placement as LoosePlacement)(user ?? null, data, wsi);
}

function call(
  { generation }: Served,
  struct: AnyProtocolStruct,
  wsi: Wsi,
  number: number,
  given: Given,
): number {
  const before = calling;
  calling = wsi.context;
  try {
    const result = generation.call(struct.callback!, wsi, number, given);
    if (typeof result === "number") return result;
    return numberFrom(result, struct, generation, "LWS_CALLBACK_", number);
  } finally {
    calling = before;
  }
}

/** What a return value means to the main API. */
function judge(generation: Generation, reason: Reason, result: number): number {
  const verdict = generation.verdicts?.[reason as keyof ReasonData] ?? generation.otherwise;
  if (verdict === "ignored") return 0;
  return verdict === "negativeCloses" && result > 0 ? 0 : result;
}

/** What older generations refused by themselves, before any callback. */
function refuses(
  { generation, asked }: Served,
  own: AnyProtocolStruct,
  wsi: Wsi,
  reason: Reason,
  data: unknown,
): boolean {
  if (reason === "filterProtocolConnection") {
    const { protocol } = data as HandshakeFilter;
    // NAMELESS stands for a protocol without a name, which no client can ask for.
    if (protocol.startsWith(NAMELESS)) return true;
    return generation.needsProtocolName === true && protocol === "" && own.name !== null;
  }
  if (reason === "clientFilterPreEstablish") {
    return generation.needsProtocolName === true && (asked.get(wsi)?.length ?? 0) > 0 &&
      wsi.hdrTotalLength("sec-websocket-protocol") === 0;
  }
  return false;
}

/** One change was two reasons once: what to watch for as well, and what no more. */
function changePollMode(
  served: Served,
  own: AnyProtocolStruct,
  wsi: Wsi,
  user: unknown,
  { fd, events, prevEvents }: ReasonData["changeModePollFd"],
): number {
  const { reasons } = served.generation;
  const tell = (name: string, changed: number) => {
    if (changed === 0) return;
    const data = { fd, events: changed, prevEvents };
    const given = place(served.generation, wsi, "changeModePollFd", user, data);
    call(served, own, wsi, reasons.number(name)!, given);
  };
  tell("setModePollFd", events & ~prevEvents);
  tell("clearModePollFd", prevEvents & ~events);
  return 0;
}
