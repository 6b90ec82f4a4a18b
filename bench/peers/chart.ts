/**
 * A run as a picture: a panel for each case, each with a scale of its own, since the cases lie a
 * hundredfold apart.
 *
 *     deno run --allow-read --allow-write bench/peers/chart.ts FILE.json FILE.svg
 */

import {
  drawPanel,
  escape,
  PANEL_WIDTH,
  panelHeight,
  type PanelPlan,
  text,
} from "./chart_panel.ts";
import { isOurs, OURS } from "./contenders.ts";
import type { Measure, Report } from "./results.ts";

const MARGIN = 16;
const GAP = 24;
const WIDTH = 2 * MARGIN + 2 * PANEL_WIDTH + GAP;
const HEAD_HEIGHT = 76;
const LINE_HEIGHT = 15;

const STYLE = `
text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.small, .value { fill: #59636e }
.panel { font-size: 12px; font-weight: 600 }
.label { text-anchor: end }
.strong { font-weight: 600; fill: #1f2328 }
.ours { fill: #0969da }
.other { fill: #b1bac4 }
.floor { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 }
.spread { stroke: #1f2328; stroke-opacity: .55; fill: none }
@media (prefers-color-scheme: dark) {
text, .strong { fill: #f0f6fc }
.small, .value { fill: #9198a1 }
.value.strong { fill: #f0f6fc }
.ours { fill: #4493f8 }
.other { fill: #545d68 }
.floor { stroke: #7d8590 }
.spread { stroke: #f0f6fc }
}`;

/** Draws a run. */
export function drawChart(report: Report): string {
  const panels = report.measures.flatMap((measure) =>
    plansFor(measure).map((plan) => ({ plan, measure }))
  );
  const drawn: string[] = [];
  let y = HEAD_HEIGHT;
  for (let index = 0; index < panels.length; index += 2) {
    const pair = panels.slice(index, index + 2);
    pair.forEach(({ plan, measure }, column) => {
      drawn.push(drawPanel(plan, measure, MARGIN + column * (PANEL_WIDTH + GAP), y));
    });
    y += Math.max(...pair.map(({ measure }) => panelHeight(measure))) + GAP;
  }
  const foot = footLines(report).map((line, index) =>
    text(line, MARGIN, y + index * LINE_HEIGHT, "small")
  );
  const height = y + foot.length * LINE_HEIGHT;
  const title = "@x/lws beside other WebSocket servers";
  const runs =
    `${report.rounds} × ${report.seconds} s in turns, medians; thin lines: least to most`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    text(title, MARGIN, 26, "title"),
    text(
      `${report.date.slice(0, 10)}, ${report.machine}`,
      MARGIN,
      44,
      "small",
    ),
    text(runs, MARGIN, 59, "small"),
    ...drawn,
    ...foot,
    "</svg>\n",
  ].join("\n");
}

/** The panels of a measure; some have none. */
function plansFor({ name, title, figures, rows, broken }: Measure): PanelPlan[] {
  if (rows.length + broken.length === 0) return [];
  const rate = { figure: "messagesPerSecond", format: short };
  const less = "less is better";
  switch (name) {
    case "idle":
      return [
        { ...rate, figure: "handshakesPerSecond", title: "handshakes/s, one after the other" },
        {
          figure: "bytesPerConnection",
          format: kibibytes,
          title: `KiB per idle connection, ${less}`,
        },
      ];
    case "broadcast":
      return [{ ...rate, title: "deliveries/s, 125 bytes to 1,000 connections" }];
    case "latency": {
      const offered = /^[\d,]+/.exec(title)?.[0];
      return [{ ...rate, figure: "p99us", title: `p99 µs at ${offered} messages/s, ${less}` }];
    }
    case "files":
      return ["1 KiB", "64 KiB", "16 MiB"].map((size) => (
        { figure: `${size}/s`, format: short, title: `files of ${size} a second, 64 connections` }
      ));
    case "answers":
    case "growth":
    case "idle-cpu":
    case "idle-deflate":
      return [];
  }
  const [size, pipeline, connections, idle] = name.match(/\d+/g)!.reverse().map((each) =>
    Number(each).toLocaleString("en")
  );
  const beside = idle === undefined ? "" : ` beside ${idle} idle`;
  const kind = /^[a-z]*/.exec(name)![0];
  const suffix = { deflate: ", compressed", tls: ", TLS" }[kind] ?? "";
  const unit = connections === "1" ? "connection" : "connections";
  const shape = `${connections}${beside || ` ${unit}`} × ${pipeline} × ${size} bytes${suffix}`;
  const isCrowd = figures.some((figure) => figure.name === "starved");
  return [
    { ...rate, title: `messages/s: ${shape}` },
    ...isCrowd ? [{ figure: "worstMs", format: short, title: `worst ms: ${shape}, ${less}` }] : [],
  ];
}

function footLines({ contenders, missing }: Report): string[] {
  const versions = contenders.filter(({ id }) =>
    !id.includes("floor") && id === OURS || !isOurs(id)
  )
    .map(({ title, version }) => `${title} ${version}`);
  const half = Math.ceil(versions.length / 2);
  return [
    versions.slice(0, half).join(" · "),
    versions.slice(half).join(" · "),
    ...contenders.some(({ id }) => id.includes("floor"))
      ? [
        "floor and bare epoll loop: read, unmask and write in TypeScript, without callbacks or checks, " +
        "on Deno.listen and on libc",
      ]
      : [],
    ...missing.length > 0 ? [`missing: ${missing.map(({ title }) => title).join(", ")}`] : [],
  ].filter((line) => line !== "");
}

/** Three digits: 1.24 M, 99.1 k, 870. */
function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return value.toFixed(0);
}

function kibibytes(value: number): string {
  return (value / 1024).toFixed(1);
}

if (import.meta.main) {
  const [from, to, ...rest] = Deno.args;
  if (from === undefined || to === undefined || rest.length > 0) {
    // deno-lint-ignore no-console -- a program's own output
    console.error("chart.ts FILE.json FILE.svg");
    Deno.exit(2);
  }
  await Deno.writeTextFile(to, drawChart(JSON.parse(await Deno.readTextFile(from)) as Report));
}
