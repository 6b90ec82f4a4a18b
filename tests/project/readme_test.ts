/** The examples of README.md, copied from it and run as it says. */

import { assertEquals, assertMatch } from "@std/assert";
import { walkSync } from "@std/fs";
import { fromFileUrl } from "@std/path";
import { runProgram } from "../support/program.ts";
import { BUN_VERSION, NODE_VERSIONS } from "../runtimes/versions.ts";
import { temporaryFolder } from "../support/folder.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

interface Example {
  /** The file that README.md wants it saved as, if it does. */
  readonly name: string | undefined;
  /** The options of the `deno run` that README.md starts it by. */
  readonly flags: string[];
  readonly code: string;
}

/** The examples of a page in their order, each with the command in the text above it. */
const examplesOf = (page: string) =>
  Deno.readTextFileSync(`${ROOT}${page}`).split(/```ts(?: ignore)?\n/)
    .map((part, i, parts): Example => {
      const command = /.*`deno run (--\S.*) (\w+\.ts)`/s.exec(
        parts[i - 1]?.split("\n#").at(-1) ?? "",
      );
      return {
        name: command?.[2],
        flags: command?.[1]?.split(" ") ?? ["--allow-net"],
        code: part.slice(0, part.indexOf("```")),
      };
    }).slice(1);
const examples = examplesOf("README.md");

/** Saves examples, with `port` in place of the one that they take; returns where each of them is. */
async function save(folder: string, saved: readonly Example[], port = 0): Promise<string[]> {
  return await Promise.all(saved.map(async ({ name, code }, i) => {
    const path = `${folder}/${name ?? `example_${i}.ts`}`;
    await Deno.writeTextFile(path, code.replaceAll(/\b(port: |127\.0\.0\.1:)9001\b/g, `$1${port}`));
    return path;
  }));
}

/** What a module in a clone of this project imports. */
const IN_CLONE = ["--config", `${ROOT}deno.json`, "--no-prompt"];

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  await test(folder);
}

Deno.test("server.ts and client.ts of the README talk to each other and stay until they are stopped", async () => {
  const [server, client] = examples as [Example, Example];
  assertEquals([server.name, client.name], ["server.ts", "client.ts"]);
  for (const { code, flags } of [server, client]) {
    assertMatch(code, /(port: |127\.0\.0\.1:)9001\b/);
    assertEquals(flags, ["--allow-net"]);
  }
  await inFolder(async (folder) => {
    const [serverPath] = await save(folder, [server]);
    const serving = runProgram([...IN_CLONE, ...server.flags], serverPath!);
    const [, port] = /listening on ws:\/\/127\.0\.0\.1:(\d+)\n/.exec(await serving.until("\n"))!;
    const [clientPath] = await save(folder, [client], Number(port));
    const connected = runProgram([...IN_CLONE, ...client.flags], clientPath!);
    await connected.until("the server says: hello\n");

    // Somebody else comes, is served and goes, and both are still there.
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    const echoed = Promise.withResolvers<string>();
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onopen = () => socket.send("from elsewhere");
    socket.onmessage = ({ data }) => echoed.resolve(data);
    socket.onerror = () => echoed.reject(new Error("no server"));
    assertEquals(await echoed.promise, "from elsewhere");
    await serving.until("127.0.0.1 came to /chat\n");
    socket.close(3001);
    await closed;
    await serving.until("closed with 3001\n");

    serving.process.kill("SIGTERM");
    assertEquals((await serving.end()).signal, "SIGTERM");
    await connected.until("closed with 1006\n");
    assertEquals((await connected.end()).code, 0);
  });
});

Deno.test("chat.ts of the guide serves its page, and says in a room what is said there", async () => {
  const chat = examplesOf("docs/guide/rooms.md").find(({ name }) => name === "chat.ts")!;
  assertEquals(chat.flags, ["--allow-net"]);
  await inFolder(async (folder) => {
    const [path] = await save(folder, [chat]);
    const serving = runProgram([...IN_CLONE, ...chat.flags], path!);
    const [, port] = /open http:\/\/127\.0\.0\.1:(\d+)\/lobby\n/.exec(await serving.until("\n"))!;
    const page = await fetch(`http://127.0.0.1:${port}/lobby`);
    assertEquals(page.headers.get("content-type"), "text/html");
    assertMatch(await page.text(), /new WebSocket\("ws:\/\/" \+ location\.host \+ "\/chat"/);

    const sockets = ["lobby", "lobby", "attic"].map((room) =>
      new WebSocket(`ws://127.0.0.1:${port}/chat/${room}`)
    );
    await Promise.all(sockets.map((each) => new Promise((open) => each.onopen = open)));
    const [one, other, elsewhere] = sockets as [WebSocket, WebSocket, WebSocket];
    const next = (socket: WebSocket) =>
      new Promise((heard) => socket.onmessage = ({ data }) => heard(data));
    const heard = Promise.all([next(one), next(other), next(elsewhere)]);
    one.send("hello");
    elsewhere.send("alone");
    assertEquals(await heard, ["hello", "hello", "alone"]);
    const closed = sockets.map((each) => new Promise((resolve) => each.onclose = resolve));
    for (const each of sockets) each.close();
    await Promise.all(closed);
    serving.process.kill("SIGTERM");
    await serving.end();
  });
});

// Their types are `deno task ok`'s, as all types are.
Deno.test("the README's examples that no other test runs end by themselves", async () => {
  await inFolder(async (folder) => {
    const paths = await save(folder, examples);
    for (const [i, { name, flags }] of examples.entries()) {
      if (name !== undefined) continue;
      const args = ["run", "--quiet", ...IN_CLONE, ...flags, paths[i]!];
      const command = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null" });
      const { code, stderr } = await command.output();
      assertEquals(code, 0, `${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    }
  });
});

Deno.test("nothing that readers copy puts a text that is made of others into HTML", () => {
  const options = { includeDirs: false, exts: [".ts", ".js", ".html", ".md"] };
  const files = ["src", "examples", "docs"].flatMap((folder) =>
    [...walkSync(`${ROOT}${folder}`, options)].map(({ path }) => path)
  );
  const offenders = [`${ROOT}README.md`, `${ROOT}mod.ts`, ...files].filter((path) =>
    /returnHttpStatus\([^;]*?`|\b(inner|outer)HTML\b|insertAdjacentHTML/
      .test(Deno.readTextFileSync(path))
  );
  assertEquals(offenders, []);
});

/** The anchors that a page has for its headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = page.replaceAll(/```[^]*?```/g, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text]) =>
      text!.toLowerCase().replaceAll(/\]\([^)]*\)/g, "").replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-")
    ),
  );
}

Deno.test("each link of a page leads to a file that is there, and to a heading that it has", async () => {
  const pages = [
    "README.md",
    "examples/README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "SECURITY.md",
  ];
  const options = { includeDirs: false, exts: [".md"] };
  pages.push(...[...walkSync(`${ROOT}docs`, options)].map(({ path }) => path.slice(ROOT.length)));
  const broken: string[] = [];
  for (const page of pages) {
    const text = await Deno.readTextFile(`${ROOT}${page}`);
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [path = "", anchor] = link!.split("#");
      const target = new URL(path === "" ? page.split("/").at(-1)! : path, `file://${ROOT}${page}`);
      const found = await Deno.readTextFile(target).catch(() => undefined);
      const isThere = found !== undefined || await Deno.stat(target).then(() => true, () => false);
      const leads = isThere && (anchor === undefined || !target.pathname.endsWith(".md") ||
        anchorsOf(found ?? "").has(anchor));
      if (!leads) broken.push(`${page}: ${link}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("the guide's index leads to each of its pages, and the README is short", async () => {
  const index = await Deno.readTextFile(`${ROOT}docs/guide/README.md`);
  const pages = [...Deno.readDirSync(`${ROOT}docs/guide`)].map(({ name }) => name);
  assertEquals(pages.filter((name) => name !== "README.md" && !index.includes(`](${name})`)), []);
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  assertEquals(readme.split("\n").length <= 151, true);
});

Deno.test("the versions that the README names are those that are tested", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const tested = /^version=(.*)$/m.exec(await Deno.readTextFile(`${ROOT}.ci/run`))![1];
  const [node] = NODE_VERSIONS;
  for (const [runtime, version] of [["Deno", tested], ["Node", node], ["Bun", BUN_VERSION]]) {
    assertMatch(readme, new RegExp(`^\\| ${runtime} .*\\| ${version} +\\|$`, "m"));
  }
});
