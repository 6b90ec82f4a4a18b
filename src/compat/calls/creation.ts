/** Makes contexts of what the C calls were given. */

import type { Context } from "../../api/context.ts";
import {
  CONTEXT_PORT_NO_LISTEN,
  type ContextCreationInfo,
  type ServicePolicy,
} from "../../api/creation_info.ts";
import type { Protocol } from "../../api/protocol.ts";
import { isPlain } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { LwsError } from "../../base/errors.ts";
import { type AnyExtensionStruct, extensionOf } from "./extensions.ts";
import { FileService } from "./files/file_service.ts";
import { willBePolled } from "./poll.ts";
import { checkKeyPair, hasCertificate, livingCiphers, withoutEffectlessBits } from "./tls.ts";
import { attempt } from "../engine/attempt.ts";
import { adapt, type LooseCallback } from "../engine/callback.ts";
import type { Generation } from "../engine/generation.ts";
import { refuse, theList, theWhole } from "../engine/guards.ts";
import { limitsOf } from "../engine/limits.ts";
import { type AnyProtocolStruct, NAMELESS, Served } from "../engine/served.ts";
import type { CreationStruct, lws_token_limits } from "../engine/structs.ts";
import { DRAFT_04_MASKING } from "../engine/versions.ts";
import { createContext } from "../../context/face.ts";
import { HEADER_TOKENS } from "../../core/http/header_tokens.ts";
import { splitList } from "../../core/http/syntax.ts";
import { hostFileOps } from "../../transport/host_files.ts";

/** The creation struct of any generation. */
export type AnyCreationStruct = CreationStruct<AnyProtocolStruct, AnyExtensionStruct>;

/** The receive buffer of a protocol that asks for none, and of all before 2013. */
const RX_BUFFER_SIZE = 4096;

/** Where the main API's default is another one. */
const C_DEFAULTS = { kaTime: 0, kaProbes: 0, kaInterval: 0 } as const;

/** The members that the main API knows under the same name, and what stands for "not given". */
const SAME_MEMBERS: Readonly<Record<string, unknown>> = {
  ssl_cert_filepath: null,
  ssl_private_key_filepath: null,
  ssl_private_key_password: null,
  ssl_ca_filepath: null,
  ssl_cipher_list: null,
  http_proxy_address: null,
  http_proxy_port: 0,
  gid: -1,
  uid: -1,
  ka_time: 0,
  ka_probes: 0,
  ka_interval: 0,
  provided_client_ssl_ctx: null,
};

/** What is ignored without a certificate, as the documents say. */
const OF_A_CERTIFICATE: ReadonlySet<string> = new Set([
  "ssl_private_key_filepath",
  "ssl_private_key_password",
]);

/** All members. */
const MEMBERS: ReadonlySet<string> = new Set([
  ...Object.keys(SAME_MEMBERS),
  "port",
  "iface",
  "protocols",
  "extensions",
  "token_limits",
  "options",
  "user",
  "limits",
]);

/** Bits are those of an `unsigned int`. */
const MAX_BITS = 0xffff_ffff;

let host: Pick<ContextCreationInfo, "network" | "clock"> = {};

/** Puts contexts that are made from now on on another network and another clock; for tests. */
export function useHost(other: Pick<ContextCreationInfo, "network" | "clock">): void {
  host = other;
}

/** Where contexts that are made now live; undefined for the runtime's. */
export function hostInUse(): Pick<ContextCreationInfo, "network" | "clock"> {
  return host;
}

/**
 * Makes a context; null, and a line in the log, when that can't be done.
 *
 * @param name The C call, for the log.
 */
export function createFrom(
  generation: Generation,
  name: string,
  struct: AnyCreationStruct,
  service: ServicePolicy = "external",
): Context | null {
  return attempt<Context | null>(name, null, () => {
    try {
      return create(generation, struct, service);
    } catch (error) {
      if (!(error instanceof LwsError)) throw error;
      throw new LwsError(error.code, inCNames(generation, error.message), { cause: error });
    }
  });
}

function create(
  generation: Generation,
  struct: AnyCreationStruct,
  service: ServicePolicy,
): Context {
  checkStruct(struct);
  checkKeyPair(generation, struct);
  const files = new FileService(hostFileOps());
  const limits = limitsOf(struct.limits ?? null);
  const { draft04Masking = DRAFT_04_MASKING } = limits;
  const served = new Served(generation, structsOf(struct.protocols), files, draft04Masking);
  const context = createContext({
    ...C_DEFAULTS,
    ...sameMembers(struct),
    versions: generation.versions,
    // C let every origin in; programs that mind look at it in their filters, which the first ones had not.
    allowedOrigins: ["*"],
    ...limits,
    draft04Masking,
    ...optionsOf(generation, struct),
    ...host,
    port: portOf(generation, struct.port),
    service,
    protocols: [...served.structs].map(([own, each]) => protocolOf(served, own, each)),
    extensions: extensionsOf(generation, struct.extensions ?? []),
    fileOps: files.fileOps,
    user: struct.user,
    ...(isGiven(struct.iface) ? { iface: struct.iface } : {}),
    ...(isGiven(struct.token_limits) ? { tokenLimits: tokenLimitsOf(struct.token_limits) } : {}),
    ...(generation.fillsIn === "broadcast" ? { broadcastSockets: true } : {}),
  } as ContextCreationInfo);
  served.bind(context);
  fillIn(generation, served, struct, context);
  if (service === "external") willBePolled(context);
  return context;
}

function checkStruct(struct: AnyCreationStruct): void {
  if (typeof struct !== "object" || struct === null) refuse("info", struct, "a struct");
  checkMembers(struct, "", MEMBERS, "lws_context_creation_info");
}

/** Members of a protocol, those included that creation filled in. */
const PROTOCOL_MEMBERS: ReadonlySet<string> = new Set([
  "name",
  "callback",
  "per_session_data_size",
  "rx_buffer_size",
  "id",
  "user",
  "owning_server",
  "protocol_index",
  "broadcast_socket_port",
  "broadcast_socket_user_fd",
  "broadcast_socket_token",
]);

const EXTENSION_MEMBERS: ReadonlySet<string> = new Set([
  "name",
  "callback",
  "per_session_data_size",
  "per_context_private_data",
]);

/** Refuses members that there are not: a misspelt one would have no effect. */
function checkMembers(
  struct: object,
  where: string,
  members: ReadonlySet<string>,
  what: string,
): void {
  for (const member of Object.keys(struct)) {
    if (members.has(member)) continue;
    const hint = didYouMean(member, members);
    throw new LwsError("invalid-option", `${where}${member} is no member of ${what}${hint}`);
  }
}

function structsOf(list: readonly AnyProtocolStruct[]): Map<string, AnyProtocolStruct> {
  if (!Array.isArray(list)) throw new LwsError("invalid-option", "protocols is no array");
  const end = list.findIndex((each) => !isGiven(each?.callback));
  list.slice(0, end === -1 ? list.length : end + 1).forEach((each: unknown, index) => {
    // The one that ends a list may be a protocol whose callback is misspelt.
    if (typeof each !== "object" || each === null || !isPlain(each)) return;
    checkMembers(each, `protocols[${index}].`, PROTOCOL_MEMBERS, "a protocol");
  });
  const structs = new Map<string, AnyProtocolStruct>();
  for (const struct of end === -1 ? list : list.slice(0, end)) {
    if (struct.name === null && structs.size > 0) {
      throw new LwsError(
        "invalid-option",
        `protocols[${structs.size}].name is null; only the first may have no name`,
      );
    }
    const names = namesOf(struct);
    // As in C the first one has what several lists name; one with nothing of its own would never be chosen.
    const own = names.filter((name) => !structs.has(name));
    if (own.length === 0) {
      throw new LwsError("invalid-option", `protocols: the name "${names[0]}" is there twice`);
    }
    for (const name of own) structs.set(name, struct);
  }
  // The main API's clients may do without one; the C library has its first entry in hand at once.
  if (structs.size === 0) throw new LwsError("invalid-option", "protocols has no entry");
  return structs;
}

/** The names of a struct: `name` may be a list with commas. */
function namesOf({ name }: AnyProtocolStruct): readonly string[] {
  if (typeof name !== "string") return [name ?? NAMELESS];
  const names = name.includes(",") ? splitList(name) : [name];
  return names.length === 0 ? [name] : names;
}

function protocolOf(served: Served, name: string, struct: AnyProtocolStruct): Protocol {
  const { per_session_data_size: size = 0, rx_buffer_size, id, user } = struct;
  return {
    name,
    callback: adapt(served, struct, served.nameOf(struct) === name) as
      & LooseCallback
      & Protocol["callback"],
    // C gave no area of no bytes, but null.
    ...(size === 0 ? {} : { perSessionData: size }),
    rxBufferSize: rx_buffer_size || RX_BUFFER_SIZE,
    ...(id === undefined ? {} : { id }),
    ...(user === undefined ? {} : { user }),
  };
}

/** Whether a member has a value; null and a member that is left out have none. */
function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

function portOf({ noListenPort }: Generation, port: number): number {
  if (port === noListenPort) return CONTEXT_PORT_NO_LISTEN;
  if (port === CONTEXT_PORT_NO_LISTEN) {
    throw new LwsError("invalid-option", `port is ${port}; allowed: 0 to 65535`);
  }
  return port;
}

function optionsOf(
  { options }: Generation,
  struct: AnyCreationStruct,
): Pick<ContextCreationInfo, "options"> {
  const bits = theWhole("options", struct.options ?? 0, 0, MAX_BITS);
  const given: Record<string, true> = {};
  for (let bit = 1, rest = bits; rest !== 0; bit *= 2, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 0) continue;
    const name = options.name(bit);
    if (name === undefined) {
      throw new LwsError("invalid-option", `options is ${bits}; the bit ${bit} means nothing here`);
    }
    given[name] = true;
  }
  return bits === 0 ? {} : { options: withoutEffectlessBits(given, struct) };
}

function extensionsOf(generation: Generation, list: readonly AnyExtensionStruct[]) {
  theList("extensions", list).forEach((each, index) => {
    if (typeof each !== "object" || each === null) {
      return refuse(`extensions[${index}]`, each, "a struct, or an extension");
    }
    if ("accept" in each || !isPlain(each)) return;
    checkMembers(each, `extensions[${index}].`, EXTENSION_MEMBERS, "an extension");
  });
  const end = list.findIndex((each) => "callback" in each && each.callback === null);
  return (end === -1 ? list : list.slice(0, end)).map((each) => extensionOf(generation, each));
}

function sameMembers(struct: AnyCreationStruct): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [member, off] of Object.entries(SAME_MEMBERS)) {
    const value = struct[member as keyof AnyCreationStruct];
    if (!isGiven(value) || value === off) continue;
    if (OF_A_CERTIFICATE.has(member) && !hasCertificate(struct)) continue;
    given[mainName(member)] = member === "ssl_cipher_list" ? livingCiphers(value) : value;
  }
  return given;
}

function mainName(member: string): string {
  if (member === "provided_client_ssl_ctx") return "providedClientTls";
  if (member === "per_session_data_size") return "perSessionData";
  return member.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Members of the creation struct and of protocols whose names differ from the main API's. */
const C_NAMES: ReadonlyMap<string, string> = new Map(
  [...MEMBERS, "rx_buffer_size", "per_session_data_size"].map((name) => [mainName(name), name]),
);

/** What the main API says of its options, as the program knows them. */
function inCNames({ constants, options }: Generation, text: string): string {
  const bitOf = (option: string) =>
    Object.keys(constants).find((name) =>
      name.startsWith("LWS_SERVER_OPTION_") && constants[name] === options.number(option)
    );
  return text
    .replace(/\boptions\.(\w+)/g, (whole, option: string) => bitOf(option) ?? whole)
    // A member that there is not stands as it was given.
    .replace(/\b[a-z]+[A-Z]\w*\b(?! is no member)/g, (name) => C_NAMES.get(name) ?? name);
}

/** Token numbers of the only generation that has limits are those of the main API. */
function tokenLimitsOf({ token_limit }: lws_token_limits): Record<string, number> {
  const limits = theList("token_limits.token_limit", token_limit);
  return Object.fromEntries(limits.map((limit, token) => [HEADER_TOKENS[token], limit]));
}

/** What creation wrote into the structs beside `owning_server`. */
function fillIn(
  { fillsIn }: Generation,
  { structs }: Served,
  struct: AnyCreationStruct,
  context: Context,
): void {
  if (fillsIn === "port" && struct.port === 0) struct.port = context.port;
  if (fillsIn !== "broadcast") return;
  for (const each of new Set(structs.values())) {
    const own = context.protocols.find(({ name }) => structs.get(name) === each)!;
    Object.assign(each, {
      broadcast_socket_port: own.broadcastSocketPort,
      broadcast_socket_user_fd: own.broadcastSocketUserFd,
      broadcast_socket_token: own.broadcastToken,
    });
  }
}
