/** What a context does while its program says when it is served. */

import type { Transport } from "../api/network.ts";
import type { ReasonData } from "../api/reasons.ts";
import { type Clock, type PollArgs, type PollFd, POLLIN, type PollLock } from "../api/service.ts";
import { noteClosing } from "../base/callback_results.ts";
import { refuseArgument } from "../base/check.ts";
import { LwsError } from "../base/errors.ts";
import type { PollSlot } from "./poll_slot.ts";
import { PolledService, type PollHost } from "./polled_service.ts";
import { PolledTransport } from "./polled_transport.ts";

/** How polling calls the program, and ends what the program can't watch. */
export interface PollCallbacks {
  /** Calls the first protocol for a descriptor, of a connection or of the context itself. */
  callFirst<R extends keyof ReasonData>(fd: number, reason: R, data: ReasonData[R]): number;
  /** Aborts a connection that can't be watched any more. */
  abortFd(fd: number): void;
}

/** The service policies "manual" and "external" as a context sees them. */
export class Polling implements PollHost {
  readonly scheduler: PolledService;
  readonly #callbacks: PollCallbacks;
  /** Whether an event loop of the program's own is told what to watch, and writes wait for it, too. */
  readonly #isExternal: boolean;

  constructor(isExternal: boolean, clock: Clock, callbacks: PollCallbacks) {
    this.#isExternal = isExternal;
    this.#callbacks = callbacks;
    this.scheduler = new PolledService(clock, this);
  }

  // The calls of a context.

  service(timeoutMs: number): Promise<number> {
    return this.scheduler.service(checkTimeout("service", timeoutMs));
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

  /** Watches a descriptor; undefined when the program can't. */
  watch(fd: number, events = POLLIN): PollSlot | undefined {
    const slot = this.scheduler.slot(fd, events);
    return this.scheduler.announce(slot) ? slot : undefined;
  }

  /** The transport whose events wait for service. */
  polled(fd: number, transport: Transport): Transport {
    const { scheduler } = this;
    return new PolledTransport(transport, scheduler.slot(fd), scheduler, this.#isExternal);
  }

  // What the program is told.

  addPollFd(fd: number, events: number): boolean {
    return this.#tell("addPollFd", { fd, events, prevEvents: events });
  }

  delPollFd(fd: number, events: number): void {
    this.#tell("delPollFd", { fd, events, prevEvents: events });
  }

  changeModePollFd(fd: number, events: number, prevEvents: number): void {
    if (!this.#tell("changeModePollFd", { fd, events, prevEvents })) this.#callbacks.abortFd(fd);
  }

  serviceBegins(): void {
    this.#callbacks.callFirst(0, "getThreadId", undefined);
  }

  /** Tells of a change, between locking and unlocking; false when any of the three fails. */
  #tell(reason: "addPollFd" | "delPollFd" | "changeModePollFd", args: PollArgs): boolean {
    if (!this.#isExternal) return true;
    const callbacks = this.#callbacks;
    const lock: PollLock = { ...args, isTableChange: reason !== "changeModePollFd" };
    const ask = <R extends keyof ReasonData>(asked: R, data: ReasonData[R]): number => {
      const result = callbacks.callFirst(args.fd, asked, data);
      // What leaves is closed already, and the listener is no connection.
      const closes = result !== 0 && reason !== "delPollFd" && args.fd !== 0;
      if (closes) noteClosing(args.fd, asked, result);
      return result;
    };
    if (ask("lockPoll", lock) !== 0) return false;
    const result = ask(reason, args);
    const isUnlocked = ask("unlockPoll", lock) === 0;
    // What was added is not, if the lock can't be given back.
    if (reason === "addPollFd" && result === 0 && !isUnlocked) {
      callbacks.callFirst(args.fd, "delPollFd", args);
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
