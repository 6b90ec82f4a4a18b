/** `examples/chat_cluster.ts`, twice, over a Redis, with its page in a real browser. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Browser, BrowserContext, Page } from "npm:playwright-core@1";
import { guestKey } from "../../../examples/chat_cluster/guests.ts";
import { freePort } from "../../support/free_port.ts";
import { withBrowser } from "../chromium.ts";
import { CHROMIUM } from "../peer.ts";
import { REDIS, type RedisProcess, startRedis } from "../redis/redis_server.ts";

const CHAT = fromFileUrl(new URL("../../../examples/chat_cluster.ts", import.meta.url));
const ARTIFACTS = fromFileUrl(new URL("../../artifacts/", import.meta.url));
const FLAGS = ["--allow-net", "--allow-read"];
const NODES = "{lws}:nodes";

/** Starts a server, in its own time: what it does each few seconds is waited for. */
async function startNode(
  port: number,
  redis: RedisProcess,
  origins: string[],
): Promise<Deno.ChildProcess> {
  const args = ["--port", `${port}`, "--redis", redis.url, "--nodes", origins.join()];
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...FLAGS, CHAT, ...args, "--secret", "sesame"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  assertEquals(value, `open http://127.0.0.1:${port}/lobby\n`);
  await reader.cancel();
  return process;
}

/** What happens in the pages of one guest. */
class Guest {
  readonly #browser: BrowserContext;
  readonly errors: string[] = [];

  private constructor(browser: BrowserContext) {
    this.#browser = browser;
  }

  static async come(browser: Browser, colorScheme: "light" | "dark"): Promise<Guest> {
    const viewport = colorScheme === "light"
      ? { width: 900, height: 640 }
      : { width: 390, height: 760 };
    const context = await browser.newContext({ viewport, colorScheme });
    context.setDefaultTimeout(0);
    return new Guest(context);
  }

  /** A tab at a server, which takes a name unless another tab has given one. */
  async visit(origin: string, name?: string): Promise<Tab> {
    const page = await this.#browser.newPage();
    page.on("pageerror", (error) => this.errors.push(String(error)));
    await page.goto(`${origin}/kitchen`);
    if (name !== undefined) {
      await page.locator("#name").waitFor();
      await page.fill("#name", name);
      await page.click("#login button");
    }
    const tab = new Tab(page);
    await tab.shines(`connected to ${new URL(origin).host}`);
    return tab;
  }
}

class Tab {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async say(text: string): Promise<void> {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  lines = (kind = "li") => this.page.locator(`#lines ${kind}`).allTextContents();

  /** Resolves when a line that the server has sent is shown. */
  comes = (line: string) =>
    this.page.locator("#lines li:not(.waiting)", { hasText: line }).first().waitFor();

  shines = (words: string) => this.page.locator("#light", { hasText: words }).waitFor();

  /** Resolves when exactly these are here. */
  async shows(...names: string[]): Promise<void> {
    const isSo =
      `[...document.querySelectorAll("#here li")].map((li) => li.textContent).join() === `;
    await this.page.waitForFunction(isSo + JSON.stringify(names.join()));
  }
}

Deno.test("a guest's cookie is good wherever the secret is the same, and nothing else is", async () => {
  const [key, other] = [await guestKey("one"), await guestKey("two")];
  const cookie = await key.sign("Änn; \u{d83d}");
  assertEquals((await (await guestKey("one")).verify(cookie))?.name, "Änn; \ufffd");
  assertEquals(await other.verify(cookie), undefined);
  assertEquals(await key.verify(cookie.replace(/.$/, "x")), undefined);
  assertEquals(await key.verify(cookie.slice(1)), undefined);
  assertEquals(await key.verify(""), undefined);
});

Deno.test("the chat on several servers ends without a Redis, and says where it looked for it", async () => {
  const args = ["--port", "0", "--secret", "s", "--redis", "redis://127.0.0.1:1"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...FLAGS, CHAT, ...args],
    stdin: "null",
    stdout: "null",
  }).output();
  const last = new TextDecoder().decode(stderr).trimEnd().split("\n").at(-1);
  const reason = "redis://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1";
  const line = `history: no answer within topics.brokerTimeoutMs (5000): ${reason}`;
  assertEquals([code, last], [1, line]);
});

const title =
  "the chat on two servers: all are in one room, and a tab goes on when its server is killed";
const needed = REDIS.isThere ? CHROMIUM : REDIS;
needed.test(title, async () => {
  await Deno.mkdir(ARTIFACTS, { recursive: true });
  await using redis = await startRedis();
  const ports = [freePort(), freePort()] as const;
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const [one, two] = await Promise.all(ports.map((port) => startNode(port, redis, origins)));
  await withBrowser(async (browser) => {
    const guests = await Promise.all(
      (["light", "dark", "light"] as const).map((scheme) => Guest.come(browser, scheme)),
    );
    const [ann, bob, cy] = guests;
    const first = await ann!.visit(origins[0]!, "Ann");
    await first.shows("Ann (you)");
    // The only one that has members so far.
    const lease = await redis.cli("zrange", NODES, "0", "0");
    const other = await bob!.visit(origins[1]!, "Bob");
    // The cookie that one has signed is good at the other, and two tabs are one guest.
    const second = await ann!.visit(origins[1]!);
    const leaving = await cy!.visit(origins[0]!, "Cy <b>");
    for (const tab of [first, second]) await tab.shows("Ann (you)", "Bob", "Cy <b>");
    await other.shows("Ann", "Bob (you)", "Cy <b>");

    await first.say("is there <i>tea</i>?");
    for (const tab of [first, second, other, leaving]) await tab.comes("Annis there <i>tea</i>?");
    await other.say("in a minute");
    for (const tab of [first, second, other]) await tab.comes("Bobin a minute");
    await first.page.screenshot({ path: `${ARTIFACTS}chat_cluster.png` });
    await other.page.screenshot({ path: `${ARTIFACTS}chat_cluster_phone.png` });

    one!.kill("SIGKILL");
    await leaving.page.close();
    await other.say("did it fall?");
    await first.say("not for me");
    await first.shines(`connected to 127.0.0.1:${ports[1]}`);
    for (const tab of [first, second, other]) {
      await tab.comes("Bobdid it fall?");
      await tab.comes("Annnot for me");
    }
    // What 15 seconds do: its lease ends.
    await redis.cli("zadd", NODES, "1", lease);
    for (const tab of [first, second]) await tab.shows("Ann (you)", "Bob");
    await other.shows("Ann", "Bob (you)");
    await other.say("bye, Cy");
    for (const tab of [first, second, other]) {
      await tab.comes("Bobbye, Cy");
      const lines = await tab.lines();
      assertEquals(lines.filter((line) => line.includes("has left")), ["Cy <b> has left"]);
      const said = lines.filter((line) => /^(Ann|Bob)(?! has)/.test(line));
      assertEquals(said.toSorted(), [
        "Annis there <i>tea</i>?",
        "Annnot for me",
        "Bobbye, Cy",
        "Bobdid it fall?",
        "Bobin a minute",
      ]);
      assertEquals(await tab.lines(".missing"), []);
    }

    // A Redis that begins anew, without what it had, can't be trusted to have missed nothing.
    await redis.restart();
    for (const tab of [first, second, other]) await tab.shines("something may be missing");
    await other.say("and Redis?");
    for (const tab of [first, second, other]) {
      await tab.comes("Boband Redis?");
      assertEquals(await tab.lines(".missing"), [
        "something may be missing here: the store has begun anew",
      ]);
    }
    await first.shows("Ann (you)", "Bob");
    assertEquals(guests.flatMap(({ errors }) => errors), []);
    two!.kill("SIGTERM");
    await other.shines("reconnecting");
  });
  await one!.status;
  assertEquals((await two!.status).code, 0);
});
