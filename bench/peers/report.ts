/** A run as text. */

import { type ContenderId, TITLES } from "./contenders.ts";
import { type Figure, type Measure, median, medianOf, ratios, type Report } from "./results.ts";
import type { Row, Verdict } from "./results.ts";

/** The machine, the contenders, and which are missing. */
export function formatHead(report: Omit<Report, "measures" | "verdicts">): string {
  const { machine, rounds, seconds, contenders, missing } = report;
  return [
    machine,
    `${rounds} ${rounds === 1 ? "round" : "rounds"} of ${seconds} s; medians; ratios are ours ÷ ` +
    "theirs in the same round: median (least–most)",
    ...contenders.map(({ title, version }) => `  ${title}: ${version}`),
    ...missing.map(({ title, reason }) => `  ${title}: missing, ${reason}`),
  ].join("\n");
}

/** The table of one measure. */
export function formatMeasure(measure: Measure, verdicts: readonly Verdict[]): string {
  const { name, title, figures, rows, broken, notes } = measure;
  const table = [
    ["", ...figures.flatMap((figure) => [figure.title, ...figure.better ? ["ours ÷ theirs"] : []])],
    ...rows.map((row) => [
      row.title,
      ...figures.flatMap((figure) => [
        formatNumber(medianOf(row, figure.name), figure.digits),
        ...figure.better ? [formatRatio(measure, row, figure, verdicts)] : [],
      ]),
    ]),
  ];
  const isRatio = table[0]!.map((head) => head === "ours ÷ theirs");
  const widths = table[0]!.map((_, column) =>
    Math.max(...table.map((line) => line[column]!.length))
  );
  const lines = table.map((line) =>
    line.map((cell, column) =>
      column === 0 || isRatio[column]
        ? cell.padEnd(widths[column]!)
        : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  );
  return [
    `${name}: ${title}`,
    ...rows.length > 0 ? lines.map((line) => `  ${line}`) : [],
    ...broken.map((each) => `  ${each.title} broke: ${each.reason}`),
    ...verdicts.filter(({ against }) => against === undefined).map((verdict) =>
      `  ${figureTitle(figures, verdict.figure)}: ${formatVerdict(verdict)}`
    ),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
}

/** One line for each target. */
export function formatVerdicts(verdicts: readonly Verdict[], measures: readonly Measure[]): string {
  if (verdicts.length === 0) return "No target was measured.";
  const lines = verdicts.map((verdict) => {
    const { measure, figure, against } = verdict;
    const figures = measures.find(({ name }) => name === measure)!.figures;
    const what = `${measure}, ${figureTitle(figures, figure)}${
      against ? `, ÷ ${titleOf(against)}` : ""
    }`;
    const found = verdict.found === null ? "broke" : verdict.found.toFixed(2);
    return `  ${what.padEnd(48)}  ${found.padStart(6)}  ${formatVerdict(verdict)}`;
  });
  const short = verdicts.filter(({ ok }) => !ok).length;
  const sum = short === 0 ? "all reached" : `${short} of ${verdicts.length} not reached`;
  return [`Targets: ${sum}`, ...lines].join("\n");
}

/** With thousands separated. */
export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function formatRatio(
  measure: Measure,
  row: Row,
  figure: Figure,
  verdicts: readonly Verdict[],
): string {
  const values = ratios(measure, row, figure.name);
  if (values.length === 0) return "";
  const spread = values.length === 1
    ? ""
    : ` (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
  const verdict = verdicts.find((each) =>
    each.figure === figure.name && each.against === row.contender
  );
  const verdictText = verdict === undefined ? "" : `  ${formatVerdict(verdict)}`;
  return `${median(values).toFixed(2).padStart(5)}${spread}${verdictText}`;
}

function formatVerdict({ ok, wanted }: Verdict): string {
  return `${ok ? "ok" : "short"}, ${wanted}`;
}

function figureTitle(figures: readonly Figure[], name: string): string {
  return figures.find((figure) => figure.name === name)!.title;
}

function titleOf(contender: ContenderId): string {
  return TITLES[contender];
}
