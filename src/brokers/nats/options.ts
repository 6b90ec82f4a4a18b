/** The options of a broker of NATS, and their check. */

import type { HistoryOptions } from "../../api/topics/broker.ts";
import { refuseArgument, refuseName } from "../../base/check.ts";
import { didYouMean } from "../../base/text/did_you_mean.ts";
import { isWhole } from "../../base/option_rules.ts";
import { checkHistory } from "../../topics/history_options.ts";

/**
 * What a connection with TLS is made with. All are PEM texts.
 *
 * @category Topics
 */
export interface NatsTls {
  /** The authorities that are trusted. Default: the runtime's. */
  readonly caCerts?: readonly string[];
  /** The certificate that the server is shown, with its chain; not without `key`. Default: none. */
  readonly cert?: string;
  /** The private key of `cert`. Default: none. */
  readonly key?: string;
}

/**
 * The options of {@linkcode natsBroker}.
 *
 * NATS counts no bytes of a topic, so that `historyBytes` can only be `Infinity`; the size of a topic's
 * history is bounded by `historySize`. `historyTtlMs` is from 100; `idempotencyMs` is 0, or from 100
 * up to `historyTtlMs`, and by default 60,000 or `historyTtlMs`, whichever is less.
 *
 * @category Topics
 */
export interface NatsOptions extends HistoryOptions {
  /** Where servers are: `host`, `host:port`, or that with `nats://` or `tls://` in front. The port is 4222 by default. */
  readonly servers: string | readonly string[];
  /**
   * What the names of subjects and streams begin with: 1 to 32 letters, digits, `_` or `-`. All contexts that are to
   * share topics have the same one. Default: `"lws"`.
   */
  readonly prefix?: string;
  /** On how many servers of a cluster each publication is kept. Default: `1`. */
  readonly replicas?: 1 | 3 | 5;
  /** Where publications are kept. Default: `"file"`. */
  readonly storage?: "file" | "memory";
  /** Over how many streams topics are spread, 1 to 64; the same at all contexts. Default: `1`. */
  readonly shards?: number;
  /** A user's name; not without `password`. Default: none. */
  readonly user?: string;
  /** That user's password. Default: none. */
  readonly password?: string;
  /** An authentication token, in place of a user. Default: none. */
  readonly token?: string;
  /** Whether to connect with TLS only, and with what. Default: as `tls://` in front of a server says. */
  readonly tls?: boolean | NatsTls;
  /** How long a server may take until it is connected to, in milliseconds from 1. Default: `5000`. */
  readonly connectTimeoutMs?: number;
}

/** Where a server is. */
export interface ServerAddress {
  readonly hostname: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** The options, checked, with defaults filled in. */
export interface CheckedOptions {
  readonly servers: readonly ServerAddress[];
  readonly prefix: string;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly shards: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly tls: NatsTls;
  readonly connectTimeoutMs: number;
  readonly history: Required<HistoryOptions>;
}

const CALL = "natsBroker";
const DEFAULT_PORT = 4222;
const MOST_SHARDS = 64;
/** NATS keeps times as nanoseconds in 63 bits. */
const LONGEST_MS = 9_000_000_000_000;
/** The least that NATS takes for an age, and for the window of ids. */
const SHORTEST_MS = 100;

const HISTORY = ["historySize", "historyTtlMs", "historyBytes", "idempotencyMs"] as const;
const OWN = [
  "servers",
  "prefix",
  "replicas",
  "storage",
  "shards",
  "user",
  "password",
  "token",
  "tls",
  "connectTimeoutMs",
] as const;
const NAMES: readonly string[] = [...OWN, ...HISTORY];
/** What other clients call them. */
const SYNONYMS = { pass: "password", url: "servers", urls: "servers", timeout: "connectTimeoutMs" };

/** @throws {LwsError} `invalid-argument`, which names the option */
export function checkOptions(options: NatsOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    refuseArgument(CALL, "options", options, "an object with servers");
  }
  checkNames(options, NAMES, "", SYNONYMS);
  const {
    prefix = "lws",
    replicas = 1,
    storage = "file",
    shards = 1,
    connectTimeoutMs = 5_000,
  } = options;
  if (typeof prefix !== "string" || !/^[\w-]{1,32}$/.test(prefix)) {
    refuseArgument(CALL, "prefix", prefix, "1 to 32 letters, digits, _ or -");
  }
  if (![1, 3, 5].includes(replicas)) refuseArgument(CALL, "replicas", replicas, "1, 3 or 5");
  if (!["file", "memory"].includes(storage)) {
    refuseArgument(CALL, "storage", storage, `"file" or "memory"`);
  }
  if (shards === Infinity || !isWhole(shards, 1, MOST_SHARDS)) {
    refuseArgument(CALL, "shards", shards, `a whole number from 1 to ${MOST_SHARDS}`);
  }
  if (!isWhole(connectTimeoutMs, 1, 0x7fffffff)) {
    refuseArgument(
      CALL,
      "connectTimeoutMs",
      connectTimeoutMs,
      "a whole number from 1 to 2147483647",
    );
  }
  const { tls, isTls } = checkTls(options.tls);
  const servers = checkServers(options.servers, isTls);
  return {
    servers,
    prefix,
    replicas,
    storage,
    shards,
    ...checkLogin(options),
    tls,
    connectTimeoutMs,
    history: checkKept(options),
  };
}

function checkNames(
  options: object,
  names: readonly string[],
  prefix: string,
  synonyms: Readonly<Record<string, string>>,
): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const hint = didYouMean(name, names, prefix, synonyms);
    refuseName(CALL, `${prefix}${name}`, names, hint);
  }
}

function checkServers(servers: unknown, isTls: boolean | undefined): ServerAddress[] {
  const given = Array.isArray(servers) ? servers : [servers];
  if (given.length === 0) refuseArgument(CALL, "servers", servers, "at least one server");
  return given.map((each, i) => {
    const name = Array.isArray(servers) ? `servers[${i}]` : "servers";
    return checkServer(name, each, isTls);
  });
}

function checkServer(name: string, server: unknown, isTls: boolean | undefined): ServerAddress {
  const allowed = "host, host:port, nats://host:port or tls://host:port";
  if (typeof server !== "string") refuseArgument(CALL, name, server, allowed);
  if (server.includes("@")) {
    refuseArgument(
      CALL,
      name,
      "a server with a login",
      `${allowed}; a login is in user and password`,
    );
  }
  const parts = /^(?:(nats|tls):\/\/)?([^\s/?#]+?)\/?$/.exec(server);
  if (parts === null) refuseArgument(CALL, name, server, allowed);
  const [, scheme, authority] = parts;
  const url = URL.parse(`http://${authority}`);
  if (url === null) refuseArgument(CALL, name, server, allowed);
  if (scheme === "tls" && isTls === false) {
    refuseArgument(CALL, name, server, "no tls:// where tls is false");
  }
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    // 80 is what a URL leaves out.
    port: url.port !== "" ? Number(url.port) : /:0*80$/.test(authority!) ? 80 : DEFAULT_PORT,
    isTls: isTls ?? scheme === "tls",
  };
}

function checkLogin({ user, password, token }: NatsOptions) {
  for (const [name, value] of Object.entries({ user, password, token })) {
    if (value === undefined || (typeof value === "string" && value !== "")) continue;
    // It may be a secret.
    refuseArgument(CALL, name, typeof value === "string" ? "" : {}, "a text that is not empty");
  }
  if (user !== undefined && password === undefined) {
    refuseArgument(CALL, "password", password, "a text where there is a user");
  }
  if (user === undefined && password !== undefined) {
    refuseArgument(CALL, "user", user, "a text where there is a password");
  }
  if (token !== undefined && user !== undefined) {
    refuseArgument(CALL, "user", user, "none where there is a token");
  }
  return { user, password, token };
}

function checkTls(tls: unknown): { tls: NatsTls; isTls: boolean | undefined } {
  if (tls === undefined || typeof tls === "boolean") return { tls: {}, isTls: tls };
  if (typeof tls !== "object" || tls === null) {
    refuseArgument(CALL, "tls", tls, "true, false, or an object with caCerts, cert, key");
  }
  checkNames(tls, ["caCerts", "cert", "key"], "tls.", { ca: "caCerts" });
  for (const [name, value] of Object.entries(tls)) {
    if (value === undefined) continue;
    const texts = name === "caCerts" && Array.isArray(value) ? value : [value];
    if (texts.every((each) => typeof each === "string" && each.includes("-----BEGIN "))) continue;
    refuseArgument(CALL, `tls.${name}`, {}, name === "caCerts" ? "PEM texts" : "a PEM text");
  }
  const { cert, key } = tls as NatsTls;
  if ((cert === undefined) !== (key === undefined)) {
    refuseArgument(CALL, "tls", tls, "cert and key, or neither");
  }
  return { tls, isTls: true };
}

function checkKept(options: NatsOptions): Required<HistoryOptions> {
  const given: Record<string, unknown> = {};
  for (const name of HISTORY) if (options[name] !== undefined) given[name] = options[name];
  const { historyTtlMs, historySize, ...checked } = checkHistory(CALL, given);
  if (given.historyBytes !== undefined && given.historyBytes !== Infinity) {
    const allowed = "Infinity, as NATS counts no bytes of a topic; historySize bounds them";
    refuseArgument(CALL, "historyBytes", given.historyBytes, allowed);
  }
  checkTime("historyTtlMs", historyTtlMs, SHORTEST_MS);
  const most = Math.min(historyTtlMs, LONGEST_MS);
  const idempotencyMs = given.idempotencyMs === undefined
    ? Math.min(checked.idempotencyMs, most)
    : checked.idempotencyMs;
  if (idempotencyMs > most || (idempotencyMs !== 0 && idempotencyMs < SHORTEST_MS)) {
    const range = `0, or ${SHORTEST_MS} to ${most}`;
    refuseArgument(CALL, "idempotencyMs", idempotencyMs, `${range}, which historyTtlMs bounds`);
  }
  return { historySize, historyTtlMs, idempotencyMs, historyBytes: Infinity };
}

function checkTime(name: string, value: number, least: number): void {
  if (value === Infinity || (value >= least && value <= LONGEST_MS)) return;
  refuseArgument(CALL, name, value, `a whole number from ${least} to ${LONGEST_MS}, or Infinity`);
}
