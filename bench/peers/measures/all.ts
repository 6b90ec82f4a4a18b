/** All cases, in the order in which they are measured. */

import { answers } from "./answers.ts";
import { broadcast } from "./broadcast.ts";
import { brokerCase } from "./brokers.ts";
import type { Case } from "./case.ts";
import { files } from "./files.ts";
import { growth } from "./growth.ts";
import { idle } from "./idle.ts";
import { idleCpu } from "./idle_cpu.ts";
import { idleDeflate } from "./idle_deflate.ts";
import { idleTls } from "./idle_tls.ts";
import { latency } from "./latency.ts";
import { throughputCase, throughputCaseNamed } from "./throughput.ts";
import { tlsCase, tlsCaseNamed } from "./tls.ts";
import { topics } from "./topics.ts";
import { topicsIdle } from "./topics_idle.ts";

export const CASES: readonly Case[] = [
  throughputCase([1, 1, 125]),
  throughputCase([64, 1, 125], { isQuick: true }),
  throughputCase([64, 16, 125], { isQuick: true }),
  throughputCase([1, 64, 125]),
  throughputCase([64, 1, 16_384]),
  throughputCase([16, 4, 65_536], { isQuick: true }),
  throughputCase([1000, 1, 125]),
  throughputCase([1000, 1, 125], { idle: 9_000 }),
  throughputCase([16, 16, 1024], { isQuick: true, deflate: true }),
  throughputCase([4, 1, 65_536], { deflate: true }),
  throughputCase([16, 1, 1024], { deflate: true }),
  tlsCase([64, 1, 125], true),
  tlsCase([64, 16, 125], true),
  tlsCase([16, 4, 65_536], true),
  tlsCase([1, 1, 65_536], false),
  files,
  answers,
  idle,
  idleDeflate,
  idleTls,
  idleCpu,
  broadcast,
  topics,
  topicsIdle,
  brokerCase("redis"),
  brokerCase("nats"),
  growth,
  // After the case whose maximum it halves.
  latency,
];

/** The case of a name; any shape of connections × in flight × bytes is one too. */
export function caseNamed(name: string): Case | undefined {
  return CASES.find((each) => each.name === name) ?? throughputCaseNamed(name) ??
    tlsCaseNamed(name);
}
