/**
 * A run as the tables of a page, between two marks that are comments there.
 *
 *     deno run --allow-read --allow-write bench/peers/page.ts FILE.json docs/performance.md
 */

import { type ContenderId, OURS, OURS_EPOLL, OURS_OPENSSL, TITLES } from "./contenders.ts";
import { formatNumber, formatRatio, formatVerdict } from "./report.ts";
import { type Measure, medianOf, type Report } from "./results.ts";
import { TARGET_TABLES } from "./targets.ts";

const BEGIN = "<!-- bench:peers -->";
const END = "<!-- /bench:peers -->";

/** A figure of some measures, and what it is called in the first column. */
interface Line {
  readonly measure: Measure;
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
}

/** Writes the tables of a run in place of those between the marks. @throws {Error} without marks */
export function fillPage(page: string, report: Report): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} before an ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tablesOf(report)}\n\n${page.slice(end)}`;
}

function tablesOf(report: Report): string {
  const lines = report.measures.flatMap(linesOf);
  const tls = report.measures.flatMap(tlsLinesOf);
  const cpu = report.measures.flatMap(cpuLinesOf);
  const ids = report.contenders.map(({ id }) => id);
  const ratios = ([OURS, OURS_EPOLL, OURS_OPENSSL] as const).map((of) => ({
    of,
    lines: of === OURS_OPENSSL ? tls : lines,
  })).filter(({ of, lines }) => ids.includes(of) && lines.length > 0);
  const tables = ratios.map(({ of, lines }) =>
    `${TITLES[of]}; for the others ${TITLES[of]} ÷ theirs, median (smallest–largest):\n\n` +
    table(lines, [of, ...ids.filter((id) => id !== of)], ({ measure, figure, digits }, id) => {
      const row = measure.rows.find(({ contender }) => contender === id);
      if (row === undefined) return brokenOr(measure, id);
      if (id === of) return formatNumber(medianOf(row, figure), digits);
      return formatRatio(measure, of, row, { name: figure }).trim();
    })
  );
  return [
    `${versionsOf(report)}; ${report.date.slice(0, 10)}, ${report.machine}; ${report.rounds} × ` +
    `${report.seconds} s.`,
    ...tables,
    "The server's processor time for each of them, in µs:\n\n" +
    table(cpu, ids, ({ measure, figure, digits }, id) => {
      const row = measure.rows.find(({ contender }) => contender === id);
      return row ? formatNumber(medianOf(row, figure), digits) : brokenOr(measure, id);
    }),
    ...report.measures.flatMap(detailsOf),
    ...verdictsOf(report),
  ].join("\n\n");
}

/** What is more or less of in one measure. */
function linesOf(measure: Measure): Line[] {
  const line = (figure: string, title: string, digits = 0) => ({ measure, figure, title, digits });
  const shape = shapeOf(measure.name);
  switch (measure.name) {
    case "idle":
      return [
        line("handshakesPerSecond", "handshakes a second"),
        line("bytesPerConnection", "bytes an idle connection (less is better)"),
      ];
    case "broadcast":
      return [line("messagesPerSecond", "broadcast to 1,000, deliveries a second")];
  }
  if (shape === undefined) return [];
  const isCrowd = measure.figures.some(({ name }) => name === "starved");
  return [
    line("messagesPerSecond", shape),
    ...isCrowd ? [line("worstMs", `${shape}: worst ms (less is better)`, 1)] : [],
  ];
}

/** The same of what goes over TLS. */
function tlsLinesOf(measure: Measure): Line[] {
  if (measure.name === "idle-tls") return linesOf({ ...measure, name: "idle" });
  if (!measure.name.startsWith("tls-")) return [];
  const shape = shapeOf(measure.name.slice("tls-".length))!;
  return [
    { measure, figure: "messagesPerSecond", title: shape, digits: 0 },
    { measure, figure: "cpu", title: `${shape}: CPU µs (less is better)`, digits: 1 },
  ];
}

function cpuLinesOf(measure: Measure): Line[] {
  const title = { idle: "handshake", broadcast: "delivery" }[measure.name] ?? shapeOf(measure.name);
  return title === undefined ? [] : [{ measure, figure: "cpuUs", title, digits: 2 }];
}

/** The measures whose rows are told one by one. */
function detailsOf({ name, title, figures, rows }: Measure): string[] {
  if (name !== "latency" && name !== "growth") return [];
  const head = [title, ...figures.map((figure) => figure.title)];
  const body = rows.map((row) => [
    row.title,
    ...figures.map((figure) => formatNumber(medianOf(row, figure.name), figure.digits)),
  ]);
  return [markdown([head, ...body])];
}

function verdictsOf({ verdicts, measures, missing }: Report): string[] {
  return TARGET_TABLES.map(({ title, of }) => {
    const absent = missing.find(({ id }) => id === of);
    if (absent !== undefined) return `${title}: skipped, ${absent.title} is missing.`;
    const judged = verdicts.filter((verdict) => verdict.of === of);
    const short = judged.filter(({ ok }) => !ok);
    const sum = short.length === 0
      ? `all ${judged.length} rows hold`
      : `${short.length} of ${judged.length} rows are short`;
    const rows = short.map((verdict) => {
      const { figures } = measures.find((each) => each.name === verdict.measure)!;
      return `- ${
        formatVerdict(verdict, figures, verdict.measure).trim().replaceAll(/ {2,}/g, ": ")
      }`;
    });
    return [`${title}: ${sum}.`, ...rows.length > 0 ? [rows.join("\n")] : []].join("\n\n");
  });
}

/** `64 × 1 × 125` of an uncompressed case; undefined of another one. */
function shapeOf(name: string): string | undefined {
  const match = /^(?:(\d+)-idle-)?(\d+)x(\d+)x(\d+)$/.exec(name);
  if (match === null) return undefined;
  const [, idle, ...shape] = match;
  const beside = idle === undefined ? "" : ` beside ${formatNumber(Number(idle))} idle`;
  return shape.map((each) => formatNumber(Number(each))).join(" × ") + beside;
}

function table(
  lines: readonly Line[],
  ids: readonly ContenderId[],
  cell: (line: Line, id: ContenderId) => string,
): string {
  const shown = ids.filter((id) => lines.some((line) => cell(line, id) !== NONE));
  return markdown([
    ["connections × in flight × bytes", ...shown.map((id) => TITLES[id])],
    ...lines.map((line) => [line.title, ...shown.map((id) => cell(line, id))]),
  ]);
}

const NONE = "–";

function brokenOr({ broken }: Measure, id: ContenderId): string {
  return broken.some(({ contender }) => contender === id) ? "broke" : NONE;
}

function markdown([head, ...body]: readonly string[][]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [row(head!), row(head!.map(() => "---")), ...body.map(row)].join("\n");
}

function versionsOf({ contenders }: Report): string {
  const version = (id: ContenderId, title: string = TITLES[id]) =>
    contenders.filter((each) => each.id === id).map((each) => `${title} ${each.version}`);
  return [
    ...version("deno", "Deno"),
    ...version("ws-deno", "ws"),
    ...version("ws-node", "ws"),
    ...version("bun"),
    ...version("libwebsockets"),
  ].join("; ");
}

if (import.meta.main) {
  const [from, page, ...rest] = Deno.args;
  if (from === undefined || page === undefined || rest.length > 0) {
    // deno-lint-ignore no-console -- a program's own output
    console.error("page.ts FILE.json PAGE.md");
    Deno.exit(2);
  }
  const report = JSON.parse(await Deno.readTextFile(from)) as Report;
  await Deno.writeTextFile(page, fillPage(await Deno.readTextFile(page), report));
}
