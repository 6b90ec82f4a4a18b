/** Handshakes of TLS, and the turns of a network that looks for readiness by itself. */

import { assertEquals } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { bringTurnBudget, TurnBudget } from "../../../src/service/turn_budget.ts";
import { epollNetwork, isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { LoopClock, spend } from "../../support/clocks/loop_clock.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { record } from "../../support/recorder.ts";
import { TLS_STACKS } from "../../support/tls/stacks.ts";
import { made, TLS } from "./server.ts";

for (const stack of TLS_STACKS) {
  Deno.test({
    name:
      `${stack.name}: over the epoll network a handshake waits where the time of a turn is used up`,
    ignore: !isEpollAvailable(),
    async fn() {
      const clock = new LoopClock();
      const network = stack.bring(epollNetwork());
      const budget = new TurnBudget(clock, 1);
      bringTurnBudget(network, budget);
      const { protocol } = record("http");
      const server = createContext({ ...LOOPBACK, ...TLS, network, protocols: [protocol] });
      await spend(budget, clock);
      const target = { hostname: "localhost", port: server.port, caCerts: [made.ca.cert] };
      const conn = await Deno.connectTls(target);
      let isDone = false;
      const shaking = conn.handshake().then(() => isDone = true);
      while (budget.waiting === 0 && !isDone) await new Promise((resolve) => setImmediate(resolve));
      assertEquals(isDone, false);
      await clock.comeRound();
      await shaking;
      conn.close();
      await server.destroy();
      await network.released!();
    },
  });
}
