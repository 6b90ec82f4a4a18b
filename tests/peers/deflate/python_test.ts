/** Compressed conversations with python3-websockets, both ways. */

import { assertEquals } from "@std/assert";
import { permessageDeflate } from "../../../mod.ts";
import {
  AGREEMENTS,
  checkFragments,
  checkSaving,
  checkWire,
  DEFLATE_LENGTHS,
  PROBES,
} from "./deflate.ts";
import { echoServer, talkTo } from "../echo.ts";
import { output, PYTHON, scriptPath, start } from "../peer.ts";
import { tap, type WireConnection } from "../wiretap.ts";

/** Leaves everything to the other side. */
const OPEN = { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 0 };

function check(connection: WireConnection | undefined, name: string): void {
  for (const direction of [connection!.fromClient, connection!.fromServer]) {
    checkSaving(direction);
    checkFragments(direction);
  }
  checkWire(connection!, AGREEMENTS[name]!);
}

for (const [name, agreed] of Object.entries(AGREEMENTS)) {
  for (const whose of ["ours", "theirs"] as const) {
    const options = whose === "ours" ? { ...agreed, threshold: 0 } : OPEN;
    const asked = whose === "ours" ? "" : JSON.stringify(agreed);
    const title = `${name}, as ${whose} asks`;

    PYTHON.test(`a client of python3-websockets and our server compress: ${title}`, async () => {
      await using server = echoServer([permessageDeflate(options)]);
      await using wire = tap(server.context.port);
      const printed = await output(PYTHON.path, [
        scriptPath("python/deflate_client.py"),
        `ws://127.0.0.1:${wire.port}/`,
        JSON.stringify(DEFLATE_LENGTHS),
        JSON.stringify(PROBES),
        asked,
      ]);
      assertEquals(printed, "permessage-deflate\nclosed 3001\n");
      assertEquals(await server.nextClose(), {
        code: 3001,
        reason: "done",
        wasClean: true,
        cause: "peer",
      });
      assertEquals(server.pings, ["one", "two"]);
      assertEquals(server.pongs, ["one", "two"]);
      check(wire.connections[0], name);
    });

    PYTHON.test(`our client and a server of python3-websockets compress: ${title}`, async () => {
      await using server = start(PYTHON.path, [scriptPath("python/deflate_server.py"), asked]);
      await using wire = tap(Number(await server.nextLine()));
      await talkTo(wire.port, { sendsFragments: true }, {
        lengths: DEFLATE_LENGTHS,
        extensions: [permessageDeflate(options)],
        last: PROBES,
      });
      check(wire.connections[0], name);
    });
  }
}
