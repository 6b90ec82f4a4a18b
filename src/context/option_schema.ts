/**
 * Every option of a context: its kind, range, default and check, and what it is for. The compiler
 * refuses an option without a rule, and a rule without an option; `docs/options.md` is made of it.
 */

import type {
  ContextCreationInfo,
  ListenInfo,
  PlatformInfo,
  ServicePolicy,
} from "../api/creation_info.ts";
import type { FetchInfo } from "../api/creation/fetch_info.ts";
import type { RateInfo } from "../api/creation/rate_info.ts";
import type { WireInfo } from "../api/creation/wire_info.ts";
import type { FileOps } from "../api/file_ops.ts";
import type { Limits } from "../api/limits.ts";
import type { Network } from "../api/network.ts";
import type { Clock } from "../api/service.ts";
import type { TopicInfo } from "../api/topics/limits.ts";
import { anything, flag, type Inquiry, objectWith, type Rule } from "../base/option_rules.ts";
import { FETCH_RULES } from "./options/fetch.ts";
import { LIMIT_RULES } from "./options/limits.ts";
import { LISTEN_RULES } from "./options/listen.ts";
import { SYSTEM_RULES, TLS_RULES } from "./options/platform.ts";
import { checkExtensions, checkOrigins, checkProtocols } from "./options/protocols.ts";
import { RATE_RULES } from "./options/rates.ts";
import { TOPIC_RULES } from "./options/topics.ts";
import { WIRE_RULES } from "./options/wire.ts";
import { checkRequestMethods, checkTokenLimits } from "./options/requests.ts";
import { LONGEST_METHOD } from "../core/http/methods.ts";
import { checkMounts } from "../files/mounts.ts";
import { hostFolder } from "../transport/host_folder.ts";

type Ask = Inquiry<ContextCreationInfo>;

const SERVICE_POLICIES: readonly unknown[] = [
  "automatic",
  "manual",
  "external",
] satisfies ServicePolicy[];

const FILE_OPS = objectWith<FileOps>(
  ["open", "close", "seekCur", "read", "write"],
  "How `serveHttpFile` gets at files.",
  "`hostFileOps()`",
);
const NETWORK = objectWith<Network>(
  ["listen", "connect"],
  "The network; tests use the one of `@x/lws/testing`.",
  "the operating system's TCP",
);

/** The rules of what {@linkcode ContextCreationInfo} has itself. */
export const OWN_RULES = {
  allowedOrigins: {
    kind: "list",
    allowed: '"*", or origins such as "https://example.com"',
    default: "none",
    about: "Origins other than the server's own from which browsers may connect.",
    check: checkOrigins,
  },
  compression: flag("Whether files of text types are compressed on the way, by gzip or Brotli."),
  mounts: {
    kind: "list",
    allowed: "an array of mounts",
    default: "none",
    about: "Folders that are served without a callback: see below.",
    check(value, ask: Ask) {
      return checkMounts(value, hostFolder, ask.info.compression ?? false, ask);
    },
  },
  protocols: {
    kind: "list",
    allowed: "an array of protocols",
    default: "none, beside `mounts` or `fetch` and with `CONTEXT_PORT_NO_LISTEN`",
    about: "The protocols, the first of which gets all of HTTP: see below.",
    check: checkProtocols,
  },
  extensions: {
    kind: "list",
    allowed: "an array of extensions",
    default: "none",
    about: "The extensions that servers accept and clients offer, most wanted first.",
    check: checkExtensions,
  },
  service: {
    kind: "text",
    allowed: '"automatic", "manual" or "external"',
    default: '`"automatic"`',
    about: "What runs the callbacks: the runtime, `context.service`, or the program's own loop.",
    check(value = "automatic", ask: Ask): ServicePolicy {
      if (!SERVICE_POLICIES.includes(value)) ask.refuse(value);
      return value as ServicePolicy;
    },
  },
  broadcastSockets: flag("Whether other processes may broadcast, with `connectBroadcast`."),
  halfOpenHttp: flag("Whether a client that closes its sending half still gets its answers."),
  signal: {
    kind: "object",
    allowed: "an AbortSignal",
    default: "none",
    about: "Destroys the context when it aborts.",
    check(value, ask: Ask): AbortSignal | undefined {
      if (value === undefined || value instanceof AbortSignal) return value;
      ask.refuse(value);
    },
  },
  fileOps: {
    ...FILE_OPS,
    check(value, ask: Ask): FileOps | undefined {
      const fileOps = FILE_OPS.check(value, ask);
      const stat: unknown = fileOps?.stat;
      if (stat !== undefined && typeof stat !== "function") {
        ask.refuse(value, "an object with stat");
      }
      return fileOps;
    },
  },
  network: {
    ...NETWORK,
    check(value, ask: Ask): Network | undefined {
      const network = NETWORK.check(value, ask);
      const reverse: unknown = network?.reverse;
      if (reverse !== undefined && typeof reverse !== "function") {
        ask.refusePart(".reverse", reverse, "a function");
      }
      return network;
    },
  },
  clock: objectWith<Clock>(
    ["now", "setTimer", "clearTimer"],
    "The clock; tests use the one of `@x/lws/testing`.",
    "the runtime's",
  ),
  tokenLimits: {
    kind: "object",
    allowed: "an object of numbers by header token",
    default: "none is limited",
    about: "How many characters of which headers the program gets to see.",
    check: checkTokenLimits,
  },
  methods: {
    kind: "list",
    allowed: '"any", or an array of methods',
    default: '`["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]`',
    about: `The methods that reach the program, of at most ${LONGEST_METHOD} characters; ` +
      "others are answered 501.",
    check: checkRequestMethods,
  },
  user: anything("Free for the program; `context.user` gives it back."),
} satisfies Record<
  Exclude<
    keyof ContextCreationInfo,
    keyof (FetchInfo & Limits & ListenInfo & PlatformInfo & RateInfo & TopicInfo & WireInfo)
  >,
  Rule<unknown, ContextCreationInfo>
>;

/** The rule of every option, in the order in which they are checked. */
export const OPTION_SCHEMA = {
  ...LISTEN_RULES,
  ...FETCH_RULES,
  ...OWN_RULES,
  ...WIRE_RULES,
  ...LIMIT_RULES,
  ...RATE_RULES,
  ...TOPIC_RULES,
  ...TLS_RULES,
  ...SYSTEM_RULES,
} satisfies Record<keyof ContextCreationInfo, Rule<unknown, ContextCreationInfo>>;
