/** A TLS 1.2 client whose records are made by hand, once OpenSSL has shaken hands for it. */

import { createCipheriv, createHmac } from "node:crypto";
import type { MemoryTransport } from "../../../src/testing/memory_transport.ts";
import type { OpensslTransport } from "../../../src/transport/epoll/openssl/transport.ts";
import { settle } from "../serve.ts";

const { symbols } = Deno.dlopen("libssl.so.3", {
  SSL_get_session: { parameters: ["pointer"], result: "pointer" },
  SSL_SESSION_get_master_key: { parameters: ["pointer", "buffer", "usize"], result: "usize" },
  SSL_get_client_random: { parameters: ["pointer", "buffer", "usize"], result: "usize" },
  SSL_get_server_random: { parameters: ["pointer", "buffer", "usize"], result: "usize" },
});

/** What the client has to agree on. */
export const BY_HAND = {
  sslMaxVersion: "TLSv1.2",
  sslCipherList: "ECDHE-ECDSA-AES128-GCM-SHA256",
} as const;

/** RFC 5246 section 6.2.1. */
export const ALERT = 21;
export const HANDSHAKE = 22;
export const DATA = 23;

/** Sends records in place of the client that is through with its handshake, which may send none any more. */
export class RecordsByHand {
  readonly #below: MemoryTransport;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;
  /** That of the handshake's last message was 0. */
  #sequence = 1n;

  constructor(client: OpensslTransport, below: MemoryTransport) {
    this.#below = below;
    const [master, clientRandom, serverRandom] = client.lendTrial(({ ssl }) => {
      const pointer = ssl as Deno.PointerObject;
      const master = new Uint8Array(48);
      const session = symbols.SSL_get_session(pointer);
      symbols.SSL_SESSION_get_master_key(session, master, 48n);
      const randoms = [new Uint8Array(32), new Uint8Array(32)] as const;
      symbols.SSL_get_client_random(pointer, randoms[0], 32n);
      symbols.SSL_get_server_random(pointer, randoms[1], 32n);
      return [master, ...randoms];
    });
    // RFC 5246 section 6.3, RFC 5288 section 3: two keys, and the fixed parts of two nonces.
    const label = new TextEncoder().encode("key expansion");
    const block = expand(master, Uint8Array.of(...label, ...serverRandom, ...clientRandom), 40);
    this.#key = block.subarray(0, 16);
    this.#iv = block.subarray(32, 36);
  }

  /** Sends records in one write: of each kind so many, with this content. */
  async send(...kinds: readonly (readonly [type: number, content: Uint8Array, count?: number])[]) {
    // What was written before leaves first.
    await settle();
    const records = kinds.flatMap(([type, content, count = 1]) =>
      Array.from({ length: count }, () => [...this.#record(type, content)])
    );
    this.#below.write(Uint8Array.from(records.flat()));
  }

  #record(type: number, content: Uint8Array): Uint8Array {
    const sequence = new Uint8Array(8);
    new DataView(sequence.buffer).setBigUint64(0, this.#sequence++);
    const cipher = createCipheriv(
      "aes-128-gcm",
      this.#key,
      Uint8Array.of(...this.#iv, ...sequence),
    );
    const { length } = content;
    cipher.setAAD(Uint8Array.of(...sequence, type, 3, 3, length >> 8, length & 0xFF));
    const sealed = [...cipher.update(content), ...cipher.final(), ...cipher.getAuthTag()];
    const size = sequence.length + sealed.length;
    return Uint8Array.of(type, 3, 3, size >> 8, size & 0xFF, ...sequence, ...sealed);
  }
}

/** RFC 5246 section 5. */
function expand(secret: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const hmac = (...parts: Uint8Array[]) => {
    const made = createHmac("sha256", secret);
    for (const part of parts) made.update(part);
    return new Uint8Array(made.digest());
  };
  const all: number[] = [];
  for (let turn = hmac(seed); all.length < length; turn = hmac(turn)) all.push(...hmac(turn, seed));
  return Uint8Array.from(all.slice(0, length));
}
