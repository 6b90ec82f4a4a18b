/** Every log level has a line of the library's, which a program's own emitter can see. */

import { assert, assertEquals } from "@std/assert";
import { LOG_LEVELS, type LogLevel, permessageDeflate, setLogLevel } from "../mod.ts";
import { record } from "./support/recorder.ts";
import { serve, settle } from "./support/serve.ts";

/** Does a bit of everything: a request, a client with an extension, a throw, a refusal. */
async function exercise(): Promise<void> {
  const server = record("x", (wsi, reason, _user, _data) => {
    if (reason === "http") {
      wsi.returnHttpStatus(200);
      return wsi.httpTransactionCompleted();
    }
    if (reason === "established") throw new Error("on purpose");
  });
  await using served = serve([server.protocol], {
    extensions: [permessageDeflate()],
    tokenLimits: { "user-agent": 1 },
    options: { libev: true },
  });
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: secret\r\n\r\nBAD\r\n\r\n");
  await settle();
  peer.close();
  const client = record("x");
  served.client([client.protocol], { extensions: [permessageDeflate()] })
    .clientConnect({ address: "localhost", port: 80 });
  await client.until("closed");
}

function linesOf(levels: readonly LogLevel[]): Disposable & { lines: [LogLevel, string][] } {
  const lines: [LogLevel, string][] = [];
  setLogLevel(levels, (level, line) => lines.push([level, line]));
  return { lines, [Symbol.dispose]: () => setLogLevel(["err", "warn"]) };
}

Deno.test("each of the ten levels has lines, none with a line break or the values of headers", async () => {
  using log = linesOf(LOG_LEVELS);
  await exercise();
  const seen = new Set(log.lines.map(([level]) => level));
  assertEquals(LOG_LEVELS.filter((level) => !seen.has(level)), []);
  assertEquals(LOG_LEVELS.length, 10);
  for (const [level, line] of log.lines) {
    assert(!line.includes("secret"), line);
    // A stack comes with what a program has thrown.
    if (level !== "err") assert(!line.includes("\n"), line);
  }
});

for (const level of LOG_LEVELS) {
  Deno.test(`with ${level} alone, no line of another level comes`, async () => {
    using log = linesOf([level]);
    await exercise();
    assertEquals(new Set(log.lines.map((each) => each[0])), new Set([level]));
  });
}
