/** The functions and prototypes of the five generations, each with its C name and arguments there. */

import { type ByGeneration, type GenerationName, GENERATIONS, type Row } from "./types.ts";

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

const PREFIXES: Readonly<Record<string, string>> = {
  W: "libwebsocket_",
  S: "libwebsockets_",
  L: "lws_",
};

/**
 * Rows of two lines and more: the number, the main API's name, and from 2010 on the prefix of the C name that
 * follows the colon and its number of arguments, or a name of its own; then the test; then what is noted, of all
 * generations or of some.
 */
function table(text: string): readonly FunctionRow[] {
  return text.trim().split(/\n(?=\S)/).map((each) => {
    const [first, second, third] = each.split("\n") as [string, string, string | undefined];
    const [, id, main, given] = /^(\w+) (\S+): (.+)$/.exec(first)!;
    const [, file, title] = /^ {2}(\S+): (.+)$/.exec(second)!;
    const [, noteFor, note] = /^ {2}(?:\((.+?)\) )?(.+)$/.exec(third ?? "") ?? [];
    return {
      id: id!,
      ...namesOf(given!.split(" ")),
      main: main === "-" ? "" : main!,
      test: [`compat/${file}`, title!],
      ...(note === undefined ? {} : { note }),
      ...(noteFor === undefined ? {} : { noteFor: noteFor.split(" ") as GenerationName[] }),
    };
  });
}

/** The C names, `write W4 W4 W4 W4 L4`, and how many arguments each has. */
function namesOf(given: readonly string[]): Pick<FunctionRow, "names" | "arguments"> {
  const names: Partial<Record<GenerationName, string>> = {};
  const counts: Partial<Record<GenerationName, number>> = {};
  given.slice(-GENERATIONS.length).forEach((each, index) => {
    if (each === "-") return;
    const [, prefix, count] = /^([WSL]?)(\d+)$/.exec(each) ?? [];
    names[GENERATIONS[index]!] = count === undefined ? each : (PREFIXES[prefix!] ?? "") + given[0];
    if (count !== undefined) counts[GENERATIONS[index]!] = Number(count);
  });
  return { names, ...(Object.keys(counts).length === 0 ? {} : { arguments: counts }) };
}

/** F01 to F38. */
export const FUNCTIONS = table(`
F01 createContext: create_context - W7 W10 W1 L1
  calls/: creation listens, and serves nothing before it is serviced
F02 createContext: create_server W8 - - - -
  nov10_test.ts: create_server returns a descriptor, and serves by itself
  \`serverContext\` gives what stops it
F03 context.destroy: context_destroy - W1 W1 W1 L1
  contracts_test.ts: connections end with their context as they did then
  a promise
F04 context.user: context_user - - W1 W1 L1
  calls/: context_user returns what creation was given
F05 context.canonicalHostname: canonical_hostname - W1 W1 W1 L1
  calls/: canonical_hostname is the host's own name
F06 context.setProxy: set_proxy - - - - L2
  calls/: set_proxy returns 0, and −1 with a line in the log for what names no proxy
F07 libraryVersion: get_library_version - - - L0 L0
  calls/: get_library_version is a version, a blank and a hash
F08 setLogLevel: set_log_level - - - L2 L2
  calls/: set_log_level takes LLL bits, and null keeps the function
F09 context.service: service - W2 W2 W2 L2
  calls/: service returns 0, 1 without a context, and an error after its end
  a promise
F10 context.serviceFd: service_fd - W2 W2 W2 L2
  tables_test.ts: a loop of the program's own is told POLLIN, POLLOUT and POLLHUP, and served by descriptor
F11 context.cancelService: cancel_service - - - - L1
  calls/: cancel_service ends the wait of service
F12 forkServiceLoop: fork_service_loop - S1 S1 - -
  calls/: fork_service_loop serves in the background
  here in the same isolate, from where others learn how to broadcast; the main API's has a worker
F13 wsi.write: write W4 W4 W4 W4 L4
  calls/: write returns what it did then, and sends len bytes of each kind
F14 wsi.callbackOnWritable: callback_on_writable - W1 W2 W2 L1
  contracts_test.ts: requests for a writeable callback merge, and it comes later and once
F15 context.callbackOnWritableAllProtocol: callback_on_writable_all_protocol - W1 W1 W1 L2
  calls/: callback_on_writable_all_protocol asks for all that use a protocol
F16 context.callbackAllProtocol: callback_all_protocol - - - - L3
  calls/: callback_all_protocol calls with any number at once, and ignores results
F17 context.broadcast: broadcast - S3 S3 - -
  contracts_test.ts: a broadcast calls back for each established connection, before it returns
  from other processes: \`connectBroadcast\` in the main API, the same call here
F18 wsi.partialBuffered: partial_buffered - - - - L1
  contracts_test.ts: any write may leave something behind
F19 wsi.remainingPacketPayload: remaining_packet_payload - S1 S1 S1 L1
  contracts_test.ts: 10,000 bytes come in three pieces, with 5904, 1808 and 0 to follow
F20 wsi.frameIsBinary: frame_is_binary - - - L1 L1
  calls/: frame_is_binary tells text and binary apart
F21 wsi.rxFlowControl: rx_flow_control - W2 W2 W2 L2
  calls/: rx_flow_control stops and resumes one connection
F22 context.rxFlowAllowAllProtocol: rx_flow_allow_all_protocol - - - W1 L2
  calls/: rx_flow_allow_all_protocol lets all receive again
  for each connection
F23 wsi.protocol: get_protocol - S1 S1 S1 L1
  calls/: get_protocol returns the struct itself
F24 wsi.socketFd: get_socket_fd - W1 W1 W1 L1
  calls/: get_socket_fd is a number of each connection's own
F25 context.peerAddresses: get_peer_addresses - - S5 S7 L6
  calls/: get_peer_addresses fills in what is known, cut to its size with its end
  the name is there after \`context.resolvePeerAddresses\`
F26 wsi.isSsl: is_ssl - - - - L1
  tls_test.ts: TLS is spoken with a certificate and its key
F27 wsi.setTimeout: set_timeout - - W3 W3 L3
  calls/: set_timeout cuts the connection when the time is over
F28 context.hangupOnClient: hangup_on_client - - S2 - -
  calls/: hangup_on_client ends a connection without a close frame
F29 wsi.uri: get_uri W1 - - - -
  nov10_test.ts: get_uri is the path, and serve_http_file sends a file
F30 wsi.serveHttpFile: serve_http_file S3 S3 S3 S4 L5
  serving_files_test.ts: serving a file returns 0 while it goes on, and the file comes
  (mar13 dec15) 1 for a file of up to 64 KiB, which has left when it returns
F31 wsi.returnHttpStatus: return_http_status - - - - L3
  calls/: return_http_status answers with the code
F32 wsi.httpTransactionCompleted: http_transaction_completed - - - - L1
  serving_files_test.ts: the transaction is completed by the program, and says whether to close
F33 context.clientConnect: client_connect - W9 W9 W9 L9
  calls/: client_connect makes a connection that talks with a server
  (feb11) a promise in feb11, which blocked
F34 context.clientConnect: client_connect_extended - - W10 W10 L10
  calls/: client_connect_extended gives the connection its user
  with \`userdata\`
F35 wsi.hdrTotalLength: hdr_total_length - - - L2 L2
  contracts_test.ts: a header is copied when it fits with its end, repeated ones joined
F36 wsi.hdrCopy: hdr_copy - - - L4 L4
  contracts_test.ts: a header is copied when it fits with its end, repeated ones joined
F37 Protocol.callback: libwebsocket_callback libwebsocket_callback callback_function callback_function lws_callback_function
  reasons_test.ts: every reason comes to the right protocol, with its user, in and len
  the program's own
F38 ExtensionCallback: - - extension_callback_function extension_callback_function lws_extension_callback_function
  extensions_test.ts: an extension of a struct is called for what it is on
  the program's own
`);

/** A helper of section 2.4's: where it is, under which names, and what covers it. */
export const HELPERS = table(`
H01 wsi.isFinalFragment: is_final_fragment - - W1 W1 L1
  contracts_test.ts: nothing remains at the end of each frame, not of the message
H02 wsi.reservedBits: get_reserved_bits - - W1 W1 L1
  calls/: get_reserved_bits are 0 without an extension
H03 wsi.hdrCopyFragment: hdr_copy_fragment - - - - L5
  contracts_test.ts: the arguments of a URI come one by one
H04 tokenToString: token_to_string - - - - L1
  calls/: token_to_string has a text for 0 to 77, and ends behind them
  the main API's has headers only
H05 HttpHeaderBlock: add_http_header_status - - - - L4
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H06 HttpHeaderBlock: add_http_header_by_name - - - - L6
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H07 HttpHeaderBlock: add_http_header_by_token - - - - L6
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H08 HttpHeaderBlock: add_http_header_content_length - - - - L4
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H09 HttpHeaderBlock: finalize_http_header - - - - L3
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H10 wsi.user: wsi_user - - - - L1
  calls/: is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection
H11 wsi.context: get_context - - - - L1
  calls/: is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection
H12 wsi.sendPipeChoked: send_pipe_choked - - L1 L1 L1
  calls/: send_pipe_choked tells that 64 KiB are unsent, or more than may be
  1 from 64 KiB on; that of the main API is true of any byte
H13 -: get_peer_write_allowance - - - - L1
  calls/: is_ssl, wsi_user, get_context and get_peer_write_allowance of a plain connection
  −1, as only HTTP/2 can say it
H14 context.fileOps: get_fops - - - - L1
  calls/: the file operations of a context can be replaced one by one
H15 FileOps: plat_file_open - - - - L4
  plat_files_test.ts: a file is opened, read, moved in, written and closed in the turn of one callback
H16 FileOps: plat_file_close - - - - L2
  plat_files_test.ts: a file is opened, read, moved in, written and closed in the turn of one callback
H17 FileOps: plat_file_seek_cur - - - - L3
  plat_files_test.ts: a file is opened, read, moved in, written and closed in the turn of one callback
H18 FileOps: plat_file_read - - - - L5
  plat_files_test.ts: a file is opened, read, moved in, written and closed in the turn of one callback
H19 FileOps: plat_file_write - - - - L5
  plat_files_test.ts: a file is opened, read, moved in, written and closed in the turn of one callback
H20 deflateFrame: get_internal_extensions - - - W0 L0
  extensions_test.ts: the extensions that were built in are negotiated
  an array in oct12: \`libwebsocket_internal_extensions\`
H21 -: get_random - - S3 S3 L3
  calls/: random bytes, SHA-1 and base64
  the runtime has \`crypto.getRandomValues\`
H22 -: SHA1 - - S3 S3 L3
  calls/: random bytes, SHA-1 and base64
  the runtime has \`crypto.subtle\`
H23 -: b64_encode_string - - L4 L4 L4
  calls/: random bytes, SHA-1 and base64
  the runtime has \`toBase64\`
H24 -: b64_decode_string - - L3 L3 L3
  calls/: random bytes, SHA-1 and base64
  the runtime has \`fromBase64\`
H50 context.poll: poll - 3 3 3 3
  poll_test.ts: poll with timeout 0 tells at once what has come
  the system's; a promise, unless the timeout is 0. A fourth argument names one of several contexts
H36 wsi.close: close_and_free_session - - W3 - -
  endings_test.ts: close_and_free_session ends a session with a status
H37 context.hangupOnClient: client_close - W1 - - -
  endings_test.ts: client_close ends a client at once
H38 -: ensure_user_space - - W1 - -
  endings_test.ts: ensure_user_space finds the user there already
  \`user\` is there before the first callback that gets it
H39 setLogLevel: lwsl_hexdump - - - 2 2
  calls/: lwsl_hexdump logs sixteen bytes a line
  for the program's own lines
H25 wsi.write: write_http - - - - L3
  calls/: a response head is built in a buffer, and what does not fit is told by 1
H26 setLogLevel: lwsl_err - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H27 setLogLevel: lwsl_warn - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H28 setLogLevel: lwsl_notice - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H29 setLogLevel: lwsl_info - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H30 setLogLevel: lwsl_debug - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H31 setLogLevel: lwsl_parser - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H32 setLogLevel: lwsl_header - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H33 setLogLevel: lwsl_ext - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H34 setLogLevel: lwsl_client - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
H35 setLogLevel: lwsl_latency - - - 1 1
  calls/: set_log_level takes LLL bits, and null keeps the function
  for the program's own lines
`);
