/** The context as its connections see it. */

import type { Context } from "../api/context.ts";
import type { CheckedOptions } from "../api/creation_info.ts";
import type { Extension } from "../api/extension.ts";
import type { FileOps } from "../api/file_ops.ts";
import type { FetchHandler } from "../api/http/fetch.ts";
import type { Limits } from "../api/limits.ts";
import type { Transport } from "../api/network.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";
import type { Caller } from "./callbacks.ts";
import type { ClientWatch } from "./client/watch.ts";
import type { KeepAlive } from "./keep_alive.ts";
import type { BufferedBytes } from "./limits/buffered_bytes.ts";
import type { HandshakeRates } from "./limits/handshake_rates.ts";
import type { Overload } from "./limits/overload.ts";
import type { PendingHandshakes } from "./limits/pending_handshakes.ts";
import type { RoomLine } from "./limits/room_line.ts";
import type { Metering } from "./limits/session_meter.ts";
import type { CheckedTokenLimits } from "./http/header_reader.ts";
import type { Outbox } from "./outbox.ts";
import type { Framed } from "./prepared_message.ts";
import type { ContextCounters, ProtocolCounters } from "./stats/counters.ts";
import type { FrameRules } from "../core/websocket/frame_rules.ts";
import type { Methods } from "../core/http/methods.ts";
import type { Digests } from "../core/websocket/digests.ts";
import type { Draft04Masking, WireVersion } from "../core/websocket/wire_version.ts";
import type { Compression } from "../files/compression.ts";
import type { CheckedMount } from "../files/mounts.ts";
import type { OpenFiles } from "../files/open_files.ts";
import type { ProxyTrust } from "../proxy/forwarded_for.ts";
import type { Scheduler } from "../service/scheduler.ts";
import type { TimerWheel } from "../service/timer_wheel.ts";
import type { TurnBudget } from "../service/turn_budget.ts";
import type { TopicCalls } from "../topics/topics.ts";
import type { PathPattern } from "../web/paths.ts";

/** A connection as its protocol and its context have it. */
export interface Member extends Caller {
  descriptor: number;
  readonly isClient: boolean;
  readonly isEstablished: boolean;
  callbackOnWritable(): number;
  allowInput(isAllowed: boolean): number;
  readonly peer: { readonly socketAddress: string } | undefined;
}

/** A protocol as a context holds it. */
export interface ProtocolEntry {
  readonly protocol: Protocol;
  /** What the program is given of it. */
  readonly active: ActiveProtocol;
  readonly index: number;
  readonly rxBufferSize: number;
  readonly allowedOrigins: readonly string[] | undefined;
  /** The paths that it serves; undefined for all. */
  readonly path: PathPattern | undefined;
  /** Whether handshakes may be its own; else it is for HTTP alone. */
  readonly servesWebSockets: boolean;
  /** Whether it is told when what was unsent has fallen below `softUnsentBytes`, without asking. */
  readonly hearsDrain: boolean;
  /** Whether it may be interested in members that join and leave topics. */
  readonly hearsPresence: boolean;
  /** How frames are read where no extension is in use, by each side; made by the first that reads any. */
  serverRules: FrameRules | undefined;
  clientRules: FrameRules | undefined;
  readonly counters: ProtocolCounters;
  /** The connections that use it now. */
  readonly connections: Set<Member>;
}

/** What a connection needs of its context. Implemented by ServingContext. */
export interface ConnectionOwner {
  readonly face: Context;
  readonly limits: Limits;
  readonly buffered: BufferedBytes;
  readonly roomLine: RoomLine;
  readonly scheduler: Scheduler;
  readonly wheel: TimerWheel;
  readonly budget: TurnBudget;
  readonly topics: TopicCalls<Framed>;
  readonly clients: ClientWatch;
  readonly counters: ContextCounters;
  readonly fileOps: FileOps;
  readonly openFiles: OpenFiles;
  /** The longest paths first. */
  readonly mounts: readonly CheckedMount[];
  /** Whether `serveHttpFile` compresses. */
  readonly compresses: boolean;
  readonly compression: Compression;
  /** Whether the program may answer requests that no mount does. */
  readonly answersHttp: boolean;
  /** Whether the first protocol may refuse requests by their paths. */
  readonly filtersHttp: boolean;
  readonly extensions: readonly Extension[];
  readonly options: CheckedOptions;
  /** When idle WebSockets are probed; never, if it is undefined. */
  readonly keepAlive: KeepAlive | undefined;
  /** What bounds WebSockets in time; undefined where nothing does. */
  readonly metering: Metering | undefined;
  /** Undefined where each address may ask for as many as it wants. */
  readonly handshakeRates: HandshakeRates | undefined;
  /** The accepted connections whose first request is not complete. */
  readonly pendingHandshakes: PendingHandshakes;
  /** Undefined where a lag of the event loop is no reason to refuse. */
  readonly overload: Overload | undefined;
  /** Whether the context is being destroyed, so that nothing new begins. */
  readonly isDestroyed: boolean;
  readonly tokenLimits: CheckedTokenLimits;
  /** The methods of requests that reach the program. */
  readonly methods: Methods;
  /** The versions of the protocol that servers speak. */
  readonly versions: readonly WireVersion[];
  /** How clients of version 4 mask what servers get. */
  readonly draft04Masking: Draft04Masking;
  readonly digests: Digests;
  /** Which proxies are believed about the client's address; none, if it is undefined. */
  readonly proxyTrust: ProxyTrust | undefined;
  /** In the order of the context's list; the first one is the default. */
  readonly entries: readonly ProtocolEntry[];
  /** Whether the program has given any of them: else there are no WebSockets. */
  readonly hasProtocols: boolean;
  /** Answers what no mount and no protocol does. */
  readonly fetch: FetchHandler | undefined;
  protocolNamed(name: string): ProtocolEntry | undefined;
  /** The one for a client whose server has chosen a name; a context that was given none has one for each. */
  protocolForClient(name: string): ProtocolEntry | undefined;
  /** Whether a client that asks for none of them by name gets one all the same. */
  readonly subprotocolsAreOptional: boolean;
  /** Whether the first one also serves clients of version 0 that ask for a name which none has. */
  readonly repeatsNames: boolean;
  /** Whether connections have real descriptors. */
  readonly hasDescriptors: boolean;
  /** A connection's socket has this descriptor, where that is known. */
  opened(connection: Member, fd: number | undefined): void;
  /** A client's socket is gone, and another one is to follow; false when the program can't watch that. */
  reopen(connection: Member): boolean;
  /** The transport that the connection is to use in place of its own, as the service policy wants. */
  polled(socketFd: number, transport: Transport): Transport;
  /** The descriptor of a connection is gone, which comes before its last reasons. */
  unwatch(socketFd: number): void;
  /** Calls `flush` of an outbox that was filled outside a turn, before long. */
  flushLater(outbox: Outbox): void;
  /** The connection is gone; the last call. */
  forget(connection: Member): void;
}
