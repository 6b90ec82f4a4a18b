/** The rules of a protocol's members, and the checks of protocols, extensions and origins. */

import { CONTEXT_PORT_NO_LISTEN, type ContextCreationInfo } from "../../api/creation_info.ts";
import type { Extension, ExtensionStruct } from "../../api/extension.ts";
import type { ActiveProtocol, Protocol } from "../../api/protocol.ts";
import { isPlain } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { messageOf } from "../../base/log.ts";
import {
  anything,
  checkAll,
  type Inquiry,
  isWhole,
  missingMethods,
  type Rule,
  wholeNumber,
} from "../../base/option_rules.ts";
import { handlers } from "../handlers.ts";
import { fetchRule } from "./fetch.ts";
import { isToken } from "../../core/http/syntax.ts";
import { callbackExtension, faultsOfStruct } from "../../extensions/callback_extension.ts";
import { compilePath } from "../../web/paths.ts";

const DEFAULT_RX_BUFFER_SIZE = 64 * 1024;
const MAX_RX_BUFFER_SIZE = 1024 * 1024 * 1024;

type Ask = Inquiry<unknown>;

/** The rules of the members of a protocol. */
export const PROTOCOL_RULES = {
  callback: {
    kind: "function",
    allowed: "a function",
    default: "none",
    about: "Is called with a reason for all that happens; `handlers` makes one of functions.",
    check(value, ask: Ask): void {
      if (typeof value !== "function") ask.refuse(value);
    },
  },
  name: {
    kind: "text",
    allowed: "a token of RFC 9110 section 5.6.2",
    default: "none",
    about: "The name by which clients ask for it; each is used once.",
    check(value, ask: Ask): void {
      if (typeof value !== "string" || !isToken(value)) ask.refuse(value);
    },
  },
  rxBufferSize: wholeNumber(
    "bytes",
    { from: 0, to: MAX_RX_BUFFER_SIZE, fallback: DEFAULT_RX_BUFFER_SIZE },
    "The most that `receive` gets at a time; 0 is the default.",
    `an integer from 0 to ${MAX_RX_BUFFER_SIZE}`,
  ),
  perSessionData: {
    kind: "any",
    allowed: "a function, or a number of bytes",
    default: "none, and `user` is undefined",
    about: "Makes the `user` of each connection.",
    check(value, ask: Ask): void {
      const isRight = typeof value === "function" || isWhole(value, 0, Number.MAX_VALUE);
      if (value !== undefined && !isRight) ask.refuse(value);
    },
  },
  allowedOrigins: {
    kind: "list",
    allowed: '"*", or origins such as "https://example.com"',
    default: "the context's `allowedOrigins`",
    about: "Origins from which browsers may connect to it.",
    check: checkOrigins,
  },
  encode: {
    kind: "function",
    allowed: "a function",
    default: "none, and the data is sent as it is",
    about: "Makes of a publication what its subscribers of this protocol are sent.",
    check(value, ask: Ask): void {
      if (value !== undefined && typeof value !== "function") ask.refuse(value);
    },
  },
  path: {
    kind: "text",
    allowed: 'the pathname of a URLPattern that begins with "/" or "*"',
    default: "none, and every path fits",
    about: "The paths on which servers serve it, as `/chat/:room`.",
    check: checkPath,
  },
  fetch: fetchRule("Answers the context's requests of HTTP whose paths fit, by a `Response`."),
  id: anything("Free for the program."),
  user: anything("Free for the program."),
} satisfies Record<keyof Protocol, Rule>;

/** What a context adds to them, as one that a context uses is a protocol as well. */
const ADDED_MEMBERS: Readonly<Record<Exclude<keyof ActiveProtocol, keyof Protocol>, true>> = {
  owningServer: true,
  protocolIndex: true,
  broadcastSocketPort: true,
  broadcastSocketUserFd: true,
  broadcastToken: true,
};

/** In place of the program's, where HTTP alone is served, by mounts or `fetch`. */
const NO_PROTOCOL: Protocol = {
  name: "http-only",
  callback: handlers({ filterProtocolConnection: () => -1 }),
};

/** In place of the program's, where nothing is served and clients need no callback. */
export const UNSERVED: Protocol = {
  name: "websocket",
  callback: handlers({ filterProtocolConnection: () => -1 }),
};

/** Whether there is one that the program has given. */
export function hasProtocols(protocols: readonly Protocol[]): boolean {
  return protocols[0] !== NO_PROTOCOL && protocols[0] !== UNSERVED;
}

/** The piece size of a protocol. */
export function rxBufferSizeOf(protocol: Protocol): number {
  return protocol.rxBufferSize || DEFAULT_RX_BUFFER_SIZE;
}

const OR_NONE = ", or none beside fetch or mounts, or with port: CONTEXT_PORT_NO_LISTEN";

/** Checks the option `protocols`. */
export function checkProtocols(
  given: unknown,
  ask: Inquiry<ContextCreationInfo>,
): readonly Protocol[] {
  const { mounts, port, fetch } = ask.info;
  const isNone = given === undefined || (given as unknown[] | null)?.length === 0;
  if (isNone && Array.isArray(mounts) && mounts.length > 0) return [NO_PROTOCOL];
  if (isNone && port === CONTEXT_PORT_NO_LISTEN) return [UNSERVED];
  if (isNone && fetch !== undefined) return [NO_PROTOCOL];
  if (!Array.isArray(given)) {
    ask.refuse(given, given === undefined ? `${ask.allowed}${OR_NONE}` : ask.allowed);
    return [];
  }
  // Lists from C end with an entry without a callback.
  const end = given.findIndex((each) => each?.callback === null || each?.callback === undefined);
  const protocols: readonly Protocol[] = end === -1 ? given : given.slice(0, end);
  // The last one may be no end at all, but a protocol whose callback is misspelt.
  given.slice(0, end === -1 ? given.length : end + 1).forEach((each: unknown, index) => {
    if (typeof each !== "object" || each === null || !isPlain(each)) return;
    for (const member of Object.keys(each)) {
      if (Object.hasOwn(PROTOCOL_RULES, member) || Object.hasOwn(ADDED_MEMBERS, member)) continue;
      const isMethod = typeof (each as Record<string, unknown>)[member] === "function";
      const hint = isMethod
        ? "; one with methods is made by protocol({ … })"
        : didYouMean(member, Object.keys(PROTOCOL_RULES));
      ask.problems.push(`protocols[${index}].${member} is no member of a protocol${hint}`);
    }
  });
  if (protocols.length === 0) {
    ask.refuse(given, `at least one with a callback${isNone ? OR_NONE : ""}`);
  }
  const names = new Set<string>();
  protocols.forEach((protocol, index) => {
    const prefix = `protocols[${index}].`;
    checkAll(PROTOCOL_RULES, protocol, { info: undefined, problems: ask.problems, prefix });
    if (names.has(protocol.name)) {
      ask.refusePart(`[${index}].name`, protocol.name, "a name used once");
    }
    names.add(protocol.name);
  });
  return protocols;
}

function checkPath(path: unknown, ask: Ask): void {
  if (path === undefined) return;
  if (typeof path !== "string") return ask.refuse(path);
  try {
    compilePath(path);
  } catch (error) {
    // Of what the parser of patterns says, the first line; below it is a picture of where.
    const [why] = messageOf(error).split("\n");
    ask.refuse(path, `${ask.allowed} (${why})`);
  }
}

/** Checks the options `allowedOrigins`. */
export function checkOrigins(origins: unknown, ask: Ask): readonly string[] | undefined {
  if (origins === undefined) return undefined;
  if (!Array.isArray(origins)) {
    ask.refuse(origins, "an array of origins");
    return undefined;
  }
  for (const origin of origins) {
    if (origin === "*") continue;
    const url = typeof origin === "string" ? URL.parse(origin) : null;
    const isOrigin = url !== null && url.host !== "" && url.pathname.length <= 1 &&
      url.search === "" && url.hash === "" && !origin.endsWith("/");
    if (!isOrigin) ask.refuse(origin, '"*", or an origin such as "https://example.com"');
  }
  return origins;
}

/** Checks the option `extensions`, whose structs become extensions. */
export function checkExtensions(given: unknown, ask: Ask): readonly Extension[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) {
    ask.refuse(given);
    return [];
  }
  const extensions: Extension[] = [];
  const names = new Set<unknown>();
  for (const [index, entry] of given.entries()) {
    const part = `[${index}]`;
    const name = (entry as Partial<Extension> | null)?.name;
    if (isStruct(entry)) {
      // Lists from C end with an entry without a callback.
      if (entry.callback === null || entry.callback === undefined) break;
      const faults = faultsOfStruct(entry);
      ask.problems.push(...faults.map((fault) => `${ask.field}${part}.${fault}`));
      if (faults.length === 0) extensions.push(callbackExtension(entry));
    } else {
      const missing = missingMethods(entry, ["accept", "offer", "confirm", "close"]);
      if (entry !== undefined && missing.length > 0) {
        ask.refusePart(part, entry, `an object with ${missing.join(", ")}`);
      }
      if (typeof name !== "string" || !isToken(name)) {
        ask.refusePart(`${part}.name`, name, "a token");
      }
      extensions.push(entry);
    }
    if (names.has(name)) ask.refusePart(`${part}.name`, name, "a name used once");
    names.add(name);
  }
  return extensions;
}

/** Whether an entry of `extensions` is a struct, and not the extension that one became. */
function isStruct(entry: unknown): entry is ExtensionStruct {
  return typeof entry === "object" && entry !== null && "callback" in entry && !("accept" in entry);
}
