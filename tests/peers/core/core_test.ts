/** The sans-I/O part as one bundle, the same in Deno, Node, Bun and a browser. */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { createContext, handlers } from "../../../mod.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { newPage, withBrowser } from "../chromium.ts";
import { BUN, bunIn } from "../../runtimes/versions.ts";
import { ESBUILD, install, NPM, output } from "../npm/packages.ts";
import { CHROMIUM } from "../peer.ts";
import { conversation } from "./program.ts";

const ROOT = new URL("../../../", import.meta.url);
const FRAMES = "long|9:1|fragment|8:1000 bye|notUtf8";
const EXPECTED = [
  "/chat",
  "room=1",
  "chat",
  "permessage-deflate; client_max_window_bits=12",
  FRAMES,
  FRAMES,
].join("\n");

/** The program as one file without imports, which calls `tell` with what it came to. */
async function bundle(folder: string, tell: string): Promise<string> {
  const entry = join(folder, "entry.ts");
  const file = fromFileUrl(new URL("program.ts", import.meta.url));
  await Deno.writeTextFile(
    entry,
    `import { conversation } from ${JSON.stringify(file)};\n${tell}(conversation());\n`,
  );
  const path = join(folder, "bundle.mjs");
  await output([
    join(folder, "node_modules/.bin/esbuild"),
    entry,
    "--bundle",
    "--format=esm",
    "--log-level=warning",
    `--alias:npm:@noble/hashes@2/legacy.js=${join(folder, "node_modules/@noble/hashes/legacy.js")}`,
    `--outfile=${path}`,
  ]);
  return path;
}

Deno.test("the guide's client over a stream talks to an echo server, and ends when it leaves", async () => {
  await using context = createContext({
    port: 0,
    protocols: [{
      name: "echo",
      callback: handlers({
        message(wsi, _user, message) {
          wsi.write(`you said ${message} ${"aß→😀".repeat(20_000)}`);
          wsi.close(1000, "bye");
        },
      }),
    }],
  });
  const page = await Deno.readTextFile(new URL("docs/guide/core.md", ROOT));
  const [, code] = page.match(/^```ts ignore\n([^]*?)^```$/m)!;
  await using folder = await temporaryFolder();
  const path = join(folder.path, "talk.ts");
  await Deno.writeTextFile(path, code!.replaceAll("9001", String(context.port)));
  const config = fromFileUrl(new URL("deno.json", ROOT));
  const said = await output(
    [Deno.execPath(), "run", "--quiet", "--no-prompt", "--config", config, "--allow-net", path],
  );
  assertEquals(said, `you said hello ${"aß→😀".repeat(20_000)}`);
});

Deno.test("the sans-I/O part does what it says, in Deno", () => {
  assertEquals(conversation(), EXPECTED);
});

NPM.test("bundled by esbuild, it does the same in Deno without a permission, Node and Bun", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await install(path, ESBUILD, "@noble/hashes@2", BUN);
  const file = await bundle(path, "console.log");
  assertEquals(await output([Deno.execPath(), "run", "--no-prompt", file]), EXPECTED, "Deno");
  assertEquals(await output(["node", file]), EXPECTED, "Node");
  assertEquals(await output([bunIn(path), file]), EXPECTED, "Bun");
});

CHROMIUM.test("bundled by esbuild, it does the same in a page", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await install(path, ESBUILD, "@noble/hashes@2");
  const code = await Deno.readTextFile(await bundle(path, "globalThis.tell"));
  await withBrowser(async (browser) => {
    const page = await newPage(browser);
    const said = Promise.withResolvers<string>();
    await page.exposeFunction("tell", said.resolve);
    await page.addScriptTag({ content: code, type: "module" });
    assertEquals(await said.promise, EXPECTED);
  });
});
