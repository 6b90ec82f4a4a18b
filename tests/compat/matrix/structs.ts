/** The members of the structs, with the generations that have them. */

import type { GenerationName, Row, TestName } from "./types.ts";

/** One member. */
export interface MemberRow extends Row {
  readonly struct: string;
  readonly member: string;
  readonly generations: readonly GenerationName[];
}

const CALLS = "compat/calls/";
const TABLES = "compat/tables_test.ts";
const EXTENSIONS = "compat/extensions_test.ts";

const SINCE_FEB11: readonly GenerationName[] = ["feb11", "oct12", "mar13", "dec15"];
const SINCE_OCT12: readonly GenerationName[] = ["oct12", "mar13", "dec15"];
const SINCE_MAR13: readonly GenerationName[] = ["mar13", "dec15"];
const DEC15: readonly GenerationName[] = ["dec15"];

function members(
  struct: string,
  rows: readonly (readonly [
    member: string,
    generations: readonly GenerationName[],
    main: string,
    test: TestName,
    note?: string,
  ])[],
): MemberRow[] {
  return rows.map(([member, generations, main, test, note]) => ({
    struct,
    member,
    generations,
    main,
    test,
    ...(note === undefined ? {} : { note }),
  }));
}

/** A test of TLS. */
const tls = (title: string): TestName => ["compat/tls_test.ts", title];
const CERTIFIED = tls("TLS is spoken with a certificate and its key");
const PROXIED: TestName = [
  CALLS,
  "a client goes through the proxy of http_proxy_address and http_proxy_port",
];
const DROPPED: TestName = [CALLS, "gid and uid are changed to once the context listens"];
const FILLED: TestName = [CALLS, "creation writes into the structs who serves them"];
const LISTENS: TestName = [CALLS, "creation listens, and serves nothing before it is serviced"];
const PROBED: TestName = [
  CALLS,
  "ka_time probes an idle connection, ka_probes times every ka_interval",
];
const EXTENSION: TestName = [EXTENSIONS, "an extension of a struct is called for what it is on"];
const TABLE: TestName = [
  CALLS,
  "files are opened, read, moved in, written and closed by the context's table",
];
const POLLED: TestName = [
  TABLES,
  "lws_pollargs have the descriptor, what to watch for, and what was watched for before",
];
const SERVED: TestName = [
  TABLES,
  "a loop of the program's own is told POLLIN, POLLOUT and POLLHUP, and served by descriptor",
];

/** All of them: 47, and the one that only the C header has. */
export const MEMBERS: readonly MemberRow[] = [
  ...members("lws_protocols", [
    ["name", SINCE_FEB11, "Protocol.name", [
      "compat/contracts_test.ts",
      "the server chooses from a list with commas",
    ]],
    ["callback", SINCE_FEB11, "Protocol.callback", [CALLS, "protocols end with a null callback"]],
    ["per_session_data_size", SINCE_FEB11, "Protocol.perSessionData", [
      CALLS,
      "per_session_data_size zeroed bytes are the user of a connection",
    ]],
    ["rx_buffer_size", SINCE_MAR13, "Protocol.rxBufferSize", [
      "compat/contracts_test.ts",
      "10,000 bytes come in three pieces, with 5904, 1808 and 0 to follow",
    ]],
    ["owning_server", ["feb11", "oct12", "mar13"], "ActiveProtocol.owningServer", FILLED],
    ["broadcast_socket_port", ["feb11", "oct12"], "ActiveProtocol.broadcastSocketPort", [
      "compat/contracts_test.ts",
      "a broadcast calls back for each established connection",
    ]],
    ["broadcast_socket_user_fd", ["feb11", "oct12"], "ActiveProtocol.broadcastSocketUserFd", [
      "compat/contracts_test.ts",
      "a broadcast calls back for each established connection",
    ], "−1: no descriptor is shared"],
    ["protocol_index", ["feb11", "oct12", "mar13"], "ActiveProtocol.protocolIndex", FILLED],
    ["id", DEC15, "Protocol.id", [CALLS, "creation leaves protocol structs as they are"]],
    ["user", DEC15, "Protocol.user", [CALLS, "creation leaves protocol structs as they are"]],
  ]),
  ...members("lws_extension", [
    ["name", SINCE_OCT12, "ExtensionStruct.name", EXTENSION],
    ["callback", SINCE_OCT12, "ExtensionStruct.callback", EXTENSION],
    ["per_session_data_size", SINCE_OCT12, "ExtensionStruct.perSessionData", EXTENSION],
    ["per_context_private_data", SINCE_OCT12, "ExtensionStruct.perContextPrivateData", EXTENSION],
  ]),
  ...members("lws_context_creation_info", [
    ["port", SINCE_FEB11, "port", LISTENS],
    ["iface", SINCE_OCT12, "iface", [
      CALLS,
      "an interface is listened on, and refused by name when it is none",
    ]],
    ["protocols", SINCE_FEB11, "protocols", [CALLS, "protocols end with a null callback"]],
    ["extensions", SINCE_OCT12, "extensions", EXTENSION],
    ["token_limits", DEC15, "tokenLimits", [
      "compat/contracts_test.ts",
      "a token limit of 0 blanks a header, another one cuts it",
    ]],
    ["ssl_cert_filepath", SINCE_FEB11, "sslCertFilepath", CERTIFIED, "a path, or PEM text"],
    [
      "ssl_private_key_filepath",
      SINCE_FEB11,
      "sslPrivateKeyFilepath",
      CERTIFIED,
      "a path, or PEM text; before dec15 beside every certificate",
    ],
    [
      "ssl_ca_filepath",
      SINCE_MAR13,
      "sslCaFilepath",
      tls("ssl_ca_filepath vouches for servers"),
      "a path, or PEM text; for clients as well",
    ],
    [
      "ssl_cipher_list",
      SINCE_MAR13,
      "sslCipherList",
      tls("ssl_cipher_list may be null or DEFAULT"),
      "null or `DEFAULT`; any over OpenSSL",
    ],
    ["http_proxy_address", DEC15, "httpProxyAddress", PROXIED],
    ["http_proxy_port", DEC15, "httpProxyPort", PROXIED],
    ["gid", SINCE_FEB11, "gid", DROPPED],
    ["uid", SINCE_FEB11, "uid", DROPPED],
    ["options", SINCE_FEB11, "options", [TABLES, "every option bit is taken"]],
    ["user", SINCE_OCT12, "user", [CALLS, "context_user returns what creation was given"]],
    ["ka_time", SINCE_MAR13, "kaTime", PROBED, "by pings, where C had TCP keep-alive"],
    ["ka_probes", SINCE_MAR13, "kaProbes", PROBED, "the same"],
    ["ka_interval", SINCE_MAR13, "kaInterval", PROBED, "the same"],
    [
      "provided_client_ssl_ctx",
      DEC15,
      "providedClientTls",
      tls("provided_client_ssl_ctx makes the TLS of clients"),
      "a function",
    ],
    [
      "ssl_private_key_password",
      DEC15,
      "sslPrivateKeyPassword",
      tls("ssl_private_key_password opens an encrypted key"),
    ],
  ]),
  ...members("lws_tokens", [
    ["token", SINCE_OCT12, "ExtensionToken.token", EXTENSION],
    ["token_len", SINCE_OCT12, "ExtensionToken.tokenLength", [
      "compat/contracts_test.ts",
      "the filter gets all headers as an array by token",
    ]],
  ]),
  ...members("lws_token_limits", [
    ["token_limit", DEC15, "tokenLimits", [
      "compat/contracts_test.ts",
      "a token limit of 0 blanks a header, another one cuts it",
    ]],
  ]),
  ...members("lws_plat_file_ops", [
    ["open", DEC15, "FileOps.open", TABLE],
    ["close", DEC15, "FileOps.close", TABLE],
    ["seek_cur", DEC15, "FileOps.seekCur", TABLE],
    ["read", DEC15, "FileOps.read", TABLE],
    ["write", DEC15, "FileOps.write", TABLE],
  ]),
  ...members("lws_pollargs", [
    ["fd", DEC15, "PollArgs.fd", POLLED],
    ["events", DEC15, "PollArgs.events", POLLED],
    ["prev_events", DEC15, "PollArgs.prevEvents", POLLED],
  ]),
  ...members("pollfd", [
    ["fd", SINCE_FEB11, "PollFd.fd", SERVED],
    ["events", SINCE_FEB11, "PollFd.events", SERVED],
    ["revents", SINCE_FEB11, "PollFd.revents", SERVED],
  ]),
];
