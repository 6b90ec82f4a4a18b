/** What is promised of topics over NATS, between two nodes in processes of their own, through what goes wrong. */

import { NATS_SERVER, startNats } from "../nats/nats_server.ts";
import { testFaults } from "./faults.ts";

testFaults({
  hasLiveWay: false,
  title: "NATS",
  program: NATS_SERVER,
  start: () => startNats(),
  broker: (port, history) => ({
    kind: "nats",
    options: { servers: `127.0.0.1:${port}`, ...history },
  }),
});
