/** The functions and prototypes of the five generations, each with its C name and arguments there. */

import type { ByGeneration, GenerationName, Row, TestName } from "./types.ts";
import { GENERATIONS } from "./types.ts";

/** One function through the generations. */
export interface FunctionRow extends Row {
  readonly id: string;
  /** The C name in each generation that has it. */
  readonly names: ByGeneration<string>;
  /** How many arguments it has there; none for a prototype, which is a type. */
  readonly arguments?: ByGeneration<number>;
  /** What the note is about. @default all generations */
  readonly noteFor?: readonly GenerationName[];
}

const CALLS = "compat/calls/";
const CONTRACTS = "compat/contracts_test.ts";
const REASONS = "compat/reasons_test.ts";
const NOV10 = "compat/nov10_test.ts";
const SERVING = "compat/serving_files_test.ts";
const ENDINGS = "compat/endings_test.ts";

/**
 * @param given For each generation, from 2010 on: `-`, or the C name and its number of arguments.
 */
function row(
  id: string,
  given: readonly string[],
  main: string,
  test: TestName,
  note?: string,
  noteFor?: readonly GenerationName[],
): FunctionRow {
  const names: Partial<Record<GenerationName, string>> = {};
  const counts: Partial<Record<GenerationName, number>> = {};
  given.forEach((each, index) => {
    if (each === "-") return;
    const [name, count] = each.split("/") as [string, string | undefined];
    names[GENERATIONS[index]!] = name;
    if (count !== undefined) counts[GENERATIONS[index]!] = Number(count);
  });
  return {
    id,
    names,
    ...(Object.keys(counts).length === 0 ? {} : { arguments: counts }),
    main,
    test,
    ...(note === undefined ? {} : { note }),
    ...(noteFor === undefined ? {} : { noteFor }),
  };
}

const W = "libwebsocket_";
const S = "libwebsockets_";
const L = "lws_";

/** F01 to F38. */
export const FUNCTIONS: readonly FunctionRow[] = [
  row(
    "F01",
    [
      "-",
      `${W}create_context/7`,
      `${W}create_context/10`,
      `${W}create_context/1`,
      `${L}create_context/1`,
    ],
    "createContext",
    [CALLS, "creation listens, and serves nothing before it is serviced"],
  ),
  row(
    "F02",
    [`${W}create_server/8`, "-", "-", "-", "-"],
    "createContext",
    [NOV10, "create_server returns a descriptor, and serves by itself"],
    "`serverContext` gives what stops it",
  ),
  row(
    "F03",
    ["-", ...Array(3).fill(`${W}context_destroy/1`), `${L}context_destroy/1`],
    "context.destroy",
    [CONTRACTS, "connections end with their context as they did then"],
    "a promise",
  ),
  row(
    "F04",
    ["-", "-", `${W}context_user/1`, `${W}context_user/1`, `${L}context_user/1`],
    "context.user",
    [CALLS, "context_user returns what creation was given"],
  ),
  row(
    "F05",
    ["-", ...Array(3).fill(`${W}canonical_hostname/1`), `${L}canonical_hostname/1`],
    "context.canonicalHostname",
    [CALLS, "canonical_hostname is the host's own name"],
  ),
  row(
    "F06",
    ["-", "-", "-", "-", `${L}set_proxy/2`],
    "context.setProxy",
    [CALLS, "set_proxy returns 0, and −1 with a line in the log for what names no proxy"],
  ),
  row(
    "F07",
    ["-", "-", "-", `${L}get_library_version/0`, `${L}get_library_version/0`],
    "libraryVersion",
    [CALLS, "get_library_version is a version, a blank and a hash"],
  ),
  row(
    "F08",
    ["-", "-", "-", `${L}set_log_level/2`, `${L}set_log_level/2`],
    "setLogLevel",
    [CALLS, "set_log_level takes LLL bits, and null keeps the function"],
  ),
  row(
    "F09",
    ["-", ...Array(3).fill(`${W}service/2`), `${L}service/2`],
    "context.service",
    [CALLS, "service returns 0, 1 without a context, and an error after its end"],
    "a promise",
  ),
  row(
    "F10",
    ["-", ...Array(3).fill(`${W}service_fd/2`), `${L}service_fd/2`],
    "context.serviceFd",
    [
      "compat/tables_test.ts",
      "a loop of the program's own is told POLLIN, POLLOUT and POLLHUP, and served by descriptor",
    ],
  ),
  row(
    "F11",
    ["-", "-", "-", "-", `${L}cancel_service/1`],
    "context.cancelService",
    [CALLS, "cancel_service ends the wait of service"],
  ),
  row(
    "F12",
    ["-", `${S}fork_service_loop/1`, `${S}fork_service_loop/1`, "-", "-"],
    "forkServiceLoop",
    [CALLS, "fork_service_loop serves in the background"],
    "here in the same isolate, from where others learn how to broadcast; the main API's has a worker",
  ),
  row(
    "F13",
    [...Array(4).fill(`${W}write/4`), `${L}write/4`],
    "wsi.write",
    [CALLS, "write returns what it did then, and sends len bytes of each kind"],
  ),
  row(
    "F14",
    [
      "-",
      `${W}callback_on_writable/1`,
      `${W}callback_on_writable/2`,
      `${W}callback_on_writable/2`,
      `${L}callback_on_writable/1`,
    ],
    "wsi.callbackOnWritable",
    [CONTRACTS, "requests for a writeable callback merge, and it comes later and once"],
  ),
  row(
    "F15",
    [
      "-",
      ...Array(3).fill(`${W}callback_on_writable_all_protocol/1`),
      `${L}callback_on_writable_all_protocol/2`,
    ],
    "context.callbackOnWritableAllProtocol",
    [CALLS, "callback_on_writable_all_protocol asks for all that use a protocol"],
  ),
  row(
    "F16",
    ["-", "-", "-", "-", `${L}callback_all_protocol/3`],
    "context.callbackAllProtocol",
    [CALLS, "callback_all_protocol calls with any number at once, and ignores results"],
  ),
  row(
    "F17",
    ["-", `${S}broadcast/3`, `${S}broadcast/3`, "-", "-"],
    "context.broadcast",
    [CONTRACTS, "a broadcast calls back for each established connection, before it returns"],
    "from other processes: `connectBroadcast` in the main API, the same call here",
  ),
  row(
    "F18",
    ["-", "-", "-", "-", `${L}partial_buffered/1`],
    "wsi.partialBuffered",
    [CONTRACTS, "any write may leave something behind"],
  ),
  row(
    "F19",
    ["-", ...Array(3).fill(`${S}remaining_packet_payload/1`), `${L}remaining_packet_payload/1`],
    "wsi.remainingPacketPayload",
    [CONTRACTS, "10,000 bytes come in three pieces, with 5904, 1808 and 0 to follow"],
  ),
  row(
    "F20",
    ["-", "-", "-", `${L}frame_is_binary/1`, `${L}frame_is_binary/1`],
    "wsi.frameIsBinary",
    [CALLS, "frame_is_binary tells text and binary apart"],
  ),
  row(
    "F21",
    ["-", ...Array(3).fill(`${W}rx_flow_control/2`), `${L}rx_flow_control/2`],
    "wsi.rxFlowControl",
    [CALLS, "rx_flow_control stops and resumes one connection"],
  ),
  row(
    "F22",
    ["-", "-", "-", `${W}rx_flow_allow_all_protocol/1`, `${L}rx_flow_allow_all_protocol/2`],
    "context.rxFlowAllowAllProtocol",
    [CALLS, "rx_flow_allow_all_protocol lets all receive again"],
    "for each connection",
  ),
  row(
    "F23",
    ["-", ...Array(3).fill(`${S}get_protocol/1`), `${L}get_protocol/1`],
    "wsi.protocol",
    [CALLS, "get_protocol returns the struct itself"],
  ),
  row(
    "F24",
    ["-", ...Array(3).fill(`${W}get_socket_fd/1`), `${L}get_socket_fd/1`],
    "wsi.socketFd",
    [CALLS, "get_socket_fd is a number of each connection's own"],
  ),
  row(
    "F25",
    ["-", "-", `${S}get_peer_addresses/5`, `${S}get_peer_addresses/7`, `${L}get_peer_addresses/6`],
    "context.peerAddresses",
    [CALLS, "get_peer_addresses fills in what is known, cut to its size with its end"],
    "the name is there after `context.resolvePeerAddresses`",
  ),
  row(
    "F26",
    ["-", "-", "-", "-", `${L}is_ssl/1`],
    "wsi.isSsl",
    ["compat/tls_test.ts", "TLS is spoken with a certificate and its key"],
  ),
  row(
    "F27",
    ["-", "-", `${W}set_timeout/3`, `${W}set_timeout/3`, `${L}set_timeout/3`],
    "wsi.setTimeout",
    [CALLS, "set_timeout cuts the connection when the time is over"],
  ),
  row(
    "F28",
    ["-", "-", `${S}hangup_on_client/2`, "-", "-"],
    "context.hangupOnClient",
    [CALLS, "hangup_on_client ends a connection without a close frame"],
  ),
  row(
    "F29",
    [`${W}get_uri/1`, "-", "-", "-", "-"],
    "wsi.uri",
    [NOV10, "get_uri is the path, and serve_http_file sends a file"],
  ),
  row(
    "F30",
    [...Array(3).fill(`${S}serve_http_file/3`), `${S}serve_http_file/4`, `${L}serve_http_file/5`],
    "wsi.serveHttpFile",
    [SERVING, "serving a file returns 0 while it goes on, and the file comes"],
    "1 for a file of up to 64 KiB, which has left when it returns",
    ["mar13", "dec15"],
  ),
  row(
    "F31",
    ["-", "-", "-", "-", `${L}return_http_status/3`],
    "wsi.returnHttpStatus",
    [CALLS, "return_http_status answers with the code"],
  ),
  row(
    "F32",
    ["-", "-", "-", "-", `${L}http_transaction_completed/1`],
    "wsi.httpTransactionCompleted",
    [SERVING, "the transaction is completed by the program, and says whether to close"],
  ),
  row(
    "F33",
    ["-", ...Array(3).fill(`${W}client_connect/9`), `${L}client_connect/9`],
    "context.clientConnect",
    [CALLS, "client_connect makes a connection that talks with a server"],
    "a promise in feb11, which blocked",
    ["feb11"],
  ),
  row(
    "F34",
    [
      "-",
      "-",
      ...Array(2).fill(`${W}client_connect_extended/10`),
      `${L}client_connect_extended/10`,
    ],
    "context.clientConnect",
    [CALLS, "client_connect_extended gives the connection its user"],
    "with `userdata`",
  ),
  row(
    "F35",
    ["-", "-", "-", `${L}hdr_total_length/2`, `${L}hdr_total_length/2`],
    "wsi.hdrTotalLength",
    [CONTRACTS, "a header is copied when it fits with its end, repeated ones joined"],
  ),
  row(
    "F36",
    ["-", "-", "-", `${L}hdr_copy/4`, `${L}hdr_copy/4`],
    "wsi.hdrCopy",
    [CONTRACTS, "a header is copied when it fits with its end, repeated ones joined"],
  ),
  row(
    "F37",
    [
      "libwebsocket_callback",
      "libwebsocket_callback",
      "callback_function",
      "callback_function",
      "lws_callback_function",
    ],
    "Protocol.callback",
    [REASONS, "every reason comes to the right protocol, with its user, in and len"],
    "the program's own",
  ),
  row(
    "F38",
    [
      "-",
      "-",
      "extension_callback_function",
      "extension_callback_function",
      "lws_extension_callback_function",
    ],
    "ExtensionCallback",
    ["compat/extensions_test.ts", "an extension of a struct is called for what it is on"],
    "the program's own",
  ),
];

/** A helper of section 2.4's: where it is, under which names, and what covers it. */
export const HELPERS: readonly FunctionRow[] = [
  row(
    "H01",
    ["-", "-", `${W}is_final_fragment/1`, `${W}is_final_fragment/1`, `${L}is_final_fragment/1`],
    "wsi.isFinalFragment",
    [CONTRACTS, "nothing remains at the end of each frame, not of the message"],
  ),
  row(
    "H02",
    ["-", "-", `${W}get_reserved_bits/1`, `${W}get_reserved_bits/1`, `${L}get_reserved_bits/1`],
    "wsi.reservedBits",
    [CALLS, "get_reserved_bits are 0 without an extension"],
  ),
  row(
    "H03",
    ["-", "-", "-", "-", `${L}hdr_copy_fragment/5`],
    "wsi.hdrCopyFragment",
    [CONTRACTS, "the arguments of a URI come one by one"],
  ),
  row(
    "H04",
    ["-", "-", "-", "-", `${L}token_to_string/1`],
    "tokenToString",
    [CALLS, "token_to_string has a text for 0 to 77, and ends behind them"],
    "the main API's has headers only",
  ),
  ...["status/4", "by_name/6", "by_token/6", "content_length/4"].map((last, index) =>
    row(
      `H${String(5 + index).padStart(2, "0")}`,
      ["-", "-", "-", "-", `${L}add_http_header_${last}`],
      "HttpHeaderBlock",
      [CALLS, "a response head is built in a buffer, and what does not fit is told by 1"],
    )
  ),
  row(
    "H09",
    ["-", "-", "-", "-", `${L}finalize_http_header/3`],
    "HttpHeaderBlock",
    [CALLS, "a response head is built in a buffer, and what does not fit is told by 1"],
  ),
  row(
    "H10",
    ["-", "-", "-", "-", `${L}wsi_user/1`],
    "wsi.user",
    [CALLS, "is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection"],
  ),
  row(
    "H11",
    ["-", "-", "-", "-", `${L}get_context/1`],
    "wsi.context",
    [CALLS, "is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection"],
  ),
  row(
    "H12",
    ["-", "-", ...Array(3).fill(`${L}send_pipe_choked/1`)],
    "wsi.sendPipeChoked",
    [CALLS, "send_pipe_choked tells that something is unsent"],
  ),
  row(
    "H13",
    ["-", "-", "-", "-", `${L}get_peer_write_allowance/1`],
    "",
    [CALLS, "is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection"],
    "−1, as only HTTP/2 can say it",
  ),
  row(
    "H14",
    ["-", "-", "-", "-", `${L}get_fops/1`],
    "context.fileOps",
    [CALLS, "the file operations of a context can be replaced one by one"],
  ),
  ...["open/4", "close/2", "seek_cur/3", "read/5", "write/5"].map((last, index) =>
    row(
      `H${15 + index}`,
      ["-", "-", "-", "-", `${L}plat_file_${last}`],
      "FileOps",
      [
        "compat/plat_files_test.ts",
        "a file is opened, read, moved in, written and closed in the turn of one callback",
      ],
    )
  ),
  row(
    "H20",
    ["-", "-", "-", `${W}get_internal_extensions/0`, `${L}get_internal_extensions/0`],
    "deflateFrame",
    ["compat/extensions_test.ts", "the extensions that were built in are negotiated"],
    "an array in oct12: `libwebsocket_internal_extensions`",
  ),
  row(
    "H21",
    ["-", "-", `${S}get_random/3`, `${S}get_random/3`, `${L}get_random/3`],
    "",
    [CALLS, "random bytes, SHA-1 and base64"],
    "the runtime has `crypto.getRandomValues`",
  ),
  row(
    "H22",
    ["-", "-", `${S}SHA1/3`, `${S}SHA1/3`, `${L}SHA1/3`],
    "",
    [CALLS, "random bytes, SHA-1 and base64"],
    "the runtime has `crypto.subtle`",
  ),
  row(
    "H23",
    ["-", "-", ...Array(3).fill(`${L}b64_encode_string/4`)],
    "",
    [CALLS, "random bytes, SHA-1 and base64"],
    "the runtime has `toBase64`",
  ),
  row(
    "H24",
    ["-", "-", ...Array(3).fill(`${L}b64_decode_string/3`)],
    "",
    [CALLS, "random bytes, SHA-1 and base64"],
    "the runtime has `fromBase64`",
  ),
  row(
    "H50",
    ["-", ...Array(4).fill("poll/3")],
    "context.poll",
    ["compat/poll_test.ts", "poll with timeout 0 tells at once what has come"],
    "the system's; a promise, unless the timeout is 0. A fourth argument names one of several contexts",
  ),
  row(
    "H36",
    ["-", "-", `${W}close_and_free_session/3`, "-", "-"],
    "wsi.close",
    [ENDINGS, "close_and_free_session ends a session with a status"],
  ),
  row(
    "H37",
    ["-", `${W}client_close/1`, "-", "-", "-"],
    "context.hangupOnClient",
    [ENDINGS, "client_close ends a client at once"],
  ),
  row(
    "H38",
    ["-", "-", `${W}ensure_user_space/1`, "-", "-"],
    "",
    [ENDINGS, "ensure_user_space finds the user there already"],
    "`user` is there before the first callback that gets it",
  ),
  row(
    "H39",
    ["-", "-", "-", "lwsl_hexdump/2", "lwsl_hexdump/2"],
    "setLogLevel",
    [CALLS, "lwsl_hexdump logs sixteen bytes a line"],
    "for the program's own lines",
  ),
  row(
    "H25",
    ["-", "-", "-", "-", `${L}write_http/3`],
    "wsi.write",
    [CALLS, "a response head is built in a buffer, and what does not fit is told by 1"],
  ),
  ...["err", "warn", "notice", "info", "debug", "parser", "header", "ext", "client", "latency"].map(
    (level, index) =>
      row(
        `H${26 + index}`,
        ["-", "-", "-", `lwsl_${level}/1`, `lwsl_${level}/1`],
        "setLogLevel",
        [CALLS, "set_log_level takes LLL bits, and null keeps the function"],
        "for the program's own lines",
      ),
  ),
];
