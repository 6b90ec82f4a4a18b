/** What a client says in `lws.resume.v1`: one JSON object a message. */

import type { Position } from "../api/topics/topics.ts";

/** What is asked for. */
export type Request =
  | {
    readonly kind: "subscribe";
    readonly id: number;
    readonly topic: string;
    readonly since: Position | undefined;
  }
  | { readonly kind: "unsubscribe"; readonly topic: string }
  | { readonly kind: "probe"; readonly id: number }
  | { readonly kind: "data"; readonly data: unknown };

/** Of an epoch, in UTF-16 units: those of brokers are short, and this goes to them. */
const LONGEST_EPOCH = 255;
/** Names of members, of which one says what a request is. */
const KINDS = ["s", "u", "p", "d"];

/** A request, or what is wrong with it, in words for the peer. */
export function readRequest(text: string): Request | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "the message is no JSON";
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return "the message is no JSON object";
  }
  const given = parsed as Readonly<Record<string, unknown>>;
  const kinds = KINDS.filter((name) => Object.hasOwn(given, name));
  if (kinds.length !== 1) return "the message has to have one of s, u, p and d";
  if (kinds[0] === "s") return subscribing(given);
  const { u, p, d } = given;
  if (kinds[0] === "d") return { kind: "data", data: d };
  if (kinds[0] === "p") return isWhole(p) ? { kind: "probe", id: p } : "p is no whole number";
  return typeof u === "string" ? { kind: "unsubscribe", topic: u } : "u is no text";
}

function subscribing({ s, t, e, o }: Readonly<Record<string, unknown>>): Request | string {
  if (!isWhole(s)) return "s is no whole number";
  if (typeof t !== "string") return "t is no text";
  const request = { kind: "subscribe", id: s, topic: t } as const;
  if (e === undefined && o === undefined) return { ...request, since: undefined };
  if (typeof e !== "string" || e.length > LONGEST_EPOCH) {
    return `e is no text of at most ${LONGEST_EPOCH} characters`;
  }
  if (!isWhole(o)) return "o is no whole number";
  return { ...request, since: { epoch: e, offset: o } };
}

/** From 0 on. */
function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
