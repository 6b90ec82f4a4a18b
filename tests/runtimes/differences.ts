/** What of the tests is Deno's alone, and what differs in Node and Bun. */

/** Modules of tests that nothing but Deno can run, with why; others, that name what is Deno's, are found. */
export const OF_DENO: Readonly<Record<string, string>> = {
  "tests/behaviour/faults/sockets_test.ts": "puts faults into Deno's functions",
  "tests/behaviour/lifecycle/states_test.ts": "reads the project's files",
  "tests/behaviour/lifecycle/stats_turned_away_test.ts": "serves the project's files",
  "tests/behaviour/remote/fork_broker_test.ts": "forkServiceLoop is for Deno",
  "tests/behaviour/remote/fork_workers_test.ts": "forkServiceLoop is for Deno",
  "tests/unit/tls/runtime_client_test.ts": "Deno's own TLS",
};

/** Where a test does not hold. */
type Runtime = "node" | "node22" | "node24" | "bun";

/** Tests that hold in Deno and not in these. */
export interface Difference {
  readonly where: readonly Runtime[];
  readonly module: string;
  readonly names: RegExp;
  readonly why: string;
}

const BOTH = ["node", "bun"] as const;

export const DIFFERENCES: readonly Difference[] = [
  {
    where: BOTH,
    module: "tests/unit/base/log/line_test.ts",
    names: /^what is thrown has its stack/,
    why: "stacks have other lines",
  },
  {
    where: BOTH,
    module: "tests/unit/base/runtime/node_test.ts",
    names: /^files and folders are the same/,
    why: "there is no Deno to compare with",
  },
  {
    where: ["node"],
    module: "tests/unit/base/text/encodings_test.ts",
    names: /^what is no base64 throws/,
    why: "there is no engine's method",
  },
  {
    where: BOTH,
    module: "tests/unit/resume/client/client_test.ts",
    names: /^the client has at most/,
    why: "reads the project's files",
  },
  {
    where: ["bun"],
    module: "tests/unit/resume/client/client_test.ts",
    names: /^a URL that is none is thrown at once/,
    why: "Bun's WebSocket throws a SyntaxError",
  },
  {
    where: ["bun"],
    module: "tests/unit/resume/client/script_test.ts",
    names: /^the script is a module by itself/,
    why: "Bun imports no script from a data URL",
  },
  {
    where: BOTH,
    module: "tests/unit/testing/memory_transport_test.ts",
    names: /^a handler that claims to take/,
    why: "what nobody catches is no event of the global object",
  },
  {
    where: BOTH,
    module: "tests/unit/tls/certificate_test.ts",
    names: /^PEM is taken as text/,
    why: "a file that is missing is said otherwise",
  },
  {
    where: ["bun"],
    module: "tests/unit/tls/certificate_test.ts",
    names: /^a key that TLS can't use/,
    why: "Bun makes no keys of that curve",
  },
  {
    where: BOTH,
    module: "tests/unit/tls/client_test.ts",
    names: /^node:tls: a client refuses a chain that ends in a CA of the right name/,
    why: "node:tls says that the signature is wrong, and Deno's that a certificate is self-signed",
  },
  {
    where: ["bun"],
    module: "tests/unit/tls/transport_test.ts",
    names: /: end comes (once|after all bytes)/,
    why: "TLS over a stream ends its own half as well when the peer ends its",
  },
  {
    where: ["bun"],
    module: "tests/unit/tls/transport_test.ts",
    names: /over sockets: a write to an end that is gone/,
    why: "as above, and what is written then is neither sent nor called back",
  },
  {
    where: ["bun"],
    module: "tests/unit/web/fetch_request_test.ts",
    names: /^what is not fetchable is/,
    why: "Bun's Request takes other methods",
  },
  {
    where: ["bun"],
    module: "tests/unit/web/fetch_response_test.ts",
    names: /^a body that is there all at once/,
    why: "Bun's Response gives a body of more than 16 KiB in pieces, so that it has no length",
  },
  {
    where: ["node22"],
    module: "tests/unit/web/paths_test.ts",
    names: /^the parameters are frozen/,
    why: "the stand-in for URLPattern loses a group of the name __proto__",
  },
  {
    where: ["node22"],
    module: "tests/behaviour/http/fetch_paths_test.ts",
    names: /^wsi.request.params are/,
    why: "the stand-in for URLPattern loses a group of the name __proto__",
  },
  {
    where: BOTH,
    module: "tests/behaviour/protocol/paths_test.ts",
    names: /^a bad path is refused by its place/,
    why: "URLPattern says otherwise what is wrong",
  },
  {
    where: BOTH,
    module: "tests/behaviour/files/conditional_test.ts",
    names: /^a 304 of a host's/,
    why: "watches Deno's files",
  },
  {
    where: BOTH,
    module: "tests/unit/transport/network_tcp_options_test.ts",
    names: /^a listener on a unix socket that is open already/,
    why: "node:net names a listener's path",
  },
  {
    where: BOTH,
    module: "tests/unit/service/turn_budget_test.ts",
    names: /^behind the last context what waits has its turn, whatever/,
    why: "there is no global error event",
  },
  {
    where: ["bun"],
    module: "tests/unit/service/turns/order_test.ts",
    names: /^what has had its turn is not kept/,
    why: "asks V8's collector",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/http/kept_request_test.ts",
    names: /^what the program keeps of a request/,
    why: "asks V8's collector",
  },
  {
    where: ["node24"],
    module: "tests/unit/web/fetch_request_test.ts",
    names: /^it is told behind a Proxy/,
    why: "its own Request isn't one behind a Proxy",
  },
  {
    where: ["node24"],
    module: "tests/unit/web/incoming_request_test.ts",
    names: /^the URL is that of the target/,
    why: "its URL takes the host xn--a, which is no name",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/http/fetch_test.ts",
    names: /^(a text|an empty text|a transfer-encoding of the program's): the head/,
    why: "Bun's Response names no type of a text",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/http/fetch_test.ts",
    names: /^several cookies: the head/,
    why: "Bun's Headers have cookies last",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/rates/buffered_answers_test.ts",
    names: /^what an answer of 1 MiB holds .*: .(text|bytes)$/,
    why: "Bun's Response gives a body of more than 16 KiB in pieces, so that it has no length",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/tls/client_test.ts",
    names: /^node:tls: a client without TLS is told/,
    why: "Bun's TLS closes without an alert",
  },
  {
    where: ["bun"],
    module: "tests/behaviour/tls/tcp_test.ts",
    names: /^node:tls: a peer that speaks plain HTTP/,
    why: "Bun's TLS closes without an alert",
  },
  {
    where: BOTH,
    module: "tests/behaviour/websocket_client/events_test.ts",
    names: /^a throw in a listener is reported/,
    why: "what nobody catches is no event of the global object",
  },
  {
    where: ["node22"],
    module: "tests/behaviour/websocket_client/close_test.ts",
    names: /^close begins the closing handshake/,
    why: "there is no CloseEvent to compare with",
  },
  {
    where: ["bun"],
    module: "tests/unit/web/fetch_request_test.ts",
    names: /^it is told behind a Proxy/,
    why: "no function of Bun's takes a Request behind a Proxy",
  },
  {
    where: BOTH,
    module: "tests/unit/web/fetch_request_test.ts",
    names: /^one without a body is not made/,
    why: "it is made at once there",
  },
];

/** Those of a runtime, which `node22` and the like name. */
export function differencesOf(runtime: string): Difference[] {
  return DIFFERENCES.filter(({ where }) => where.some((each) => runtime.startsWith(each)));
}
