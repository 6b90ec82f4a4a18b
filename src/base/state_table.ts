/** The states of something, and the events that lead from one to the next, as data. */

import { isLogged, line, log, own } from "./log.ts";

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

/**
 * The state that `event` leads to; the only way from one to the next.
 *
 * @param subject what is in the state, for the log: a connection's number, or a name
 */
export function next<State extends string, Event extends string>(
  table: StateTable<State, Event>,
  state: State,
  event: Event,
  subject: number | string,
): State {
  const target = table.steps[state][event];
  if (target === undefined) {
    if (table.unlisted === "fault") {
      log(
        "err",
        line`${nameOf(subject)}: ${own(table.name)} ${own(state)}: unexpected "${
          own(event)
        }", a fault here`,
      );
    }
    return state;
  }
  if (isLogged("debug")) {
    log("debug", line`${nameOf(subject)}: ${table.name} ${state} → ${target} (${event})`);
  }
  return target;
}

function nameOf(subject: number | string): string {
  return typeof subject === "number" ? `connection ${subject}` : JSON.stringify(subject);
}
