/** The site in a real browser: the search by keys, light and dark, and what axe finds. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import axe from "npm:axe-core@4";
import type { Browser, Page } from "npm:playwright-core@1";
import { writeSite } from "../../../tools/site/build.ts";
import { markdownPages } from "../../../tools/site/sources.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { runProgram } from "../../support/program.ts";
import { newPage, withBrowser } from "../chromium.ts";
import { CHROMIUM } from "../peer.ts";

const COMMAND = fromFileUrl(new URL("../../../src/cli/mod.ts", import.meta.url));
const PHONE = { viewport: { width: 360, height: 740 } };
/** One of each kind. */
const KINDS = [
  "index.html",
  "guide/http.html",
  "options.html",
  "architecture.html",
  "api/lws/index.html",
  "api/lws/Wsi.html",
  "source/examples/chat.ts.html",
];

/** What axe finds in a page, with the elements. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html }) => `${id}: ${html}`)
  );
}

/** Notes what goes wrong in a page's console or on its way to the server. */
function listen(page: Page): string[] {
  const heard: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") heard.push(message.text());
  });
  page.on("pageerror", (error) => heard.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).hostname !== "127.0.0.1") {
      heard.push(`another host: ${request.url()}`);
    }
  });
  page.on("response", (answer) => {
    if (answer.status() >= 400) heard.push(`${answer.status()} ${answer.url()}`);
  });
  return heard;
}

async function searchByKeys(browser: Browser, origin: string): Promise<void> {
  const page = await newPage(browser);
  const heard = listen(page);
  await page.goto(`${origin}guide/http.html`);
  await page.keyboard.press("Tab");
  assertEquals(await page.evaluate("document.activeElement.className"), "skip");
  await page.keyboard.press("/");
  await page.keyboard.type("createContext");
  const chosen = page.locator("#hits [aria-selected=true]");
  await page.locator("#hits[role=listbox] >> text=createContext").first().waitFor();
  const first = await chosen.getAttribute("href");
  assertEquals(first, "../api/lws/createContext.html");
  await page.keyboard.press("ArrowDown");
  const second = await chosen.getAttribute("href");
  assert(second !== first, "the arrow goes on");
  assertEquals(
    await page.getAttribute("#search", "aria-activedescendant"),
    await chosen.getAttribute("id"),
  );
  assertEquals(await faults(page), []);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/api/lws/createContext.html");
  await page.keyboard.press("/");
  await page.keyboard.type("zzzqqq");
  await page.locator("#hits p").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#hits").waitFor({ state: "hidden" });
  assertEquals(heard, []);
  await page.close();
}

async function lightAndDark(browser: Browser, origin: string): Promise<void> {
  const page = await newPage(browser, { colorScheme: "light" });
  const heard = listen(page);
  const paper = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  for (const path of KINDS) {
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(origin + path);
    assertEquals(await page.evaluate("scrollY"), 0, `${path} begins at its top`);
    const light = await paper();
    assertEquals(await faults(page), [], `${path}, light`);
    await page.emulateMedia({ colorScheme: "dark" });
    assert(await paper() !== light);
    assertEquals(await faults(page), [], `${path}, dark`);
  }
  const dark = await paper();
  await page.locator("button.theme").press("Enter");
  assert(await paper() !== dark, "the switch counts");
  await page.reload();
  assert(await paper() !== dark, "and is remembered");
  assertEquals(heard, []);
  await page.close();
}

async function onPhones(browser: Browser, origin: string): Promise<void> {
  const page = await newPage(browser, PHONE);
  const heard = listen(page);
  const wide: string[] = [];
  for (const path of new Set([...KINDS, ...markdownPages().values()])) {
    await page.goto(origin + path, { waitUntil: "domcontentloaded" });
    const width = await page.evaluate("document.documentElement.scrollWidth") as number;
    if (width > PHONE.viewport.width) wide.push(`${path}: ${width}`);
  }
  assertEquals(wide, []);
  assertEquals(await page.locator("#side").isVisible(), false);
  await page.locator("button.menu").press("Enter");
  assertEquals(await page.locator("#side").isVisible(), true);
  assertEquals(await faults(page), []);
  await page.keyboard.press("Escape");
  assertEquals(await page.locator("#side").isVisible(), false);
  assertEquals(heard, []);
  await page.close();
}

CHROMIUM.test("the site has no broken link, is searched by keys, and reads well in light, dark and on phones", async () => {
  await using temporary = await temporaryFolder();
  const folder = join(temporary.path, "site");
  // It throws for links that lead nowhere.
  assert(await writeSite(folder) > 300);
  const serve = runProgram(["--allow-net", "--allow-read"], COMMAND, ["serve", folder, "-p", "0"]);
  const [, origin] = /^serving (http:\S+)\n$/.exec(await serve.until("\n"))!;
  await withBrowser(async (browser) => {
    await searchByKeys(browser, origin!);
    await lightAndDark(browser, origin!);
    await onPhones(browser, origin!);
  });
  serve.process.kill("SIGINT");
  await serve.end();
});
