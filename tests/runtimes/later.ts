/** What tests use of engines that are newer than Node 22's. The library itself goes without it: `tests/project/node_test`. */

import { Buffer } from "node:buffer";

const bytesOf = (text: string, encoding: "hex" | "base64") =>
  new Uint8Array(Buffer.from(text, encoding));
const textOf = (bytes: Uint8Array, encoding: "hex" | "base64") =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding);

class Stack implements Disposable {
  readonly #work: (() => void)[] = [];

  defer(work: () => void): void {
    this.#work.unshift(work);
  }

  [Symbol.dispose](): void {
    for (const each of this.#work.splice(0)) each();
  }
}

/** Adds what is missing; another engine's own are left alone. */
function add(target: object, members: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(members)) {
    if (!(name in target)) Object.defineProperty(target, name, { value, configurable: true });
  }
}

add(globalThis, { DisposableStack: Stack });
add(Uint8Array, {
  fromHex: (text: string) => bytesOf(text, "hex"),
  fromBase64: (text: string) => bytesOf(text, "base64"),
});
add(Uint8Array.prototype, {
  toHex(this: Uint8Array) {
    return textOf(this, "hex");
  },
  toBase64(this: Uint8Array) {
    return textOf(this, "base64");
  },
});
