/** One panel of the chart: a figure of one measure, a bar for each contender. */

import { isOurs } from "./contenders.ts";
import { type Measure, medianOf, type Row } from "./results.ts";

/** Which figure a panel shows, and how its numbers are written. */
export interface PanelPlan {
  readonly figure: string;
  readonly title: string;
  readonly format: (value: number) => string;
}

export const PANEL_WIDTH = 396;
const TITLE_HEIGHT = 24;
const BAR_HEIGHT = 11;
const PITCH = 17;
const LABEL_WIDTH = 112;
const VALUE_WIDTH = 58;
const BAR_SPACE = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;

/** The height of a measure's panel. */
export function panelHeight({ rows, broken }: Measure): number {
  return TITLE_HEIGHT + (rows.length + broken.length) * PITCH;
}

/** Draws a panel with its upper left corner at a point. */
export function drawPanel(plan: PanelPlan, measure: Measure, x: number, y: number): string {
  const most = Math.max(...measure.rows.flatMap((row) => valuesOf(row, plan.figure)), 1e-9);
  const lines = measure.rows.map((row, index) => drawBar(plan, row, most, index));
  const broken = measure.broken.map(({ title }, index) => {
    const at = baseline(measure.rows.length + index);
    return `${label(title, at, "")}${text("broke", LABEL_WIDTH + 5, at, "value")}`;
  });
  return [
    `<g transform="translate(${x} ${y})">`,
    text(plan.title, 0, 12, "panel"),
    ...lines,
    ...broken,
    "</g>",
  ].join("\n");
}

function drawBar(plan: PanelPlan, row: Row, most: number, index: number): string {
  const isOurRow = isOurs(row.contender);
  const kind = isOurRow ? "ours" : row.contender.startsWith("floor") ? "floor" : "other";
  const values = valuesOf(row, plan.figure);
  const width = (value: number) => round(Math.max(value, 0) / most * BAR_SPACE);
  const middle = medianOf(row, plan.figure);
  const [least, greatest] = [Math.min(...values), Math.max(...values)].map(width) as [
    number,
    number,
  ];
  const at = baseline(index);
  const top = at - BAR_HEIGHT + 2;
  const spread = greatest - least < 1
    ? ""
    : `<path class="spread" d="M${LABEL_WIDTH + least} ${top + BAR_HEIGHT / 2}H${
      LABEL_WIDTH + greatest
    }"/>`;
  const bar = `<rect class="${kind}" x="${LABEL_WIDTH}" y="${top}" width="${
    Math.max(width(middle), 1)
  }" height="${BAR_HEIGHT}"/>`;
  const end = LABEL_WIDTH + greatest + 5;
  const emphasis = isOurRow ? " strong" : "";
  return label(row.title, at, emphasis) + bar + spread +
    text(plan.format(middle), end, at, `value${emphasis}`);
}

function valuesOf(row: Row, figure: string): number[] {
  return row.rounds.map((sample) => sample[figure]!);
}

function baseline(index: number): number {
  return TITLE_HEIGHT + index * PITCH + BAR_HEIGHT;
}

function label(title: string, y: number, emphasis: string): string {
  return text(title, LABEL_WIDTH - 6, y, `label${emphasis}`);
}

/** One line of text. */
export function text(words: string, x: number, y: number, kind: string): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}">${escape(words)}</text>`;
}

/** Text as XML has it. */
export function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
