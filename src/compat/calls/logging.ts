/** `lws_set_log_level` and the `lwsl_` functions. */

import { LOG_LEVELS, type LogLevel, logOwn, setLogLevel } from "../../base/log.ts";
import { attempt } from "../engine/attempt.ts";
import { refuse, theText, theWhole } from "../engine/guards.ts";
import { bytesAt } from "../engine/pointers.ts";

/** What `lws_set_log_level` is given: the `LLL_` bit of a line, and the line with its newline. */
export type LogEmitFunction = (level: number, line: string) => void;

/**
 * Enables the levels of these bits and no others, for all contexts.
 *
 * @param level `LLL_` bits. Before the first call: `LLL_ERR | LLL_WARN | LLL_NOTICE`.
 * @param log_emit_function Where lines go; null keeps what there is. Before: standard error.
 */
export function setLevels(level: number, log_emit_function: LogEmitFunction | null): void {
  attempt("lws_set_log_level", undefined, () => {
    theWhole("level", level);
    if (log_emit_function !== null && typeof log_emit_function !== "function") {
      refuse("log_emit_function", log_emit_function, "a function, or null");
    }
    const levels = LOG_LEVELS.filter((_, bit) => (level & 1 << bit) !== 0);
    setLogLevel(
      levels,
      log_emit_function &&
        ((name, line) => log_emit_function(1 << LOG_LEVELS.indexOf(name), `${line}\n`)),
    );
  });
}

/** How many bytes a line of a dump has. */
const DUMP_WIDTH = 16;

/** Logs `len` bytes at `vbuf`, 16 in a line, in hexadecimal and as text, at `LLL_DEBUG`. */
export function hexdump(vbuf: Uint8Array | string, len: number): void {
  attempt("lwsl_hexdump", undefined, () => {
    const bytes = bytesAt(vbuf, len, ["vbuf", "len"]);
    for (let start = 0; start < bytes.length; start += DUMP_WIDTH) {
      logOwn("debug", () => dumpLine(start, [...bytes.subarray(start, start + DUMP_WIDTH)]));
    }
  });
}

function logger(level: LogLevel): (line: string) => void {
  // Lines carried their own newline.
  return (line) =>
    attempt(`lwsl_${level}`, undefined, () => {
      const text = theText("line", line);
      logOwn(level, () => text.replace(/\n$/, ""));
    });
}

function dumpLine(start: number, bytes: readonly number[]): string {
  const hex = bytes.map((byte) => `${inHex(byte, 2)} `).join("");
  const text = bytes.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".");
  const padded = hex.padEnd(DUMP_WIDTH * "00 ".length);
  return `${inHex(start, 4)}: ${padded}   ${text.join("").padEnd(DUMP_WIDTH)}`;
}

function inHex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

/** Logs what failed. */
export const lwsl_err: (line: string) => void = logger("err");
/** Logs what went wrong and was dealt with. */
export const lwsl_warn: (line: string) => void = logger("warn");
/** Logs what is worth knowing. */
export const lwsl_notice: (line: string) => void = logger("notice");
/** Logs what happens. */
export const lwsl_info: (line: string) => void = logger("info");
/** Logs what only a developer wants to know. */
export const lwsl_debug: (line: string) => void = logger("debug");
/** Logs how bytes are parsed. */
export const lwsl_parser: (line: string) => void = logger("parser");
/** Logs how headers are read. */
export const lwsl_header: (line: string) => void = logger("header");
/** Logs what extensions do. */
export const lwsl_ext: (line: string) => void = logger("ext");
/** Logs what client connections do. */
export const lwsl_client: (line: string) => void = logger("client");
/** Logs how long things take. */
export const lwsl_latency: (line: string) => void = logger("latency");
