/** `lws connect` at a terminal. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { handlers, type Wsi } from "../../../mod.ts";
import { FakeClock } from "../../../src/testing/mod.ts";
import { type CliOptions, runCli } from "./cli.ts";
import { serve } from "../../support/serve.ts";

const CLEAR = "\x1b[1G\x1b[0J";

function atTerminal(args: readonly string[] = [], more: CliOptions = {}) {
  const messages: string[] = [];
  const opened = Promise.withResolvers<Wsi>();
  const served = serve([{
    name: "echo",
    callback: handlers({
      established: (wsi) => opened.resolve(wsi),
      message(wsi, _user, message) {
        messages.push(String(message));
        wsi.write(`you said ${message}`);
      },
    }),
  }]);
  const connect = runCli(["connect", "ws://server.example/", ...args], {
    network: served.network,
    clock: new FakeClock(),
    isTerminal: true,
    ...more,
  });
  return {
    messages,
    connect,
    opened: opened.promise,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await connect[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a terminal has a prompt, answers have a mark, and a line that is being typed stays", async () => {
  await using both = atTerminal();
  const { connect, messages } = both;
  await connect.until("> ");
  connect.type("hello\r");
  await connect.until("< you said hello\n");
  connect.type("half a li");
  await connect.until("half a li");
  const before = connect.output.length;
  (await both.opened).write("news");
  // The prompt's row is cleared, the message takes it, and the line is there again below.
  const after = await connect.until(/news\n[^\n]*> half a li/);
  assert(after.slice(before).includes(`${CLEAR}< news\n`), JSON.stringify(after.slice(before)));
  connect.type("ne\r");
  await connect.until("< you said half a line\n");
  assertEquals(messages, ["hello", "half a line"]);
});

Deno.test("an empty line sends nothing, /help lists the commands, the tab key completes them", async () => {
  await using both = atTerminal();
  const { connect, messages } = both;
  await connect.until("> ");
  connect.type("\r/help\r");
  await connect.until("/close [CODE [REASON]]");
  connect.type("/pi\t");
  await connect.until(/> .*\/ping /);
  connect.type("me\r");
  await connect.until("pong: me after ");
  connect.type("//x\r");
  await connect.until("you said /x");
  assertEquals(messages, ["/x"]);
});

Deno.test("what a server sends is shown without what a terminal would obey", async () => {
  await using both = atTerminal();
  await both.connect.until("> ");
  const wsi = await both.opened;
  wsi.write("a\x1b]0;title\x07\x9b2Jb\tc");
  await both.connect.until("< a\\x1b]0;title\\x07\\x9b2Jb\tc\n");
  wsi.write(new Uint8Array([0xde, 0xad]));
  await both.connect.until("< binary dead\n");
});

Deno.test("Ctrl-D and Ctrl-C close with 1000 and give the terminal back without a prompt", async () => {
  for (const key of ["\x04", "\x03"]) {
    await using both = atTerminal();
    await both.connect.until("> ");
    both.connect.type(`half${key === "\x04" ? "\x15" : ""}${key}`);
    assertEquals(await both.connect.ended, 0);
    assertStringIncludes(both.connect.output, "closed with 1000\n");
    assert(!both.connect.output.endsWith("> "), JSON.stringify(both.connect.output));
  }
});

Deno.test("colours mark what was received, where they are wanted", async () => {
  await using both = atTerminal([], { hasColors: true });
  await both.connect.until("> ");
  both.connect.type("x\r");
  await both.connect.until("\x1b[36m<\x1b[0m you said x\n");
});

Deno.test("with --execute a terminal has no prompt", async () => {
  await using both = atTerminal(["-x", "a", "--once"]);
  assertEquals(await both.connect.ended, 0);
  assertEquals(both.connect.output, "you said a\n");
});
