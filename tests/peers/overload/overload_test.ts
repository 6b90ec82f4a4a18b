/**
 * A server that is asked for twice what it can do: no message is lost, memory stays in bounds, and it recovers. The
 * load is a process of its own; times are printed, and decide nothing.
 */

import { assert, assertEquals } from "@std/assert";
import { Child } from "../../support/child.ts";

const MOST_GROWTH = 128 * 1024 * 1024;
const hasEpoll = Deno.build.os === "linux";

for (const network of ["tcp", "epoll"] as const) {
  Deno.test({
    name: `at twice the rate that it can take a server loses nobody (${network})`,
    ignore: network === "epoll" && !hasEpoll,
    async fn() {
      await using server = new Child([], "../peers/overload/server.ts", ["-A"], [network]);
      const port = await server.line();
      await using load = new Child([], "../peers/overload/load.ts", ["-A"], [port]);
      const seen = JSON.parse(await load.line());
      await server.send("");
      const { grownBy, limitsHit, closesByCause, loopLagMs } = JSON.parse(await server.line());
      // deno-lint-ignore no-console -- the times, which nothing is judged by
      console.log(JSON.stringify({ ...seen, grownMiB: grownBy >> 20, limitsHit, loopLagMs }));
      assert(seen.asked > 0);
      assertEquals([seen.isWhole, seen.missing, seen.ended], [true, 0, 0]);
      assert(grownBy < MOST_GROWTH, `it has grown by ${grownBy} bytes`);
      const { unsent, limit, timeout } = closesByCause;
      assertEquals([unsent, limit, timeout], [undefined, undefined, undefined]);
      // Newcomers are served, or told when to come again.
      const { 101: served = 0, 503: shed = 0, ...others } = seen.statuses;
      assert(served + shed > 0);
      assertEquals([others, limitsHit.maxLoopLagMs ?? 0], [{}, shed]);
    },
  });
}
