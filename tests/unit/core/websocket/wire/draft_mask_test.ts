import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import {
  connectionKeys,
  hashedKeys,
  maskFrame,
  NO_KEY,
  nonceKeys,
  unlessZero,
} from "../../../../../src/core/websocket/wire/draft_mask.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const CONNECTION_KEY = new Uint8Array(20).map((_, i) => i + 1);
const NONCE = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

Deno.test("drafts 05 and 06, client-to-server masking: the key of a frame is what stands in front of it", () => {
  const nonce = NONCE.slice();
  const key = nonceKeys(nonce);
  nonce.fill(0);
  assertEquals(key, NONCE, "a copy, as a read's buffer is used again");
});

Deno.test("draft 04, client-to-server masking: the key of a frame is the hash of its nonce and the connection's key", () => {
  const expected = createHash("sha1").update(NONCE).update(CONNECTION_KEY).digest("hex");
  assertEquals(hashedKeys(CONNECTION_KEY, sha1)(NONCE).toHex(), expected);
});

Deno.test("draft 04 as in C: the connection's key, whatever the nonce is", () => {
  assertEquals(connectionKeys(CONNECTION_KEY)(NONCE), CONNECTION_KEY);
  assertEquals(connectionKeys(CONNECTION_KEY)(new Uint8Array(4)), CONNECTION_KEY);
});

Deno.test("four zeros may stand for no mask", () => {
  const keys = unlessZero(connectionKeys(CONNECTION_KEY));
  assertEquals(keys(new Uint8Array(4)), NO_KEY);
  assertEquals(keys(Uint8Array.of(0, 0, 0, 1)), CONNECTION_KEY);
});

for (const key of [NONCE, CONNECTION_KEY, NO_KEY]) {
  Deno.test(`a key of ${key.length} bytes goes round, from any byte of the frame on`, () => {
    const plain = new Uint8Array(90).map((_, i) => i * 7);
    const octet = (i: number) => plain[i]! ^ (key.length === 0 ? 0 : key[i % key.length]!);
    for (const [start, end, index] of [[0, 90, 0], [3, 80, 3], [10, 11, 10], [5, 5, 5]] as const) {
      const bytes = plain.slice();
      maskFrame(bytes, start, end, key, index);
      assertEquals(
        [...bytes],
        [...plain].map((byte, i) => i < start || i >= end ? byte : octet(i)),
      );
    }
    // The bytes may lie anywhere in a buffer, and at another index than in it.
    const lying = new Uint8Array(100).subarray(10);
    lying.set(plain);
    maskFrame(lying, 0, 50, key, 23);
    assertEquals(lying[0], plain[0]! ^ (key.length === 0 ? 0 : key[23 % key.length]!));
    assertEquals(lying[49], plain[49]! ^ (key.length === 0 ? 0 : key[72 % key.length]!));
  });
}
