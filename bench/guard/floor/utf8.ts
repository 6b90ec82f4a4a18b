/** Checking UTF-8 a byte at a time: no fast path, and no state that outlives the call. */

const ACCEPT = 0;
const REJECT = 8;

/** The next state at `state << 8 | byte`; the others count and narrow the bytes that must come. */
const NEXT = (() => {
  const next = new Uint8Array(9 << 8).fill(REJECT);
  const on = (state: number, from: number, to: number, then: number) =>
    next.fill(then, state << 8 | from, (state << 8 | to) + 1);
  on(ACCEPT, 0x00, 0x7f, ACCEPT);
  on(ACCEPT, 0xc2, 0xdf, 1);
  on(ACCEPT, 0xe0, 0xe0, 4);
  on(ACCEPT, 0xe1, 0xef, 2);
  on(ACCEPT, 0xed, 0xed, 5);
  on(ACCEPT, 0xf0, 0xf0, 6);
  on(ACCEPT, 0xf1, 0xf3, 3);
  on(ACCEPT, 0xf4, 0xf4, 7);
  on(1, 0x80, 0xbf, ACCEPT);
  on(2, 0x80, 0xbf, 1);
  on(3, 0x80, 0xbf, 2);
  on(4, 0xa0, 0xbf, 1);
  on(5, 0x80, 0x9f, 1);
  on(6, 0x90, 0xbf, 2);
  on(7, 0x80, 0x8f, 2);
  return next;
})();

/** Whether `bytes` are ASCII. */
export function isAscii(bytes: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) bits |= bytes[i]!;
  return bits < 0x80;
}

/** Whether `bytes` are UTF-8; the table has no way out of a reject. */
export function isUtf8(bytes: Uint8Array): boolean {
  let state = ACCEPT;
  for (let i = 0; i < bytes.length; i++) state = NEXT[state << 8 | bytes[i]!]!;
  return state === ACCEPT;
}
