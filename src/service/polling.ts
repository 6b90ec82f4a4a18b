/** What a context does while its program says when it is served. */

import type { Network, PolledNetwork, Transport } from "../api/network.ts";
import type { ReasonData } from "../api/reasons.ts";
import { type Clock, type PollArgs, type PollFd, POLLIN, type PollLock } from "../api/service.ts";
import { noteClosing, whileBlocking } from "../base/callback_results.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import { DescriptorService } from "./descriptor_service.ts";
import type { Slot } from "./poll_slot.ts";
import { PolledService, type PollHost } from "./polled_service.ts";
import { PolledTransport } from "./polled_transport.ts";
import { Relay } from "./relay.ts";

/** How polling calls the program, and ends what the program can't watch. */
export interface PollCallbacks {
  /** Calls the first protocol for a connection, or for the context itself. */
  callFirst<R extends keyof ReasonData>(id: number, reason: R, data: ReasonData[R]): number;
  /** Aborts a connection that can't be watched any more. */
  abort(id: number): void;
}

/** The service policies "manual" and "external" as a context sees them. */
export class Polling implements PollHost {
  readonly scheduler: PolledService;
  readonly #callbacks: PollCallbacks;
  /** Whether an event loop of the program's own is told what to watch, and writes wait for it, too. */
  readonly #isExternal: boolean;

  /** Where descriptors are real. */
  readonly #descriptors: DescriptorService | undefined;

  /** @param network the context's, which may have real descriptors */
  constructor(isExternal: boolean, clock: Clock, network: Network, callbacks: PollCallbacks) {
    this.#isExternal = isExternal;
    this.#callbacks = callbacks;
    this.#descriptors = network.polled === undefined
      ? undefined
      : new DescriptorService(clock, this, (host) => network.polled!(host));
    this.scheduler = this.#descriptors ?? new PolledService(clock, this);
  }

  /** What the context is to listen and to connect by, where that is another than it was given. */
  get network(): PolledNetwork | undefined {
    return this.#descriptors?.network;
  }

  // The calls of a context.

  service(timeoutMs: number): Promise<number> {
    return this.scheduler.service(checkTimeout("service", timeoutMs));
  }

  /** @param excuse what of the context can't do without the runtime */
  serviceSync(timeoutMs: number, excuse: string | undefined): number {
    checkTimeout("serviceSync", timeoutMs);
    if (this.#descriptors === undefined) {
      throw new LwsError(
        "invalid-state",
        "serviceSync: the network has no descriptors to wait for; create the context over that of @x/lws/epoll",
      );
    }
    if (excuse !== undefined) {
      throw new LwsError("unsupported", `serviceSync: ${excuse} needs the runtime; await service`);
    }
    return whileBlocking(() => this.#descriptors!.serviceSync(timeoutMs));
  }

  serviceFd(pollFd: PollFd | null): number {
    return this.scheduler.serviceFd(checkPollFd("serviceFd", pollFd));
  }

  poll(pollFds: readonly PollFd[], timeoutMs: number): Promise<number> {
    checkPollFds("poll", pollFds);
    return this.scheduler.poll(pollFds, checkTimeout("poll", timeoutMs));
  }

  pollNow(pollFds: readonly PollFd[]): number {
    checkPollFds("pollNow", pollFds);
    return this.scheduler.pollNow(pollFds);
  }

  // The descriptors of a context.

  /**
   * A connection, or the listener, has a real descriptor, where that is known.
   *
   * @param events what it is watched for already
   */
  open(id: number, fd: number | undefined, events = 0): void {
    if (fd !== undefined) this.#descriptors?.open(id, fd, events);
  }

  /** Watches a descriptor; undefined when the program can't. */
  watch(id: number, events = POLLIN): Slot | undefined {
    const slot = this.scheduler.slot(id, events);
    return this.scheduler.announce(slot) ? slot : undefined;
  }

  /** The transport whose events wait for service; one that comes with none by itself is that. */
  polled(id: number, transport: Transport): Transport {
    const { scheduler } = this;
    const isServed = transport.fd !== undefined && !(transport instanceof Relay);
    if (this.#descriptors !== undefined && isServed) return transport;
    const gatesWrites = this.#isExternal && this.#descriptors === undefined;
    return new PolledTransport(transport, scheduler.slot(id), scheduler, gatesWrites);
  }

  // What the program is told.

  addPollFd(id: number, fd: number, events: number): boolean {
    return this.#tell(id, "addPollFd", { fd, events, prevEvents: events });
  }

  delPollFd(id: number, fd: number, events: number): void {
    this.#tell(id, "delPollFd", { fd, events, prevEvents: events });
  }

  changeModePollFd(id: number, fd: number, events: number, prevEvents: number): void {
    if (!this.#tell(id, "changeModePollFd", { fd, events, prevEvents })) this.abort(id);
  }

  abort(id: number): void {
    this.#callbacks.abort(id);
  }

  serviceBegins(): void {
    this.#callbacks.callFirst(0, "getThreadId", undefined);
  }

  /** Tells of a change, between locking and unlocking; false when any of the three fails. */
  #tell(
    id: number,
    reason: "addPollFd" | "delPollFd" | "changeModePollFd",
    args: PollArgs,
  ): boolean {
    if (!this.#isExternal) return true;
    const callbacks = this.#callbacks;
    const lock: PollLock = { ...args, isTableChange: reason !== "changeModePollFd" };
    const ask = <R extends keyof ReasonData>(asked: R, data: ReasonData[R]): number => {
      const result = callbacks.callFirst(id, asked, data);
      // What leaves is closed already, and the listener is no connection.
      const closes = result !== 0 && reason !== "delPollFd" && id > 0;
      if (closes) noteClosing(id, asked, result);
      return result;
    };
    if (ask("lockPoll", lock) !== 0) return false;
    const result = ask(reason, args);
    const isUnlocked = ask("unlockPoll", lock) === 0;
    // What was added is not, if the lock can't be given back.
    if (reason === "addPollFd" && result === 0 && !isUnlocked) {
      callbacks.callFirst(id, "delPollFd", args);
    }
    return isUnlocked && result === 0;
  }
}

/** For a call that only a program with one of the two policies can make. */
export function mustPoll(polling: Polling | undefined, call: string): Polling {
  if (polling !== undefined) return polling;
  throw new LwsError(
    "invalid-state",
    `${call}: the context serves by itself; create it with service "manual" or "external"`,
  );
}

function checkTimeout(call: string, timeoutMs: number): number {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return timeoutMs;
  refuseArgument(call, "timeoutMs", timeoutMs, "a number from 0, or Infinity");
}

function checkPollFds(call: string, pollFds: readonly PollFd[]): void {
  if (!Array.isArray(pollFds)) refuseArgument(call, "pollFds", pollFds, "an array");
  for (const each of pollFds) {
    if (each === null) refuseArgument(call, "pollFds", each, "entries with fd, events, revents");
    checkPollFd(call, each);
  }
}

function checkPollFd<Given extends PollFd | null>(call: string, pollFd: Given): Given {
  if (pollFd === null) return pollFd;
  for (const member of ["fd", "events", "revents"] as const) {
    const value = pollFd?.[member];
    if (!Number.isInteger(value)) refuseArgument(call, `pollFd.${member}`, value, "a whole number");
  }
  return pollFd;
}
