/**
 * What the server is doing, 50 times a second to every page that looks, and for Prometheus at /metrics.
 *
 *     deno run --allow-net --allow-read examples/dashboard.ts --port 7683
 */

import { type Context, createContext, protocol } from "../mod.ts";
import { OPEN_METRICS_TYPE, openMetrics } from "../src/metrics/mod.ts";
import { readOptions, untilInterrupted } from "./arguments.ts";

const dashboard = protocol({
  name: "dashboard",
  open: (wsi) => void wsi.subscribe("updates"),
  http(wsi) {
    if (wsi.uri !== "/metrics") return wsi.returnHttpStatus(404);
    return wsi.respond(200, openMetrics(wsi.context), [["content-type", OPEN_METRICS_TYPE]]);
  },
});

/** A page that lags behind is closed by its unsent bytes, and no other waits for it. */
export function serveDashboard(port: number, iface: string): Context {
  const mounts = [{ path: "/", folder: new URL("dashboard/", import.meta.url).pathname }];
  const context = createContext({ port, iface, mounts, protocols: [dashboard] });
  const timer = setInterval(() => {
    const { servers, http, sent, received, unsentBytes, timers } = context.stats();
    const update = { at: Date.now(), servers, http, sent, received, unsentBytes, timers };
    void context.publish("updates", JSON.stringify(update));
  }, 20);
  void context.closed.then(() => clearInterval(timer));
  return context;
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7683, hostname: "127.0.0.1" });
  await using context = serveDashboard(options.port, options.hostname);
  // deno-lint-ignore no-console -- a program's own output
  console.log(`serving the dashboard on http://${options.hostname}:${context.port}/`);
  await untilInterrupted();
}
