/** The two text formats of metrics: OpenMetrics 1.0.0, and that of Prometheus before it (0.0.4). */

import { FAMILIES, type Family, type Labels } from "./families.ts";
import type { Stats } from "../api/stats/stats.ts";

/** A text format of metrics. */
export type Format = "openmetrics" | "prometheus";

/** What a context has counted, and the labels that all of its samples have. */
export interface Source {
  readonly stats: Stats;
  readonly labels: Labels;
}

/** All families of all sources; the samples of a family stand together, as both formats want it. */
export function expose(format: Format, sources: readonly Source[]): string {
  const lines = FAMILIES.flatMap((family) => linesOf(format, family, sources));
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function linesOf(format: Format, family: Family, sources: readonly Source[]): string[] {
  const { name, type, unit, help } = family;
  const sampleName = type === "counter" ? `${name}_total` : name;
  const isOpen = format === "openmetrics";
  // Before OpenMetrics the family of a counter had the name of its samples.
  const familyName = isOpen ? name : sampleName;
  const lines = [`# HELP ${familyName} ${help}`, `# TYPE ${familyName} ${type}`];
  if (isOpen && unit !== undefined) lines.push(`# UNIT ${familyName} ${unit}`);
  for (const { stats, labels } of sources) {
    for (const [value, own] of family.samples(stats)) {
      lines.push(`${sampleName}${labelsOf({ ...labels, ...own })} ${value}`);
    }
  }
  return lines;
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A label's value, in which a backslash, a quotation mark and the end of a line have a meaning. */
function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (each) => each === "\n" ? "\\n" : `\\${each}`);
}
