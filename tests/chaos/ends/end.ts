/** What a case is made of: a client and a server, ours or foreign. */

import type { Outcome } from "../conversation.ts";
import type { Place } from "../proxy.ts";

/** What both ends of a case need to know. */
export interface Setting {
  /** A certificate for `localhost`, whose authority the runtime trusts. */
  readonly identity: Identity;
  /** A folder for unix sockets and PEM files. */
  readonly folder: string;
}

/** A certificate with its key and the authority behind it, as PEM texts. */
export interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Clients of one kind. */
export interface ClientEnd extends AsyncDisposable {
  /** Has the conversation of this name. */
  talk(place: Place, name: string): Promise<Outcome>;
  /** What is wrong once all conversations are over; for ours only. */
  faults?(): readonly string[];
}

/** A server that echoes. */
export interface ServerEnd extends AsyncDisposable {
  readonly place: Place;
  /** What is wrong once all connections are over; for ours only. */
  faults?(): readonly string[];
  /** Sockets that it never closes, by a fault of its own; not for ours. */
  kept?(): number;
}

/** The port, where there is one. */
export function portOf(place: Place): number {
  if ("port" in place) return place.port;
  throw new Error(`${place.path} is no port`);
}
