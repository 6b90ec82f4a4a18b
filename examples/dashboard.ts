/**
 * What the server is doing, 50 times a second to every page that looks, and for Prometheus at /metrics.
 *
 *     deno run --allow-net --allow-read examples/dashboard.ts --port 7683
 */

import { type Context, createContext, protocol, type Wsi } from "@x/lws";
import { metricsHandler } from "@x/lws/metrics";
import { orEnd, readOptions, untilInterrupted } from "./arguments.ts";

const metrics = metricsHandler();
/** What no file is there for. */
const fetch = (request: Request, wsi: Wsi) =>
  new URL(request.url).pathname === "/metrics"
    ? metrics(request, wsi)
    : new Response("There is no such page.", { status: 404 });

const dashboard = protocol({
  name: "dashboard",
  open: (wsi) => void wsi.subscribe("updates"),
});

/** A page that lags behind is closed by its unsent bytes, and no other waits for it. */
export function serveDashboard(port: number, iface: string): Context {
  const mounts = [{ path: "/", folder: new URL("./dashboard", import.meta.url) }];
  const context = createContext({ port, iface, mounts, fetch, protocols: [dashboard] });
  const timer = setInterval(() => {
    const update = JSON.stringify({ at: Date.now(), ...context.stats() });
    void context.publish("updates", update);
  }, 20);
  void context.closed.then(() => clearInterval(timer));
  return context;
}

if (import.meta.main) {
  const { options } = readOptions({ port: 7683, hostname: "127.0.0.1" });
  await using context = orEnd(() => serveDashboard(options.port, options.hostname));
  // deno-lint-ignore no-console -- a program's own output
  console.log(`serving the dashboard on http://${options.hostname}:${context.port}/`);
  await untilInterrupted();
}
