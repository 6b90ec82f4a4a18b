/** A context ends once, whatever else ends within its end. */

import { assertEquals } from "@std/assert";
import { createContext } from "../../../mod.ts";
import { epollNetwork, isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { LOOPBACK } from "../../support/patience.ts";
import { record } from "../../support/recorder.ts";

for (const service of ["automatic", "manual", "external"] as const) {
  for (const kind of ["the default network", "epoll"]) {
    Deno.test({
      name: `${service}, ${kind}: a context ends once, whose last client is still connecting`,
      ignore: kind === "epoll" && !isEpollAvailable(),
      async fn() {
        const { protocol, reasons } = record("x");
        const network = kind === "epoll" ? epollNetwork() : undefined;
        const context = createContext({
          ...LOOPBACK,
          service,
          ...network && { network },
          protocols: [protocol],
        });
        for (let i = 0; i < 2; i++) context.clientConnect(`ws://127.0.0.1:${context.port}/`);
        await context.destroy({ graceMs: 0 });
        await network?.released?.();
        assertEquals(reasons.filter((each) => each === "protocolDestroy").length, 1);
      },
    });
  }
}
