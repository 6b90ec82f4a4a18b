/**
 * A `Request` without a body, made when what few programs want of one is asked for: to make one takes as long as all
 * else that a server does for a small answer, and in Deno what each leaves behind stays until the engine's
 * next full collection.
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

const makeLazy: Make = (source) => new (classOfLazy())(source);

let lazyClass: (new (source: RequestSource) => Request) | undefined;

/**
 * What the runtime keeps of a request, as its own functions ask for it: what is rarely wanted is that of a real one,
 * made then. The request around it has nothing private, as it may be behind a Proxy, or what others inherit from.
 */
class LazyParts {
  readonly source: RequestSource;
  readonly body = null;
  #url: string | undefined;
  #fields: RequestSource["headers"] | undefined;
  #real: Request | undefined;

  constructor(source: RequestSource) {
    this.source = source;
  }

  get method(): string {
    return this.source.method;
  }

  url(): string {
    return this.#url ??= new URL(this.source.url).href;
  }

  /** The one that its `Headers` write to, and that whatever is made of it is made of. */
  get headerList(): RequestSource["headers"] {
    return this.#fields ??= this.source.headers;
  }

  set headerList(fields: RequestSource["headers"]) {
    this.#fields = fields;
  }

  get real(): Request {
    return this.#real ??= makeEager(this.source);
  }

  /** Asked for by a request that a program has given another prototype, whose signal is the runtime's own. */
  onCancel(cancel: () => void): void {
    const { signal } = this.source;
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  }
}

/**
 * Made as the runtime makes a clone: by a mark with which the constructor does nothing, and with its parts in
 * properties under the runtime's own symbols. Its prototype alone is another one, which has the signal.
 *
 * @throws {TypeError} in a runtime that makes them in another way
 */
function classOfLazy(): new (source: RequestSource) => Request {
  if (lazyClass !== undefined) return lazyClass;
  const model = new Request("http://unknown.invalid").clone();
  const own = Object.getOwnPropertySymbols(model)
    .map((key): [symbol, unknown] => [key, Reflect.get(model, key)]);
  const [, mark] = known(own.find(([, value]) => typeof value === "symbol"));
  const [guardKey, guard] = known(own.find(([, value]) => typeof value === "string"));
  const [partsKey, modelParts] = known(
    own.find((pair): pair is [symbol, object] =>
      pair[1] instanceof Object && Reflect.get(pair[1], "method") === "GET"
    ),
  );
  const signalKey = known(
    Object.getOwnPropertySymbols(Request.prototype)
      .find((key) => Reflect.get(Request.prototype, key, model) === model.signal),
  );
  const partsOfReal = ({ real }: LazyParts): object => Reflect.get(real, partsKey);
  for (const name of Object.keys(modelParts)) {
    if (name in LazyParts.prototype || name === "body") continue;
    Object.defineProperty(LazyParts.prototype, name, {
      get(this: LazyParts) {
        return Reflect.get(partsOfReal(this), name);
      },
      set(this: LazyParts, value: unknown) {
        Reflect.set(partsOfReal(this), name, value);
      },
    });
  }
  class LazyRequest extends Request {
    [key: symbol]: unknown;

    constructor(source: RequestSource) {
      super(mark as string);
      this[guardKey] = guard;
      this[partsKey] = new LazyParts(source);
    }

    get [signalKey](): AbortSignal {
      return (this[partsKey] as LazyParts).source.signal;
    }
  }
  Object.defineProperty(LazyRequest.prototype, "constructor", {
    value: Request,
    writable: true,
    configurable: true,
  });
  return lazyClass = LazyRequest;
}

function known<T>(part: T | undefined): T {
  if (part === undefined) {
    throw new TypeError("a Request has other parts than those that are known");
  }
  return part;
}

/** Whether what it makes is a `Request` to the runtime's own functions. */
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
    // Of one it is asked for before.
    const areLike = made.every(isLike) && other.headers.get("b") === "c" &&
      !made[1]!.signal.aborted;
    const changed = make(source);
    changed.headers.set("b", "d");
    const isShared = changed.clone().headers.get("b") === "d";
    abort.abort();
    return areLike && isShared && [...made, other].every(({ signal }) => signal.aborted);
  } catch {
    return false;
  }
}
