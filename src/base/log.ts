/** Logging after libwebsockets' `lws_set_log_level`: module-wide levels and one emitter. */

import { refuseArgument } from "./check.ts";
import { hasDescriptor } from "./descriptors.ts";

/**
 * The log levels, after the C library's `LLL_` bits: `err` is a fault of the program or the system, `warn`
 * what the program should know, `notice` what it may want to, `info` how connections end; the others are
 * for looking closer: `debug` connections that come and go, `parser` the heads that were read,
 * `header` their fields (names and lengths, never values), `ext` extensions that were agreed on, `client`
 * the steps of client connections, and `latency` how long those took.
 *
 * @category Errors and logging
 */
export type LogLevel =
  | "err"
  | "warn"
  | "notice"
  | "info"
  | "debug"
  | "parser"
  | "header"
  | "ext"
  | "client"
  | "latency";

/**
 * Receives every line whose level is enabled, without a newline (`log_emit_function` of
 * `lws_set_log_level`). Implemented by the program and called in the midst of the logging code; what it
 * throws, or a promise of its rejects with, is dropped.
 *
 * @category Errors and logging
 */
export type LogEmitter = (level: LogLevel, line: string) => void;

/**
 * Every level, from the gravest on.
 *
 * @category Errors and logging
 */
export const LOG_LEVELS: readonly LogLevel[] = [
  "err",
  "warn",
  "notice",
  "info",
  "debug",
  "parser",
  "header",
  "ext",
  "client",
  "latency",
];

const toStderr: LogEmitter = (level, line) => {
  const stamp = (Date.now() / 1000).toFixed(4);
  // deno-lint-ignore no-console -- the default emitter is where lines meet the terminal
  console.error(`[${stamp}] ${level.toUpperCase()}: ${line}`);
};

let enabled: ReadonlySet<LogLevel> = new Set(["err", "warn", "notice"]);
let emitter: LogEmitter = toStderr;

/**
 * Enables these levels and no others, for all contexts of this module (`lws_set_log_level`).
 *
 * @category Errors and logging
 * @param levels Default before the first call: `err`, `warn` and `notice`.
 * @param emit Where lines go; left out or null keeps the current one. Default: standard error.
 * @throws {LwsError} `invalid-argument` when a level has no such name, or `emit` can't be called.
 *
 * @example
 * ```ts
 * import { setLogLevel } from "@x/lws";
 *
 * const lines: string[] = [];
 * setLogLevel(["err", "warn"], (level, line) => lines.push(`${level}: ${line}`));
 * ```
 *
 * @example An emitter with the priorities of syslog, as journald reads them from standard error
 * ```ts
 * import { type LogLevel, setLogLevel } from "@x/lws";
 *
 * const PRIORITY: Partial<Record<LogLevel, number>> = { err: 3, warn: 4, notice: 5, info: 6 };
 * setLogLevel(["err", "warn", "notice", "info"], (level, line) => {
 *   console.error(`<${PRIORITY[level] ?? 7}>${line}`);
 * });
 * ```
 */
export function setLogLevel(levels: readonly LogLevel[], emit?: LogEmitter | null): void {
  if (!Array.isArray(levels)) refuseArgument("setLogLevel", "levels", levels, "a list of levels");
  for (const level of levels) {
    if (LOG_LEVELS.includes(level)) continue;
    refuseArgument("setLogLevel", "levels", level, LOG_LEVELS.join(", "));
  }
  if (emit !== undefined && emit !== null && typeof emit !== "function") {
    refuseArgument("setLogLevel", "emit", emit, "a function, or null");
  }
  enabled = new Set(levels);
  if (emit) emitter = emit;
}

/** Whether lines of `level` go anywhere; asked before a costly line is made. */
export function isLogged(level: LogLevel): boolean {
  return enabled.has(level);
}

/**
 * Writes one line, when its level is enabled. What the emitter throws is dropped.
 *
 * @param line a function where it takes something to make it, which is called for enabled levels only
 */
export function log(level: LogLevel, line: string | (() => string)): void {
  if (!enabled.has(level)) return;
  try {
    const promised: unknown = emitter(level, typeof line === "string" ? line : line());
    if (promised instanceof Promise) promised.catch(() => {});
  } catch {
    // The program's own emitter failed, as it did in the promise above: the log is where it would be told.
  }
}

/**
 * What the program threw, for the log, with its stack. The runtime opens files to map a stack to the
 * sources, and panics when it can't: with no descriptor left there is the message alone.
 */
export function describeError(error: unknown): string {
  try {
    // Asked once: it may be a getter, and each time files are opened.
    const stack = error instanceof Error && hasDescriptor() ? error.stack : undefined;
    if (stack !== undefined) {
      return String(stack);
    }
  } catch {
    // What is thrown may be anything, with getters that throw.
  }
  return describeFailure(error);
}

/** What the runtime threw (an accept, a file that can't be opened), for the log: its stack says nothing. */
export function describeFailure(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return UNSHOWABLE;
  }
}

/** The message of a thrown value of any type. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return UNSHOWABLE;
  }
}

const UNSHOWABLE = "something that can't be shown";
