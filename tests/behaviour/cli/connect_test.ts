/** `lws connect`, with its streams in the test's hands. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { handlers, permessageDeflate, type Protocol, type Wsi } from "../../../mod.ts";
import {
  FakeClock,
  MemoryNetwork,
  MemoryPeer,
  type MemoryTransport,
} from "../../../src/testing/mod.ts";
import { type CliOptions, finishCli, runCli, type RunningCli } from "./cli.ts";
import { acceptOf, readHead, serve, type Served, settle } from "../../support/serve.ts";

const URL = "ws://server.example/";
const CONNECTED = "connected to ws://server.example/";

/** What a server heard and with what it was asked. */
class Heard {
  readonly messages: (string | Uint8Array)[] = [];
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  readonly closes: [number, string][] = [];
  readonly fields: Map<string, string>[] = [];
  wsi: Wsi | undefined;
}

/** A server that says what it was told, in capitals; bytes are sent back as they are. */
function listening(heard: Heard, name = "echo"): Protocol {
  return {
    name,
    callback: handlers({
      filterProtocolConnection(wsi) {
        heard.fields.push(wsi.hdrSnapshot());
      },
      established: (wsi) => void (heard.wsi = wsi),
      message(wsi, _user, message) {
        heard.messages.push(message);
        wsi.write(typeof message === "string" ? message.toUpperCase() : message);
      },
      receivePing: (_wsi, _user, payload) =>
        void heard.pings.push(new TextDecoder().decode(payload)),
      receivePong: (_wsi, _user, payload) =>
        void heard.pongs.push(new TextDecoder().decode(payload)),
      closed: (_wsi, _user, { code, reason }) => void heard.closes.push([code, reason]),
    }),
  };
}

interface Talk extends AsyncDisposable {
  readonly served: Served;
  readonly heard: Heard;
  readonly clock: FakeClock;
  readonly connect: RunningCli;
}

/** A server in memory, and a `connect` to it. */
function talk(
  args: readonly string[],
  options: CliOptions = {},
  { protocol, info }: { protocol?: Protocol; info?: Parameters<typeof serve>[1] } = {},
): Talk {
  const heard = new Heard();
  const served = serve([protocol ?? listening(heard)], info);
  const clock = new FakeClock();
  const { network } = served;
  const connect = runCli(["connect", URL, ...args], { network, clock, ...options });
  return {
    served,
    heard,
    clock,
    connect,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      clock.advance(60_000);
      await connect[Symbol.asyncDispose]();
    },
  };
}

Deno.test("lines of standard input are messages; answers go to standard output, all else to standard error", async () => {
  await using both = talk([], { input: "one\r\ntwo\n\nlast" });
  const { connect, heard, clock } = both;
  await connect.until("LAST\n");
  assertEquals(heard.messages, ["one", "two", "", "last"]);
  assertEquals(connect.output, "ONE\nTWO\n\nLAST\n");
  await settle();
  clock.advance(999);
  await settle();
  assertEquals(heard.closes, []);
  clock.advance(1);
  assertEquals(await connect.ended, 0);
  assertEquals(heard.closes, [[1000, ""]]);
  assertEquals(connect.errors, `${CONNECTED}\nclosed with 1000\n`);
});

Deno.test("--wait says how much quiet ends it, or that none does", async () => {
  await using none = talk(["--wait", "0"], { input: "" });
  assertEquals(await none.connect.ended, 0);
  await using three = talk(["-w", "3"], { input: "a\n" });
  await three.connect.until("A\n");
  await settle();
  three.clock.advance(2_999);
  // What comes late has its successors waited for as long.
  three.heard.wsi!.write("late");
  await three.connect.until("late\n");
  three.clock.advance(2_999);
  await settle();
  assertEquals(three.heard.closes, []);
  three.clock.advance(1);
  assertEquals(await three.connect.ended, 0);
  // A message that is still coming is no quiet.
  await using long = talk(["-w", "3"], { input: "a\n" });
  await long.connect.until("A\n");
  for (const part of ["be", "low", "the"]) {
    long.heard.wsi!.write(part, part === "be" ? "text" : "continuation", { fin: false });
    await settle();
    long.clock.advance(2_000);
    await settle();
  }
  long.heard.wsi!.write(" end", "continuation");
  await long.connect.until("belowthe end\n");
  await settle();
  long.clock.advance(3_100);
  assertEquals(await long.connect.ended, 0);
  await using forever = talk(["-w", "forever"], { input: "a\n" });
  await forever.connect.until("A\n");
  await settle();
  forever.clock.advance(1_000_000);
  await settle();
  assertEquals(forever.heard.closes, []);
  forever.connect.interrupt();
  assertEquals(await forever.connect.ended, 0);
  assertEquals(forever.heard.closes, [[1000, ""]]);
});

Deno.test("--execute sends its lines in place of standard input, --once ends with the first message", async () => {
  await using one = talk(["-x", "a", "-x", "/ping now", "-x", "b", "--once"]);
  assertEquals(await one.connect.ended, 0);
  assertEquals(one.connect.output.split("\n")[0], "A");
  assertEquals(one.heard.messages, ["a", "b"]);
  assertEquals(one.heard.pings, ["now"]);
});

Deno.test("--once without a message has failed", async () => {
  const silent = { name: "silent", callback: handlers({ message: (wsi) => void wsi.close(1000) }) };
  await using one = talk(["-x", "a", "--once"], {}, { protocol: silent });
  assertEquals(await one.connect.ended, 1);
});

Deno.test("header fields, subprotocols, origin and version are those that were asked for", async () => {
  const heard = new Heard();
  const info = { versions: [13, 8] as const, allowedOrigins: ["https://a.example"] };
  const args = ["-H", "X-One: 1", "--header", "x-two:a: b", "-s", "b,chat", "-s", "c"];
  await using both = talk(
    [...args, "-o", "https://a.example", "--version", "8", "-w", "0"],
    { input: "" },
    { protocol: listening(heard, "chat"), info },
  );
  assertEquals(await both.connect.ended, 0);
  const [fields] = heard.fields;
  assertEquals(fields!.get("x-one"), "1");
  assertEquals(fields!.get("x-two"), "a: b");
  assertEquals(fields!.get("sec-websocket-protocol"), "b, chat, c");
  assertEquals(fields!.get("sec-websocket-origin"), "https://a.example");
  assertEquals(fields!.get("sec-websocket-version"), "8");
  assertStringIncludes(both.connect.errors, `${CONNECTED}, subprotocol chat\n`);
});

Deno.test("a server that chose no subprotocol is told of, and a password is not shown", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "server.example", port: 80 });
  const args = ["connect", "ws://me:secret@server.example/", "-s", "x"];
  await using connect = runCli(args, { network, clock: new FakeClock() });
  const peer = new MemoryPeer(await listener.accept() as MemoryTransport);
  const head = await readHead(peer);
  assertStringIncludes(
    head.toLowerCase(),
    `authorization: basic ${btoa("me:secret").toLowerCase()}`,
  );
  const [, key] = /sec-websocket-key: (\S+)/i.exec(head)!;
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${
    acceptOf(key!)
  }`;
  peer.send(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
  await connect.untilErrors(`${CONNECTED}, without a subprotocol\n`);
  assert(!connect.errors.includes("secret"));
  peer.close();
  assertEquals(await connect.ended, 1);
  listener.close();
});

Deno.test("--compress offers permessage-deflate, which the first line tells of", async () => {
  const info = { extensions: [permessageDeflate()] };
  await using plain = talk(["-w", "0"], { input: "" }, { info });
  await plain.connect.ended;
  assertStringIncludes(plain.connect.errors, `${CONNECTED}\n`);
  await using compressed = talk(["--compress", "-x", "a".repeat(5_000), "--once"], {}, { info });
  await compressed.connect.ended;
  assertStringIncludes(compressed.connect.errors, `${CONNECTED}, permessage-deflate\n`);
  assertEquals(compressed.connect.output, `${"A".repeat(5_000)}\n`);
});

Deno.test("--hex sends lines as bytes and shows bytes so; without it bytes go out as they are", async () => {
  await using hex = talk(["--hex", "-x", "00 ff", "-x", "0A", "-w", "1"]);
  await hex.connect.until("0a\n");
  assertEquals(hex.connect.output, "00ff\n0a\n");
  assertEquals(hex.heard.messages, [new Uint8Array([0, 255]), new Uint8Array([10])]);
  await using raw = talk(["-x", "/binary 4142", "-w", "forever"]);
  await raw.connect.until("AB");
  assertEquals(raw.connect.output, "AB");
});

Deno.test("a line that can't be done is told of, the others are, and the exit code is 1", async () => {
  const long = `/ping ${"x".repeat(126)}`;
  const lines = ["/nothing", "/binary 0", "/close 99", "/close 1005", long, "//slash", "ok"];
  await using both = talk(["-w", "0"], { input: lines.join("\n") });
  assertEquals(await both.connect.ended, 1);
  assertEquals(both.heard.messages, ["/slash", "ok"]);
  const complaints = both.connect.errors.split("\n").filter((line) => line.startsWith("lws: "));
  assertEquals(complaints.length, 5, both.connect.errors);
  assertStringIncludes(complaints[0]!, "there is no command /nothing");
  assertStringIncludes(complaints[1]!, '"0" is no hexadecimal');
  assertStringIncludes(complaints[2]!, '"99" is no close code');
  assertStringIncludes(complaints[3]!, "1005");
  assertStringIncludes(complaints[4]!, "125");
});

Deno.test("--no-commands sends lines with a slash as they stand", async () => {
  await using both = talk(["--no-commands", "-w", "0"], { input: "/ping\n//x\n" });
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.heard.messages, ["/ping", "//x"]);
});

Deno.test("/close has a code and a reason, and a close of one's own is fine whatever its code", async () => {
  await using both = talk(["-x", "/close 4001 enough of it"]);
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.heard.closes, [[4001, "enough of it"]]);
  assertStringIncludes(both.connect.errors, "closed with 4001: enough of it\n");
});

Deno.test("the server's close code is told of, and decides the exit code", async () => {
  for (
    const [code, expected] of [[1000, 0], [1001, 0], [undefined, 0], [1008, 1], [4000, 1]] as const
  ) {
    const closing = {
      name: "closing",
      callback: handlers({ established: (wsi) => void wsi.close(code, code ? "why \x1b[2J" : "") }),
    };
    await using both = talk(["-w", "forever"], { input: "" }, { protocol: closing });
    assertEquals(await both.connect.ended, expected, String(code));
    assertStringIncludes(
      both.connect.errors,
      code === undefined ? "closed with 1005\n" : `closed with ${code}: why \\x1b[2J\n`,
    );
  }
});

Deno.test("a connection that breaks is told of, with exit code 1", async () => {
  const breaking = { name: "breaking", callback: handlers({ message: () => -1 }) };
  await using both = talk(["-x", "a", "-w", "forever"], {}, { protocol: breaking });
  assertEquals(await both.connect.ended, 1);
  assertStringIncludes(both.connect.errors, "closed with 1006, not cleanly (");
});

Deno.test("what refuses the handshake is told of, its body with --verbose", async () => {
  const refusing = {
    name: "refusing",
    callback: handlers({ filterProtocolConnection: () => 1 }),
  };
  await using quiet = talk([], { input: "" }, { protocol: refusing });
  assertEquals(await quiet.connect.ended, 1);
  assertStringIncludes(quiet.connect.errors, "403");
  assertEquals(quiet.connect.errors.split("\n").length, 2);
  await using more = talk(["-v"], { input: "" }, { protocol: refusing });
  assertEquals(await more.connect.ended, 1);
  assert(more.connect.errors.length > quiet.connect.errors.length, more.connect.errors);
});

Deno.test("--ping pings that often; --show-pings tells of pings and pongs", async () => {
  await using both = talk(["--ping", "10", "--show-pings"]);
  const { connect, heard, clock } = both;
  await connect.untilErrors(CONNECTED);
  for (const n of [1, 2]) {
    await settle();
    clock.advance(10_000);
    await connect.untilErrors(`pong: lws ${n} after 0.0 ms\n`);
  }
  assertEquals(heard.pings, ["lws 1", "lws 2"]);
  heard.wsi!.write("you?", "ping");
  await connect.untilErrors("ping: you?\n");
  heard.wsi!.write("", "pong");
  await connect.untilErrors("pong\n");
});

Deno.test("without --show-pings only the pongs of /ping are told of", async () => {
  await using both = talk(["--ping", "10"]);
  const { connect, heard, clock } = both;
  await connect.untilErrors(CONNECTED);
  await settle();
  clock.advance(10_000);
  heard.wsi!.write("you?", "ping");
  connect.type("/ping me\n/pong there\n");
  await connect.untilErrors("pong: me after ");
  await settle();
  assertEquals(heard.pongs, ["you?", "there"]);
  assert(!/ping: you|pong: lws/.test(connect.errors), connect.errors);
});

Deno.test("--timestamps says when each message came", async () => {
  await using both = talk(["-x", "a", "--once", "-t"]);
  await both.connect.ended;
  assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z A\n$/.test(both.connect.output));
});

Deno.test("--max-size bounds what comes: at it, and one past it", async () => {
  await using fits = talk(["-x", "abcde", "--once", "--max-size", "5"]);
  assertEquals(await fits.connect.ended, 0);
  await using tooLong = talk(["-x", "abcdef", "--once", "--max-size", "5"]);
  assertEquals(await tooLong.connect.ended, 1);
  assertStringIncludes(tooLong.connect.errors, "closed with 1009");
});

Deno.test("standard input is read no faster than the server takes it", async () => {
  const wsis: Wsi[] = [];
  const seen: number[] = [];
  const slow = {
    name: "slow",
    callback: handlers({
      established(wsi) {
        wsis.push(wsi);
        wsi.rxFlowControl(false);
      },
      message: (_wsi, _user, message) => void seen.push(message.length),
    }),
  };
  await using both = talk(["-w", "0"], {}, { protocol: slow, info: { maxMessageSize: 1e6 } });
  await both.connect.untilErrors(CONNECTED);
  const line = "x".repeat(99_999);
  for (let i = 0; i < 100; i++) both.connect.type(`${line}\n`);
  both.connect.endInput();
  await settle();
  assertEquals(seen, []);
  wsis[0]!.rxFlowControl(true);
  assertEquals(await both.connect.ended, 0);
  assertEquals(seen, Array(100).fill(99_999));
});

Deno.test("a reader of the output that is slow stops the server, and loses nothing", async () => {
  const text = "y".repeat(10_000);
  let written = 0;
  const flood = {
    name: "flood",
    callback: handlers({
      established: (wsi) => void wsi.callbackOnWritable(),
      serverWriteable(wsi) {
        while (written < 500 && !wsi.partialBuffered) {
          wsi.write(text);
          written++;
        }
        if (written < 500) wsi.callbackOnWritable();
        else wsi.close(1000);
      },
    }),
  };
  let open = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  await using both = talk(
    ["-w", "forever"],
    { input: "", onOutput: () => gate },
    { protocol: flood, info: { closeTimeoutMs: 600_000 } },
  );
  await both.connect.untilErrors(CONNECTED);
  for (let i = 0; i < 20; i++) await settle();
  assert(written < 500, `${written} messages`);
  open();
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.connect.output.length, 500 * 10_001);
});

Deno.test("while its output waits for a reader it is not quiet, and stays", async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  await using both = talk(["-x", "a"], { onOutput: () => gate });
  await both.connect.untilErrors(CONNECTED);
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      both.clock.advance(10);
      await settle();
    }
  };
  await pass(2_000);
  assertEquals(both.heard.closes, []);
  open();
  await pass(1_020);
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.connect.output, "A\n");
});

Deno.test("a long line is sent behind others that wait, and nothing behind a /close", async () => {
  const long = "x".repeat(5 * 1024 * 1024);
  const lines = ["y".repeat(100_000), long, "/close 1000", "late"].join("\n");
  const lengths: number[] = [];
  const counting = {
    name: "counting",
    callback: handlers({ message: (_wsi, _user, message) => void lengths.push(message.length) }),
  };
  const info = { maxMessageSize: 1e7 };
  await using both = talk([], { input: lines }, { protocol: counting, info });
  assertEquals(await both.connect.ended, 0);
  assertEquals(lengths, [100_000, long.length]);
});

/** A server whose first connections are closed with these codes; what comes then is echoed. */
function leaving(heard: Heard, codes: number[]): Protocol {
  return {
    name: "leaving",
    callback: handlers({
      established(wsi) {
        const code = codes.shift();
        if (code !== undefined) wsi.close(code);
      },
      message(wsi, _user, message) {
        heard.messages.push(message);
        wsi.write(message);
      },
    }),
  };
}

Deno.test("--retry connects again and sends --execute anew; Ctrl-C ends the waiting", async () => {
  const heard = new Heard();
  const protocol = leaving(heard, [1012, 1001]);
  await using both = talk(["-x", "a", "--retry", "--once"], {}, { protocol });
  for (const n of [1, 2]) {
    await both.connect.untilErrors(new RegExp(`(connects again in [^]*){${n}}`));
    await settle();
    both.clock.advance(2_000);
  }
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.connect.output, "a\n");
  assertEquals(heard.messages.at(-1), "a");
  assertEquals(both.connect.errors.match(/connected to/g)!.length, 3);
  await using waiting = talk(["--retry"], {}, { protocol: leaving(heard, [1013]) });
  await waiting.connect.untilErrors("connects again in ");
  await settle();
  waiting.connect.interrupt();
  assertEquals(await waiting.connect.ended, 1);
});

Deno.test("--retry does not come again where it is not wanted, and Ctrl-C of an open connection ends it", async () => {
  await using refused = talk(["--retry"], {}, { protocol: leaving(new Heard(), [1008]) });
  assertEquals(await refused.connect.ended, 1);
  assert(!refused.connect.errors.includes("connects again"));
  await using open = talk(["--retry"]);
  await open.connect.untilErrors(CONNECTED);
  open.connect.interrupt();
  assertEquals(await open.connect.ended, 0);
});

Deno.test("Ctrl-C while it connects ends it, with exit code 1", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen({ hostname: "slow.example", port: 80 });
  await using connect = runCli(["connect", "ws://slow.example/"], {
    network,
    clock: new FakeClock(),
  });
  const silent = await listener.accept();
  connect.interrupt();
  assertEquals(await connect.ended, 1);
  listener.close();
  silent.close();
});

const WRONG: readonly (readonly [string[], string])[] = [
  [[], "connect: URL is missing"],
  [[URL, "-H", "no colon"], "--header has no name; allowed: a name, a colon and a value"],
  [[URL, "-s", "a,,b"], "--protocol has a name without a letter"],
  [[URL, "--version", "9"], '--version: "9" is none of 0, 4, 5, 6, 7, 8, 13'],
  [[URL, "--wait", "soon"], '--wait is "soon"; allowed: a number from 0'],
  [[URL, "--ping", "0"], '--ping is "0"; allowed: a number from 0.1'],
  [[URL, "--max-size", "0"], '--max-size is "0"; allowed: a whole number from 1'],
  [[URL, "--key", "x"], "--cert and --key go together"],
  [[URL, "--once=1"], "--once takes no value"],
  [["ws://a b/"], "url is no URL"],
];

Deno.test("what connect can't do as it is told it says in one line, with exit code 2", async () => {
  for (const [args, complaint] of WRONG) {
    const { code, errors } = await finishCli(["connect", ...args]);
    assertEquals(code, 2, args.join(" "));
    assertStringIncludes(errors, complaint);
    assertEquals(errors.split("\n").length, 2, errors);
  }
  const field = await finishCli(["connect", URL, "-H", "Sec-WebSocket-Key: x"]);
  assertEquals(field.code, 2);
  assertStringIncludes(field.errors.toLowerCase(), "sec-websocket-key");
});
