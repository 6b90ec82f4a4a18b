import { assertEquals } from "@std/assert";
import { KeptTexts } from "../../../../src/base/text/kept_texts.ts";

Deno.test("a text is the same behind it, short or long, and above what is shared", () => {
  const texts = new KeptTexts();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) {
      const target = `/a/path/of/${"length/".repeat(i)}é?query=${i}`;
      const path = target.slice(0, target.indexOf("?"));
      assertEquals(texts.of(path), path);
      assertEquals(texts.of(path.slice(0, i % 20)), path.slice(0, i % 20));
    }
  }
});
