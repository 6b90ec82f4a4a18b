/** The buffers that files are read into. */

import { assertEquals } from "@std/assert";
import { acquireBuffer, forgetBuffer, releaseBuffer, SHORT } from "../../../src/files/buffers.ts";
import { handlers, hostFileOps } from "../../../mod.ts";
import { get } from "../../support/http.ts";
import { readHead, serve, settle } from "../../support/serve.ts";
import { temporaryFolder } from "../../support/folder.ts";

const LONG = 128 * 1024;

/** How many long buffers are to be had. */
function longOnes(): number {
  const all = Array.from({ length: 70 }, () => acquireBuffer(LONG));
  for (const buffer of all) releaseBuffer(buffer);
  return all.filter(({ length }) => length === LONG).length;
}

Deno.test("what fits into a short buffer gets one, and what is longer a long one", () => {
  for (
    const [length, expected] of [[1, SHORT], [SHORT, SHORT], [SHORT + 1, LONG], [2 ** 40, LONG]]
  ) {
    const buffer = acquireBuffer(length!);
    assertEquals(buffer.length, expected);
    releaseBuffer(buffer);
  }
});

Deno.test("sixty-four long buffers are lent at a time, and all others are short", () => {
  assertEquals(longOnes(), 64);
  const lost = acquireBuffer(LONG);
  assertEquals(longOnes(), 63);
  forgetBuffer(lost);
  assertEquals(longOnes(), 64);
});

Deno.test("a buffer that was given back is the next one's, and a forgotten one nobody's", () => {
  for (const length of [SHORT, LONG]) {
    const first = acquireBuffer(length);
    releaseBuffer(first);
    const second = acquireBuffer(length);
    assertEquals(second === first, true);
    forgetBuffer(second);
    const third = acquireBuffer(length);
    assertEquals(third === second, false);
    releaseBuffer(third);
  }
});

Deno.test("files give their buffers back, however they end", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await Deno.writeFile(`${folder}/a`, new Uint8Array(3_000_000));
  await using served = serve(
    [{ name: "files", callback: handlers({ http: (wsi) => wsi.serveHttpFile("/a") }) }],
    { fileOps: hostFileOps(folder) },
  );
  const peers = await Promise.all(Array.from({ length: 6 }, () => served.dial()));
  for (const peer of peers) {
    peer.send(get("/"));
    await readHead(peer);
  }
  peers[0]!.reset();
  peers[1]!.close();
  for (const peer of peers.slice(2)) await peer.readBytes(3_000_000);
  await settle();
  for (const peer of peers.slice(2)) peer.close();
  await settle();
  assertEquals(longOnes(), 64);
});
