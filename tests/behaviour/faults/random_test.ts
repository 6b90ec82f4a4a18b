/** Any call of a socket's fails now and then, under load, by a seed. */

import { isEpollAvailable } from "../../../src/transport/epoll/mod.ts";
import { EpollNetwork } from "../../../src/transport/epoll/network.ts";
import { runtimeNetwork } from "../../runtime_network.ts";
import { Dice, forSeeds } from "../../support/faults/dice.ts";
import { failing, systemError } from "../../support/faults/failing.ts";
import { failingConn, failingLibc, type IsDue } from "../../support/faults/sockets.ts";
import { type Faulted, storm } from "../../support/faults/storm.ts";
import { watchedNetwork } from "../../support/faults/watched_network.ts";
import { openLibc } from "../../../src/transport/epoll/libc.ts";
import { FaultyLibc } from "../../unit/transport/epoll/faulty_libc.ts";

function overEpoll(seed: number): Faulted {
  const dice = new Dice(seed);
  const faulty = new FaultyLibc();
  const spared = new Set<unknown>();
  let isOn = false;
  let faults = 0;
  const judge = failingLibc(faulty, dice, (name, odds) => {
    const isNow = dice.roll(name) < odds;
    if (isNow) faults++;
    return isNow;
  });
  faulty.judge = (name, args) => {
    const fd = name === "epoll_ctl" ? args[2] : args[0];
    if (!isOn && name === "recv") spared.add(fd);
    return isOn && !spared.has(fd) ? judge(name, args) : undefined;
  };
  return {
    server: { network: new EpollNetwork(faulty.libc, 1) },
    clients: { network: new EpollNetwork(openLibc(), 1) },
    sparesFirst: true,
    begin: () => isOn = true,
    end: () => isOn = false,
    faults: () => faults,
    left: () => [...faulty.descriptors],
    nothing: [],
  };
}

function overRuntime(seed: number): Faulted {
  const dice = new Dice(seed);
  const watched = watchedNetwork();
  let isOn = false;
  let faults = 0;
  const isDue: IsDue = (name, odds) => {
    const isNow = isOn && dice.roll(name) < odds;
    if (isNow) faults++;
    return isNow;
  };
  return {
    server: { network: watched.network },
    clients: { network: runtimeNetwork },
    sparesFirst: true,
    begin() {
      isOn = true;
      const isIt = () => isDue("accept", 0.03);
      const error = () => systemError("EMFILE", "Too many open files");
      failing(watched.listener, "accept", { times: Infinity, isIt, error });
      watched.onAccept = (conn) => failingConn(conn, isDue);
    },
    end: () => isOn = false,
    faults: () => faults,
    left: () => undefined,
  };
}

const missing = isEpollAvailable() ? undefined : "Linux";
forSeeds(
  "faults of the runtime's sockets at random",
  [1, 2, 3],
  (seed) => storm(overRuntime(seed)),
);
forSeeds("faults of the C library at random", [1, 2, 3], (seed) => storm(overEpoll(seed)), missing);
