/** What a program says of its Redis, checked. */

import type { HistoryOptions } from "../../api/topics/broker.ts";
import { refuseArgument, refuseName } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { isWhole } from "../../base/option_rules.ts";
import { checkHistory } from "../../topics/history_options.ts";

/**
 * How a server is known, and this end to it, where `url` begins with `rediss:`. All are texts in PEM.
 *
 * @category Topics
 */
export interface RedisTls {
  /** The authorities that are trusted. Default: those of the system. */
  readonly caCerts?: readonly string[];
  /** The certificate of this end, with {@linkcode key}. Default: none. */
  readonly cert?: string;
  /** Its private key. Default: none. */
  readonly key?: string;
  /** The name that the server's certificate has to have. Default: that of the URL. */
  readonly serverName?: string;
}

/**
 * What {@linkcode redisBroker} is told. What is wrong is refused with `invalid-argument`, by its name.
 *
 * @category Topics
 */
export interface RedisBrokerOptions extends HistoryOptions {
  /**
   * Where the server is: `redis://user:password@host:6379/0`, of which only the host is needed, or `rediss:`
   * for TLS. Of a list, each server has a part of the topics; all contexts have to write it alike, as what is
   * another text is another server, though its order does not matter.
   */
  readonly url: string | readonly string[];
  /**
   * Whether it is a Redis Cluster, of which `url` names one node or several to ask first: user, password and TLS
   * of the first are for all. Publications go by its sharded channels. A topic that comes to another node, as
   * when a replica takes over or slots are moved, is told as a gap, unless {@linkcode restartKeepsEpoch}.
   * Default: `false`.
   */
  readonly cluster?: boolean;
  /**
   * What all names in Redis begin with: contexts with the same one have their topics in common. 1 to 64
   * letters, digits and `_ - .`. Default: `"lws"`.
   */
  readonly prefix?: string;
  /**
   * Whether a server that starts anew has all that it had. By default no start is trusted, as a server that
   * was restored from an elder state looks as if it had all: whatever had been kept is let go, and all
   * subscribers are told of a gap. True is right where each write is on a disk, as with `appendfsync always`,
   * or where what a machine that fails takes along may be missed without a word. Default: `false`.
   */
  readonly restartKeepsEpoch?: boolean;
  /** The user, where the URL has none. Default: Redis' own `default`. */
  readonly username?: string;
  /** The password, where the URL has none. Default: none. */
  readonly password?: string;
  /** The number of the database, from 0 to 1,000,000, where the URL has none. Default: `0`. */
  readonly database?: number;
  /** For `rediss:` only. Default: what the system trusts. */
  readonly tls?: RedisTls;
  /** How long a connection may take to come about, in milliseconds from 1 to 600,000. Default: `5000`. */
  readonly connectTimeoutMs?: number;
}

/** One server, and how to connect to it. */
export interface Target {
  /** What errors call it: no password is in it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: RedisTls | undefined;
  readonly connectTimeoutMs: number;
}

/** The options with defaults filled in. */
export interface Settings {
  readonly targets: readonly Target[];
  readonly isCluster: boolean;
  readonly prefix: string;
  readonly restartKeepsEpoch: boolean;
  readonly history: Required<HistoryOptions>;
}

const CALL = "redisBroker";
const HISTORY_NAMES = ["historySize", "historyTtlMs", "historyBytes", "idempotencyMs"] as const;
const NAMES: readonly string[] = [
  "url",
  "cluster",
  "prefix",
  "restartKeepsEpoch",
  "username",
  "password",
  "database",
  "tls",
  "connectTimeoutMs",
  ...HISTORY_NAMES,
];
const TLS_NAMES: readonly string[] = ["caCerts", "cert", "key", "serverName"];
const PREFIX = /^[\w.-]{1,64}$/;
const DEFAULT_PORT = 6379;
const MOST_SHARDS = 1_000;
const HIGHEST_DATABASE = 1_000_000;
const LONGEST_CONNECT_MS = 600_000;
/** What other clients call them. */
const SYNONYMS = {
  host: "url",
  servers: "url",
  pass: "password",
  user: "username",
  db: "database",
  keyPrefix: "prefix",
};
const URLS = "redis://host:port, rediss://host:port, or a list of them";

/** @throws {LwsError} `invalid-argument` */
export function checkOptions(options: RedisBrokerOptions): Settings {
  if (typeof options !== "object" || options === null) {
    refuseArgument(CALL, "options", options, "an object with url");
  }
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    refuseName(CALL, name, NAMES, didYouMean(name, NAMES, "", SYNONYMS));
  }
  const { cluster = false, prefix = "lws", restartKeepsEpoch = false } = options;
  if (typeof cluster !== "boolean") refuseArgument(CALL, "cluster", cluster, "true or false");
  if (typeof prefix !== "string" || !PREFIX.test(prefix)) {
    refuseArgument(CALL, "prefix", prefix, "1 to 64 letters, digits, _, - and .");
  }
  if (typeof restartKeepsEpoch !== "boolean") {
    refuseArgument(CALL, "restartKeepsEpoch", restartKeepsEpoch, "true or false");
  }
  const history: HistoryOptions = {};
  for (const name of HISTORY_NAMES) Object.assign(history, { [name]: options[name] });
  const targets = checkTargets(options);
  const numbered = targets.find(({ database }) => database !== 0);
  if (cluster && numbered !== undefined) {
    refuseArgument(CALL, "database", numbered.database, "0, as a Redis Cluster has no other");
  }
  return {
    targets,
    isCluster: cluster,
    prefix,
    restartKeepsEpoch,
    history: checkHistory(CALL, history),
  };
}

function checkTargets(options: RedisBrokerOptions): Target[] {
  const { url } = options;
  const urls: readonly unknown[] = Array.isArray(url) ? url : [url];
  if (urls.length === 0 || urls.length > MOST_SHARDS) {
    refuseArgument(CALL, "url", url, `a list of 1 to ${MOST_SHARDS} URLs`);
  }
  const targets = urls.map((each, i) => {
    return targetOf(each, Array.isArray(url) ? `url[${i}]` : "url", options);
  });
  const names = targets.map(shardName);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0) {
    refuseArgument(CALL, `url[${twice}]`, names[twice], "each server once");
  }
  return targets;
}

/** By which a shard is told from others: by no password, which may change. */
export function shardName({ host, port, database }: Target): string {
  return `${host}:${port}/${database}`;
}

function targetOf(given: unknown, field: string, options: RedisBrokerOptions): Target {
  const url = typeof given === "string" ? URL.parse(given) : null;
  const isSecure = url?.protocol === "rediss:";
  if (url === null || !(isSecure || url.protocol === "redis:") || url.hostname === "") {
    refuseArgument(CALL, field, withoutPassword(given), URLS);
  }
  if (url.search !== "" || url.hash !== "") {
    refuseArgument(CALL, field, withoutPassword(given), "a URL without ? and #");
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const { connectTimeoutMs = 5_000 } = options;
  if (!isWhole(connectTimeoutMs, 1, LONGEST_CONNECT_MS)) {
    const allowed = `a whole number from 1 to ${LONGEST_CONNECT_MS}`;
    refuseArgument(CALL, "connectTimeoutMs", connectTimeoutMs, allowed);
  }
  return {
    name: `${url.protocol}//${url.hostname}:${port}`,
    host,
    port,
    username: credential("username", decoded(url.username, field), options.username),
    password: credential("password", decoded(url.password, field), options.password),
    database: databaseOf(url.pathname, field, given, options.database),
    tls: checkTls(options.tls, isSecure),
    connectTimeoutMs,
  };
}

/** What a message may show of a URL. */
function withoutPassword(url: unknown): unknown {
  return typeof url === "string" ? url.replace(/(\/\/|^).*@/s, "$1…@") : url;
}

function decoded(text: string, field: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuseArgument(CALL, field, "…", "a URL whose user and password are encoded by %");
  }
}

function credential(name: string, ofUrl: string, given: unknown): string | undefined {
  if (given !== undefined && (typeof given !== "string" || given === "")) {
    refuseArgument(CALL, name, typeof given === "string" ? given : typeof given, "a text");
  }
  return ofUrl === "" ? given as string | undefined : ofUrl;
}

function databaseOf(path: string, field: string, url: unknown, given: unknown): number {
  const allowed = `a whole number from 0 to ${HIGHEST_DATABASE}`;
  if (given !== undefined && !isWhole(given, 0, HIGHEST_DATABASE)) {
    refuseArgument(CALL, "database", given, allowed);
  }
  if (path === "" || path === "/") return (given as number | undefined) ?? 0;
  const text = path.slice(1);
  if (!/^\d{1,7}$/.test(text) || Number(text) > HIGHEST_DATABASE) {
    refuseArgument(CALL, field, withoutPassword(url), `a URL whose path is ${allowed}`);
  }
  return Number(text);
}

function checkTls(tls: unknown, isSecure: boolean): RedisTls | undefined {
  if (tls === undefined) return isSecure ? {} : undefined;
  if (!isSecure) refuseArgument(CALL, "tls", tls, "only with a URL that begins with rediss:");
  if (typeof tls !== "object" || tls === null) refuseArgument(CALL, "tls", tls, "an object");
  for (const name of Object.keys(tls)) {
    if (TLS_NAMES.includes(name)) continue;
    refuseName(CALL, `tls.${name}`, TLS_NAMES, didYouMean(name, TLS_NAMES, "tls."));
  }
  const { caCerts, cert, key, serverName } = tls as Record<string, unknown>;
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  if (caCerts !== undefined && !(Array.isArray(caCerts) && caCerts.every(isText))) {
    refuseArgument(CALL, "tls.caCerts", caCerts, "a list of texts in PEM");
  }
  for (const [name, value] of Object.entries({ cert, key, serverName })) {
    if (value !== undefined && !isText(value)) {
      refuseArgument(CALL, `tls.${name}`, typeof value, "a text");
    }
  }
  if ((cert === undefined) !== (key === undefined)) {
    refuseArgument(CALL, cert === undefined ? "tls.cert" : "tls.key", undefined, "both or none");
  }
  return tls as RedisTls;
}
