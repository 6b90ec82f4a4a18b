/** `examples/chat.ts` in a real browser. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Page } from "npm:playwright-core@1";
import { withBrowser } from "../chromium.ts";
import { CHROMIUM } from "../peer.ts";
import { runProgram } from "../../support/program.ts";

const CHAT = fromFileUrl(new URL("../../../examples/chat.ts", import.meta.url));
const ARTIFACTS = fromFileUrl(new URL("../../artifacts/", import.meta.url));

const lines = (page: Page) => page.locator("#lines li").allTextContents();
const comes = (page: Page, line: string) =>
  page.locator("#lines li", { hasText: new RegExp(`^${RegExp.escape(line)}$`) }).first().waitFor();

async function logIn(page: Page, name: string): Promise<void> {
  await page.locator("#name").waitFor();
  await page.fill("#name", name);
  await page.click("#login button");
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator("#text").waitFor();
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

CHROMIUM.test("the chat: two tabs in a room and one in another, with a login, until SIGTERM", async () => {
  await Deno.mkdir(ARTIFACTS, { recursive: true });
  const server = runProgram(["--allow-net", "--allow-read"], CHAT, ["--port", "0"]);
  const [, origin] = /open (http:\S+)\/lobby\n/.exec(await server.until("\n"))!;
  await withBrowser(async (browser) => {
    const errors: string[] = [];
    const profile = async () => {
      const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
      context.setDefaultTimeout(0);
      return context;
    };
    const visit = async (context: Awaited<ReturnType<typeof profile>>, room: string) => {
      const page = await context.newPage();
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(`${origin}/${room}`);
      return page;
    };
    const ann = await profile();
    const bob = await profile();

    const first = await visit(ann, "kitchen");
    await logIn(first, "Ann");
    await comes(first, "* Ann came");
    // The cookie of the first tab lets the second one in.
    const second = await visit(ann, "kitchen");
    await comes(second, "* Ann came");
    const other = await visit(bob, "attic");
    await logIn(other, "Bob <b>");
    await comes(other, "* Bob <b> came");

    await say(first, "is there tea?");
    await comes(first, "Ann: is there tea?");
    await comes(second, "Ann: is there tea?");
    await say(other, "<i>nobody here</i>");
    await comes(other, "Bob <b>: <i>nobody here</i>");
    assertEquals(await lines(other), ["* Bob <b> came", "Bob <b>: <i>nobody here</i>"]);
    await first.screenshot({ path: `${ARTIFACTS}chat.png` });

    await second.close();
    await comes(first, "* Ann left");
    server.process.kill("SIGTERM");
    await first.getByText("closed (1001)").waitFor();
    await other.getByText("closed (1001)").waitFor();
    assertEquals(errors, []);
  });
  assertEquals((await server.end()).code, 0);
});
