/** The command `lws` at a pseudo-terminal, and against a server of python3-websockets. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { createContext, handlers } from "../../../mod.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { program, PYTHON, scriptPath, start } from "../peer.ts";

const MODULE = fromFileUrl(new URL("../../../src/cli/mod.ts", import.meta.url));
const COMMAND = ["run", "--quiet", "--no-prompt", "--allow-net", MODULE];

/** Its module pty is of the standard library. */
const PTY = program("python3", "/usr/bin/python3", "-c", "import pty");

type Step = readonly ["wait" | "type", string];

/** Runs a command line at a terminal, and plays its user; returns what was shown, and the exit code. */
async function atTerminal(args: string[], steps: readonly Step[]): Promise<[string, number]> {
  const python = new Deno.Command(PTY.path, {
    args: [scriptPath("cli/pseudo_terminal.py"), Deno.execPath(), ...COMMAND, ...args],
    env: { NO_COLOR: "1", TERM: "xterm" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = python.stdin.getWriter();
  const script = steps.map(([verb, text]) => `${verb} ${JSON.stringify(text)}\n`).join("");
  await stdin.write(new TextEncoder().encode(script));
  await stdin.close();
  const { stdout, stderr } = await python.output();
  const complaint = new TextDecoder().decode(stderr);
  assertEquals(complaint, "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

PTY.test("at a terminal a line that is being typed stays when a message comes", async () => {
  await using context = createContext({
    ...LOOPBACK,
    protocols: [{
      name: "echo",
      callback: handlers({
        message(wsi, _user, message) {
          wsi.write(`you said ${message}`);
        },
        receivePing: (wsi) => void wsi.write("news"),
      }),
    }],
  });
  const url = `ws://127.0.0.1:${context.port}/`;
  const [shown, code] = await atTerminal(["connect", url, "--ping", "0.1"], [
    ["wait", `connected to ${url}`],
    ["wait", "> "],
    ["type", "half a li"],
    ["wait", "< news"],
    ["wait", "> half a li"],
    ["type", "ne\r"],
    ["wait", "< you said half a line"],
    ["type", "\x04"],
    ["wait", "closed with 1000"],
  ]);
  assertEquals(code, 0, shown);
  // Raw mode is over: the last line ends as a terminal ends lines.
  assert(shown.endsWith("closed with 1000\r\n"), JSON.stringify(shown));
});

PTY.test("Ctrl-C at a terminal ends echo, with exit code 0", async () => {
  const [shown, code] = await atTerminal(["echo", "-p", "0"], [
    ["wait", "listening on ws://127.0.0.1:"],
    ["type", "\x03"],
  ]);
  assertEquals(code, 0, shown);
});

PYTHON.test("connect talks to a server of python3-websockets", async () => {
  await using server = start(PYTHON.path, [scriptPath("python/echo_server.py")]);
  const port = await server.nextLine();
  const talk = async (input: string, ...args: string[]) => {
    const connect = new Deno.Command(Deno.execPath(), {
      args: [...COMMAND, "connect", `ws://127.0.0.1:${port}/`, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stdin = connect.stdin.getWriter();
    await stdin.write(new TextEncoder().encode(input));
    await stdin.close();
    const { code, stdout, stderr } = await connect.output();
    const [printed, notes] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
    return { code, printed: printed!, notes: notes! };
  };
  const two = await talk("one\n/ping x\ntwo\n", "--compress", "--show-pings");
  assertEquals([two.code, two.printed], [0, "one\ntwo\n"]);
  assertStringIncludes(two.notes, "pong: x after ");
  assertStringIncludes(two.notes, "closed with 1000\n");
  assertEquals(await server.nextLine(), "closed 1000 ");
  const bytes = await talk("00ff\n", "--hex");
  assertEquals([bytes.code, bytes.printed], [0, "00ff\n"]);
  assertEquals(await server.nextLine(), "closed 1000 ");
  const refused = await talk("close 4321 go away\n", "-w", "forever");
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.notes, "closed with 4321: go away\n");
});
