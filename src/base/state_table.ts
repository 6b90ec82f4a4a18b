/** The states of something, and the events that lead from one to the next, as data. */

import { isLogged, log } from "./log.ts";

/** Plain data: `steps` has each state, the events that it lists, and where those lead. */
export interface StateTable<State extends string, Event extends string> {
  /** What is in these states, for the log and for the reader. */
  readonly name: string;
  readonly first: State;
  /**
   * What an event is that a state doesn't list: nothing to it, or a fault of the library. The log tells
   * of a fault; the state stays in either case, so that no fault of one connection ends another.
   */
  readonly unlisted: "ignored" | "fault";
  readonly steps: Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>>;
}

/** The state that `event` leads to; the only way from one to the next. */
export function next<State extends string, Event extends string>(
  table: StateTable<State, Event>,
  state: State,
  event: Event,
  socketFd: number,
): State {
  const target = table.steps[state][event];
  if (target === undefined) {
    if (table.unlisted === "fault") {
      log(
        "err",
        `connection ${socketFd}: ${table.name} ${state}: unexpected "${event}", a fault here`,
      );
    }
    return state;
  }
  if (isLogged("debug")) {
    log("debug", `connection ${socketFd}: ${table.name} ${state} → ${target} (${event})`);
  }
  return target;
}
