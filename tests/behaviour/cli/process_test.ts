/** The command as a process of its own, as its users start it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runArguments, runProgram } from "../../support/program.ts";
import { withFiles } from "../../support/folder.ts";

const MODULE = fromFileUrl(new URL("../../../src/cli/mod.ts", import.meta.url));

/** Runs a command line to its end. */
async function output(flags: string[], args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: runArguments(["--no-prompt", ...flags], MODULE, args),
    stdin: "null",
  }).output();
  const [printed, complaint] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  return { code, printed: printed!, complaint: complaint! };
}

Deno.test("the help needs no permission, and a lack of one is told with the flag", async () => {
  const help = await output([], ["--help"]);
  assertEquals([help.code, help.complaint], [0, ""]);
  assertStringIncludes(help.printed, "lws COMMAND");
  const { code, complaint } = await output([], ["echo", "-p", "0"]);
  assertEquals(code, 1);
  assertStringIncludes(complaint, "--allow-net");
  assertEquals(complaint.split("\n").length, 2, complaint);
  const unread = await output(["--allow-net"], ["serve", "."]);
  assertEquals(unread.code, 2);
  assertStringIncludes(unread.complaint, "--allow-read");
  assertEquals(unread.complaint.split("\n").length, 2, unread.complaint);
});

Deno.test("a program that reads no more ends the command without a complaint", async () => {
  const echo = new Deno.Command(Deno.execPath(), {
    args: runArguments(["--allow-net"], MODULE, ["echo", "-p", "0", "-v"]),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = echo.stderr.getReader();
  const lines = echo.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const [, port] = /:(\d+)\/\n/.exec((await lines.read()).value!)!;
  await lines.cancel();
  await reader.cancel();
  // What is told of a connection finds no reader any more.
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await new Promise((resolve) => socket.onclose = resolve);
  assertEquals((await echo.status).code, 0);
});

Deno.test("pages are told of a file that is written, and Ctrl-C ends serve", async () => {
  await withFiles({ "index.html": "<body></body>" }, async (folder) => {
    const serve = runProgram(["--allow-net", "--allow-read"], MODULE, ["serve", folder, "-p", "0"]);
    const [, base] = /^serving (http:\S+)\n$/.exec(await serve.until("\n"))!;
    const page = await (await fetch(base!)).text();
    const [, script] = /<script src="([^"]+)">/.exec(page)!;
    const url = new URL(script!, base);
    assert((await (await fetch(url)).text()).includes("WebSocket"));
    url.protocol = "ws:";
    const socket = new WebSocket(url, "lws-reload");
    const told = new Promise<string>((resolve) => socket.onmessage = ({ data }) => resolve(data));
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    await new Promise((resolve) => socket.onopen = resolve);
    await Deno.writeTextFile(`${folder}/style.css`, "a { color: red }");
    assertEquals(await told, '{"styles":["/style.css"]}');
    serve.process.kill("SIGINT");
    assertEquals((await closed).code, 1001);
    assertEquals((await serve.end()).code, 0);
  });
});
