/** Turns an object of methods into a protocol's callback. */

import type { CallbackResult } from "../api/protocol.ts";
import type { CallbackArguments, ReasonData } from "../api/reasons.ts";
import { gatherMessages } from "./protocol/messages.ts";
import { callbackOf, type MethodRules } from "./protocol/method_table.ts";
import type { Handlers } from "./protocol/method_types.ts";

const RULES: MethodRules = {
  call: "handlers",
  parameter: "methods",
  aliases: { message: { reasons: ["receive", "clientReceive"], wrap: gatherMessages } },
  others: [],
  complaint: "is no reason; allowed: message, and the names of ReasonData",
};

/**
 * Makes a callback of methods named by their reasons. The method `message` gets whole messages.
 *
 * @category Protocols
 * @typeParam User The type of the per-session data: `handlers<{ seen: number }>({…})`.
 * @param methods An object of methods, or an instance of a class that has them.
 *
 * @example
 * ```ts
 * import { handlers, type Protocol } from "@x/lws";
 *
 * const echo: Protocol = {
 *   name: "echo",
 *   callback: handlers({
 *     message(wsi, _user, message) {
 *       wsi.write(message, typeof message === "string" ? "text" : "binary");
 *     },
 *   }),
 * };
 * ```
 *
 * @throws {LwsError} `invalid-argument`, which names every method that is wrong.
 */
export function handlers<User = unknown>(
  methods: Handlers<User> | Pick<Handlers<User>, keyof ReasonData | "message">,
): (...args: CallbackArguments<User>) => CallbackResult {
  return callbackOf<User>(methods, RULES);
}
