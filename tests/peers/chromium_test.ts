/** The demo in a real browser. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import axe from "npm:axe-core@4";
import type { Page } from "npm:playwright-core@1";
import { serveDemo } from "../../examples/demo/server.ts";
import { conversation, newPage, withBrowser } from "./chromium.ts";
import { echoServer, LENGTHS } from "./echo.ts";
import { CHROMIUM } from "./peer.ts";
import { PATIENT } from "../support/patience.ts";

const ARTIFACTS = new URL("../artifacts/", import.meta.url);

const STATES = ["#state-increment", "#state-mirror", "#state-status"];

async function untilState(page: Page, state: string): Promise<void> {
  for (const id of STATES) await page.waitForSelector(`${id}[data-state="${state}"]`);
}

/** How many pixels of the canvas differ from its first one. */
const INK = `(() => {
  const canvas = document.querySelector("#canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let i = 0; i < data.length; i += 4) {
    if ([0, 1, 2, 3].some((channel) => data[i + channel] !== data[channel])) ink++;
  }
  return ink;
})()`;

const COUNT = `Number(document.querySelector("#counter").textContent.replace(/\\D/g, ""))`;
const tile = (name: string) => `document.querySelector("#tile-${name}")`;
const LISTED = `document.querySelector("#connections").children.length`;

/** Waits, a frame of the page after the other, for an expression of the page to be true. */
async function until(page: Page, expression: string): Promise<void> {
  // waitForFunction would need the page to allow eval.
  for (let frame = 0; frame < 900; frame++) {
    if (await page.evaluate(expression)) return;
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
  }
  throw new Error(`never true: ${expression}`);
}

async function draw(page: Page): Promise<void> {
  const box = (await page.locator("#canvas").boundingBox())!;
  const at = (x: number, y: number) =>
    [box.x + box.width * x, box.y + box.height * y] as [number, number];
  await page.mouse.move(...at(0.2, 0.3));
  await page.mouse.down();
  for (let i = 1; i <= 10; i++) await page.mouse.move(...at(0.2 + i * 0.05, 0.3 + i * 0.03));
  await page.mouse.up();
}

/** What axe-core finds in the page that keeps people from using it, a line each. */
async function hindrances(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ": " + target)))`);
}

async function capture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: fromFileUrl(new URL(`${name}.png`, ARTIFACTS)), fullPage: true });
}

CHROMIUM.test("the demo page works in Chromium, and comes back with its server", async () => {
  await Deno.mkdir(ARTIFACTS, { recursive: true });
  await withBrowser(async (browser) => {
    let server = serveDemo(0, "127.0.0.1", PATIENT);
    const { port } = server;
    const errors: string[] = [];
    const open = async () => {
      const page = await newPage(browser, { viewport: { width: 1280, height: 900 } });
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(`http://127.0.0.1:${port}/`);
      await untilState(page, "open");
      return page;
    };
    try {
      const first = await open();
      const second = await open();

      await until(first, `${COUNT} > 20`);
      const before = await first.evaluate(COUNT);
      await first.click("#reset");
      await until(first, `${COUNT} < ${before}`);

      const blank = await first.evaluate(INK) as number;
      const otherBlank = await second.evaluate(INK) as number;
      await draw(first);
      await until(first, `${INK} > ${blank} + 50`);
      await until(second, `${INK} > ${otherBlank} + 50`);

      // Three sockets a page.
      await until(first, `${LISTED} === 6`);
      const third = await open();
      await until(third, `${INK} > ${blank} + 50 && document.querySelector("#invitation").hidden`);
      await third.close();
      await until(first, `${LISTED} === 6`);

      // Its numbers move, and each leaves its line.
      const soFar = await first.textContent("#sent-bytes");
      await until(first, `document.querySelector("#sent-bytes").textContent !== "${soFar}"`);
      for (const name of ["connections", "sent", "received", "round-trip"]) {
        await until(first, `${tile(name)}.querySelector(".line").getAttribute("d").includes("L")`);
        await until(first, `Number(${tile(name)}.querySelector("b").textContent) > 0`);
      }

      const looks = [["desktop", 1280, 900], ["phone", 360, 740]] as const;
      for (const [name, width, height] of looks) {
        await first.setViewportSize({ width, height });
        for (const colorScheme of ["light", "dark"] as const) {
          await first.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await capture(first, `${name}-${colorScheme}`);
          assertEquals(await hindrances(first), [], `${name}, ${colorScheme}`);
        }
      }
      // One row of tools, and nothing beside the screen.
      assertEquals(await first.evaluate("document.documentElement.scrollWidth"), 360);
      const rows = await first.evaluate(`[...document.querySelector(".tools").children]
        .map((tool) => tool.getBoundingClientRect())
        .map(({ top, bottom, right }) => Math.round((top + bottom) / 2) + (right > 348 ? " out" : ""))`);
      assertEquals(new Set(rows as string[]).size, 1, String(rows));
      await first.setViewportSize({ width: 1280, height: 900 });

      const links = await first.evaluate(`[...document.links].map(({ href }) => href)`) as string[];
      for (const link of links) {
        const response = await fetch(link);
        assertEquals(response.status, 200, link);
        await response.body?.cancel();
      }
      const opening = first.waitForEvent("popup");
      await first.click("#second");
      const popup = await opening;
      await until(popup, `${INK} > ${blank} + 50`);
      await popup.click("#clear");
      for (const page of [first, second, popup]) await until(page, `${INK} === ${blank}`);
      await popup.close();
      assertEquals(errors, []);

      await server.destroy();
      await untilState(first, "closed");
      assertStringIncludes((await first.textContent(STATES[0]!))!, "1001");
      server = serveDemo(port, "127.0.0.1", PATIENT);
      await untilState(first, "open");
      await untilState(second, "open");
      await until(first, `${COUNT} > 0`);
      await until(first, `${LISTED} === 6`);
      // Chromium itself reports every refused connection, which this test brought about.
      assertEquals(errors.filter((text) => !text.includes("ERR_CONNECTION_REFUSED")), []);

      await second.close();
      await until(first, `${LISTED} === 3`);
      await first.close();
    } finally {
      await server.destroy();
    }
  });
});

CHROMIUM.test("Chromium's WebSocket talks to our server", async () => {
  await using server = echoServer();
  await withBrowser(async (browser) => {
    const page = await newPage(browser);
    await page.goto(`http://127.0.0.1:${server.context.port}/`);
    const report = await page.evaluate(conversation, LENGTHS);
    assertEquals(report, ["closed 3001 done true", "closed 4001 bye true"]);
  });
  assertEquals(await server.nextClose(), {
    code: 3001,
    reason: "done",
    wasClean: true,
    cause: "peer",
  });
  assertEquals((await server.nextClose()).wasClean, true);
  assertEquals(server.pongs, ["one", "two"]);
});
