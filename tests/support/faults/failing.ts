/**
 * Functions of the system that fail by order, for the time of a test. What is replaced is this realm's alone: test
 * files have one each, side by side or not.
 */

export interface FailingOptions {
  /** The first call that fails, counted from 1. Default: 1. */
  readonly at?: number;
  /** How many fail. Default: 1. */
  readonly times?: number;
  /** Which calls count. Default: all. */
  isIt?(args: readonly unknown[], self: unknown): boolean;
  /** Made anew for each. */
  error(): Error;
}

export interface FailingFunction extends Disposable {
  /** Calls that count, so far. */
  readonly calls: number;
  /** How many of those failed. */
  readonly failed: number;
}

/** What fails in the call itself; of all others the promise is rejected. */
const AT_ONCE = /Sync$|^(listen|close|setNoDelay|setKeepAlive|readDir|Uint8Array)$/;

/** Has calls of `owner[name]`, a function or a class, fail: `using _ = failing(Deno, "connect", {…})`. */
export function failing<Owner extends object>(
  owner: Owner,
  name: keyof Owner & string,
  { at = 1, times = 1, isIt = () => true, error }: FailingOptions,
): FailingFunction {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const real = owner[name] as unknown as (...args: unknown[]) => unknown;
  let calls = 0;
  let failed = 0;
  const isNext = (args: readonly unknown[], self: unknown) => {
    if (!isIt(args, self)) return false;
    calls++;
    const isNow = calls >= at && failed < times;
    if (isNow) failed++;
    return isNow;
  };
  const value: typeof real = new Proxy(real, {
    apply(target, self, args) {
      if (!isNext(args, self)) return Reflect.apply(target, self, args);
      if (AT_ONCE.test(name)) throw error();
      return Promise.reject(error());
    },
    construct(target, args, made): object {
      if (isNext(args, undefined)) throw error();
      return Reflect.construct(target, args, made === value ? target : made);
    },
  });
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
  return {
    get calls() {
      return calls;
    },
    get failed() {
      return failed;
    },
    [Symbol.dispose]() {
      if (before === undefined) delete owner[name];
      else Object.defineProperty(owner, name, before);
    },
  };
}

/** An error as the runtime makes it of a number of the system's. */
export function systemError(code: string, text: string, name = "Error"): Error {
  const known = (Deno.errors as Readonly<Record<string, new (message: string) => Error>>)[name];
  return Object.assign(new (known ?? Error)(`${text} (os error)`), { code });
}

/** As the engine says that there is no memory for a buffer. */
export const noMemory = () => new RangeError("Array buffer allocation failed");
