/**
 * Writes `docs/porting.md` from the matrices in `tests/compat/matrix`:
 *
 * ```sh
 * deno run -A tools/porting_table.ts
 * ```
 */

import { fromFileUrl, join } from "@std/path";
import { CONSTANTS } from "../tests/compat/matrix/constants.ts";
import { GENEROUS_LIMITS } from "../src/compat/engine/limits.ts";
import type { Limits } from "../src/api/limits.ts";
import { type FunctionRow, FUNCTIONS, HELPERS } from "../tests/compat/matrix/functions.ts";
import { LIMITS_IN_C } from "../tests/compat/matrix/limits.ts";
import { REASON_ROWS } from "../tests/compat/matrix/reasons.ts";
import { MEMBERS } from "../tests/compat/matrix/structs.ts";
import { type ByGeneration, GENERATIONS } from "../tests/compat/matrix/types.ts";
import { VERSION_ROWS } from "../tests/compat/matrix/versions.ts";
import { tableOf } from "./conformance_table.ts";

/** Where the page is kept. */
export const PORTING_PATH: string = join(
  fromFileUrl(new URL("../", import.meta.url)),
  "docs/porting.md",
);

const VERSIONS = `## Versions of the protocol

Each generation speaks the drafts that it spoke in C, and RFC 6455, which is version 13. In the main
API they are off; \`docs/guide/old-wire-versions.md\` says why, and what each of them lacks.`;

const ABOUT_VERSIONS =
  `- \`ietf_version_or_minus_one\` is one of the numbers above. −1 is "the latest protocol supported", 13
  in all generations; in C of February 2011 that was 5, which servers have ceased to speak.
- \`protocol\` of 2010 is 76 or 0, which named the same draft, or 13. Browsers have spoken nothing but
  13 since 2012: a program that is to serve them as well as the clients of then passes
  \`{ versions: [0, 13] }\` behind the last argument. 2 is refused: C wrote that draft, but did not
  read it. A client of 76 that asks for a subprotocol gets it, whatever it is, as in C; one of 13 is
  refused.
- To turn the drafts off, pass \`{ versions: [13] }\` as \`limits\`: the creation struct has a member
  for it, and the older calls have an argument more at their end. To turn others on, list them: a
  version that the generation never had works as well. Clients ask for those of their generation
  alone; \`context.clientConnect({ version })\` asks for any.
- Version 4 is masked as libwebsockets did it, which was not what the draft says, so that it talks
  to libwebsockets of 2011 and 2012. \`draft04Masking: "draft"\` beside \`versions\` is for other peers.
- Version 0 carries text alone. Writing binary, a ping or a pong returns −1, and the log says so; C
  sent a length in place of a frame, and the payload of a ping as text. What is written with
  \`LWS_WRITE_NO_FIN\` is a part of one frame, which C made whole frames of. No byte of it may be
  0xff.
- A text of version 0 has no length. One that is longer than the receive buffer, 4,096 bytes before
  2013, comes in pieces as in C; \`libwebsockets_remaining_packet_payload\` is 1 with all but the last
  of them, where C said 0 with each.
- \`WSI_TOKEN_CHALLENGE\` is the eight bytes behind the head of version 0, one character each.
- A server that does not speak a version answers 426 and lists those that it does, or 400 where none
  was named; C cut the connection.
- Pages of any origin may connect, by any version, as in C. A program that minds reads the origin in
  \`LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION\`, which nov10 and feb11 have not; or it passes
  \`{ allowedOrigins: [] }\` as \`limits\` for those of the server's own alone, or lists more of them.`;

const INTRODUCTION = `# From libwebsockets to @x/lws

There are two ways. A program can be ported line by line to \`@x/lws/compat\`, which has the C names
of five generations of the library, with their arguments, numbers and return values of then; or it
can be written anew for \`@x/lws\`. Its names follow from the C names: \`LWS_CALLBACK_CLIENT_RECEIVE\`
is the reason \`"clientReceive"\`, \`lws_callback_on_writable(wsi)\` is \`wsi.callbackOnWritable()\`, and
\`per_session_data_size\` is \`perSessionData\`. Both can be mixed, as contexts and connections are the
same objects.

| Entry point           | libwebsockets of             | Its names begin with                  |
| --------------------- | ---------------------------- | ------------------------------------- |
| \`@x/lws/compat/nov10\` | November 2010, before 0.1    | \`libwebsocket_\`                       |
| \`@x/lws/compat/feb11\` | February 2011                | \`libwebsocket_\`                       |
| \`@x/lws/compat/oct12\` | October 2012, 0.6            | \`libwebsocket_\`                       |
| \`@x/lws/compat/mar13\` | March 2013, 1.22             | \`libwebsocket_\`, new ones with \`lws_\` |
| \`@x/lws/compat/dec15\` | December 2015, 1.6           | \`lws_\`                                |
| \`@x/lws/compat\`       | the same, and all namespaces | \`lws_\`                                |

A program begins with \`import * as c from "jsr:@x/lws/compat"\`. What came later than 1.6, such as
\`LWS_PRE\`, \`lws_close_reason\` and \`lws_client_connect_via_info\`, has
[a table](guide/from-libwebsockets.md#later-than-16) of its own.

## Line by line

\`examples/ported\` has libwebsockets' test server, its ping client and its fragmentation tester in
the shape that C programmers gave them, each against the names of another generation;
\`examples/ported_echo.ts\` is its test-echo. What has to change in a C program is this, and no more.

\`await\`:

- In front of \`lws_service\`, of \`poll\` where it waits, and of \`lws_context_destroy\`, for the end of
  all connections. Nothing is delivered between two calls. In the generation of February 2011
  \`libwebsocket_client_connect\` wants it as well. No other call does: the \`lws_plat_file_\` calls are
  done when they return. A loop that forgets it ends at once, as a promise is not \`>= 0\`, or with
  \`while (1)\` leaves nothing else a turn, which the log tells; \`deno check\` finds the former.
- Or nowhere: over \`overNetwork(epollNetwork(), create)\` calls of service block, as in C. The
  variable for such a context is a \`BlockingContext\`.

Structs:

- A struct is an object with the members' names, \`NULL\` is \`null\`, and a list may end without a null
  callback. Where a struct was cleared by \`memset\` and filled member by member, begin with
  \`const info = {} as lws_context_creation_info\`.
- \`user\` is an \`ArrayBuffer\`, of which \`DataView\` and typed arrays make numbers; or, in place of
  \`sizeof (struct per_session_data)\`, \`per_session_data_size\` (\`user_area_size\` of 2010) is a
  function that makes the struct.
- \`struct pollfd\` is an object with \`fd\`, \`events\` and \`revents\`, and a table of them is an array.
- \`SSL_CTX\`, where a callback fills one, is a loader: \`addCaCert(pem)\` and \`addCaFile(path)\` take
  authorities, \`setPrivateKey(pem, passphrase)\` takes a key. \`X509_STORE_CTX\` is what a client's
  certificate says, \`SSL\` what is known of a connection's TLS. \`src/compat/mod.ts\` has the details.
- Over \`overNetwork(epollNetwork({ tls: "openssl" }), create)\` TLS is OpenSSL's: \`ssl_cipher_list\`
  counts, the loop may block, and the reasons \`LWS_CALLBACK_OPENSSL_…\` have OpenSSL's own pointers,
  during their callback, for functions that the program opens by \`Deno.dlopen("libssl.so.3", …)\`.

Buffers:

- A pointer to what a call fills in is a box: \`const name = box("")\`, then \`name.value\`. So is an
  array of characters that gets a text: \`char buf[256]\` for \`lws_hdr_copy\` is \`const buf = box("")\`.
- A pointer into a buffer is a view, \`buf.subarray(LWS_SEND_BUFFER_PRE_PADDING)\`, and what lies
  between two pointers the difference of their \`byteOffset\`.
- \`in\` is bytes, or what the reason has; bytes are valid during the callback, as in C. What takes
  lines of a client's handshake is \`HandshakeLines\`: \`p.append("x-port: 1\\r\\n")\` for
  \`*p += sprintf(*p, "x-port: 1\\r\\n")\`.
- A string may stand for bytes. Its length is that of its UTF-8, as \`strlen\` tells it; its own
  \`length\` takes all of it, too: \`lws_write(wsi, text, text.length, LWS_WRITE_TEXT)\`.

What stays as it is in the text, and is not quite the same:

- A callback can't \`await\`: it is over when it returns. One that was made \`async\` returns a promise,
  which counts as 0 whatever becomes of it, and the log says so. What takes time is begun in one
  callback and goes on in the next one, which \`lws_callback_on_writable\` asks for. An entry of
  \`lws_get_fops\` that returns a promise serves \`lws_serve_http_file\` only.
- \`poll\` is the library's, for the descriptors of its contexts. With a timeout of 0 it is done when
  it returns, and tells what had come by then: a loop of such calls has to await something else.
  Entries of other descriptors count by the \`revents\` that the program sets. Descriptors are numbers
  of one context, so that several contexts need a table each, and \`poll\` the context as its fourth
  argument.
- A signal interrupts no wait: its handler calls \`lws_cancel_service\`, or the next round sees what
  it has set.
- \`fork\` there is none: \`libwebsockets_fork_service_loop\` serves in the background of the same
  isolate, with the same variables. A program that goes on in a process or a worker of its own
  starts one behind that call: \`libwebsockets_broadcast\`, with a struct of the same name, works
  there as well. Port and token are passed on in the environment, for which both sides need
  \`--allow-env=LWS_BROADCAST_SOCKETS\`, and the other one \`--allow-net\`; any program that can read it
  can broadcast.
- Threads there are none. What one did is a \`Worker\`, which tells what it has by \`postMessage\`; the
  listener of its messages runs while the loop awaits, so that it may call
  \`lws_callback_on_writable_all_protocol\` and needs no lock.
- Text that comes has to be UTF-8, which C did not look at: a program that sends on what came asks
  \`lws_frame_is_binary\` whether to send it as text.
- A piece of a text may end inside of a character: gather the bytes of a message before they become
  a string, or give each piece to one \`TextDecoder\` by \`decode(piece, { stream: true })\`.

What can't be done returns null or −1, and the log names the argument: a list of ciphers without
OpenSSL. What had a meaning in C only is left out: \`lws_daemonize\`, \`lws_set_allocator\`, \`lws_read\`,
\`lws_serve_http_file_fragment\`, \`lwsl_emit_syslog\`.

Wrong arguments, which C did not look at, return what failure was in C, and the log names them: a
null connection, a \`len\` beyond the end of \`buf\`, a number that no constant has.`;

/** The text of `docs/porting.md`. */
export function portingPage(): string {
  return [
    INTRODUCTION,
    "",
    VERSIONS,
    "",
    ...tableOf(
      ["Generation", "Servers in C", "Servers here", "Clients in C", "Clients here"],
      GENERATIONS.map((generation) => {
        const { servers, clients } = VERSION_ROWS[generation];
        const served = servers.here.length === 0 ? "by `protocol`" : servers.here.join(", ");
        return [generation, servers.inC, served, clients.inC, clients.here.join(", ")];
      }),
    ),
    "",
    ABOUT_VERSIONS,
    "",
    "`deno run -A tools/porting_table.ts` writes this page from the rows that the tests go through.",
    "",
    "## Functions",
    "",
    "With the number of their arguments; a prototype, which the program writes, has none here.",
    "",
    ...functionTable(FUNCTIONS),
    "",
    "## Helpers",
    "",
    ...functionTable(HELPERS),
    "",
    "## Callback reasons",
    "",
    "`LWS_CALLBACK_` in C, each with its number in each generation.",
    "",
    ...tableOf(
      ["C name", ...GENERATIONS, "Main API", "Note"],
      REASON_ROWS.map(({ name, numbers, main, note }) => [
        code(name),
        ...numbersOf(numbers),
        code(main === "" ? "" : `"${main}"`),
        note ?? "",
      ]),
    ),
    "",
    "## Struct members",
    "",
    "What was an argument before there was a struct counts as a member.",
    "",
    ...tableOf(
      ["Struct", "Member", "Generations", "Main API", "Note"],
      MEMBERS.map(({ struct, member, generations, main, note }) => [
        code(struct),
        code(member),
        generations.join(", "),
        code(main),
        note ?? "",
      ]),
    ),
    "",
    "## Limits",
    "",
    "C had hardly any. The creation struct has a member for them, `limits`, and the older calls have an",
    "argument more at their end; each is an option of `createContext`, and what it bounds stands there.",
    "",
    ...tableOf(
      ["Limit", "In C", "Default of C calls"],
      (Object.keys(LIMITS_IN_C) as (keyof Limits)[]).map((name) => [
        code(name),
        LIMITS_IN_C[name],
        shown(GENEROUS_LIMITS[name]),
      ]),
    ),
    "",
    "## Constants",
    "",
    ...tableOf(
      ["C name", ...GENERATIONS, "Main API", "Note"],
      CONSTANTS.map(({ name, values, main, note }) => [
        code(name),
        ...numbersOf(values),
        code(main),
        note ?? "",
      ]),
    ),
    "",
  ].join("\n");
}

/** A line for each C name that a function ever had. */
function functionTable(rows: readonly FunctionRow[]): string[] {
  const lines = rows.flatMap(({ names, arguments: counts, main, note, noteFor = GENERATIONS }) => {
    const signatures = new Map<string, string[]>();
    for (const generation of GENERATIONS) {
      const name = names[generation];
      if (name === undefined) continue;
      const count = counts?.[generation];
      const signature = `${code(name)}${count === undefined ? "" : ` (${count})`}`;
      signatures.set(signature, [...signatures.get(signature) ?? [], generation]);
    }
    return [...signatures].map(([signature, generations]) => [
      signature,
      generations.join(", "),
      code(main),
      noteFor.some((each) => generations.includes(each)) ? note ?? "" : "",
    ]);
  });
  return tableOf(["C name", "Generations", "Main API", "Note"], lines);
}

function numbersOf(numbers: ByGeneration<number>): string[] {
  return GENERATIONS.map((generation) => String(numbers[generation] ?? ""));
}

function shown(value: number | undefined): string {
  if (value === undefined) return "that of `createContext`";
  return value === Number.MAX_SAFE_INTEGER || value === 0
    ? "none"
    : `${value.toLocaleString("en")} bytes`;
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

if (import.meta.main) Deno.writeTextFileSync(PORTING_PATH, portingPage());
