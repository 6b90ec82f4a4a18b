import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LISTING_FIELDS, listingPage, MOST_LISTED } from "../../../src/files/listing.ts";
import { leaveBy, LoopClock } from "../../support/clocks/loop_clock.ts";
import { withMount } from "../../support/folder.ts";
import { fieldOf, get, request, statusOf } from "../../support/http.ts";
import { readHead, readResponse, type Served } from "../../support/serve.ts";

async function page(served: Served, target: string) {
  const peer = await served.dial(get(target));
  const head = await readHead(peer);
  const bytes = await peer.readBytes(Number(fieldOf(head, "content-length")));
  peer.close();
  return { head, status: statusOf(head), body: new TextDecoder().decode(bytes) };
}

function wholePage(...parts: Parameters<typeof listingPage>): string {
  const pieces = listingPage(...parts);
  let piece = pieces.next();
  while (!piece.done) piece = pieces.next();
  return piece.value;
}

/** The rows: where each one leads, what it shows, and its size. */
const rowsOf = (body: string) =>
  [...body.matchAll(/<tr><td><a href="([^"]*)">([^<]*)<\/a><\/td><td>(\d*)<\/td>/g)].map((each) =>
    each.slice(1).join(" ")
  );

Deno.test("a listing has files and folders by name, with sizes and dates, and no dotfiles", () =>
  withMount(
    { "b.txt": "12345", "a/x": "", ".env": "", "Z.txt": "", "a.txt": "1" },
    { listing: true },
    async (served, folder) => {
      await Deno.utime(`${folder}/b.txt`, 0, new Date("2026-01-02T03:04:05Z"));
      const { head, status, body } = await page(served, "/");
      assertEquals(status, 200);
      assertEquals(fieldOf(head, "content-type"), "text/html; charset=utf-8");
      assertEquals(fieldOf(head, "x-content-type-options"), "nosniff");
      assertMatch(
        fieldOf(head, "content-security-policy")!,
        /^default-src 'none'; style-src 'sha256-/,
      );
      assertEquals(rowsOf(body), [
        "./Z.txt Z.txt 0",
        "./a/ a/ ",
        "./a.txt a.txt 1",
        "./b.txt b.txt 5",
      ]);
      assertStringIncludes(body, "<td>5</td><td>2026-01-02 03:04</td>");
      assertEquals(rowsOf((await page(served, "/a/")).body), ["../ ../ ", "./x x 0"]);
    },
  ));

Deno.test("with dotfiles a listing has them, too", () =>
  withMount({ ".env": "" }, { listing: true, dotfiles: true }, async (served) => {
    assertEquals(rowsOf((await page(served, "/")).body), ["./.env .env 0"]);
  }));

Deno.test("an index comes before a listing, and HEAD gets the listing's head alone", () =>
  withMount({ "i/index.html": "index", "x/y": "" }, { listing: true }, async (served) => {
    assertEquals((await page(served, "/i/")).body, "index");
    const peer = await served.dial(request("HEAD", "/x/") + get("/i/index.html"));
    assert(Number(fieldOf(await readHead(peer), "content-length")) > 100);
    assertEquals((await readResponse(peer)).body, "index");
  }));

Deno.test("without listing a folder is not found", () =>
  withMount({ "x/y": "" }, {}, async (served) => {
    for (const target of ["/", "/x/"]) assertEquals((await page(served, target)).status, 404);
  }));

Deno.test("names are escaped in text, and percent-encoded where they lead", () =>
  withMount(
    {
      "<b>&\"'.txt": "",
      "javascript:alert(1)": "",
      "ü%20 ?#.txt": "",
      "back\\slash": "",
      "</title><script>alert(1)/x": "",
    },
    { listing: true },
    async (served) => {
      const { body } = await page(served, "/");
      assertEquals(rowsOf(body), [
        "./%3C/ &#60;/ ",
        "./%3Cb%3E%26%22&#39;.txt &#60;b&#62;&#38;&#34;&#39;.txt 0",
        "./javascript%3Aalert(1) javascript:alert(1) 0",
        "./%C3%BC%2520%20%3F%23.txt ü%20 ?#.txt 0",
      ]);
      const below = await page(served, "/%3C/title%3E%3Cscript%3Ealert(1)/");
      assertEquals(below.status, 200);
      assert(!below.body.includes("<script"));
    },
  ));

Deno.test("names that no request can have aren't listed", () =>
  withMount(
    { "a\nb": "", "a\tb": "", "a\x7fb": "", "a\\b": "", "a\x85b": "", "a\xa0b": "" },
    { listing: true },
    async (served) => {
      const { body } = await page(served, "/");
      assertEquals(rowsOf(body), ["./a%C2%A0b a\xa0b 0"]);
      assertEquals((await page(served, "/a%C2%A0b")).status, 200);
    },
  ));

Deno.test("a time that no Date can hold is left out, and a late year has all its digits", () => {
  const entries = [NaN, 3e14].map((time) => (
    { name: "x", isFolder: false, length: 1, mtime: new Date(time) }
  ));
  const page = wholePage("/", { entries, isWhole: true }, false);
  assertStringIncludes(page, "<td>1</td><td></td></tr>");
  assertStringIncludes(page, "<td>1</td><td>+011476-08-15 05:20</td></tr>");
});

Deno.test("what can't be served isn't listed: links that lead out, devices and FIFOs", () =>
  withMount({ "x.txt": "x" }, { listing: true }, async (served, folder) => {
    await Deno.symlink("../secret.txt", `${folder}/out`);
    await Deno.symlink("x.txt", `${folder}/link`);
    await Deno.symlink("nowhere", `${folder}/dangling`);
    await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assertEquals(rowsOf((await page(served, "/")).body), ["./link link 1", "./x.txt x.txt 1"]);
  }));

Deno.test(`of ${MOST_LISTED} files and of one more ${MOST_LISTED} are listed, and the page says whether there are more`, () =>
  withMount({ "0": "" }, { listing: true }, async (served, folder) => {
    // Links to one file are made sooner than files.
    const add = (i: number) => Deno.linkSync(`${folder}/0`, `${folder}/${i}`);
    for (let i = 1; i < MOST_LISTED; i++) add(i);
    for (const isMore of [false, true]) {
      if (isMore) add(MOST_LISTED);
      const { body } = await page(served, "/");
      assertEquals(rowsOf(body).length, MOST_LISTED);
      assertEquals(body.includes("There are more"), isMore);
    }
  }));

Deno.test("a page of long names ends at its limit", () => {
  const name = "<".repeat(255);
  const entries = Array.from({ length: MOST_LISTED }, () => (
    { name, isFolder: false, length: 1, mtime: null }
  ));
  const page = wholePage("/", { entries, isWhole: true }, false);
  assert(page.length > 2 * 1024 * 1024 && page.length < 2.1 * 1024 * 1024);
  assertStringIncludes(page, "There are more");
});

Deno.test("the page's style is what its policy allows", async () => {
  const page = wholePage("/", { entries: [], isWhole: true }, false);
  const style = /<style>([^<]*)<\/style>/.exec(page)![1]!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const hash = new Uint8Array(digest).toBase64();
  const policy = LISTING_FIELDS.find(([name]) => name === "content-security-policy")![1];
  assertStringIncludes(policy, `style-src 'sha256-${hash}'`);
});

/** Whatever asks what time it is has taken a quarter of a millisecond. */
class TickingClock extends LoopClock {
  override now = () => this.time += 0.25;
}

Deno.test("requests that have waited for the same listing are answered turn by turn", () => {
  const clock = new TickingClock();
  const options = { listing: true, info: { clock, kaTime: 0 } };
  return withMount({ "a.txt": "a" }, options, async (served) => {
    let answered = 0;
    const peers = await Promise.all(Array.from({ length: 100 }, () => served.dial(get("/"))));
    const answers = peers.map(async (peer) => {
      const { body } = await readResponse(peer);
      answered++;
      return rowsOf(body);
    });
    let rounds = 0;
    for (let before = 0; answered < peers.length; before = answered) {
      await clock.comeRound();
      assert(answered - before <= 40, `${answered - before} in a turn`);
      if (answered > before) rounds++;
    }
    assert(rounds >= 3, `${rounds} rounds`);
    for (const rows of await Promise.all(answers)) assertEquals(rows, ["./a.txt a.txt 1"]);
    for (const peer of peers) peer.close();
    await leaveBy(clock, served.context);
  });
});
