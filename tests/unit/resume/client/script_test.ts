/** The client as a page gets it: JavaScript that needs nothing else. */

import { assertEquals } from "@std/assert";
import { resumeClientScript } from "../../../../src/resume/client/script.ts";
import type { resumeClient } from "../../../../src/resume/client/client.ts";
import { FakeClock } from "../../../../src/testing/fake_clock.ts";
import { answer, message, PlayedSocket } from "./played_socket.ts";

Deno.test("the script is a module by itself, without types and imports, and does what the client does", async () => {
  assertEquals(
    /^export function resumeClient\(target, options = \{\}\) \{\n/.test(resumeClientScript),
    true,
  );
  assertEquals(/\bimport\b|from "/.test(resumeClientScript), false);
  const url = `data:text/javascript,${encodeURIComponent(resumeClientScript)}`;
  const script: { resumeClient: typeof resumeClient } = await import(url);
  const socket = new PlayedSocket();
  const client = script.resumeClient(() => socket, { clock: new FakeClock() });
  const got: unknown[] = [];
  client.subscribe("a", { onMessage: (data) => void got.push(data) });
  socket.open();
  socket.say(answer(1, 1), message("a", 2, "x"));
  assertEquals(got, ["x"]);
  client.close();
  assertEquals(socket.sent, [{ s: 1, t: "a" }, "close 1000"]);
});
