/** What crosses the port of a shared broker, and whether a message is of that kind. */

import type { BrokerHistory, BrokerPublish } from "../../api/topics/broker.ts";
import type { PresenceMember, PresenceMembers } from "../../api/topics/broker_presence.ts";
import type { Position } from "../../api/topics/topics.ts";
import { isTopic } from "../../topics/topic_name.ts";
import { type Columns, isColumns } from "./columns.ts";

/** What waits at a port from its first moment on. */
export interface Hello {
  readonly kind: "broker";
  readonly keepsHistory: boolean;
  readonly hasPresence: boolean;
  readonly canReconnect: boolean;
  /** Whether parts of the broker can fail by themselves. */
  readonly hasParts: boolean;
}

/** The calls of a port, and what they are given. */
export interface CallArguments {
  start: [];
  subscribe: [topics: readonly string[]];
  unsubscribe: [topics: readonly string[]];
  publish: [topic: string, data: Uint8Array, options: BrokerPublish];
  history: [topic: string, since: Position | undefined, limit: number];
  tops: [topics: readonly string[]];
  reconnect: [];
  join: [topic: string, member: PresenceMember, history: boolean];
  leave: [topic: string, id: string, history: boolean];
  tend: [leaseMs: number, history: boolean, sweeps: boolean];
  members: [topic: string, limit: number];
}

/** What they resolve with. */
export interface CallResults {
  start: void;
  subscribe: void;
  unsubscribe: void;
  publish: Position;
  history: SentHistory;
  tops: readonly Position[];
  reconnect: void;
  join: void;
  leave: void;
  tend: boolean;
  members: PresenceMembers;
}

/** A history whose publications are columns. */
export type SentHistory = Omit<BrokerHistory, "publications"> & { readonly publications: Columns };

export type CallName = keyof CallArguments;

/** A call, which is answered by its `id`. */
export type PortCall = {
  readonly [Name in CallName]: {
    readonly id: number;
    readonly call: Name;
    readonly args: CallArguments[Name];
  };
}[CallName];

/** What a port has to say in one turn. */
export interface PortMessage {
  /** How many messages of the share it has taken since it told that last. */
  readonly taken: number;
  /** Each is a {@linkcode PortCall}, or is ignored. */
  readonly calls: readonly unknown[];
}

/** The last word of either end. */
export const PORT_CLOSED = "closed";

/** What a share has to say, one thing of many. */
export type ShareItem =
  | { readonly kind: "publications"; readonly columns: Columns }
  | { readonly kind: "answer"; readonly id: number; readonly result: CallResults[CallName] }
  | {
    readonly kind: "refusal";
    readonly id: number;
    readonly code: string;
    readonly message: string;
    /** The parts that the topics of the call are of, in their order, if it had topics and there are parts. */
    readonly parts?: readonly string[] | undefined;
  }
  | { readonly kind: "interrupted"; readonly topics: readonly string[] | undefined }
  | { readonly kind: "state"; readonly isUp: boolean };

/** What it has to say in one turn, in that order. */
export interface ShareMessage {
  readonly items: readonly ShareItem[];
}

/** As many topics has a call at most. */
const MOST_TOPICS = 1_000;

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isLimit(value: unknown): boolean {
  return isCount(value) || value === Infinity;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || isText(value);
}

function areTopics(value: unknown): boolean {
  return Array.isArray(value) && value.length <= MOST_TOPICS && value.every(isTopic);
}

function isPosition(value: unknown): boolean {
  return isObject(value) && isText(value.epoch) && isCount(value.offset);
}

/** Shared memory would change after it was looked at. */
function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}

function isPublish(value: unknown): boolean {
  return isObject(value) && isBoolean(value.isBinary) && isBoolean(value.history) &&
    isTextOrNone(value.id) && isTextOrNone(value.sender);
}

function isMember(value: unknown): boolean {
  return isObject(value) && [value.id, value.key, value.info].every(isText);
}

/** What each argument of a call has to be. */
const ARGUMENTS: Readonly<Record<CallName, readonly ((value: unknown) => boolean)[]>> = {
  start: [],
  subscribe: [areTopics],
  unsubscribe: [areTopics],
  publish: [isTopic, isBytes, isPublish],
  history: [isTopic, (value) => value === undefined || isPosition(value), isLimit],
  tops: [areTopics],
  reconnect: [],
  join: [isTopic, isMember, isBoolean],
  leave: [isTopic, isText, isBoolean],
  tend: [isLimit, isBoolean, isBoolean],
  members: [isTopic, isLimit],
};

/** Whether it is a call that can be done; the worker that has the port can send anything. */
export function isCall(value: unknown): value is PortCall {
  if (!isObject(value) || !isCount(value.id) || !Array.isArray(value.args)) return false;
  const { call, args } = value;
  if (typeof call !== "string" || !Object.hasOwn(ARGUMENTS, call)) return false;
  const checks = ARGUMENTS[call as CallName];
  return args.length === checks.length && checks.every((check, i) => check(args[i]));
}

/** Whether it is of the kind that a port sends. */
export function isPortMessage(value: unknown): value is PortMessage {
  return isObject(value) && isCount(value.taken) && Array.isArray(value.calls);
}

/** Whether it is the first word of a share. */
export function isHello(value: unknown): value is Hello {
  return isObject(value) && value.kind === "broker" &&
    [value.keepsHistory, value.hasPresence, value.canReconnect, value.hasParts].every(isBoolean);
}

function isItem(value: unknown): value is ShareItem {
  if (!isObject(value)) return false;
  switch (value.kind) {
    case "publications":
      return isColumns(value.columns);
    case "answer":
      return isCount(value.id);
    case "refusal":
      return isCount(value.id) && isText(value.code) && isText(value.message) &&
        (value.parts === undefined || areTexts(value.parts));
    case "interrupted":
      return value.topics === undefined || areTexts(value.topics);
    default:
      return value.kind === "state" && isBoolean(value.isUp);
  }
}

/** Whether a share has sent it. */
export function isShareMessage(value: unknown): value is ShareMessage {
  return isObject(value) && Array.isArray(value.items) && value.items.every(isItem);
}
