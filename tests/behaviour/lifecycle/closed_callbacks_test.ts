/** What a program does for all connections of a protocol while it hears that one has ended. */

import { assertEquals } from "@std/assert";
import type { Context } from "../../../mod.ts";
import { record } from "../../support/recorder.ts";
import { serve, settle } from "../../support/serve.ts";

for (const told of ["wsiDestroy", "closed"] as const) {
  for (const reason of [told, "user:news"] as const) {
    Deno.test(`callbackAllProtocol of ${reason} in ${told} calls the others, and not that connection`, async () => {
      const calls: string[] = [];
      let context: Context | undefined;
      let isInside = false;
      const { protocol } = record("x", (...[wsi, each]) => {
        if (context === undefined) return 0;
        if (isInside && each === reason) {
          calls.push(`${wsi.socketFd}`);
          return 0;
        }
        if (each !== told || isInside) return 0;
        isInside = true;
        context.callbackAllProtocol("x", reason as never);
        context.callbackOnWritableAllProtocol("x");
        context.rxFlowAllowAllProtocol("x");
        calls.push(`broadcast ${context.broadcast("x", "news")}`);
        isInside = false;
        return 0;
      });
      await using served = serve([protocol]);
      const sockets = [await served.open(), await served.open(), await served.open()];
      context = served.context;
      sockets[1]!.peer.close();
      await settle();
      assertEquals(calls, ["1", "3", "broadcast 0"]);
      context = undefined;
    });
  }
}
