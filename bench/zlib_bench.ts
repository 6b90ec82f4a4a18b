/** Deflating and inflating whole messages, each on its own, by both codecs. */

import { nativeZlibCodec } from "../src/extensions/zlib.ts";
import { wholeZlibCodec } from "../src/extensions/zlib_whole.ts";
import type { ZlibCodec } from "../src/extensions/zlib_codec.ts";

const codecs: [string, ZlibCodec][] = [["whole messages", wholeZlibCodec]];
const native = nativeZlibCodec();
if (native !== undefined) codecs.unshift(["native", native]);

/** Records of names and numbers that differ from each other, as JSON. */
function json(length: number): Uint8Array {
  const names = ["alder", "birch", "cedar", "hazel", "maple", "rowan", "spruce", "willow"];
  let seed = 1;
  let text = "[";
  while (text.length < length) {
    seed = (seed * 48_271) % 0x7fff_ffff;
    const name = names[seed % names.length];
    text += `{"id":${seed},"name":"${name}","price":${(seed % 9973) / 100},"open":${
      seed % 3 === 0
    }},`;
  }
  return new TextEncoder().encode(text.slice(0, length));
}

const MEM_LEVEL = 8;
const out = new Uint8Array(64 * 1024 + 1);

for (const length of [1024, 64 * 1024]) {
  const message = json(length);
  for (const level of [1, 3, 6]) {
    const group = `deflate ${length / 1024} KiB at level ${level}`;
    for (const [name, codec] of codecs) {
      const deflater = codec.deflater({ windowBits: 15, level, memLevel: MEM_LEVEL });
      Deno.bench(name, { group, baseline: name === "native" }, () => {
        deflater.deflate(message);
        deflater.reset();
      });
    }
  }
  for (const level of [1, 6]) {
    const group = `inflate ${length / 1024} KiB of level ${level}`;
    const deflater = wholeZlibCodec.deflater({ windowBits: 15, level, memLevel: MEM_LEVEL });
    const deflated = deflater.deflate(message).slice(0, -4);
    for (const [name, codec] of codecs) {
      const inflater = codec.inflater({ windowBits: 15 });
      Deno.bench(name, { group, baseline: name === "native" }, () => {
        inflater.push(deflated);
        inflater.pushTail();
        if (inflater.pull(out) !== length) throw new Error("the message is not whole");
        inflater.reset();
      });
    }
  }
}
