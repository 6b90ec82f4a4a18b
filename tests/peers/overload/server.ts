/** Echoes over a network, `tcp` or `epoll`; prints its port, and for each line that it is sent what it has seen. */

import { createContext, handlers, type Wsi } from "../../../mod.ts";
import { epollNetwork } from "../../../src/transport/epoll/mod.ts";
import { LOOPBACK } from "../../support/patience.ts";

await using context = createContext({
  ...LOOPBACK,
  ...(Deno.args[0] === "epoll" ? { network: epollNetwork() } : {}),
  maxLoopLagMs: 50,
  protocols: [{
    name: "echo",
    callback: handlers({
      message(wsi: Wsi, _user, data) {
        wsi.write(data);
        // A peer that sends without reading must wait.
        if (!wsi.partialBuffered) return;
        wsi.rxFlowControl(false);
        wsi.callbackOnWritable();
      },
      serverWriteable: (wsi) => void wsi.rxFlowControl(true),
    }),
  }],
});
const atFirst = Deno.memoryUsage().rss;
let most = 0;
const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 50);
// deno-lint-ignore no-console -- what the test reads
const say = console.log;
say(context.port);
for await (const _line of Deno.stdin.readable) {
  const { limitsHit, closesByCause, loopLagMs } = context.stats();
  say(JSON.stringify({ grownBy: most - atFirst, limitsHit, closesByCause, loopLagMs }));
}
clearInterval(timer);
