/** What registries look at: documented entry points, links that lead somewhere, workflows that are in step. */

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

Deno.test("every entry point begins with a documentation of the module", () => {
  const without = Object.values(config.exports).filter((path) => {
    const [, docstring = ""] = /^\/\*\*([^]*?)\*\//.exec(read(path)) ?? [];
    return !/^ \* @module$/m.test(docstring);
  });
  assertEquals(without, []);
});

Deno.test("what the README links to is in the package, or on the web", () => {
  const { include } = config.publish;
  const links = [...read("README.md").matchAll(/\]\(([^)\s#]+)/g)].map(([, link]) => link!);
  assert(links.length > 10);
  const outside = links.filter((link) =>
    !link.startsWith("https://") &&
    !include.some((path) => link === path || link.startsWith(`${path}/`))
  );
  assertEquals(outside, []);
  for (const path of include) Deno.statSync(new URL(path, ROOT));
});

Deno.test("the workflows run what .ci/run does, by the same Deno", () => {
  const [, version] = /^version=(\S+)$/m.exec(read(".ci/run"))!;
  const publish = read(".github/workflows/publish.yml");
  const pinned = [...publish.matchAll(/deno-version: (\S+)/g)].map(([, each]) => each);
  assertEquals(pinned, [version, version]);
  assert(/^ +- run: bash \.ci\/run$/m.test(read(".github/workflows/ci.yml")));
  const tasks = [...publish.matchAll(/deno task (\w+)/g)].map(([, task]) => task!);
  assertEquals(tasks.filter((task) => !Object.hasOwn(config.tasks, task)), []);
});

Deno.test("deno publish has nothing to warn of", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const said = [stdout, stderr].map((each) => new TextDecoder().decode(each)).join("");
  assertEquals([code, /^warning.*/m.exec(said)?.[0]], [0, undefined], said);
});
