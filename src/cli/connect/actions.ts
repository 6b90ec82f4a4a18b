/** What a line asks for: a message, or what a slash in front names. */

import { CLOSE_STATUS } from "../../core/websocket/close.ts";

/** What a line comes to. */
export type Action =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "ping" | "pong"; readonly payload: string }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "help" }
  /** It can't be done. */
  | { readonly kind: "fault"; readonly why: string };

/** How lines are read. */
export interface LineRules {
  /** Whether a line is a binary message in hexadecimal. */
  readonly isHex: boolean;
  /** Whether a slash in front makes it a command. */
  readonly hasCommands: boolean;
}

/** What `/help` says. */
export const HELP: readonly string[] = [
  "A line is sent as a text message. What begins with a slash is a command:",
  "  /ping [TEXT]            sends a ping",
  "  /pong [TEXT]            sends a pong that was not asked for",
  "  /binary HEX             sends a binary message, such as /binary 00 ff",
  "  /close [CODE [REASON]]  closes, with 1000 unless told otherwise",
  "  //TEXT                  sends /TEXT",
];

/** Reads a line. */
export function readAction(line: string, { isHex, hasCommands }: LineRules): Action {
  if (hasCommands && line.startsWith("/")) {
    if (line.startsWith("//")) return messageOf(line.slice(1), isHex);
    const [, name = "", rest = ""] = /^\/(\S*)\s?(.*)$/s.exec(line)!;
    return command(name, rest);
  }
  return messageOf(line, isHex);
}

function messageOf(text: string, isHex: boolean): Action {
  return isHex ? binary(text) : { kind: "text", text };
}

function command(name: string, rest: string): Action {
  switch (name) {
    case "ping":
    case "pong":
      return { kind: name, payload: rest };
    case "binary":
      return binary(rest);
    case "close":
      return close(rest);
    case "help":
      return { kind: "help" };
    default:
      return fault(
        `there is no command /${name}; /help lists them, and //${name} sends it as text`,
      );
  }
}

function binary(hex: string): Action {
  try {
    return { kind: "binary", bytes: Uint8Array.fromHex(hex.replace(/\s+/g, "")) };
  } catch {
    return fault(`${JSON.stringify(hex.slice(0, 64))} is no hexadecimal, such as 00ff or 00 ff`);
  }
}

function close(rest: string): Action {
  const [, digits = "", reason = ""] = /^(\S*)\s*(.*)$/s.exec(rest)!;
  if (digits === "") return { kind: "close", code: CLOSE_STATUS.normal, reason: "" };
  if (/^\d{4}$/.test(digits)) return { kind: "close", code: Number(digits), reason };
  return fault(`${JSON.stringify(digits)} is no close code; allowed: 1000 to 4999`);
}

function fault(why: string): Action {
  return { kind: "fault", why };
}
