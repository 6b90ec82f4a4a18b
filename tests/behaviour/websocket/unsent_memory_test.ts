/** What peers that never read cost, as the process sees it. */

import { assert } from "@std/assert";
import { Child } from "../../support/child.ts";

const KINDS = ["prepared", "prepared anew", "padded", "small between padded", "pongs"];
/** Bytes; small, so that it does not take long. */
const LIMIT = 1024 * 1024;

Deno.test("a peer that never reads costs at most three times maxUnsentBytes, whatever is written to it", async () => {
  await Promise.all(KINDS.map(async (kind) => {
    const flags = ["--allow-net", "--allow-read", "--v8-flags=--expose-gc"];
    await using child = new Child([], "never_read.ts", flags, [kind, String(LIMIT)]);
    const percent = Number(await child.line());
    assert(percent <= 300, `${kind}: ${percent} % of the limit`);
  }));
});
