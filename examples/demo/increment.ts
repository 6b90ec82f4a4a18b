/** `dumb-increment-protocol`: a counter a connection, sent every 50 ms; `reset\n` zeroes it. */

import { handlers, type Protocol } from "@x/lws";
import type { Presence } from "./presence.ts";

const INTERVAL_MS = 50;

interface Counter {
  value: number;
}

/** Makes the protocol; it counts while its context lives. */
export function incrementProtocol(presence: Presence): Protocol<Counter> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const protocol: Protocol<Counter> = {
    name: "dumb-increment-protocol",
    perSessionData: () => ({ value: 0 }),
    callback: handlers<Counter>({
      protocolInit(wsi) {
        const { context } = wsi;
        timer = setInterval(() => context.callbackOnWritableAllProtocol(protocol), INTERVAL_MS);
      },
      protocolDestroy() {
        clearInterval(timer);
      },
      established: (wsi) => presence.enter(wsi),
      closed: (wsi) => presence.leave(wsi),
      serverWriteable(wsi, counter) {
        wsi.write(String(counter.value++));
      },
      message(_wsi, counter, message) {
        if (message === "reset\n") counter.value = 0;
      },
    }),
  };
  return protocol;
}
