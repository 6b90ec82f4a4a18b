/** `lws-status`: the list of visitors, at once and after every change, a few times a second at most. */

import { handlers, type Protocol } from "../../mod.ts";
import type { Presence } from "./presence.ts";

const QUIET_MS = 250;

/** Makes the protocol. */
export function statusProtocol(presence: Presence, version: string): Protocol {
  const started = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;

  const protocol: Protocol = {
    name: "lws-status",
    callback: handlers({
      protocolInit(wsi) {
        const { context } = wsi;
        presence.onChange = () => {
          timer ??= setTimeout(() => {
            timer = undefined;
            context.callbackOnWritableAllProtocol(protocol);
          }, QUIET_MS);
        };
      },
      protocolDestroy() {
        presence.onChange = () => {};
        clearTimeout(timer);
      },
      established(wsi) {
        presence.enter(wsi);
        wsi.callbackOnWritable();
      },
      closed: (wsi) => presence.leave(wsi),
      serverWriteable(wsi) {
        const uptimeSeconds = Math.floor((Date.now() - started) / 1000);
        wsi.write(JSON.stringify({ version, uptimeSeconds, connections: presence.list() }));
      },
    }),
  };
  return protocol;
}
