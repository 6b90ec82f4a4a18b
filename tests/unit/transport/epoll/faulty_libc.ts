/** The C library with faults between it and the epoll network. */

import { constants } from "node:os";
import type { Libc } from "../../../../src/transport/epoll/libc.ts";
import { openLibc } from "../../../../src/transport/epoll/libc.ts";

/** Functions that return a new descriptor. */
const OPENS: ReadonlySet<keyof Libc> = new Set(["socket", "accept4", "epoll_create1", "eventfd"]);

type Call = (...args: never[]) => unknown;

/** One call that goes otherwise: it gets the real function and its arguments. */
export type Fault = (real: (...args: unknown[]) => number, ...args: unknown[]) => number;

/** The real functions, but for calls that a test has faults for, each for one call in order. */
export class FaultyLibc {
  readonly libc: Libc;
  /** How often each function was called. */
  readonly calls = new Map<keyof Libc, number>();
  /** Descriptors that are open, of all that came from here. */
  readonly descriptors = new Set<number>();
  /** Asked for each call for which no fault is due; a fault that it returns is made. */
  judge: (name: keyof Libc, args: readonly unknown[]) => Fault | undefined = () => undefined;
  readonly #faults = new Map<keyof Libc, Fault[]>();
  #errno: number | undefined;

  constructor() {
    const real = openLibc();
    const table: Record<string, Call> = {};
    for (const name of Object.keys(real) as (keyof Libc)[]) {
      const call = real[name] as (...args: unknown[]) => number;
      table[name] = (...args: unknown[]) => {
        this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
        const fault = this.#faults.get(name)?.shift() ?? this.judge(name, args);
        // Its number may be another thread's in the moment in which it is closed.
        if (name === "close") this.#closes(args[0] as number);
        const result = fault === undefined ? call(...args) : fault(call, ...args);
        if (OPENS.has(name) && result >= 0) this.descriptors.add(result);
        return result;
      };
    }
    table.errno = () => {
      const errno = this.#errno ?? real.errno();
      this.#errno = undefined;
      return errno;
    };
    this.libc = table as unknown as Libc;
  }

  #closes(fd: number): void {
    if (!this.descriptors.delete(fd)) throw new Error(`descriptor ${fd} is closed, and not open`);
  }

  /** The next calls of a function go so. */
  next(name: keyof Libc, ...faults: Fault[]): this {
    const all = this.#faults.get(name) ?? [];
    all.push(...faults);
    this.#faults.set(name, all);
    return this;
  }

  /** The call isn't made, and fails with an error's name such as `EAGAIN`. */
  fails(code: keyof typeof constants.errno): Fault {
    return () => {
      this.#errno = constants.errno[code];
      return -1;
    };
  }

  /** The first call with such arguments goes so. */
  nextWith(name: keyof Libc, isIt: (...args: number[]) => boolean, fault: Fault): this {
    this.judge = (called, args) => {
      if (called !== name || !isIt(...args as number[])) return undefined;
      this.judge = () => undefined;
      return fault;
    };
    return this;
  }

  /** The call is made, and says that it failed. */
  saysItFails(code: keyof typeof constants.errno): Fault {
    return (real, ...args) => {
      real(...args);
      this.#errno = constants.errno[code];
      return -1;
    };
  }

  /** `recv` and `send` of so many bytes at most. */
  static short(most: number): Fault {
    return (real, fd, bytes, length, flags) =>
      real(fd, bytes, Math.min(most, length as number), flags);
  }
}

/** As it is. */
export const asIs: Fault = (real, ...args) => real(...args);
