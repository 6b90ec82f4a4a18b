/** That a C program's context is one of the main API, and nothing of what that is made of. */

import { assertStrictEquals } from "@std/assert";
import type { Wsi } from "../../mod.ts";
import { assertIsContextFace } from "../support/context_members.ts";
import { FACES, rig } from "./support.ts";

for (const face of FACES) {
  Deno.test(`${face.name}: a context has the members of Context, and nothing else`, async () => {
    const seen = new Map<string, Wsi>();
    const protocols = [{
      name: "chat",
      callback: (wsi: Wsi, reason: string) => void (wsi !== null && seen.set(reason, wsi)),
    }];
    await using server = rig(face, { protocols });
    await server.open({ protocol: "chat" });
    await server.settle();
    assertIsContextFace(server.context, face.name);
    for (const [reason, wsi] of seen) assertStrictEquals(wsi.context, server.context, reason);
  });
}
