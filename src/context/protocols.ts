/** The protocols of a context: what it adds to the program's own ones, and calls for all of one. */

import type { Context } from "../api/context.ts";
import type { ActiveProtocol, Protocol } from "../api/protocol.ts";
import { isReason, type Reason, REASONS } from "../api/reasons.ts";
import type { Wsi } from "../api/wsi.ts";
import { type Bytes, bytesOf } from "../base/bytes.ts";
import { refuseArgument } from "../base/check.ts";
import { didYouMean } from "../base/text/did_you_mean.ts";
import { LwsError } from "../base/errors.ts";
import { call, callAny } from "../connection/callbacks.ts";
import type { Connection } from "../connection/connection.ts";
import type { Member, ProtocolEntry } from "../connection/owner.ts";
import { ProtocolCounters } from "../connection/stats/counters.ts";
import { rxBufferSizeOf, UNSERVED } from "./options/protocols.ts";
import { hearsDrain, hearsPresence, servesWebSockets } from "./protocol/method_table.ts";
import { compilePath } from "../web/paths.ts";

/** Where other processes broadcast to a protocol. */
export interface BroadcastPlace {
  readonly port: number;
  readonly token: string;
}

/** They, in their order, and by their names. */
export class Protocols {
  readonly entries: ProtocolEntry[];
  /** As programs see them. */
  readonly active: readonly ActiveProtocol[];
  readonly #context: Context;
  readonly #named = new Map<string, ProtocolEntry>();
  readonly #placeOf: (index: number) => BroadcastPlace | undefined;

  /**
   * @param context The context that has them.
   * @param placeOf Where other processes broadcast to the protocol of an index, if they may.
   */
  constructor(
    protocols: readonly Protocol[],
    context: Context,
    placeOf: (index: number) => BroadcastPlace | undefined,
  ) {
    this.#context = context;
    this.#placeOf = placeOf;
    this.entries = [];
    for (const protocol of protocols) this.#add(protocol);
    this.active = this.entries.map((entry) => entry.active);
  }

  #add(protocol: Protocol): ProtocolEntry {
    const index = this.entries.length;
    const entry: ProtocolEntry = {
      protocol,
      active: activate(protocol, this.#context, index, this.#placeOf(index)),
      index,
      rxBufferSize: rxBufferSizeOf(protocol),
      allowedOrigins: protocol.allowedOrigins,
      path: protocol.path === undefined ? undefined : compilePath(protocol.path),
      servesWebSockets: servesWebSockets(protocol),
      hearsDrain: hearsDrain(protocol.callback),
      hearsPresence: hearsPresence(protocol.callback),
      serverRules: undefined,
      clientRules: undefined,
      counters: new ProtocolCounters(),
      connections: new Set<Connection>(),
    };
    this.entries.push(entry);
    this.#named.set(protocol.name, entry);
    return entry;
  }

  /** The one of a name. */
  named(name: string): ProtocolEntry | undefined {
    return this.#named.get(name);
  }

  /** The one of a name that a client has asked for; where the program has given none, any will do. */
  forClient(name: string): ProtocolEntry | undefined {
    const known = this.#named.get(name);
    if (known !== undefined || this.entries[0]!.protocol !== UNSERVED) return known;
    return this.#add({ ...UNSERVED, name });
  }

  /** Calls each of them, for the context in all. */
  callEach(reason: "protocolInit" | "protocolDestroy", standIn: Connection): void {
    for (const entry of this.entries) call(standIn, entry, reason, undefined, undefined);
  }

  /** The established WebSockets of one, or of all. */
  connections(protocol?: Protocol | string): IterableIterator<Wsi> {
    const entries = protocol === undefined ? this.entries : [this.#entryOf(protocol)];
    const members = entries.flatMap((entry) => [...entry.connections]);
    return established(members.filter((each) => each.isEstablished));
  }

  callbackOnWritable(protocol: Protocol | string): number {
    for (const connection of this.#entryOf(protocol).connections) connection.callbackOnWritable();
    return 0;
  }

  rxFlowAllow(protocol: Protocol | string): void {
    for (const connection of this.#entryOf(protocol).connections) connection.allowInput(true);
  }

  callback(protocol: Protocol | string, reason: Reason): number {
    const entry = this.#entryOf(protocol);
    if (typeof reason !== "string" || !isReason(reason)) {
      const allowed = `a reason, or user: and a name${didYouMean(reason, REASONS)}`;
      refuseArgument("callbackAllProtocol", "reason", reason, allowed);
    }
    for (const connection of [...entry.connections]) {
      // A callback before may have closed it.
      if (entry.connections.has(connection)) callAny(connection, entry, reason);
    }
    return 0;
  }

  /** Hands data to every connection that a server has; −1 when the context is destroyed. */
  broadcast(protocol: Protocol | string, data: Bytes | string): number {
    const entry = this.#entryOf(protocol);
    const bytes = bytesOf("broadcast: data", data);
    if (this.#context.isDestroyed) return -1;
    // Descriptors count up as connections are accepted; the set has the order of the handshakes.
    const accepted = [...entry.connections].sort((a, b) => a.socketFd - b.socketFd);
    for (const connection of accepted) {
      // A callback before may have closed it.
      if (connection.isClient || !connection.isEstablished) continue;
      call(connection, entry, "broadcast", bytes);
    }
    return 0;
  }

  /** The one that a program means: by its name, by its own object, or by the context's. */
  #entryOf(protocol: Protocol | string): ProtocolEntry {
    const name = typeof protocol === "string" ? protocol : protocol?.name;
    const entry = this.#named.get(name);
    if (entry !== undefined) {
      if (typeof protocol === "string") return entry;
      if (entry.protocol === protocol || entry.active === protocol) return entry;
    }
    const hint = didYouMean(name, this.#named.keys());
    throw new LwsError("invalid-argument", `the context has no protocol "${name}"${hint}`);
  }
}

/** Those that are so still when it is their turn. */
function* established(members: readonly Member[]): IterableIterator<Wsi> {
  for (const member of members) if (member.isEstablished) yield member.wsi;
}

/** Makes an object that inherits from the program's own one, so that both stay what they are. */
function activate(
  protocol: Protocol,
  owningServer: Context,
  protocolIndex: number,
  place: BroadcastPlace | undefined,
): ActiveProtocol {
  return Object.create(protocol, {
    protocolIndex: { value: protocolIndex, enumerable: true },
    broadcastSocketPort: { value: place?.port ?? 0, enumerable: true },
    broadcastSocketUserFd: { value: -1, enumerable: true },
    // Not to be printed with every protocol: a whole context, and a secret.
    owningServer: { value: owningServer },
    broadcastToken: { value: place?.token ?? "" },
  });
}
