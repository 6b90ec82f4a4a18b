/** The samples of both processes as a picture: a panel for each series. */

import { PANEL_WIDTH, text } from "../../bench/peers/chart_panel.ts";
import { judge, type Sample, type SeriesName } from "./series.ts";

const MARGIN = 16;
const GAP = 24;
const HEAD = 48;
const LINES = 70;
const PANEL = LINES + 44;

const STYLE = `
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.panel { font-weight: 600 }
.line { fill: none; stroke: #0969da; stroke-width: 1.5 }
.grown { stroke: #cf222e }
rect { fill: none; stroke: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .line { stroke: #4493f8 } }`;

const UNITS: Readonly<Record<SeriesName, [unit: string, divisor: number]>> = {
  heap: ["MiB of heap", 2 ** 20],
  code: ["MiB of code", 2 ** 20],
  resident: ["MiB resident", 2 ** 20],
  descriptors: ["descriptors", 1],
  timers: ["timers", 1],
  connections: ["connections", 1],
};

/** Draws the series of each process, by its name. */
export function drawSoak(processes: Readonly<Record<string, readonly Sample[]>>): string {
  const columns = Object.entries(processes);
  const names = Object.keys(UNITS) as SeriesName[];
  const width = 2 * MARGIN + columns.length * PANEL_WIDTH + (columns.length - 1) * GAP;
  const height = HEAD + names.length * PANEL;
  const panels = columns.flatMap(([process, samples], column) =>
    names.map((name, row) => {
      const x = MARGIN + column * (PANEL_WIDTH + GAP);
      return drawSeries(process, samples, name, x, HEAD + row * PANEL);
    })
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}">`,
    `<style>${STYLE}</style>`,
    text(`a soak of ${columns[0]![1].at(-1)!.minute.toFixed(0)} minutes`, MARGIN, 26, "title"),
    ...panels,
    "</svg>\n",
  ].join("\n");
}

function drawSeries(
  process: string,
  samples: readonly Sample[],
  name: SeriesName,
  x: number,
  y: number,
): string {
  const [unit, divisor] = UNITS[name];
  const most = Math.max(...samples.map((sample) => sample[name]), 1);
  const end = samples.at(-1)!.minute;
  const points = samples.map((sample) =>
    `${(sample.minute / end * PANEL_WIDTH).toFixed(1)},${
      (LINES - sample[name] / most * LINES).toFixed(1)
    }`
  );
  const { isFlat, first, last } = judge(samples, name);
  const figures = [first, last, most].map((each) => (each / divisor).toFixed(1));
  return [
    `<g transform="translate(${x} ${y})">`,
    text(
      `${process}: ${unit}, ${figures[0]} → ${figures[1]}, most ${figures[2]}`,
      0,
      12,
      "panel",
    ),
    `<g transform="translate(0 20)"><rect width="${PANEL_WIDTH}" height="${LINES}"/>`,
    `<polyline class="line${isFlat ? "" : " grown"}" points="${points.join(" ")}"/></g>`,
    "</g>",
  ].join("\n");
}
