/** A promise without the runtime: its maker says when listeners are called. */

import { isPromised } from "./callback_results.ts";

type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** What there is to listen to: a promise, or an {@linkcode Outcome}. */
export type Settling<T> = PromiseLike<T> & Pick<Promise<T>, "catch">;

/** A microtask never comes while a program blocks the thread; what this tells comes by what it was made with. */
export class Outcome<T> implements PromiseLike<T> {
  readonly #later: (work: () => void) => void;
  #settled: Settled<T> | undefined;
  #listeners: (() => void)[] = [];

  /** @param later has work done soon, and not from inside the call */
  constructor(later: (work: () => void) => void) {
    this.#later = later;
  }

  /** It is so; counts once. */
  resolve(value: T): void {
    this.#settle({ value });
  }

  /** Nothing comes of it; counts once. It need not be listened to. */
  reject(error: unknown): void {
    this.#settle({ error });
  }

  then<Next = T, Instead = never>(
    onDone?: ((value: T) => Next | PromiseLike<Next>) | null,
    onFailed?: ((error: unknown) => Instead | PromiseLike<Instead>) | null,
  ): Outcome<Next | Instead> {
    const next = new Outcome<Next | Instead>(this.#later);
    const tell = () => {
      const settled = this.#settled!;
      try {
        if ("error" in settled) {
          if (!onFailed) return next.reject(settled.error);
          next.#follow(onFailed(settled.error));
        } else next.#follow(onDone ? onDone(settled.value) : settled.value as unknown as Next);
      } catch (error) {
        next.reject(error);
      }
    };
    if (this.#settled === undefined) this.#listeners.push(tell);
    else this.#later(tell);
    return next;
  }

  catch<Instead = never>(
    onFailed?: ((error: unknown) => Instead | PromiseLike<Instead>) | null,
  ): Promise<T | Instead> {
    return Promise.resolve(this).catch(onFailed);
  }

  #follow(value: T | PromiseLike<T>): void {
    if (!isPromised(value)) return this.resolve(value);
    value.then((next) => this.resolve(next as T), (error) => this.reject(error));
  }

  #settle(settled: Settled<T>): void {
    if (this.#settled !== undefined) return;
    this.#settled = settled;
    for (const tell of this.#listeners) this.#later(tell);
    this.#listeners = [];
  }
}
