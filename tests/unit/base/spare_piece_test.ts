/** Pieces that may be kept. */

import { assertEquals } from "@std/assert";
import { keep, offerToKeep, wasKept } from "../../../src/base/spare_piece.ts";

Deno.test("an offered piece is kept once, by its very self; any other one is copied", () => {
  const piece = Uint8Array.of(1, 2, 3);
  assertEquals(keep(piece) === piece, false, "not offered");
  offerToKeep(piece);
  const view = piece.subarray();
  assertEquals([keep(view) === view, keep(piece) === piece, keep(piece) === piece], [
    false,
    true,
    false,
  ]);
  assertEquals(wasKept(piece), true);
  offerToKeep(piece);
  assertEquals([wasKept(piece), keep(piece) === piece], [false, false], "the offer is over");
});

Deno.test("an offer in the middle of another one ends that", () => {
  const [outer, inner] = [Uint8Array.of(1), Uint8Array.of(2)];
  offerToKeep(outer);
  offerToKeep(inner);
  assertEquals(wasKept(inner), false);
  assertEquals([keep(outer) === outer, wasKept(outer)], [false, true]);
});
