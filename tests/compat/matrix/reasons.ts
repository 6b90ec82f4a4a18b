/** The callback reasons of the five generations, each with its number there. */

import type { ByGeneration, GenerationName, Row, TestName } from "./types.ts";
import { GENERATIONS } from "./types.ts";

/** One reason through the generations. */
export interface ReasonRow extends Row {
  readonly id: string;
  /** Its C name without `LWS_CALLBACK_`. */
  readonly name: string;
  readonly numbers: ByGeneration<number>;
}

const REASONS: TestName = [
  "compat/reasons_test.ts",
  "every reason comes to the right protocol, with its user, in and len",
];
/** A test of TLS. */
const tls = (title: string): TestName => ["compat/tls_test.ts", title];
const EXTENSIONS: TestName = [
  "compat/extensions_test.ts",
  "the first protocol is asked before an extension is used",
];

/**
 * @param given Its numbers from 2010 on, `-` where there is none.
 * @param main The main API's reason; left out, what the C name says.
 */
function row(
  id: string,
  name: string,
  given: string,
  test: TestName = REASONS,
  main?: string,
  note?: string,
): ReasonRow {
  const numbers: Partial<Record<GenerationName, number>> = {};
  given.split(" ").forEach((each, index) => {
    if (each !== "-") numbers[GENERATIONS[index]!] = Number(each);
  });
  const camel = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return { id, name, numbers, main: main ?? camel, test, ...(note === undefined ? {} : { note }) };
}

/** R01 to R43. */
export const REASON_ROWS: readonly ReasonRow[] = [
  row("R01", "ESTABLISHED", "0 0 0 0 0"),
  row("R02", "CLIENT_ESTABLISHED", "- 1 2 3 3"),
  row("R03", "CLIENT_CONNECTION_ERROR", "- - 1 1 1"),
  row("R04", "CLIENT_FILTER_PRE_ESTABLISH", "- - - 2 2"),
  row("R05", "CLOSED", "1 2 3 4 4"),
  row("R06", "CLOSED_HTTP", "- - - - 5"),
  row("R07", "RECEIVE", "3 3 4 5 6"),
  row("R08", "RECEIVE_PONG", "- - - - 7"),
  row("R09", "CLIENT_RECEIVE", "- 4 5 6 8"),
  row("R10", "CLIENT_RECEIVE_PONG", "- 5 6 7 9"),
  row("R11", "BROADCAST", "- 8 10 - -"),
  row(
    "R12",
    "SEND",
    "2 - - - -",
    ["compat/nov10_test.ts", "SEND comes every 50 ms to established connections"],
    "user:…",
    "by `context.callbackAllProtocol` and a timer",
  ),
  row("R13", "CLIENT_WRITEABLE", "- 6 7 8 10", REASONS, undefined, "both sides' in feb11"),
  row("R14", "SERVER_WRITEABLE", "- - 8 9 11"),
  row("R15", "HTTP", "4 7 9 10 12"),
  row("R16", "HTTP_BODY", "- - - - 13"),
  row("R17", "HTTP_BODY_COMPLETION", "- - - - 14"),
  row("R18", "HTTP_WRITEABLE", "- - - 12 16"),
  row("R19", "HTTP_FILE_COMPLETION", "- - - 11 15"),
  row("R20", "FILTER_NETWORK_CONNECTION", "- - 11 13 17"),
  row("R21", "FILTER_HTTP_CONNECTION", "- - - - 18"),
  row("R22", "FILTER_PROTOCOL_CONNECTION", "- - 12 14 20"),
  row("R23", "SERVER_NEW_CLIENT_INSTANTIATED", "- - - - 19"),
  row(
    "R24",
    "OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS",
    "- - 13 15 21",
    tls("LOAD_EXTRA_CLIENT_VERIFY_CERTS gives what takes authorities"),
    undefined,
    "with the first client that wants TLS; `user` is a loader, over OpenSSL the `SSL_CTX`",
  ),
  row(
    "R25",
    "OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS",
    "- - 14 16 22",
    tls("LOAD_EXTRA_SERVER_VERIFY_CERTS gives what takes authorities"),
    undefined,
    "`user` is a loader, over OpenSSL the `SSL_CTX`, each one",
  ),
  row(
    "R26",
    "OPENSSL_CONTEXT_REQUIRES_PRIVATE_KEY",
    "- - - - 37",
    tls("CONTEXT_REQUIRES_PRIVATE_KEY gives what takes the key"),
    undefined,
    "`user` is a loader, over OpenSSL the `SSL_CTX`",
  ),
  row(
    "R27",
    "OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION",
    "- - 15 17 23",
    tls("PERFORM_CLIENT_CERT_VERIFICATION has the certificate"),
    undefined,
    "once a client; over OpenSSL with its pointers; unhandled, it accepts every certificate in C names, and the chain's verdict counts in the main API",
  ),
  row("R28", "CLIENT_APPEND_HANDSHAKE_HEADER", "- - 16 18 24"),
  row("R29", "CONFIRM_EXTENSION_OKAY", "- - 17 19 25", EXTENSIONS),
  row("R30", "CLIENT_CONFIRM_EXTENSION_SUPPORTED", "- - 18 20 26", EXTENSIONS),
  row("R31", "PROTOCOL_INIT", "- - - 21 27"),
  row("R32", "PROTOCOL_DESTROY", "- - - 22 28"),
  row("R33", "WSI_CREATE", "- - - - 29"),
  row("R34", "WSI_DESTROY", "- - - - 30"),
  row("R35", "ADD_POLL_FD", "- - 19 23 32"),
  row("R36", "DEL_POLL_FD", "- - 20 24 33"),
  row("R37", "SET_MODE_POLL_FD", "- - 21 25 -", REASONS, "changeModePollFd"),
  row("R38", "CLEAR_MODE_POLL_FD", "- - 22 26 -", REASONS, "changeModePollFd"),
  row("R39", "CHANGE_MODE_POLL_FD", "- - - - 34"),
  row("R40", "LOCK_POLL", "- - - - 35"),
  row("R41", "UNLOCK_POLL", "- - - - 36"),
  row("R42", "GET_THREAD_ID", "- - - - 31"),
  row(
    "R43",
    "USER",
    "- - - - 1000",
    ["compat/calls/", "callback_all_protocol calls with any number at once"],
    "user:…",
    "where the program's own numbers begin",
  ),
];
