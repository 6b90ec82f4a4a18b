/** A run as text. */

import { type ContenderId, OURS, OURS_EPOLL, OURS_OPENSSL, TITLES } from "./contenders.ts";
import { type Figure, type Measure, median, medianOf, ratios, type Report } from "./results.ts";
import type { Row, Verdict } from "./results.ts";
import { TARGET_TABLES } from "./targets.ts";

type Head = Omit<Report, "measures" | "verdicts">;

/** The heads of the columns of ratios, by which of our servers is divided. */
const RATIO_HEADS: readonly (readonly [ContenderId, string])[] = [
  [OURS, "ours ÷ theirs"],
  [OURS_EPOLL, "epoll ÷ theirs"],
  [OURS_OPENSSL, "OpenSSL ÷ theirs"],
];

/** The machine, the contenders, and which are missing. */
export function formatHead(report: Head): string {
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
  const divided = RATIO_HEADS.filter(([of]) => rows.some(({ contender }) => contender === of));
  const table = [
    [
      "",
      ...figures.flatMap(({ title, better }) => [
        title,
        ...better ? divided.map(([, head]) => head) : [],
      ]),
    ],
    ...rows.map((row) => [
      row.title,
      ...figures.flatMap((figure) => [
        formatNumber(medianOf(row, figure.name), figure.digits),
        ...figure.better ? divided.map(([of]) => formatRatio(measure, of, row, figure)) : [],
      ]),
    ]),
  ];
  const isRatio = table[0]!.map((head) => head.endsWith("÷ theirs"));
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
    ...verdicts.map((verdict) => formatVerdict(verdict, figures)),
    ...notes.map((note) => `  ${note}`),
  ].join("\n");
}

/** One line for each target, in the tables of which each is. */
export function formatVerdicts(
  verdicts: readonly Verdict[],
  measures: readonly Measure[],
  { missing }: Head,
): string {
  return TARGET_TABLES.map(({ title, of }) => {
    const absent = missing.find(({ id }) => id === of);
    if (absent !== undefined) return `${title}: skipped, ${absent.title} is missing`;
    const judged = verdicts.filter((verdict) => verdict.of === of);
    if (judged.length === 0) return `${title}: no target was measured`;
    const short = judged.filter(({ ok }) => !ok).length;
    const sum = short === 0 ? "all reached" : `${short} of ${judged.length} not reached`;
    const lines = judged.map((verdict) => {
      const { figures } = measures.find(({ name }) => name === verdict.measure)!;
      return formatVerdict(verdict, figures, verdict.measure);
    });
    return [`${title}: ${sum}`, ...lines].join("\n");
  }).join("\n");
}

/** With thousands separated. */
export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Ours ÷ theirs: the median, and in parentheses the least and the most of several rounds. */
export function formatRatio(
  measure: Measure,
  of: ContenderId,
  row: Row,
  figure: Pick<Figure, "name">,
): string {
  const values = ratios(measure, of, row, figure.name);
  if (values.length === 0) return "";
  const spread = values.length === 1
    ? ""
    : ` (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
  return median(values).toFixed(2).padStart(5) + spread;
}

/** What was divided by what, what came out, and what was wanted. */
export function formatVerdict(
  { of, figure, against, found, ok, wanted }: Verdict,
  figures: readonly Figure[],
  measure?: string,
): string {
  const what = [
    ...measure === undefined ? [] : [`${measure}, `],
    figures.find(({ name }) => name === figure)?.title ?? figure,
    `, ${TITLES[of]}`,
    ...against === undefined ? [] : [` ÷ ${TITLES[against]}`],
  ].join("");
  const width = measure === undefined ? 50 : 70;
  const outcome = found === null ? "broke" : found.toFixed(2);
  return `  ${what.padEnd(width)}  ${outcome.padStart(6)}  ${ok ? "ok" : "short"}, ${wanted}`;
}
