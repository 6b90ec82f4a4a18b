/** What `createContext` is given, all of it checked at once by the rules of its options. */

import type { RateExcess } from "../api/creation/rate_info.ts";
import type { CheckedOptions, ContextCreationInfo, ServicePolicy } from "../api/creation_info.ts";
import type { SubprotocolPolicy } from "../api/creation/wire_info.ts";
import type { Extension } from "../api/extension.ts";
import { type FileOps, pairStat } from "../api/file_ops.ts";
import type { FetchHandler } from "../api/http/fetch.ts";
import { DEFAULT_LIMITS, type KeepAliveSettings, type Limits } from "../api/limits.ts";
import type { Network, TcpKeepAlive } from "../api/network.ts";
import type { Protocol } from "../api/protocol.ts";
import type { Clock } from "../api/service.ts";
import type { TlsMembers } from "../api/tls.ts";
import type { Broker } from "../api/topics/broker.ts";
import type { TopicLimits } from "../api/topics/limits.ts";
import { describeValue } from "../base/check.ts";
import { didYouMean } from "../base/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { line, log, own } from "../base/log.ts";
import { checkAll } from "../base/option_rules.ts";
import type { CheckedTokenLimits } from "../connection/http/header_reader.ts";
import type { CheckedListenInfo } from "./listen.ts";
import { listenInfoOf } from "./options/listen.ts";
import { OPTION_SCHEMA } from "./option_schema.ts";
import { identityOf, keepAliveOf, tcpKeepAliveOf } from "./options/platform.ts";
import { OPTION_SYNONYMS } from "./options/synonyms.ts";
import type { Methods } from "../core/http/methods.ts";
import type { Draft04Masking, WireVersion } from "../core/websocket/wire_version.ts";
import type { CheckedMount } from "../files/mounts.ts";
import type { ProxySettings } from "../proxy/selection.ts";
import { systemClock } from "../service/clock.ts";
import { hostFileOps } from "../transport/host_files.ts";
import type { Identity } from "../transport/machine.ts";
import { tcpNetwork } from "../transport/network.ts";

/** A creation struct with everything checked and filled in. */
export interface CheckedInfo {
  readonly listen: CheckedListenInfo;
  readonly tls: TlsMembers;
  readonly identity: Identity;
  readonly proxy: ProxySettings | undefined;
  /** The port where a proxy's text has none. */
  readonly proxyPort: number | undefined;
  readonly protocols: readonly Protocol[];
  readonly allowedOrigins: readonly string[] | undefined;
  readonly halfOpenHttp: boolean;
  readonly extensions: readonly Extension[];
  readonly broadcastSockets: boolean;
  readonly fileOps: FileOps;
  readonly fetch: FetchHandler | undefined;
  readonly mounts: readonly CheckedMount[];
  readonly compression: boolean;
  readonly user: unknown;
  readonly service: ServicePolicy;
  readonly signal: AbortSignal | undefined;
  readonly network: Network;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly rateExcess: RateExcess;
  readonly topics: TopicLimits;
  readonly broker: Broker | undefined;
  readonly tokenLimits: CheckedTokenLimits;
  readonly methods: Methods;
  readonly versions: readonly WireVersion[];
  readonly draft04Masking: Draft04Masking;
  readonly subprotocols: SubprotocolPolicy;
  readonly options: CheckedOptions;
  /** Undefined when nothing is probed by pings. */
  readonly keepAlive: KeepAliveSettings | undefined;
  /** As {@linkcode NetworkTarget.keepAlive}. */
  readonly tcpKeepAlive: boolean | TcpKeepAlive;
}

/**
 * Checks a creation struct.
 *
 * @throws {LwsError} `invalid-option`, which names every field that is wrong, its value and what is
 *   allowed.
 */
export function checkCreationInfo(info: ContextCreationInfo): CheckedInfo {
  if (typeof info !== "object" || info === null) {
    throw new LwsError(
      "invalid-option",
      `createContext: info is ${describeValue(info)}, no object`,
    );
  }
  const problems: string[] = [];
  for (const field of Object.keys(info)) {
    if (Object.hasOwn(OPTION_SCHEMA, field)) continue;
    const hint = didYouMean(field, Object.keys(OPTION_SCHEMA), "", OPTION_SYNONYMS);
    problems.push(`${field} is no option of createContext${hint}`);
  }
  const checked = checkAll(OPTION_SCHEMA, info, { info, problems });
  if (problems.length > 0) throw new LwsError("invalid-option", problems.join("\n"));

  for (const loop of ["libev", "libuv"] as const) {
    if (checked.options[loop]) {
      log("notice", () => line`options.${own(loop)}: there is one event loop, the runtime's`);
    }
  }
  const fileOps = checked.fileOps ?? hostFileOps();
  pairStat(fileOps);
  return {
    listen: listenInfoOf(checked),
    tls: info,
    identity: identityOf(checked),
    proxy: checked.httpProxyAddress,
    proxyPort: checked.httpProxyPort,
    protocols: checked.protocols,
    fetch: checked.fetch,
    mounts: checked.mounts,
    compression: checked.compression,
    allowedOrigins: checked.allowedOrigins,
    halfOpenHttp: checked.halfOpenHttp,
    extensions: checked.extensions,
    broadcastSockets: checked.broadcastSockets,
    fileOps,
    user: checked.user,
    service: checked.service,
    signal: checked.signal,
    network: checked.network ?? tcpNetwork,
    clock: checked.clock ?? systemClock,
    limits: limitsOf(checked),
    rateExcess: checked.rateExcess,
    topics: checked.topics,
    broker: checked.broker,
    tokenLimits: checked.tokenLimits,
    methods: checked.methods,
    versions: checked.versions,
    draft04Masking: checked.draft04Masking,
    subprotocols: checked.subprotocols,
    options: checked.options,
    keepAlive: keepAliveOf(checked),
    tcpKeepAlive: tcpKeepAliveOf(checked, typeof info.kaTime === "number"),
  };
}

function limitsOf(checked: Limits): Limits {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  return Object.fromEntries(names.map((name) => [name, checked[name]])) as unknown as Limits;
}
