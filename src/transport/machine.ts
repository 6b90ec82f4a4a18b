/**
 * What the operating system lets this process do and know: root's rights, and giving them up; this
 * host's name and others'; the environment. Never prompts.
 */

import process from "node:process";
import { LwsError } from "../base/errors.ts";
import { line, log, messageOf } from "../base/log.ts";
import { failure } from "./epoll/failure.ts";
import { mayOpenLibc, openLibc } from "./epoll/libc.ts";
import { runtime } from "../base/runtime/runtime.ts";

/** The ids to change to; −1 leaves one as it is. */
export interface Identity {
  /** The group's id, 0 to 4,294,967,294. */
  readonly gid: number;
  /** The user's id, likewise. */
  readonly uid: number;
}

/** What of `node:process` is used, and of the C library; Windows has none of it. */
export interface IdentityCalls {
  readonly getgid?: () => number;
  readonly getuid?: () => number;
  readonly setgid?: (id: number) => void;
  readonly setuid?: (id: number) => void;
  readonly getgroups?: () => number[];
  /** Gives up all supplementary groups. Only where the C library may be called: the runtime has no such call. */
  readonly leaveGroups?: () => void;
}

const LEAVE = -1;
/** The id 4,294,967,295 is −1 to the system, which stands for no change. */
const LARGEST_ID = 2 ** 32 - 2;

/**
 * Changes the group's id, then the user's, for the whole process and for good: the group first, as a
 * process that isn't root any more can't change it. Needs `--allow-sys`, all of it, as the runtime has no
 * narrower permission that it understands; never prompts.
 *
 * The supplementary groups, by which the process may still reach files, are given up before, on Linux with
 * `--allow-ffi`; the runtime itself can't. Those that it keeps are returned, the new group itself left out. A
 * process that is started by a service manager or with `setpriv --clear-groups` has none.
 *
 * @param calls the system's by default
 * @throws {LwsError} `invalid-option` for an id out of range, `permission-denied` when the process
 *   may not change, `invalid-state` when it has no such ids or they haven't changed. What was changed
 *   before that stays changed: end the process then.
 */
export function dropPrivileges(identity: Identity, calls: IdentityCalls = systemCalls()): number[] {
  const { gid, uid } = identity;
  checkId("gid", gid);
  checkId("uid", uid);
  if (gid === LEAVE && uid === LEAVE) return [];
  const permission = { name: "sys", kind: "setuid" as "uid" } as const;
  if (runtime.permissions.querySync(permission).state !== "granted") {
    throw new LwsError(
      "permission-denied",
      "may not change gid and uid; run with --allow-sys",
    );
  }
  // Windows first of all: nothing is to have changed when something is missing.
  const { getgid, getuid, setgid, setuid } = calls;
  if (!getgid || !getuid || !setgid || !setuid) {
    throw new LwsError("invalid-state", "gid and uid can't be changed on this system");
  }
  calls.leaveGroups?.();
  change("gid", gid, setgid, getgid);
  change("uid", uid, setuid, getuid);
  return calls.getgroups?.().filter((group) => group !== getgid()) ?? [];
}

function systemCalls(): IdentityCalls {
  const { getgid, getuid, setgid, setuid, getgroups } = process;
  const calls = { getgid, getuid, setgid, setuid, getgroups } as IdentityCalls;
  return mayOpenLibc() ? { ...calls, leaveGroups } : calls;
}

function leaveGroups(): void {
  try {
    const libc = openLibc();
    if (libc.setgroups(0, new Uint8Array(4)) === 0) return;
    log("info", () => line`gid and uid: ${messageOf(failure(libc, "setgroups", libc.errno()))}`);
  } catch (error) {
    log("info", () => line`gid and uid: the groups stay: ${messageOf(error)}`);
  }
}

/** Where Linux tells what bounds the process. */
const LIMITS_FILE = "/proc/self/limits";

/**
 * The descriptors that this process may have by its hard limit, to which the runtime raises the soft one as it
 * starts; undefined where that is not known. Never prompts: such files are only read with `--allow-all`.
 */
export function descriptorLimit(): number | undefined {
  try {
    const { state } = runtime.permissions.querySync({ name: "read", path: LIMITS_FILE });
    return state === "granted" ? hardLimitOf(runtime.readTextFileSync(LIMITS_FILE)) : undefined;
  } catch {
    return undefined;
  }
}

/** The last number of the line `Max open files`: soft, hard, unit. */
export function hardLimitOf(text: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith("Max open files"));
  const hard = Number(line?.trim().split(/\s+/).at(-2));
  return Number.isSafeInteger(hard) && hard > 0 ? hard : undefined;
}

/** What stands where a name is not known, or may not be. */
export const UNKNOWN_HOST = "unknown";

/** The longest name that is given, as in the C library. */
const MAX_HOST_NAME = 127;

/** This host's name; `"unknown"` when there is none, or without `--allow-sys=hostname`. */
export function hostName(): string {
  try {
    const permission = runtime.permissions.querySync({ name: "sys", kind: "hostname" });
    if (permission.state !== "granted") return UNKNOWN_HOST;
    return runtime.hostname().slice(0, MAX_HOST_NAME) || UNKNOWN_HOST;
  } catch {
    return UNKNOWN_HOST;
  }
}

/**
 * The name of an address by the hosts file or the DNS; empty when it has none, or without
 * `--allow-net` for the address.
 */
export async function reverseLookup(ip: string): Promise<string> {
  try {
    const host = ip.includes(":") ? `[${ip}]` : ip;
    const permission = runtime.permissions.querySync({ name: "net", host });
    if (permission.state !== "granted") return "";
    // Loaded at the first lookup: most programs need none.
    const { lookupService } = await import("node:dns/promises");
    return (await lookupService(ip, 0)).hostname;
  } catch {
    return "";
  }
}

/**
 * The variable's value; `undefined` when it isn't set, `null` when the program may not read it.
 * Never prompts: what isn't granted (`--allow-env=NAME`) is not asked for.
 */
export function readVariable(name: string): string | undefined | null {
  const { state } = runtime.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? runtime.env.get(name) : null;
}

/**
 * Sets a variable for what this process starts from now on, its workers included; `undefined` removes
 * it. False when the program may not (`--allow-env=NAME`); never prompts.
 */
export function writeVariable(name: string, value: string | undefined): boolean {
  const { state } = runtime.permissions.querySync({ name: "env", variable: name });
  if (state !== "granted") return false;
  if (value === undefined) runtime.env.delete(name);
  else runtime.env.set(name, value);
  return true;
}

function checkId(name: string, id: number): void {
  if (id === LEAVE || (Number.isInteger(id) && id >= 0 && id <= LARGEST_ID)) return;
  throw new LwsError(
    "invalid-option",
    `${name} is ${id}; it must be −1 or a whole number from 0 to ${LARGEST_ID}`,
  );
}

function change(name: string, id: number, set: (id: number) => void, get: () => number): void {
  if (id === LEAVE) return;
  try {
    set(id);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LwsError(
      "permission-denied",
      `can't change ${name} to ${id} (${why}); start as root, or leave it at −1`,
      { cause },
    );
  }
  if (get() !== id) {
    throw new LwsError("invalid-state", `${name} is ${get()} after it was changed to ${id}`);
  }
}
