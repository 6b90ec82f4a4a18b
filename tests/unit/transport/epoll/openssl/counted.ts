/** OpenSSL with a count of what is made and freed, and faults between. */

import {
  openOpenssl,
  type Openssl,
  type Pointer,
} from "../../../../../src/transport/epoll/openssl/library.ts";

const real = openOpenssl();

/** What makes an object, and what frees it. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  SSL_free: ["SSL_new"],
  SSL_CTX_free: ["SSL_CTX_new"],
  X509_free: ["PEM_read_bio_X509", "SSL_get1_peer_certificate"],
  EVP_PKEY_free: ["PEM_read_bio_PrivateKey"],
  X509_STORE_CTX_free: ["X509_STORE_CTX_new"],
  BIO_free: ["BIO_new"],
};

type Call = (...args: unknown[]) => unknown;

/** The real functions; each object has to be freed as often as it was given out. */
export class CountedOpenssl {
  readonly openssl: Openssl;
  readonly #held = new Map<string, number>();
  readonly #faults = new Map<string, Call[]>();

  constructor() {
    const table: Record<string, unknown> = { ...real };
    const wrap = (name: string, counted: (result: unknown, args: unknown[]) => void) => {
      const call = real[name as keyof Openssl] as unknown as Call;
      table[name] = (...args: unknown[]) => {
        const fault = this.#faults.get(name)?.shift();
        const result = fault === undefined ? call(...args) : fault(...args);
        counted(result, args);
        return result;
      };
    };
    for (const [free, makers] of Object.entries(KINDS)) {
      for (const maker of makers) {
        wrap(maker, (result) => result !== null && this.#count(free, result as Pointer, 1));
      }
      wrap(free, (_, [pointer]) => pointer !== null && this.#count(free, pointer as Pointer, -1));
    }
    wrap("SSL_up_ref", (_, [pointer]) => this.#count("SSL_free", pointer as Pointer, 1));
    for (const name of ["BIO_write", "SSL_read", "SSL_write"]) wrap(name, () => {});
    this.openssl = table as unknown as Openssl;
  }

  /** How many objects are held, by what frees them; those of none are left out. */
  get held(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [key, count] of this.#held) {
      const [free] = key.split(" ");
      if (count !== 0) counts[free!] = (counts[free!] ?? 0) + count;
    }
    return counts;
  }

  /** The next call of a function goes so. */
  next(name: "SSL_new" | "BIO_write" | "SSL_read" | "SSL_write", result: number | null): void {
    this.#faults.set(name, [...this.#faults.get(name) ?? [], () => result]);
  }

  #count(free: string, pointer: Pointer, by: number): void {
    const key = `${free} ${Deno.UnsafePointer.value(pointer)}`;
    const count = (this.#held.get(key) ?? 0) + by;
    if (count < 0) throw new Error(`${free}: it was freed before`);
    if (count === 0) this.#held.delete(key);
    else this.#held.set(key, count);
  }
}
