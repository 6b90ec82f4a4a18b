/** Examples that can't begin say so in one line, which tells what to do, and show no stack. */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { temporaryFolder } from "../support/folder.ts";

const example = (name: string) => fromFileUrl(new URL(`../../examples/${name}`, import.meta.url));

/** Runs an example that ends by itself: its exit code, and the lines that it complains in. */
async function run(name: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", example(name), ...args],
    stdin: "null",
  }).output();
  const [printed, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  return { code, printed, lines: complaint!.trimEnd().split("\n") };
}

const IN_USE = /^127\.0\.0\.1 port \d+ is in use; free it or listen on another$/;

for (
  const [name, ...args] of [
    ["all_cores.ts", "--workers", "1"],
    ["broadcast.ts"],
    ["chat.ts"],
    ["chat_cluster.ts", "--secret", "s"],
    ["dashboard.ts"],
    ["demo/main.ts"],
    ["echo.ts"],
    ["files.ts"],
    ["rest.ts"],
    ["resume.ts", "--serve"],
    ["shared_loop.ts"],
    ["upload.ts"],
    ["virtual_files.ts"],
  ] as const
) {
  Deno.test(`${name} on a port that is taken ends with one line that says so`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { code, printed, lines } = await run(name, [...args, "--port", `${listener.addr.port}`]);
    assertEquals([code, printed, lines.length], [1, "", 1], lines.join("\n"));
    assertMatch(lines[0]!, IN_USE);
  });
}

Deno.test("shared_loop.ts names the other one of its ports when that is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const plain = `${listener.addr.port}`;
  const { code, lines } = await run("shared_loop.ts", ["--port", "0", "--plain-port", plain]);
  assertEquals([code, lines], [1, [`port ${plain} for plain TCP is in use`]]);
});

for (
  const [what, name, args, line] of [
    ["a port that is none", "echo.ts", ["--port", "70000"], /^port is 70000; allowed: /],
    ["a missing certificate", "echo.ts", ["--cert", "/none", "--key", "/none"], /^sslCert.*\/none/],
    ["missing authorities", "client.ts", ["--ca", "/none", "ws://localhost:1"], /^sslCa.*\/none/],
    ["a missing certificate", "rest.ts", ["--cert", "/none", "--key", "/none"], /^sslCert.*\/none/],
    ["a missing folder", "files.ts", ["--port", "0", "--folder", "/none"], /folder is "\/none"/],
  ] as const
) {
  Deno.test(`${name} with ${what} ends with one line that says so`, async () => {
    const { code, lines } = await run(name, args);
    assertEquals([code, lines.length], [1, 1], lines.join("\n"));
    assertMatch(lines[0]!, line);
  });
}

Deno.test("behind_proxy.ts without a folder for its socket ends with one line that says so", async () => {
  await using temporary = await temporaryFolder();
  const socket = `${temporary.path}/none/x.sock`;
  const { code, lines } = await run("behind_proxy.ts", ["--socket", socket]);
  assertEquals([code, lines.length], [1, 1], lines.join("\n"));
  assertMatch(lines[0]!, /can't listen on the unix socket .*x\.sock/);
});
