/** The demo in a real browser. */

import { assertEquals } from "@std/assert";
import { type Browser, chromium, type Page } from "npm:playwright-core@1";
import { serveDemo } from "../../examples/demo/server.ts";
import { CHROMIUM, peerTest } from "./peer.ts";

const ARTIFACTS = new URL("../artifacts/", import.meta.url);

async function withBrowser(run: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM.path,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}

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

/** Waits, a frame of the page after the other, for an expression of the page to be true. */
async function until(page: Page, expression: string): Promise<void> {
  // waitForFunction would need the page to allow eval.
  for (let frame = 0; frame < 900; frame++) {
    if (await page.evaluate(expression)) return;
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
  }
  throw new Error(`never true: ${expression}`);
}

const COUNT = `Number(document.querySelector("#counter").textContent.replace(/\\D/g, ""))`;

async function draw(page: Page): Promise<void> {
  const box = (await page.locator("#canvas").boundingBox())!;
  const at = (x: number, y: number) =>
    [box.x + box.width * x, box.y + box.height * y] as [number, number];
  await page.mouse.move(...at(0.2, 0.3));
  await page.mouse.down();
  for (let i = 1; i <= 10; i++) await page.mouse.move(...at(0.2 + i * 0.05, 0.3 + i * 0.03));
  await page.mouse.up();
}

peerTest("the demo page works in Chromium, and comes back with its server", CHROMIUM, async () => {
  await Deno.mkdir(ARTIFACTS, { recursive: true });
  await withBrowser(async (browser) => {
    let server = serveDemo(0, "127.0.0.1");
    const { port } = server;
    const errors: string[] = [];
    const open = async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      page.setDefaultTimeout(15_000);
      page.on("console", (message) => {
        // Chromium itself reports every refused connection, which this test brings about.
        if (message.type() === "error" && !message.text().includes("WebSocket connection")) {
          errors.push(message.text());
        }
      });
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(`http://127.0.0.1:${port}/`);
      await untilState(page, "open");
      return page;
    };
    const first = await open();
    const second = await open();

    await until(first, `${COUNT} > 20`);
    const before = await first.evaluate(COUNT);
    await first.click("#reset");
    await until(first, `${COUNT} < ${before}`);

    const blank = await first.evaluate(INK) as number;
    await draw(first);
    await until(second, `${INK} > ${blank} + 50`);

    // Three sockets a page.
    await until(first, `document.querySelector("#connections").children.length === 6`);
    await first.screenshot({ path: new URL("desktop-light.png", ARTIFACTS).pathname });
    await first.emulateMedia({ colorScheme: "dark" });
    await first.screenshot({ path: new URL("desktop-dark.png", ARTIFACTS).pathname });
    await first.setViewportSize({ width: 390, height: 844 });
    await first.screenshot({ path: new URL("phone-dark.png", ARTIFACTS).pathname, fullPage: true });
    await first.emulateMedia({ colorScheme: "light" });
    await first.screenshot({
      path: new URL("phone-light.png", ARTIFACTS).pathname,
      fullPage: true,
    });

    await server.destroy();
    await first.waitForSelector(`${STATES[0]}[data-state="closed"]`);
    server = serveDemo(port, "127.0.0.1");
    try {
      await untilState(first, "open");
      await untilState(second, "open");
      assertEquals(errors, []);
    } finally {
      await Promise.all([first.close(), second.close()]);
      await server.destroy();
    }
  });
});
