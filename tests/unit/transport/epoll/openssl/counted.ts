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

/** What a connection calls, and fails without memory or is of a connection that is broken; nothing else of it can. */
const CAN_FAIL = [
  ...["SSL_new", "SSL_ctrl", "SSL_do_handshake", "SSL_read", "SSL_write", "SSL_shutdown"] as const,
  ...["BIO_write", "X509_STORE_CTX_new", "X509_STORE_CTX_init"] as const,
  ...["X509_STORE_CTX_set_default", "X509_verify_cert", "X509_check_host", "i2d_X509"] as const,
];
export type CanFail = (typeof CAN_FAIL)[number];

type Call = (...args: unknown[]) => unknown;

/** One call that goes otherwise: it gets the real function and its arguments. */
export type OpensslFault = (real: Call, ...args: unknown[]) => unknown;

/** <openssl/ssl.h> */
const SSL_ERROR_SSL = 1;

/** The real functions; each object has to be freed as often as it was given out. */
export class CountedOpenssl {
  readonly openssl: Openssl;
  /** Asked for each call that can fail and has no fault due; a fault that it returns is made. */
  judge: (name: CanFail, args: readonly unknown[]) => OpensslFault | undefined = () => undefined;
  readonly #held = new Map<string, number>();
  readonly #faults = new Map<string, OpensslFault[]>();
  #hasFailed = false;

  constructor() {
    const table: Record<string, unknown> = { ...real };
    const wrap = (name: string, counted: (result: unknown, args: unknown[]) => void) => {
      const call = (table[name] ?? real[name as keyof Openssl]) as Call;
      table[name] = (...args: unknown[]) => {
        const result = call(...args);
        counted(result, args);
        return result;
      };
    };
    for (const name of CAN_FAIL) {
      const call = real[name] as unknown as Call;
      table[name] = (...args: unknown[]) => {
        const fault = this.#faults.get(name)?.shift() ?? this.judge(name, args);
        return fault === undefined ? call(...args) : fault(call, ...args);
      };
    }
    for (const [free, makers] of Object.entries(KINDS)) {
      for (const maker of makers) {
        wrap(maker, (result) => result !== null && this.#count(free, result as Pointer, 1));
      }
      wrap(free, (_, [pointer]) => pointer !== null && this.#count(free, pointer as Pointer, -1));
    }
    wrap("SSL_up_ref", (_, [pointer]) => this.#count("SSL_free", pointer as Pointer, 1));
    table.SSL_get_error = (ssl: Pointer, result: number) => {
      const hasFailed = this.#hasFailed;
      this.#hasFailed = false;
      return hasFailed ? SSL_ERROR_SSL : real.SSL_get_error(ssl, result);
    };
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

  /** The next call of a function isn't made, and returns this. */
  next(name: CanFail, result: number | null): void {
    this.#faults.set(name, [...this.#faults.get(name) ?? [], () => result]);
  }

  /** The call of an `SSL` fails, for a reason that is told: it isn't made, or it is and then fails. */
  breaks(isMade: boolean): OpensslFault {
    return (call, ...args) => {
      if (isMade) call(...args);
      this.#hasFailed = true;
      return -1;
    };
  }

  #count(free: string, pointer: Pointer, by: number): void {
    const key = `${free} ${Deno.UnsafePointer.value(pointer)}`;
    const count = (this.#held.get(key) ?? 0) + by;
    if (count < 0) throw new Error(`${free}: it was freed before`);
    if (count === 0) this.#held.delete(key);
    else this.#held.set(key, count);
  }
}
