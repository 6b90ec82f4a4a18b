/** `lws connect URL`: talks to a WebSocket server, line by line. */

import type { ClientConnectOptions } from "../../api/client_info.ts";
import { CONTEXT_PORT_NO_LISTEN } from "../../api/creation_info.ts";
import { createContext } from "../../context/face.ts";
import { permessageDeflate } from "../../extensions/permessage_deflate.ts";
import { type Arguments, type Manual, UsageError } from "../arguments.ts";
import type { Command } from "../command.ts";
import type { Report } from "../report.ts";
import { targetOf, TLS_RULES, tlsMembers } from "../target.ts";
import { readVersion } from "../wire_versions.ts";
import { linesOf } from "./lines.ts";
import { Prompt } from "./prompt.ts";
import { type Manner, Session, WITHOUT_SUBPROTOCOL } from "./session.ts";

const LONGEST = 64 * 1024 * 1024;
const WAIT_SECONDS = 1;
const LONGEST_WAIT = 2_147_483;
/** What a client can speak. */
const VERSIONS = [0, 4, 5, 6, 7, 8, 13] as const;

const manual: Manual = {
  name: "connect",
  operand: "URL",
  summary:
    "Talks to a WebSocket server: each line is sent as a text message, and answers are shown.",
  about: [
    "At a terminal it has a prompt, and /help lists what there is beside text. With standard input from a",
    "file or another program it sends its lines, and closes once no answer has come for --wait seconds;",
    "answers go to standard output and everything else to standard error. Without a scheme a URL is ws:.",
    "Exit code: 0 when the connection was closed with 1000, 1001 or no code, or by this end; else 1.",
  ],
  options: {
    header: {
      short: "H",
      value: "'NAME: VALUE'",
      multiple: true,
      about: "a field of the handshake",
    },
    protocol: {
      short: "s",
      value: "LIST",
      multiple: true,
      about: "subprotocols, as chat,superchat",
    },
    origin: { short: "o", value: "ORIGIN", about: "the Origin, such as https://example.com" },
    ...TLS_RULES,
    compress: { about: "offer permessage-deflate" },
    hex: { about: "lines are binary messages in hexadecimal; such messages are shown so" },
    execute: {
      short: "x",
      value: "TEXT",
      multiple: true,
      about: "send this line in place of standard input; several in their order",
    },
    wait: {
      short: "w",
      value: "SECONDS",
      about: `of quiet behind the last line, or forever (${WAIT_SECONDS}; forever with --once)`,
    },
    retry: { about: "connect again when the connection is lost or refused; -x is sent anew" },
    once: { short: "1", about: "close when one message has come; without one it has failed" },
    ping: { value: "SECONDS", about: "send a ping that often" },
    "show-pings": { about: "tell of pings and pongs" },
    timestamps: { short: "t", about: "when each message came, in UTC" },
    commands: { isOn: true, about: "a slash in front is a part of the text" },
    version: { value: "N", about: `the protocol's version: ${VERSIONS.join(", ")} (13)` },
    "max-size": { value: "BYTES", about: "of a message that comes; a longer one closes (64 MiB)" },
  },
  examples: [
    ["lws connect wss://echo.example.com/", "a conversation"],
    [
      "printf 'a\\nb\\n' | lws connect ws://127.0.0.1:7681/",
      "sends two messages, prints the answers",
    ],
    ["lws connect ws://127.0.0.1:7681/ -x hello --once", "one question, one answer"],
    ["lws connect wss://feed.example.com/ -x '{\"subscribe\":1}' -w forever | jq .", "a feed"],
    ["lws connect wss://localhost:9001/ --ca ca.pem -H 'Authorization: Bearer 42'", "TLS, a token"],
  ],
};

async function run(args: Arguments, report: Report): Promise<number> {
  const { host, signal } = report;
  const target = targetOf(args);
  const protocols = protocolsOf(args);
  const executed = args.texts("execute");
  const isInteractive = executed.length === 0 && host.input.isTerminal && host.output.isTerminal;
  const waitMs = waitOf(args);
  const longest = args.number("max-size", { from: 1, to: 1024 * 1024 * 1024 }) ?? LONGEST;
  const session = new Session(mannerOf(args, isInteractive), report, target.shown);
  const options = optionsOf(args, protocols);
  // While it waits to connect again there is no connection that the signal could end.
  signal.addEventListener("abort", () => session.close(), { once: true });
  const names = [WITHOUT_SUBPROTOCOL, ...protocols];
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    clock: host.clock,
    ...host.network === undefined ? {} : { network: host.network },
    protocols: names.map((name) => ({ name, callback: session.callback })),
    maxMessageSize: longest,
    maxFramePayload: longest,
    // A line is taken while no more than `softUnsentBytes` wait, however long it is.
    maxUnsentBytes: Infinity,
    extensions: args.flag("compress") ? [permessageDeflate()] : [],
    ...tlsMembers(args),
  });
  target.connect(context, { ...options, signal });
  await session.opened;
  if (session.isOver) return await session.over;
  if (isInteractive) return await converse(session, report);
  const sent = executed.length > 0
    ? session.send(executed)
    : session.sendFrom(linesOf(host.input.bytes));
  void sent.then(() => session.closeWhenQuiet(waitMs));
  return await session.over;
}

/** At a terminal, until either end goes. */
async function converse(session: Session, report: Report): Promise<number> {
  const prompt = new Prompt(report.host.openTerminal(), COMMANDS, {
    onLine: (line) => {
      if (line !== "") session.act(line);
    },
    onEnd: () => session.close(),
    onInterrupt: () => session.close(),
  });
  report.showBy((line) => prompt.print(line));
  const code = await session.over;
  report.showBy(undefined);
  prompt.close();
  return code;
}

/** What the tab key completes. */
const COMMANDS = ["/ping ", "/pong ", "/binary ", "/close ", "/help"];

function mannerOf(args: Arguments, isInteractive: boolean): Manner {
  const ping = args.number("ping", { from: 0.1, to: LONGEST_WAIT, isFraction: true });
  return {
    isHex: args.flag("hex"),
    hasCommands: args.choice("commands") ?? true,
    pingMs: ping === undefined ? undefined : ping * 1000,
    showsPings: args.flag("show-pings"),
    isOnce: args.flag("once"),
    hasTimestamps: args.flag("timestamps"),
    isInteractive,
    asksProtocol: args.texts("protocol").length > 0,
    retries: args.flag("retry"),
    repeated: args.texts("execute"),
  };
}

function optionsOf(args: Arguments, protocol: readonly string[]): ClientConnectOptions {
  const origin = args.text("origin");
  const version = args.text("version");
  return {
    headers: args.texts("header").map(fieldOf),
    retry: args.flag("retry"),
    ...protocol.length === 0 ? {} : { protocol },
    ...origin === undefined ? {} : { origin },
    ...version === undefined ? {} : { version: readVersion(version, "version", VERSIONS) },
  };
}

function protocolsOf(args: Arguments): string[] {
  const names = args.texts("protocol").flatMap((list) =>
    list.split(",").map((name) => name.trim())
  );
  if (names.includes("")) throw new UsageError("--protocol has a name without a letter");
  return names;
}

/** Milliseconds of quiet behind the last line, at which it closes. @throws {UsageError} */
function waitOf(args: Arguments): number {
  const text = args.text("wait");
  if (text === "forever" || text === undefined && args.flag("once")) return Infinity;
  const range = { from: 0, to: LONGEST_WAIT, isFraction: true } as const;
  return (args.number("wait", range) ?? WAIT_SECONDS) * 1000;
}

/** @throws {UsageError} */
function fieldOf(text: string): [string, string] {
  const [, name, value] = /^([^:\s]+)\s*:\s*(.*?)\s*$/s.exec(text) ?? [];
  if (name !== undefined) return [name, value!];
  throw new UsageError("--header has no name; allowed: a name, a colon and a value");
}

export const connect: Command = { manual, run };
