/** The constants of the five generations, each with its number there. */

import type { ByGeneration, GenerationName, Row, TestName } from "./types.ts";
import { GENERATIONS } from "./types.ts";

/** One constant through the generations. */
export interface ConstantRow extends Row {
  readonly name: string;
  readonly values: ByGeneration<number>;
}

/** A test of TLS. */
const tls = (title: string): TestName => ["compat/tls_test.ts", title];
const CALLS = "compat/calls/";
const CONTRACTS = "compat/contracts_test.ts";
const WRITES: TestName = [
  CALLS,
  "write returns what it did then, and sends len bytes of each kind",
];
const TABLES = "compat/tables_test.ts";
const TIMEOUT: TestName = [
  TABLES,
  "every reason for a timeout cuts the connection when the time is over",
];
const STATUS: TestName = [TABLES, "every HTTP status is answered with its number"];
const CLOSE: TestName = [
  TABLES,
  "every close status is sent with its number, and none that must not be",
];
const OPTION: TestName = [TABLES, "every option bit is taken"];
const LOOP: TestName = [
  TABLES,
  "a loop of the program's own is told POLLIN, POLLOUT and POLLHUP, and served by descriptor",
];
const METHOD: TestName = [TABLES, "the path of every method is read by its token"];
const TOKENS: TestName = [TABLES, "the header of every token is read by its number"];
const CHALLENGE: TestName = [
  "compat/hixie_test.ts",
  "the bytes behind its head are read by their tokens",
];
const ABSENT: TestName = [TABLES, "tokens that no request has are absent"];
const ARRAY: TestName = [CONTRACTS, "the filter gets all headers as an array by token"];
const EXTENSION = "compat/extensions_test.ts";
const USED: TestName = [EXTENSION, "an extension of a struct is called for what it is on"];
const HEARD: TestName = [
  EXTENSION,
  "an extension hears of contexts, of clients, of each second and of closing",
];

/** @param given Its values from 2010 on, `-` where it is not. */
function row(
  name: string,
  given: string,
  main: string,
  test: TestName,
  note?: string,
): ConstantRow {
  const values: Partial<Record<GenerationName, number>> = {};
  given.split(" ").forEach((each, index) => {
    if (each !== "-") values[GENERATIONS[index]!] = Number(each);
  });
  return { name, values, main, test, ...(note === undefined ? {} : { note }) };
}

/** Names whose values are their places, from 0, in some generations. */
function counted(
  prefix: string,
  names: string,
  generations: readonly GenerationName[],
  main: (name: string) => string,
  test: TestName | ((name: string) => TestName),
): ConstantRow[] {
  return names.split(" ").map((name, value) => ({
    name: prefix + name,
    values: Object.fromEntries(generations.map((generation) => [generation, value])),
    main: main(name),
    test: typeof test === "function" ? test(name) : test,
  }));
}

/** Names and their values, the same in some generations. */
function valued(
  prefix: string,
  pairs: string,
  generations: readonly GenerationName[],
  main: (name: string) => string,
  test: TestName,
): ConstantRow[] {
  return pairs.split(" ").map((pair) => {
    const [name, value] = pair.split("=") as [string, string];
    return {
      name: prefix + name,
      values: Object.fromEntries(generations.map((generation) => [generation, Number(value)])),
      main: main(name),
      test,
    };
  });
}

const camel = (name: string) =>
  name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** What only a multiplexer of connections would get, and no program ever does. */
const MULTIPLEXER: ReadonlySet<string> = new Set(
  "PACKET_TX_DO_SEND HANDSHAKE_REPLY_TX EXTENDED_PAYLOAD_RX CAN_PROXY_CLIENT_CONNECTION REQUEST_ON_WRITEABLE IS_WRITEABLE"
    .split(" "),
);

/** What comes on one side only, each second, or when it closes. */
const HEARD_OF = /^(CLIENT_.*|SERVER_CONTEXT_.*|CHECK_OK_.*|1HZ)$/;

/** The test that reads a header by its token. */
function testOfToken(name: string): TestName {
  if (/_URI$|URI_ARGS$|TRANSFER_ENCODING$/.test(name)) return name === "GET_URI" ? ARRAY : METHOD;
  if (name === "HTTP") {
    return [TABLES, "a client reads the status and the headers of the answer by their tokens"];
  }
  if (name === "CHALLENGE") return CHALLENGE;
  return /^(MUXURL|HTTP_COLON_\w+)$/.test(name) ? ABSENT : TOKENS;
}

/** All of them. */
export const CONSTANTS: readonly ConstantRow[] = [
  row("LWS_WRITE_TEXT", "0 0 0 0 0", '"text"', WRITES),
  row("LWS_WRITE_BINARY", "1 1 1 1 1", '"binary"', WRITES),
  row("LWS_WRITE_CONTINUATION", "- - 2 2 2", '"continuation"', [
    CALLS,
    "fragments are written with NO_FIN",
  ]),
  row("LWS_WRITE_HTTP", "2 2 3 3 3", '"http"', WRITES),
  row("LWS_WRITE_CLOSE", "- 3 4 4 4", '"close"', [
    CALLS,
    "a length of 0 is warned of and returns 0, but for control frames",
  ]),
  row("LWS_WRITE_PING", "- 4 5 5 5", '"ping"', WRITES),
  row("LWS_WRITE_PONG", "- 5 6 6 6", '"pong"', WRITES),
  row("LWS_WRITE_HTTP_FINAL", "- - - - 7", '"httpFinal"', [
    CALLS,
    "LWS_WRITE_HTTP_FINAL ends the transaction",
  ]),
  row("LWS_WRITE_HTTP_HEADERS", "- - - - 8", '"httpHeaders"', [
    CALLS,
    "a response head is built in a buffer, and what does not fit is told by 1",
  ]),
  row("LWS_WRITE_NO_FIN", "- 64 64 64 64", "fin: false", [
    CALLS,
    "fragments are written with NO_FIN",
  ]),
  row("LWS_WRITE_CLIENT_IGNORE_XOR_MASK", "- 128 128 128 128", "ignoreXorMask: true", [
    CALLS,
    "a client may send with the all-zero key",
  ]),
  row("LWS_SERVER_OPTION_DEFEAT_CLIENT_MASK", "- 1 1 1 1", "options.defeatClientMask", [
    TABLES,
    "a client with DEFEAT_CLIENT_MASK sends without masking",
  ]),
  row(
    "LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT",
    "- - 2 2 2",
    "options.requireValidClientCert",
    tls("PERFORM_CLIENT_CERT_VERIFICATION has the certificate"),
  ),
  row(
    "LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME",
    "- - - 4 4",
    "options.skipServerCanonicalName",
    [TABLES, "SKIP_SERVER_CANONICAL_NAME leaves the host's own name unknown"],
  ),
  row(
    "LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT",
    "- - - - 8",
    "options.allowNonSslOnSslPort",
    tls("bit 8 takes plain HTTP on a TLS port"),
  ),
  row("LWS_SERVER_OPTION_LIBEV", "- - - - 16", "options.libev", OPTION),
  row(
    "LWS_SERVER_OPTION_DISABLE_IPV6",
    "- - - - 32",
    "options.disableIpv6",
    tls("bit 32 leaves out IPv6"),
  ),
  row(
    "LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS",
    "- - - - 64",
    "options.disableOsCaCerts",
    tls("bit 64 leaves nobody to trust but ssl_ca_filepath"),
  ),
  row(
    "LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED",
    "- - - - 128",
    "options.peerCertNotRequired",
    tls("bit 128 lets in who has no certificate"),
  ),
  row("CONTEXT_PORT_NO_LISTEN", "- 0 0 0 -1", "CONTEXT_PORT_NO_LISTEN", [
    CALLS,
    "makes a context that only connects",
  ]),
  row(
    "LWS_SEND_BUFFER_PRE_PADDING",
    "12 14 18 18 32",
    "PRE_PADDING",
    WRITES,
    "room in front is not needed, and does no harm",
  ),
  row(
    "LWS_SEND_BUFFER_POST_PADDING",
    "1 1 1 4 4",
    "",
    WRITES,
    "room behind is not needed, and does no harm",
  ),
  row("NO_PENDING_TIMEOUT", "- - 0 0 0", '"noPendingTimeout"', [
    CALLS,
    "and not when it is called off",
  ]),
  row("PENDING_TIMEOUT_AWAITING_PROXY_RESPONSE", "- - 1 1 1", '"awaitingProxyResponse"', TIMEOUT),
  row(
    "PENDING_TIMEOUT_AWAITING_CONNECT_RESPONSE",
    "- - - - 2",
    '"awaitingConnectResponse"',
    TIMEOUT,
  ),
  row("PENDING_TIMEOUT_ESTABLISH_WITH_SERVER", "- - 2 2 3", '"establishWithServer"', TIMEOUT),
  row("PENDING_TIMEOUT_AWAITING_SERVER_RESPONSE", "- - 3 3 4", '"awaitingServerResponse"', TIMEOUT),
  row("PENDING_TIMEOUT_AWAITING_PING", "- - 4 4 5", '"awaitingPing"', TIMEOUT),
  row("PENDING_TIMEOUT_CLOSE_ACK", "- - 5 5 6", '"closeAck"', TIMEOUT),
  row(
    "PENDING_TIMEOUT_AWAITING_EXTENSION_CONNECT_RESPONSE",
    "- - 6 6 7",
    '"awaitingExtensionConnectResponse"',
    TIMEOUT,
  ),
  row("PENDING_TIMEOUT_SENT_CLIENT_HANDSHAKE", "- - - 7 8", '"sentClientHandshake"', TIMEOUT),
  row("PENDING_TIMEOUT_SSL_ACCEPT", "- - - 8 9", '"sslAccept"', TIMEOUT),
  row("PENDING_TIMEOUT_HTTP_CONTENT", "- - - - 10", '"httpContent"', TIMEOUT),
  row("PENDING_TIMEOUT_AWAITING_CLIENT_HS_SEND", "- - - - 11", '"awaitingClientHsSend"', TIMEOUT),
  row(
    "PENDING_FLUSH_STORED_SEND_BEFORE_CLOSE",
    "- - - - 12",
    '"flushStoredSendBeforeClose"',
    TIMEOUT,
  ),
  ...valued(
    "LLL_",
    "ERR=1 WARN=2 NOTICE=4 INFO=8 DEBUG=16 PARSER=32 HEADER=64 EXT=128 CLIENT=256 LATENCY=512",
    ["mar13", "dec15"],
    (name) => `"${name.toLowerCase()}"`,
    [CALLS, "set_log_level takes LLL bits, and null keeps the function"],
  ),
  ...valued(
    "LWS_CLOSE_STATUS_",
    "NOSTATUS=0 NORMAL=1000 GOINGAWAY=1001 PROTOCOL_ERR=1002 UNACCEPTABLE_OPCODE=1003",
    ["oct12", "mar13", "dec15"],
    (name) => name === "NOSTATUS" ? "" : "CLOSE_STATUS",
    CLOSE,
  ),
  row(
    "LWS_CLOSE_STATUS_PAYLOAD_TOO_LARGE",
    "- - 1004 - -",
    "CLOSE_STATUS",
    CLOSE,
    "1009 since RFC 6455",
  ),
  ...valued(
    "LWS_CLOSE_STATUS_",
    "RESERVED=1004 NO_STATUS=1005 ABNORMAL_CLOSE=1006 INVALID_PAYLOAD=1007 POLICY_VIOLATION=1008 MESSAGE_TOO_LARGE=1009 EXTENSION_REQUIRED=1010 UNEXPECTED_CONDITION=1011 TLS_FAILURE=1015",
    ["mar13", "dec15"],
    () => "CLOSE_STATUS",
    CLOSE,
  ),
  row("LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY", "- - - - 9999", "", CLOSE, "the library's own"),
  ...counted(
    "WSI_TOKEN_",
    "GET_URI HOST CONNECTION KEY1 KEY2 PROTOCOL UPGRADE ORIGIN DRAFT CHALLENGE KEY VERSION SWORIGIN EXTENSIONS ACCEPT NONCE HTTP MUXURL",
    ["oct12", "mar13"],
    (name) => name === "MUXURL" ? "" : "HEADER_TOKENS",
    testOfToken,
  ),
  ...counted(
    "WSI_TOKEN_",
    "GET_URI POST_URI OPTIONS_URI HOST CONNECTION UPGRADE ORIGIN DRAFT CHALLENGE EXTENSIONS KEY1 KEY2 PROTOCOL ACCEPT NONCE HTTP HTTP2_SETTINGS HTTP_ACCEPT HTTP_AC_REQUEST_HEADERS HTTP_IF_MODIFIED_SINCE HTTP_IF_NONE_MATCH HTTP_ACCEPT_ENCODING HTTP_ACCEPT_LANGUAGE HTTP_PRAGMA HTTP_CACHE_CONTROL HTTP_AUTHORIZATION HTTP_COOKIE HTTP_CONTENT_LENGTH HTTP_CONTENT_TYPE HTTP_DATE HTTP_RANGE HTTP_REFERER KEY VERSION SWORIGIN HTTP_COLON_AUTHORITY HTTP_COLON_METHOD HTTP_COLON_PATH HTTP_COLON_SCHEME HTTP_COLON_STATUS HTTP_ACCEPT_CHARSET HTTP_ACCEPT_RANGES HTTP_ACCESS_CONTROL_ALLOW_ORIGIN HTTP_AGE HTTP_ALLOW HTTP_CONTENT_DISPOSITION HTTP_CONTENT_ENCODING HTTP_CONTENT_LANGUAGE HTTP_CONTENT_LOCATION HTTP_CONTENT_RANGE HTTP_ETAG HTTP_EXPECT HTTP_EXPIRES HTTP_FROM HTTP_IF_MATCH HTTP_IF_RANGE HTTP_IF_UNMODIFIED_SINCE HTTP_LAST_MODIFIED HTTP_LINK HTTP_LOCATION HTTP_MAX_FORWARDS HTTP_PROXY_AUTHENTICATE HTTP_PROXY_AUTHORIZATION HTTP_REFRESH HTTP_RETRY_AFTER HTTP_SERVER HTTP_SET_COOKIE HTTP_STRICT_TRANSPORT_SECURITY HTTP_TRANSFER_ENCODING HTTP_USER_AGENT HTTP_VARY HTTP_VIA HTTP_WWW_AUTHENTICATE PATCH_URI PUT_URI DELETE_URI HTTP_URI_ARGS",
    ["dec15"],
    () => "HEADER_TOKENS",
    testOfToken,
  ),
  row(
    "WSI_TOKEN_PROXY",
    "- - - - 73",
    "HEADER_TOKENS",
    METHOD,
    "as `WSI_TOKEN_PATCH_URI`, by a slip",
  ),
  row("WSI_TOKEN_COUNT", "- - 18 23 82", "HEADER_TOKENS", ARRAY),
  ...valued(
    "HTTP_STATUS_",
    "OK=200 NO_CONTENT=204 BAD_REQUEST=400 UNAUTHORIZED=401 PAYMENT_REQUIRED=402 FORBIDDEN=403 NOT_FOUND=404 METHOD_NOT_ALLOWED=405 NOT_ACCEPTABLE=406 PROXY_AUTH_REQUIRED=407 REQUEST_TIMEOUT=408 CONFLICT=409 GONE=410 LENGTH_REQUIRED=411 PRECONDITION_FAILED=412 REQ_ENTITY_TOO_LARGE=413 REQ_URI_TOO_LONG=414 UNSUPPORTED_MEDIA_TYPE=415 REQ_RANGE_NOT_SATISFIABLE=416 EXPECTATION_FAILED=417 INTERNAL_SERVER_ERROR=500 NOT_IMPLEMENTED=501 BAD_GATEWAY=502 SERVICE_UNAVAILABLE=503 GATEWAY_TIMEOUT=504 HTTP_VERSION_NOT_SUPPORTED=505",
    ["dec15"],
    () => "HTTP_STATUS",
    STATUS,
  ),
  ...counted(
    "LWS_EXT_CALLBACK_",
    "SERVER_CONTEXT_CONSTRUCT CLIENT_CONTEXT_CONSTRUCT SERVER_CONTEXT_DESTRUCT CLIENT_CONTEXT_DESTRUCT CONSTRUCT CLIENT_CONSTRUCT CHECK_OK_TO_REALLY_CLOSE CHECK_OK_TO_PROPOSE_EXTENSION DESTROY DESTROY_ANY_WSI_CLOSING ANY_WSI_ESTABLISHED PACKET_RX_PREPARSE PACKET_TX_PRESEND PACKET_TX_DO_SEND HANDSHAKE_REPLY_TX FLUSH_PENDING_TX EXTENDED_PAYLOAD_RX CAN_PROXY_CLIENT_CONNECTION 1HZ REQUEST_ON_WRITEABLE IS_WRITEABLE",
    ["oct12", "mar13", "dec15"],
    (name) => MULTIPLEXER.has(name) ? "" : camel(name),
    (name) => HEARD_OF.test(name) || MULTIPLEXER.has(name) ? HEARD : USED,
  ),
  row("LWS_EXT_CALLBACK_PAYLOAD_TX", "- - - 21 21", "payloadTx", USED),
  row("LWS_EXT_CALLBACK_PAYLOAD_RX", "- - - 22 22", "payloadRx", USED),
  row("POLLIN", "- 1 1 1 1", "POLLIN", LOOP),
  row("POLLOUT", "- 4 4 4 4", "POLLOUT", LOOP),
  row("POLLERR", "- 8 8 8 8", "POLLERR", LOOP, "never reported: errors end in `POLLHUP`"),
  row("POLLHUP", "- 16 16 16 16", "POLLHUP", LOOP),
  row("O_RDONLY", "- - - - 0", '"read"', [
    CALLS,
    "the file operations of a context can be replaced one by one",
  ]),
  row("LWS_O_RDONLY", "- - - - 0", '"read"', [
    "compat/plat_files_test.ts",
    "a file is opened, read, moved in, written and closed in the turn of one callback",
  ]),
  row("O_RDWR", "- - - - 2", '"readWrite"', [
    CALLS,
    "files are opened, read, moved in, written and closed by the context's table",
  ]),
  row("LWS_INVALID_FILE", "- - - - -1", "", [
    CALLS,
    "files are opened, read, moved in, written and closed by the context's table",
  ]),
];
