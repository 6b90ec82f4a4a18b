/** Logging after libwebsockets' `lws_set_log_level`: module-wide levels and one emitter. */

import { refuseArgument } from "./check.ts";
import { type Line, plain } from "./log/line.ts";
import { type LimiterClock, LineLimiter } from "./log/limiter.ts";

export { line, own, thrown, traced, type Value } from "./log/line.ts";
export { describeError, describeFailure, messageOf } from "./log/thrown.ts";

/**
 * The log levels, after the C library's `LLL_` bits: `err` is a fault of the program or the system, `warn`
 * what the program should know, `notice` what it may want to, `info` how connections end; the others are
 * for looking closer: `debug` connections that come and go, `parser` the heads that were read,
 * `header` their fields (names and lengths, never values), `ext` extensions that were agreed on, `client`
 * the steps of client connections, and `latency` how long those took.
 *
 * Of the first four, five lines of a kind come in a second, and one that says how many more there were.
 * What a peer has written is cut at 200 characters, and escaped where it is not printable ASCII.
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
  limiter.reset();
  enabled = new Set(levels);
  if (emit) emitter = emit;
}

/** Whether lines of `level` go anywhere; asked before a costly line is made. */
export function isLogged(level: LogLevel): boolean {
  return enabled.has(level);
}

/** What tells of what went wrong or ended; the others, for looking closer, are worth nothing with gaps. */
const LIMITED: ReadonlySet<LogLevel> = new Set<LogLevel>(["err", "warn", "notice", "info"]);

const limiter = new LineLimiter<LogLevel>((level, text) => {
  if (enabled.has(level)) emit(level, text);
});

/** Limits lines by a context's clock until what is returned is called. */
export function limitBy(clock: LimiterClock): () => void {
  return limiter.lend(clock);
}

/**
 * Writes one line, when its level is enabled. What a stranger can cause says {@linkcode line} with a template,
 * so that it is limited in length, signs and number.
 *
 * @param given a function where it takes something to make it, which is called for enabled levels only
 */
export function log(level: LogLevel, given: string | Line | (() => string | Line)): void {
  if (!enabled.has(level)) return;
  try {
    const made = typeof given === "function" ? given() : given;
    const { kind, text } = typeof made === "string" ? plain(made) : made;
    if (!LIMITED.has(level) || limiter.passes(level, kind)) emit(level, text);
  } catch {
    // What makes the line has failed: the log is where it would be told.
  }
}

/** Writes a line of the program's own, as it is. */
export function logOwn(level: LogLevel, given: () => string): void {
  if (enabled.has(level)) emit(level, given());
}

function emit(level: LogLevel, text: string): void {
  try {
    const promised: unknown = emitter(level, text);
    if (promised instanceof Promise) promised.catch(() => {});
  } catch {
    // The program's own emitter failed, as it did in the promise above: the log is where it would be told.
  }
}
