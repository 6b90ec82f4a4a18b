/** The presence of one port: an end of the broker of its own, whose lease ends with the worker's care for it. */

import type { Clock } from "../../api/service.ts";
import type { Broker, BrokerEvents } from "../../api/topics/broker.ts";
import type { BrokerPresence, PresenceMembers } from "../../api/topics/broker_presence.ts";
import { LwsError } from "../../base/errors.ts";
import { line, log, messageOf } from "../../base/log.ts";
import type { PortCall } from "./messages.ts";

type PresenceCall = Extract<PortCall, { readonly call: keyof BrokerPresence }>;

/** What is published comes by the end that all ports share. */
const UNHEARD: BrokerEvents = { publication() {}, interrupted() {}, state() {} };

/** One port's, which costs nothing before its first call. */
export class PortPresence {
  readonly #open: () => Broker;
  readonly #clock: Clock;
  #node: Broker | undefined;
  #started: Promise<void> | undefined;

  /** @param open makes an end of the broker */
  constructor(open: () => Broker, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  async do(call: PresenceCall): Promise<boolean | void | PresenceMembers> {
    const presence = await this.#start();
    switch (call.call) {
      case "join":
        return void await presence.join(...call.args);
      case "leave":
        return void await presence.leave(...call.args);
      case "tend":
        return await presence.tend(...call.args) === true;
      case "members":
        return plain(await presence.members(...call.args));
    }
  }

  async #start(): Promise<BrokerPresence> {
    const node = this.#node ??= this.#open();
    const { presence } = node;
    if (presence === undefined) {
      throw new LwsError("unsupported", "presence: the broker has none");
    }
    try {
      await (this.#started ??= node.start(UNHEARD, this.#clock));
    } catch (error) {
      this.#started = undefined;
      throw error;
    }
    return presence;
  }

  /** The port is gone. Does not reject. */
  async close(): Promise<void> {
    try {
      await this.#node?.[Symbol.asyncDispose]();
    } catch (error) {
      log(
        "warn",
        () => line`shareBroker: the presence of a port can't be closed: ${messageOf(error)}`,
      );
    }
  }
}

/** A broker may give more than a message can carry. */
function plain({ count, members }: PresenceMembers): PresenceMembers {
  return { count, members: members.map(({ id, key, info }) => ({ id, key, info })) };
}
