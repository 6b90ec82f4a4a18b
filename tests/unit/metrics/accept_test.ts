/** Which format a scraper is answered in. */

import { assertEquals } from "@std/assert";
import { acceptedFormat } from "../../../src/metrics/accept.ts";

/** Of Prometheus 2.42 and 3. */
const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

const CASES: readonly [accept: string | null, format: "openmetrics" | "prometheus"][] = [
  [null, "prometheus"],
  ["", "prometheus"],
  ["*/*", "prometheus"],
  ["text/html, */*;q=0.8", "prometheus"],
  ["__proto__, constructor;q=0.9", "prometheus"],
  [PROMETHEUS_2, "openmetrics"],
  [PROMETHEUS_3, "openmetrics"],
  ["application/openmetrics-text", "openmetrics"],
  ['Application/OpenMetrics-Text; Version="1.0.0"', "openmetrics"],
  ["application/openmetrics-text; version=0.0.1", "prometheus"],
  ["application/openmetrics-text; version=1.0.0; q=0", "prometheus"],
  ["application/openmetrics-text; q=0.000, text/plain", "prometheus"],
  ["application/openmetrics-text; q=2, text/plain", "prometheus"],
  ["application/openmetrics-text; q=0.5, text/plain; q=0.5", "openmetrics"],
  ["application/openmetrics-text; q=0.5, text/plain; q=0.6", "prometheus"],
  ["application/openmetrics-text; q=0.5, text/plain; version=1.0.0; q=0.6", "openmetrics"],
  ['text/plain; note="a, application/openmetrics-text"', "prometheus"],
  ['text/plain; note="a\\", application/openmetrics-text"', "prometheus"],
  ['text/plain; note="a\\\\", application/openmetrics-text', "openmetrics"],
  ['text/html; note="a, application/openmetrics-text', "prometheus"],
  ['application/openmetrics-text; note="q=0;q=0"', "openmetrics"],
  [",;, application/openmetrics-text ;q=1.000,", "openmetrics"],
];

for (const [accept, format] of CASES) {
  Deno.test(`Accept ${JSON.stringify(accept)} is answered in the format of ${format}`, () => {
    assertEquals(acceptedFormat(accept), format);
  });
}
