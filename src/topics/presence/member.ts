/** Members as a broker has them, and as programs see them. */

import type { PresenceMember } from "../../api/topics/broker_presence.ts";
import type { PresentConnection } from "../../api/topics/presence.ts";
import type { Move } from "./room.ts";

/** That of a publication which is none. */
export const NO_MEMBER: PresenceMember = { id: "", key: "", info: "null" };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The data of what is published of a member. */
export function bytesOf(member: PresenceMember): Uint8Array {
  return encoder.encode(JSON.stringify(member));
}

/** The member of a publication; undefined for what is none, as another program's. */
export function memberIn(data: Uint8Array): PresenceMember | undefined {
  try {
    return checkedMember(JSON.parse(decoder.decode(data)));
  } catch {
    return undefined;
  }
}

/** What a publication tells. */
export function moveOf(kind: Move["kind"], data: Uint8Array): Move {
  return { kind, member: memberIn(data) ?? NO_MEMBER };
}

/** What came of the broker, if it is a member. */
export function checkedMember(value: unknown): PresenceMember | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, key, info } = value as Record<string, unknown>;
  if (typeof id !== "string" || typeof key !== "string" || typeof info !== "string") {
    return undefined;
  }
  try {
    JSON.parse(info);
  } catch {
    return undefined;
  }
  return { id, key, info };
}

/** A member as programs see it; its info is their own. */
export function connectionOf({ id, key, info }: PresenceMember): PresentConnection {
  return { id, key, info: JSON.parse(info) };
}
