/** The errors of Redis, and of the connections to it, as those of this module. */

import { LwsError } from "../../../base/errors.ts";
import { shown } from "../../../base/log/escaping.ts";
import { messageOf } from "../../../base/log.ts";

/** What the first word of an error says, in words of a program's. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["BUSY", "is busy with a script of another program"],
  ["CLUSTERDOWN", "is of a cluster that has no node for this topic now"],
  ["LOADING", "is loading its data"],
  ["MASTERDOWN", "is a replica that has lost its primary"],
  ["MISCONF", "takes no publications, as it can't save its data"],
  ["NOAUTH", "asks for a password"],
  ["NOPERM", "does not let this user do what is needed"],
  ["NOREPLICAS", "takes no publications, as it has too few replicas"],
  ["OOM", "takes no publications, as its memory is full (maxmemory)"],
  ["READONLY", "takes no publications, as it is a replica"],
  ["TRYAGAIN", "is moving this topic to another node"],
  ["WRONGPASS", "refuses the user's name or password"],
]);

/** The first word of what a server has answered; empty for an error of another kind. */
export function codeOf(error: unknown): string {
  return /^([A-Z]{2,}) /.exec(messageOf(error))?.[1] ?? "";
}

/** The server that has failed. */
interface Failed {
  readonly name: string;
  readonly password: string | undefined;
}

/** What a server says of a command that it does not know has the command's arguments in it: the password. */
export function unavailable({ name, password }: Failed, error: unknown): LwsError {
  if (error instanceof LwsError) return error;
  const message = shown(messageOf(error).replaceAll(password ?? "\n", "..."));
  const meaning = MEANINGS.get(codeOf(error));
  const text = meaning === undefined ? `${name}: ${message}` : `${name} ${meaning}: ${message}`;
  return new LwsError("broker-unavailable", text, { cause: error });
}
