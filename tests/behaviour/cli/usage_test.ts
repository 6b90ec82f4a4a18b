/** What the command says of itself, and to command lines that it can't follow. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { libraryVersion } from "../../../mod.ts";
import { MemoryNetwork } from "../../../src/testing/mod.ts";
import { finishCli, runCli } from "./cli.ts";

const COMMANDS = ["connect", "echo", "serve", "bench"];

Deno.test("--help lists the commands on standard output, and no command at all does so as a mistake", async () => {
  const help = await finishCli(["--help"]);
  assertEquals([help.code, help.errors], [0, ""]);
  for (const name of COMMANDS) assertStringIncludes(help.output, `\n  ${name}`);
  const nothing = await finishCli([]);
  assertEquals([nothing.code, nothing.output, nothing.errors], [2, "", help.output]);
});

Deno.test("each command has a help with its options and examples, by --help, -h and help NAME", async () => {
  for (const name of COMMANDS) {
    const { code, output, errors } = await finishCli([name, "--help"]);
    assertEquals([code, errors], [0, ""]);
    assertStringIncludes(output, `lws ${name}`);
    assertStringIncludes(output, "\nOptions:\n");
    assertStringIncludes(output, `\nExamples:\n  # `);
    assertStringIncludes(output, `\n  lws ${name}`);
    assertEquals((await finishCli([name, "-h"])).output, output);
    assertEquals((await finishCli(["help", name])).output, output);
    const tooLong = output.split("\n").filter((line) => line.length > 100);
    assertEquals(tooLong, []);
  }
});

Deno.test("--version is the library's", async () => {
  assertEquals((await finishCli(["--version"])).output, `lws ${libraryVersion}\n`);
});

const WRONG: readonly (readonly [string[], string])[] = [
  [["echo", "--porrt", "1"], "echo: there is no option --porrt; did you mean --port?"],
  [["echo", "-z"], "echo: there is no option -z"],
  [["ecko"], 'there is no command "ecko"; did you mean echo?'],
  [["help", "zzzzzz"], 'there is no command "zzzzzz"; see lws --help'],
  [["echo", "--port"], "echo: --port needs a value, PORT"],
  [["echo", "--port", "--compress"], "echo: --port needs a value, PORT"],
  [["echo", "--port", "65536"], 'echo: --port is "65536"; allowed: a whole number from 0 to 65535'],
  [["echo", "--port", "1.5"], 'echo: --port is "1.5"; allowed: a whole number'],
  [["echo", "--port", "0x50"], 'echo: --port is "0x50"'],
  [["echo", "--compress=yes"], "echo: --compress takes no value"],
  [["echo", "x"], 'echo: "x" is too much'],
  [["echo", "--tls-cert", "a.pem"], "echo: --tls-cert and --tls-key go together"],
  [["echo", "--versions", "13,9"], 'echo: --versions: "9" is none of hixie-75, 0, 4'],
  [["echo", "--versions", "13,13"], "echo: --versions: 13 is there twice"],
  [["serve", "a", "b"], 'serve: "b" is behind the FOLDER'],
  [["bench"], "bench: URL is missing"],
  [["bench", "ftp://x/"], 'bench: url has the scheme "ftp:"; allowed: ws:, wss:'],
  [["bench", "ws://x/#a"], "bench: url has a fragment"],
  [["bench", "ws://x/", "--connections", "0"], "bench: --connections is"],
  [["bench", "ws://x/", "--connections", "10001"], "allowed: a whole number from 1 to 10000"],
  [["bench", "ws://x/", "--seconds", "0"], "allowed: a number from 0.1 to 3600"],
  [["bench", "ws://x/", "--size", "16777217"], "allowed: a whole number from 0 to 16777216"],
  [
    ["bench", "ws://x/", "--size", "16777216", "--pipeline", "1", "-c", "17"],
    "connections times pipeline times size is more than 256 MiB",
  ],
  [["bench", "ws://x/", "--cert", "a.pem"], "bench: --cert and --key go together"],
];

Deno.test("a command line that can't be followed is told in one line, with exit code 2", async () => {
  for (const [args, complaint] of WRONG) {
    const { code, output, errors } = await finishCli(args, { network: new MemoryNetwork() });
    assertEquals([code, output], [2, ""], args.join(" "));
    assertStringIncludes(errors, complaint);
    assert(errors.startsWith("lws: ") && errors.endsWith("--help\n"), errors);
    assertEquals(errors.split("\n").length, 2, errors);
  }
});

Deno.test("a failure is one line, with exit code 1, and has a stack with --verbose alone", async () => {
  const network = new MemoryNetwork();
  await using first = runCli(["echo", "-p", "7000"], { network });
  await first.until("\n");
  const { code, errors } = await finishCli(["echo", "-p", "7000"], { network });
  assertEquals(code, 1);
  assertEquals(errors, "lws: 127.0.0.1 port 7000 is in use; free it or listen on another\n");
  const more = await finishCli(["echo", "-p", "7000", "-v"], { network });
  assertEquals(more.code, 1);
  assert(more.errors.startsWith(errors) && more.errors.includes("\n    at "), more.errors);
});

Deno.test("a folder and a certificate that aren't there are told by the command line's names", async () => {
  const missing = await finishCli(["serve", "/nowhere/at/all", "--no-reload"]);
  assertEquals(missing.code, 2);
  assertEquals(
    missing.errors,
    'lws: FOLDER is "/nowhere/at/all"; allowed: a folder that is there\n',
  );
  const withReload = await finishCli(["serve", "/nowhere/at/all"], {
    watch: () => {
      throw new Error("it was watched");
    },
  });
  assertEquals(withReload.errors, missing.errors);
  const { code, errors } = await finishCli(
    ["echo", "-p", "0", "--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"],
  );
  assertEquals(code, 2);
  assertStringIncludes(errors, "lws: the certificate: can't read /nowhere.pem");
});

Deno.test("colours are for terminals alone, and not where they aren't wanted", async () => {
  const red = "\x1b[31mlws:\x1b[0m ";
  const shown = await finishCli(["ecko"], { hasErrorTerminal: true, hasColors: true });
  assert(shown.errors.startsWith(red), shown.errors);
  assert(!(await finishCli(["ecko"], { hasErrorTerminal: true })).errors.includes("\x1b"));
  assert(!(await finishCli(["ecko"], { hasColors: true })).errors.includes("\x1b"));
});
