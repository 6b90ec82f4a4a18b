/** `Accept` (RFC 9110 section 12.5.1): which of the two formats a request is answered in. */

import type { Format } from "./exposition.ts";
import { parseWeight, splitList } from "../core/http/syntax.ts";

/** The media types by their formats, and how the parameter `version` must be where there is one. */
const VERSIONS: Readonly<Record<Format, string>> = { openmetrics: "1.0.0", prometheus: "0.0.4" };
const TYPES: ReadonlyMap<string, Format> = new Map([
  ["application/openmetrics-text", "openmetrics"],
  ["text/plain", "prometheus"],
]);

/**
 * The format that `Accept` weighs most, OpenMetrics where both weigh the same. Without either by its name it is
 * Prometheus' own, which is readable everywhere.
 */
export function acceptedFormat(accept: string | null): Format {
  const weights: Record<Format, number> = { openmetrics: 0, prometheus: 0 };
  for (const element of splitList(accept ?? "")) {
    const [format, weight] = readElement(element);
    if (format !== undefined) weights[format] = Math.max(weights[format], weight);
  }
  const { openmetrics, prometheus } = weights;
  return openmetrics > 0 && openmetrics >= prometheus ? "openmetrics" : "prometheus";
}

function readElement(element: string): readonly [format: Format | undefined, weight: number] {
  const [type, ...parameters] = splitList(element, ";");
  const format = TYPES.get(type?.toLowerCase() ?? "");
  if (format === undefined) return [undefined, 0];
  let weight = 1;
  for (const parameter of parameters) {
    const [name, value = ""] = parameter.split("=", 2).map((part) => part.trim());
    if (/^version$/i.test(name!) && value.replaceAll('"', "") !== VERSIONS[format]) {
      return [undefined, 0];
    }
    if (/^q$/i.test(name!)) {
      const said = parseWeight(value);
      if (said === undefined) return [undefined, 0];
      weight = said;
    }
  }
  return [format, weight];
}
