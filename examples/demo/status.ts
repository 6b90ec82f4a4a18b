/**
 * `lws-status`: the connections and what the server has carried, at once, after every change and every
 * second. A short text that a client sends comes back, by which the page measures the round trip.
 */

import { type Context, handlers, libraryVersion, type Protocol } from "@x/lws";
import type { Presence } from "./presence.ts";

const QUIET_MS = 250;
const PERIOD_MS = 1000;
const LONGEST_ECHO = 32;
const TOPIC = "status";

/** Makes the protocol. */
export function statusProtocol(presence: Presence): Protocol {
  const started = performance.now();
  const [version] = libraryVersion.split(" ");
  let change: ReturnType<typeof setTimeout> | undefined;
  let period: ReturnType<typeof setInterval> | undefined;

  const status = (context: Context) => {
    const { received, sent } = context.stats();
    return JSON.stringify({
      version,
      uptimeMs: Math.round(performance.now() - started),
      receivedBytes: received.wireBytes,
      sentBytes: sent.wireBytes,
      total: presence.size,
      connections: presence.list(),
    });
  };

  return {
    name: "lws-status",
    callback: handlers({
      protocolInit({ context }) {
        const publish = () => {
          clearTimeout(change);
          change = undefined;
          void context.publish(TOPIC, status(context));
        };
        presence.onChange = () => change ??= setTimeout(publish, QUIET_MS);
        period = setInterval(publish, PERIOD_MS);
      },
      protocolDestroy() {
        presence.onChange = () => {};
        clearTimeout(change);
        clearInterval(period);
      },
      async established(wsi) {
        presence.enter(wsi);
        wsi.write(status(wsi.context));
        await wsi.subscribe(TOPIC);
      },
      closed: (wsi) => presence.leave(wsi),
      message(wsi, _user, text) {
        if (text.length <= LONGEST_ECHO) wsi.write(text);
        else wsi.close(1009, "short text only");
      },
    }),
  };
}
