/**
 * A `Request` without a body, made when its headers are asked for, or what few programs want: to make one takes as long
 * as all else that a server does for a small answer, and in Deno what each leaves behind stays until the
 * engine's next full collection.
 */

/** What it is made of. */
export interface RequestSource {
  readonly method: string;
  /** An absolute one, which can be parsed. */
  readonly url: string;
  readonly headers: [name: string, value: string][];
  readonly signal: AbortSignal;
}

type Make = (source: RequestSource) => Request;

const makeEager: Make = ({ method, url, headers, signal }) =>
  new Request(url, { method, headers, signal });

/** Methods that a `Request` has as they are sent (Fetch standard, section 2.2.1). */
const AS_SENT = /^(?:GET|HEAD)$/;

let make: Make | undefined;

/** @param source asked for each part when that is wanted */
export function lazyRequest(source: RequestSource): Request {
  make ??= isTaken(makeLazy) ? makeLazy : makeEager;
  return AS_SENT.test(source.method) ? make(source) : makeEager(source);
}

const makeLazy: Make = (source) => new (classOfLazy())(source) as unknown as Request;

let lazyClass: (new (source: RequestSource) => object) | undefined;

/**
 * Instances of `Request` in all that can be told from outside. What the runtime keeps of one in properties under
 * symbols of its own is that of a real one, made when the first of them is read: so its own functions take both.
 */
function classOfLazy(): new (source: RequestSource) => object {
  if (lazyClass !== undefined) return lazyClass;
  class LazyRequest {
    readonly #source: RequestSource;
    #url: string | undefined;
    #real: Request | undefined;

    constructor(source: RequestSource) {
      this.#source = source;
    }

    get method(): string {
      return this.#source.method;
    }

    get url(): string {
      return this.#url ??= new URL(this.#source.url).href;
    }

    get signal(): AbortSignal {
      return this.#source.signal;
    }

    get body(): null {
      return null;
    }

    /** Of one that has none, never. */
    get bodyUsed(): boolean {
      return false;
    }

    static realOf(lazy: LazyRequest): Request {
      return lazy.#real ??= makeEager(lazy.#source);
    }
  }
  const { prototype } = LazyRequest;
  Object.setPrototypeOf(prototype, Request.prototype);
  Object.defineProperty(prototype, "constructor", {
    value: Request,
    writable: true,
    configurable: true,
  });
  for (const name of ["method", "url", "signal", "body", "bodyUsed"]) {
    Object.defineProperty(prototype, name, { enumerable: true });
  }
  for (const key of Object.getOwnPropertySymbols(new Request("http://unknown.invalid"))) {
    Object.defineProperty(prototype, key, {
      get(this: LazyRequest) {
        return Reflect.get(LazyRequest.realOf(this), key);
      },
      set(this: LazyRequest, value: unknown) {
        Reflect.set(LazyRequest.realOf(this), key, value);
      },
      configurable: true,
    });
  }
  return lazyClass = LazyRequest;
}

/** Whether what it makes is a `Request` to the runtime's own functions: one with private fields is to none. */
function isTaken(make: Make): boolean {
  const abort = new AbortController();
  const source = {
    method: "GET",
    url: "http://unknown.invalid/a",
    headers: [["b", "c"]] as [string, string][],
    signal: abort.signal,
  };
  const isLike = ({ method, url, headers, body, bodyUsed, redirect }: Request) =>
    method === source.method && url === source.url && headers.get("b") === "c" &&
    body === null && !bodyUsed && redirect === "follow";
  try {
    // Each of its own, as what is done first may be what counts.
    const made = [make(source), make(source), make(source).clone(), new Request(make(source))];
    const other = new Request("http://unknown.invalid/d", make(source));
    const areLike = made.every(isLike) && other.headers.get("b") === "c" &&
      made[1]!.signal !== null;
    abort.abort();
    return areLike && [...made, other].every(({ signal }) => signal.aborted);
  } catch {
    return false;
  }
}
