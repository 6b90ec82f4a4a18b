/** That a C program's callbacks and calls get faces, and nothing of what is behind them. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Wsi } from "../../mod.ts";
import { assertIsContextFace } from "../support/context_members.ts";
import { assertIsFace } from "../support/wsi_members.ts";
import { FACES, rig } from "./support.ts";

FACES.test("callbacks and calls have the members of Wsi and Context, and nothing else", async (face) => {
  const seen = new Map<string, Wsi>();
  const protocols = [{
    name: "chat",
    callback: (wsi: Wsi, reason: string) => void (wsi !== null && seen.set(reason, wsi)),
  }];
  await using server = rig(face, { protocols });
  const peer = await server.open({ protocol: "chat" });
  peer.send({ opcode: 1, payload: "hello", key: [1, 2, 3, 4] });
  const connected = face.has("client_connect")
    ? face.call(
      "client_connect",
      server.context,
      "localhost",
      server.context.port,
      0,
      "/",
      "h",
      "o",
      "chat",
      -1,
    )
    : undefined;
  // The first generation's call returned once the handshake was over.
  const made = await server.pump(Promise.resolve(connected));
  await server.settle();

  assertIsContextFace(server.context, face.name);
  for (const [reason, wsi] of seen) {
    assertIsFace(wsi, reason);
    assertStrictEquals(wsi.context, server.context, reason);
  }
  assertEquals(seen.has("RECEIVE"), true);
  if (made !== undefined) assertStrictEquals(seen.get("CLIENT_ESTABLISHED"), made);
});
