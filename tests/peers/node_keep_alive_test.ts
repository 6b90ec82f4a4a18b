/** Node's agent, which is told how long a connection is kept. */

import { assertEquals } from "@std/assert";
import { createContext } from "../../mod.ts";
import { NODE, output, scriptPath } from "./peer.ts";
import { named } from "../support/named.ts";

NODE.test("Node's agent gives an idle connection up before the server does", async () => {
  await using server = createContext({
    port: 0,
    iface: "127.0.0.1",
    // It is told of two seconds, and the server waits for three.
    keepAliveTimeoutMs: 2_000,
    protocols: [named("http", {
      http(wsi) {
        wsi.returnHttpStatus(200);
        return wsi.httpTransactionCompleted();
      },
    })],
  });
  const printed = await output(NODE.path, [scriptPath("node/keep_alive.mjs"), String(server.port)]);
  assertEquals(printed.trim().split("\n"), [
    "timeout=2",
    "timeout=2",
    "timeout=2",
    "1 connection",
    "the agent gave up",
    "closed",
  ]);
});
