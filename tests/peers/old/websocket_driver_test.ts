/** `npm:websocket-driver`, whose server speaks version 0, and whose clients speak RFC 6455 alone. */

import { assertEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import websocket from "npm:websocket-driver@0.8.0";
import { talkTo } from "./conversation.ts";
import { answer, serving } from "./npm.ts";

Deno.test("version 0: our client talks to a server of npm:websocket-driver", async () => {
  const versions: string[] = [];
  const server = createServer((socket: Socket) => {
    const driver = websocket.server({ allowDrafts: true });
    const peer = {
      send: (text: string) => driver.text(text),
      sendFragments: () => driver.text("Hello"),
      close: () => driver.close(),
    };
    driver.on("connect", () => {
      // By itself it leaves the subprotocol out, which the draft lets no client take (section 4.1).
      if (driver.headers["sec-websocket-protocol"]) {
        driver.setHeader("Sec-WebSocket-Protocol", "echo");
      }
      driver.start();
    });
    driver.on("message", ({ data }: { data: string }) => answer(peer, data));
    driver.on("close", () => {
      versions.push(driver.version);
      socket.end();
    });
    socket.pipe(driver.io);
    driver.io.pipe(socket);
  });
  await serving(server, (port) => talkTo(port, 0, { choosesProtocol: true, sends: "neither" }));
  assertEquals(versions, ["hixie-76", "hixie-76"]);
});
