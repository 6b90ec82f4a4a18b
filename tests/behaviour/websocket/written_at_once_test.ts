/** A transport may say from inside `write` that all has left: programs see no difference. */

import { assertEquals } from "@std/assert";
import { CONTEXT_PORT_NO_LISTEN, createContext, type Protocol } from "../../../mod.ts";
import { MemoryNetwork, serve } from "../../../src/testing/mod.ts";

const LONG = "x".repeat(100_000);

/** What server and client are told, in order, and how much is unsent then. */
async function told(network: MemoryNetwork): Promise<string[]> {
  const log: string[] = [];
  let writes = 0;
  const server: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      log.push(`server ${reason} ${wsi.unsentBytes}`);
      if (reason === "http") return wsi.respond(200, LONG);
      if (reason === "established") wsi.callbackOnWritable();
      if (reason === "serverWriteable") {
        wsi.write(`${++writes}`);
        if (writes < 3) wsi.callbackOnWritable();
        log.push(`server wrote ${wsi.unsentBytes} ${wsi.sendPipeChoked}`);
      }
      if (reason === "receive") {
        for (let i = 0; i < 3; i++) wsi.write(data as Uint8Array, "binary");
        wsi.callbackOnWritable();
      }
      return 0;
    },
  };
  const client: Protocol = {
    name: "chat",
    callback(wsi, reason, _user, data) {
      log.push(`client ${reason} ${wsi.unsentBytes} ${(data as Uint8Array)?.length ?? ""}`);
      if (reason === "clientEstablished") wsi.write(LONG);
      if (reason === "clientReceive" && writes === 3) wsi.close(1000, "enough");
      return 0;
    },
  };
  await using served = serve(server, { network });
  const { clock, port } = served;
  await using clients = createContext({
    port: CONTEXT_PORT_NO_LISTEN,
    network,
    clock,
    protocols: [client],
  });
  const peer = await served.dial();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const answer = await peer.readToEnd();
  log.push(`answer ${answer.length}`);
  clients.clientConnect({ address: "a", port });
  await served.advance(0);
  return log;
}

Deno.test("callbacks come in the same order whether writes leave at once or later", async () => {
  const later = await told(new MemoryNetwork());
  assertEquals(await told(new MemoryNetwork({ writesAtOnce: true })), later);
  assertEquals(later.filter((each) => each.includes("Writeable")).length, 3);
});
