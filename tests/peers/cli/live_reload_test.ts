/** `lws serve`, and pages of it in a real browser. */

import { fromFileUrl } from "@std/path";
import { runProgram } from "../../support/program.ts";
import { withFiles } from "../../support/folder.ts";
import { newPage, withBrowser } from "../chromium.ts";
import { CHROMIUM } from "../peer.ts";

const MODULE = fromFileUrl(new URL("../../../src/cli/mod.ts", import.meta.url));

const PAGE = (text: string) =>
  `<!doctype html><html><head><link rel="stylesheet" href="style.css"></head>` +
  `<body><p>${text}</p></body></html>`;
const COLOR = `getComputedStyle(document.querySelector("p")).color`;
const TEXT = `document.querySelector("p").textContent`;
/** What a page has until it is loaded anew. */
const IS_OLD = "window.isOld === true";

CHROMIUM.test("a page exchanges a style sheet in place, is loaded anew for all else, and after a restart", async () => {
  const files = { "index.html": PAGE("one"), "style.css": "p { color: rgb(1, 2, 3) }" };
  await withFiles(files, async (folder) => {
    const run = (port: string) =>
      runProgram(["--allow-net", "--allow-read"], MODULE, ["serve", folder, "-p", port]);
    let serve = run("0");
    const [, url, port] = /^serving (http:\S+:(\d+)\/)\n$/.exec(await serve.until("\n"))!;
    await withBrowser(async (browser) => {
      const page = await newPage(browser);
      await page.goto(url!);
      // The script is connected once the server tells it something: so the first change is told again.
      const until = async (expression: string, again?: () => Promise<void>) => {
        for (let frame = 0; !await page.evaluate(expression).catch(() => false); frame++) {
          if (frame % 60 === 0) await again?.();
          await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
            .catch(() => {});
        }
      };
      await page.evaluate("window.isOld = true");
      await until(
        `${COLOR} === "rgb(4, 5, 6)" && ${IS_OLD}`,
        () => Deno.writeTextFile(`${folder}/style.css`, "p { color: rgb(4, 5, 6) }"),
      );
      await Deno.writeTextFile(`${folder}/index.html`, PAGE("two"));
      await until(`${TEXT} === "two" && !(${IS_OLD}) && document.readyState === "complete"`);
      await page.evaluate("window.isOld = true");
      serve.process.kill("SIGINT");
      await serve.end();
      serve = run(port!);
      await serve.until("\n");
      await until(`${TEXT} === "two" && !(${IS_OLD})`);
    });
    serve.process.kill("SIGINT");
    await serve.end();
  });
});
