/**
 * What `context.stats()` counts, in the text formats that Prometheus and its like collect.
 *
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { openMetrics } from "@x/lws/metrics";
 *
 * await using context = createContext({
 *   port: 0,
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 * });
 * const text = openMetrics(context, { labels: { region: "north" } });
 * if (!text.includes('lws_connections{region="north",protocol="chat",role="server"} 0')) {
 *   throw new Error(text);
 * }
 * ```
 *
 * @module
 */

import { acceptedFormat } from "./accept.ts";
import { expose, type Format, type Source } from "./exposition.ts";
import { checkLabels } from "./labels.ts";
import type { Stats } from "../api/stats/stats.ts";
import { isPlain, refuseArgument } from "../base/check.ts";

/**
 * The media type of {@linkcode openMetrics}.
 *
 * @category Statistics
 */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const TYPES: Readonly<Record<Format, string>> = {
  openmetrics: OPEN_METRICS_TYPE,
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

/**
 * What counts: a `Context`.
 *
 * @category Statistics
 */
export interface MetricsSource {
  /** As `Context.stats`. */
  stats(): Stats;
}

/**
 * How {@linkcode openMetrics} names what it tells.
 *
 * @category Statistics
 */
export interface MetricsOptions {
  /**
   * Labels that every sample gets beside its own, which are `protocol`, `role`, `cause`, `code`, `limit` and
   * `context`. A name has letters, digits and `_`, with neither a digit nor `__` in front. Default: none.
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The same for {@linkcode metricsHandler}.
 *
 * @category Statistics
 */
export interface MetricsHandlerOptions extends MetricsOptions {
  /** What is told of. Default: the context that the request came to. */
  readonly contexts?: readonly MetricsSource[];
}

/**
 * What contexts have counted, as OpenMetrics text (version 1.0.0): counters since each was made, and what there
 * is now. What can't come from outside is there from the start, with 0. Takes some microseconds a protocol.
 *
 * @param context One context, or several of a process, whose samples have the label `context` then: their place
 *   in the list, from 0 on.
 * @throws {LwsError} `invalid-argument` for what is no context, and for labels that can't be.
 * @category Statistics
 * @example Sums of two contexts are up to the query
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { openMetrics } from "@x/lws/metrics";
 *
 * const protocols = [{ name: "chat", callback: handlers({}) }];
 * await using one = createContext({ port: 0, protocols });
 * await using two = createContext({ port: 0, protocols });
 * const text = openMetrics([one, two]);
 * if (!text.includes('lws_http_connections{context="1"} 0')) throw new Error(text);
 * ```
 */
export function openMetrics(
  context: MetricsSource | readonly MetricsSource[],
  options: MetricsOptions = {},
): string {
  checkOptions("openMetrics", options, ["labels"]);
  const labels = checkLabels("openMetrics", options.labels);
  return expose("openmetrics", sourcesOf("openMetrics", context, labels));
}

/**
 * Makes a `fetch` handler that answers `GET` and `HEAD` with what {@linkcode openMetrics} says, and any other
 * method with 405. It is OpenMetrics for requests whose `Accept` names it, as a Prometheus server's does, and
 * else the elder format of Prometheus (0.0.4). What is told is for operators: let only them reach its path.
 *
 * @throws {LwsError} `invalid-argument` for labels that can't be, and for what are no contexts.
 * @category Statistics
 * @example
 * ```ts
 * import { createContext, handlers } from "@x/lws";
 * import { metricsHandler } from "@x/lws/metrics";
 *
 * const metrics = metricsHandler();
 * await using context = createContext({
 *   port: 0,
 *   iface: "127.0.0.1",
 *   protocols: [{ name: "chat", callback: handlers({}) }],
 *   fetch: (request, wsi) =>
 *     new URL(request.url).pathname === "/metrics"
 *       ? metrics(request, wsi)
 *       : new Response("not found", { status: 404 }),
 * });
 * const response = await fetch(`http://127.0.0.1:${context.port}/metrics`);
 * if (!(await response.text()).includes("# TYPE lws_timers gauge")) throw new Error("no metrics");
 * ```
 */
export function metricsHandler(
  options: MetricsHandlerOptions = {},
): (request: Request, wsi: { readonly context: MetricsSource }) => Response {
  const call = "metricsHandler";
  checkOptions(call, options, ["labels", "contexts"]);
  const labels = checkLabels(call, options.labels);
  const { contexts } = options;
  if (contexts !== undefined) checkSources(call, contexts);
  return (request, wsi) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("The metrics are read by GET.\n", {
        status: 405,
        headers: { allow: "GET, HEAD", "content-type": "text/plain; charset=utf-8" },
      });
    }
    const format = acceptedFormat(request.headers.get("accept"));
    const text = expose(format, sourcesOf(call, contexts ?? wsi.context, labels));
    return new Response(request.method === "HEAD" ? null : text, {
      headers: { "content-type": TYPES[format], "cache-control": "no-store", "vary": "accept" },
    });
  };
}

function checkOptions(call: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || !isPlain(options)) {
    refuseArgument(call, "options", options, "an object");
  }
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) refuseArgument(call, name, value, known.join(" and "));
  }
}

function isSource(each: unknown): each is MetricsSource {
  return typeof (each as MetricsSource | null | undefined)?.stats === "function";
}

function checkSources(call: string, contexts: unknown): asserts contexts is MetricsSource[] {
  if (Array.isArray(contexts) && contexts.every(isSource)) return;
  refuseArgument(call, "contexts", contexts, "an array of contexts");
}

function sourcesOf(
  call: string,
  context: MetricsSource | readonly MetricsSource[],
  labels: Readonly<Record<string, string>>,
): Source[] {
  if (!isSource(context)) checkSources(call, context);
  const contexts = Array.isArray(context) ? context : [context];
  return contexts.map((each, i) => ({
    stats: each.stats(),
    labels: Array.isArray(context) ? { ...labels, context: String(i) } : labels,
  }));
}
