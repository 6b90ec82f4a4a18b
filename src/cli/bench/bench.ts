/** `lws bench URL`: how many messages an echo server sends back, and how long each takes. */

import { LwsError } from "../../base/errors.ts";
import { CONTEXT_PORT_NO_LISTEN } from "../../api/creation_info.ts";
import type { Context } from "../../api/context.ts";
import { createContext } from "../../context/face.ts";
import { permessageDeflate } from "../../extensions/permessage_deflate.ts";
import { type Arguments, type Manual, UsageError } from "../arguments.ts";
import type { Command } from "../command.ts";
import { Load, type LoadPlan } from "./load.ts";
import { type Result, resultLines, resultOf } from "./load_result.ts";
import type { Report } from "../report.ts";
import { type Target, targetOf, TLS_RULES, tlsMembers } from "../target.ts";

/** What waits on all connections together, at most. */
const MOST_BYTES = 256 * 1024 * 1024;
const LARGEST_MESSAGE = 16 * 1024 * 1024;
/** Connects that are under way at a time. */
const AT_A_TIME = 64;
const PROGRESS_MS = 250;
/** Milliseconds that the closing handshakes may take at the end. */
const GRACE_MS = 2_000;

const manual: Manual = {
  name: "bench",
  operand: "URL",
  summary: "Measures an echo server: messages a second, and how long each takes.",
  about: [
    "Each connection has so many messages under way at a time, and sends the next one when one has come",
    "back. This client takes a core itself, and may be the slower end of the two. Ctrl-C ends it sooner.",
  ],
  options: {
    connections: { short: "c", value: "N", about: "1 to 10,000 (64)" },
    pipeline: { value: "N", about: "messages under way on each connection, 1 to 1,024 (1)" },
    size: { short: "s", value: "BYTES", about: "of each message, 0 to 16 MiB (125)" },
    seconds: { short: "t", value: "N", about: "how long, 0.1 to 3,600 (5)" },
    compress: { about: "offer permessage-deflate, and compress messages from 1 KiB on" },
    json: { about: "one line of JSON" },
    ...TLS_RULES,
  },
  examples: [
    ["lws bench ws://127.0.0.1:7681/", "64 connections, short messages, for 5 seconds"],
    ["lws bench ws://127.0.0.1:7681/ -c 1", "the time from one message to its echo"],
    ["lws bench ws://127.0.0.1:7681/ --size 65536 --json", "long messages, for another program"],
  ],
};

async function run(args: Arguments, report: Report): Promise<number> {
  const plan = planOf(args);
  const target = targetOf(args);
  const { host } = report;
  const load = new Load(plan, host.clock);
  const each = plan.pipeline * (plan.size + 64);
  await using context = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    clock: host.clock,
    ...host.network === undefined ? {} : { network: host.network },
    protocols: [load.protocol],
    maxFramePayload: LARGEST_MESSAGE,
    maxMessageSize: LARGEST_MESSAGE,
    maxUnsentBytes: Math.max(4 * 1024 * 1024, each * 2),
    extensions: args.flag("compress") ? [permessageDeflate()] : [],
    ...tlsMembers(args),
  });
  await connectAll(context, load, target, report);
  const wasInterrupted = await measure(load, report);
  const result = resultOf(load, target.shown, wasInterrupted);
  load.close();
  void context.destroy({ graceMs: GRACE_MS });
  tell(args, result, report);
  const complaint = complaintOf(load, args.flag("compress"));
  if (complaint !== undefined) report.complainOf(complaint);
  return load.fault !== undefined || result.messages === 0 ? 1 : 0;
}

/** @throws {UsageError} */
function planOf(args: Arguments): LoadPlan {
  const plan = {
    connections: args.number("connections", { from: 1, to: 10_000 }) ?? 64,
    pipeline: args.number("pipeline", { from: 1, to: 1_024 }) ?? 1,
    size: args.number("size", { from: 0, to: LARGEST_MESSAGE }) ?? 125,
    seconds: args.number("seconds", { from: 0.1, to: 3_600, isFraction: true }) ?? 5,
  };
  if (plan.connections * plan.pipeline * plan.size > MOST_BYTES) {
    throw new UsageError("connections times pipeline times size is more than 256 MiB");
  }
  return plan;
}

/** Opens the connections, some at a time; ends early when one fails or the command is to end. */
async function connectAll(
  context: Context,
  load: Load,
  target: Target,
  report: Report,
): Promise<void> {
  const { connections } = load.plan;
  const { signal } = report;
  let begun = 0;
  while (load.open < connections && load.fault === undefined && !signal.aborted) {
    while (begun < connections && begun - load.open < AT_A_TIME) {
      target.connect(context);
      begun++;
    }
    report.progress(`${load.open} of ${connections} connections`);
    await load.change(signal);
  }
  if (load.fault !== undefined) throw new LwsError("connect-failed", load.fault);
}

/** @returns Whether it was ended before its time. */
async function measure(load: Load, report: Report): Promise<boolean> {
  const { clock } = report.host;
  const { signal } = report;
  const { seconds } = load.plan;
  if (signal.aborted) return true;
  let isOver = false;
  const end = clock.setTimer(() => {
    isOver = true;
    load.stop();
  }, seconds * 1000);
  let ticker: unknown;
  const tick = () => {
    report.progress(load.progress());
    ticker = clock.setTimer(tick, PROGRESS_MS);
  };
  load.start();
  tick();
  while (load.isRunning && !signal.aborted) await load.change(signal);
  load.stop();
  clock.clearTimer(end);
  clock.clearTimer(ticker);
  report.progress("");
  return !isOver;
}

function tell(args: Arguments, result: Result, report: Report): void {
  if (args.flag("json")) {
    report.say(JSON.stringify(result));
    return;
  }
  for (const line of resultLines(result)) report.say(line);
  report.note(
    "This client is a part of what was measured: it takes a core, and may be the slower end.",
  );
}

function complaintOf(load: Load, asksCompression: boolean): string | undefined {
  if (load.fault !== undefined) return load.fault;
  if (load.messages === 0) return "no message came back; is it an echo server?";
  if (asksCompression && !load.isCompressed) return "the server doesn't compress";
  return undefined;
}

export const bench: Command = { manual, run };
