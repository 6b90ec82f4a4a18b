/** Compressed conversations with Chromium's WebSocket. */

import { assertEquals } from "@std/assert";
import { permessageDeflate } from "../../../mod.ts";
import { newPage, withBrowser } from "../chromium.ts";
import {
  AGREEMENTS,
  checkSaving,
  checkWire,
  DEFLATE_LENGTHS,
  paramsOf,
  PROBES,
} from "./deflate.ts";
import { echoServer } from "../echo.ts";
import { CHROMIUM } from "../peer.ts";
import { tap } from "../wiretap.ts";

/** What `socket.extensions` says: the answer of our server. */
const ANSWERS: Readonly<Record<string, string[]>> = {
  "no takeover": ["client_no_context_takeover", "server_no_context_takeover"],
  "takeover": [],
  "takeover by the server alone": ["client_no_context_takeover"],
  "takeover by the client alone": ["server_no_context_takeover"],
  "windows of 512 bytes": [
    "client_max_window_bits=9",
    "client_no_context_takeover",
    "server_max_window_bits=9",
    "server_no_context_takeover",
  ],
  "takeover of windows of 512 bytes": ["client_max_window_bits=9", "server_max_window_bits=9"],
  "a small window on the server, takeover by the client": [
    "server_max_window_bits=9",
    "server_no_context_takeover",
  ],
};

CHROMIUM.test("Chromium's WebSocket and our server compress, as our server asks", async () => {
  await withBrowser(async (browser) => {
    for (const [name, agreed] of Object.entries(AGREEMENTS)) {
      await using server = echoServer([permessageDeflate({ ...agreed, threshold: 0 })]);
      await using wire = tap(server.context.port);
      const page = await newPage(browser);
      await page.goto(`http://127.0.0.1:${wire.port}/`);
      const extensions = await page.evaluate(conversation, {
        lengths: DEFLATE_LENGTHS,
        last: [...PROBES],
      });
      await page.close();
      assertEquals(await server.nextClose(), {
        code: 3001,
        reason: "done",
        wasClean: true,
        cause: "peer",
      });
      assertEquals(server.pongs, ["one", "two"]);

      assertEquals(paramsOf(extensions), ANSWERS[name]!);
      const [connection] = wire.connections;
      assertEquals(paramsOf(connection!.fromClient.extensions), ["client_max_window_bits"]);
      checkSaving(connection!.fromClient);
      checkSaving(connection!.fromServer);
      checkWire(connection!, agreed);
    }
  });
});

/** Runs in the page; the messages are those of `echo.ts`. */
async function conversation(
  { lengths, last }: { lengths: number[]; last: string[] },
): Promise<string> {
  const socket = new WebSocket(`ws://${location.host}/`);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.onopen = resolve);
  const exchange = (message: string | Uint8Array<ArrayBuffer>) =>
    new Promise<string | ArrayBuffer>((resolve) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.send(message);
    });
  const check = (condition: boolean, text: string) => {
    if (!condition) throw new Error(text);
  };

  for (const length of lengths) {
    const text = "aß→😀".repeat(Math.floor(length / 10)) + "a".repeat(length % 10);
    check(await exchange(text) === text, `text of ${length} bytes`);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = i % 251;
    const echoed = new Uint8Array(await exchange(bytes) as ArrayBuffer);
    check(
      echoed.length === length && echoed.every((byte, index) => byte === bytes[index]),
      `${length} bytes`,
    );
  }
  check(await exchange("fragments") === "Hello", "fragments");
  for (const message of last) check(await exchange(message) === message, message);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close(3001, "done");
  await closed;
  return socket.extensions;
}
