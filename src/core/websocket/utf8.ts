/**
 * A UTF-8 check that can stop and go on at any byte, for text that comes in fragments (RFC 6455
 * section 8.1). It fails at the first byte that no well-formed text can have there.
 */

/** Between two characters: the state to begin with, and the only one to end in. */
export const UTF8_ACCEPT = 0;
/** The bytes so far can't become well-formed. */
export const UTF8_REJECT = 8;

/** Character classes of bytes, after table 3-7 of the Unicode standard. */
const CLASS_ASCII = 0;
const CLASS_80_8F = 1;
const CLASS_90_9F = 2;
const CLASS_A0_BF = 3;
const CLASS_C2_DF = 4;
const CLASS_E0 = 5;
const CLASS_E1_EC_EE_EF = 6;
const CLASS_ED = 7;
const CLASS_F0 = 8;
const CLASS_F1_F3 = 9;
const CLASS_F4 = 10;
const CLASS_NEVER = 11;

const CLASSES = /* @__PURE__ */ (() => {
  const classes = new Uint8Array(256);
  const fill = (from: number, to: number, value: number) => classes.fill(value, from, to + 1);
  fill(0x00, 0x7f, CLASS_ASCII);
  fill(0x80, 0x8f, CLASS_80_8F);
  fill(0x90, 0x9f, CLASS_90_9F);
  fill(0xa0, 0xbf, CLASS_A0_BF);
  fill(0xc0, 0xc1, CLASS_NEVER);
  fill(0xc2, 0xdf, CLASS_C2_DF);
  fill(0xe0, 0xe0, CLASS_E0);
  fill(0xe1, 0xef, CLASS_E1_EC_EE_EF);
  fill(0xed, 0xed, CLASS_ED);
  fill(0xf0, 0xf0, CLASS_F0);
  fill(0xf1, 0xf3, CLASS_F1_F3);
  fill(0xf4, 0xf4, CLASS_F4);
  fill(0xf5, 0xff, CLASS_NEVER);
  return classes;
})();

/** What must come: one, two or three continuation bytes; the last four narrow the first of them. */
const ONE_LEFT = 1;
const TWO_LEFT = 2;
const THREE_LEFT = 3;
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;

/** The next state at `state << 4 | class`. */
const NEXT = /* @__PURE__ */ (() => {
  const next = new Uint8Array(16 * 16).fill(UTF8_REJECT);
  const on = (state: number, classes: number[], to: number) => {
    for (const each of classes) next[state << 4 | each] = to;
  };
  on(UTF8_ACCEPT, [CLASS_ASCII], UTF8_ACCEPT);
  on(UTF8_ACCEPT, [CLASS_C2_DF], ONE_LEFT);
  on(UTF8_ACCEPT, [CLASS_E1_EC_EE_EF], TWO_LEFT);
  on(UTF8_ACCEPT, [CLASS_F1_F3], THREE_LEFT);
  on(UTF8_ACCEPT, [CLASS_E0], AFTER_E0);
  on(UTF8_ACCEPT, [CLASS_ED], AFTER_ED);
  on(UTF8_ACCEPT, [CLASS_F0], AFTER_F0);
  on(UTF8_ACCEPT, [CLASS_F4], AFTER_F4);
  const continuation = [CLASS_80_8F, CLASS_90_9F, CLASS_A0_BF];
  on(ONE_LEFT, continuation, UTF8_ACCEPT);
  on(TWO_LEFT, continuation, ONE_LEFT);
  on(THREE_LEFT, continuation, TWO_LEFT);
  on(AFTER_E0, [CLASS_A0_BF], ONE_LEFT);
  on(AFTER_ED, [CLASS_80_8F, CLASS_90_9F], ONE_LEFT);
  on(AFTER_F0, [CLASS_90_9F, CLASS_A0_BF], TWO_LEFT);
  on(AFTER_F4, [CLASS_80_8F], TWO_LEFT);
  return next;
})();

/**
 * Checks `bytes[start, end)` from `state` on and returns the state after it, which is
 * {@linkcode UTF8_REJECT} once it is ill-formed.
 */
export function checkUtf8(bytes: Uint8Array, start: number, end: number, state: number): number {
  let position = start;
  while (position < end) {
    if (state === UTF8_ACCEPT) {
      // ASCII is most of most text; eight bytes a step keep the table out of its way.
      while (
        position + 8 <= end &&
        ((bytes[position]! | bytes[position + 1]! | bytes[position + 2]! | bytes[position + 3]! |
            bytes[position + 4]! | bytes[position + 5]! | bytes[position + 6]! |
            bytes[position + 7]!) & 0x80) === 0
      ) position += 8;
      if (position === end) return state;
    }
    state = NEXT[state << 4 | CLASSES[bytes[position]!]!]!;
    if (state === UTF8_REJECT) return state;
    position++;
  }
  return state;
}

/** Whether `bytes` are well-formed UTF-8 from beginning to end. */
export function isUtf8(bytes: Uint8Array): boolean {
  return checkUtf8(bytes, 0, bytes.length, UTF8_ACCEPT) === UTF8_ACCEPT;
}
