// Charts and matrices as files: CSV at full precision, as the command line writes it, and SVG. Pure functions.
import type { Column } from "../api/series.js";
import { csvField, exact, short } from "../lib/format.js";
import { type Curve, align, extent } from "./curve.js";
import type { Matrix } from "./matrix.js";
import { ticks } from "./ticks.js";

export function seriesCsv(columns: Column[]): string {
  const single = columns.length === 1;
  const lines = [single ? "step,value" : "series,step,value"];
  for (const { key, step, value } of columns)
    step.forEach((at, i) => lines.push(`${single ? "" : `${csvField(key)},`}${at},${exact(value[i] ?? NaN)}`));
  return `${lines.join("\n")}\n`;
}

// The same series of several runs or groups, told apart by a column.
export function namedCsv(groups: { label: string; columns: Column[] }[]): string {
  const lines = ["of,series,step,value,sd"];
  for (const { label, columns } of groups)
    for (const { key, step, value, sd } of columns)
      step.forEach((at, i) => lines.push([csvField(label), csvField(key), at, exact(value[i] ?? NaN), sd[i] === undefined ? "" : exact(sd[i])].join(",")));
  return `${lines.join("\n")}\n`;
}

export function matrixCsv(matrix: Matrix, classes: string[]): string {
  const lines = ["responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite"];
  classes.forEach((responding, row) =>
    classes.forEach((updated, column) => {
      const at = row * matrix.size + column;
      const count = matrix.count?.[at];
      lines.push(
        [
          csvField(responding),
          csvField(updated),
          exact(matrix.mean[at] ?? NaN),
          exact(matrix.sd[at] ?? NaN),
          count === undefined ? "" : String(count),
          String(matrix.skipped[at] ?? 0),
          exact(matrix.ratio[at] ?? NaN),
          String(matrix.nonfinite[at] ?? 0),
        ].join(","),
      );
    }),
  );
  return `${lines.join("\n")}\n`;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

const width = 480;
const height = 250;
const frame = { left: 62, right: 14, top: 30, bottom: 34 };

function path(points: [number, number][]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
}

// One chart, for a page of its own or, moved by (x, y), for a larger drawing.
function chartGroup(title: string, curves: Curve[], log: boolean, x: number, y: number): string {
  const aligned = align(curves, log);
  const from = aligned.x[0] ?? 0;
  const to = aligned.x.at(-1) ?? 1;
  const [low, high] = extent(aligned, from, to, log);
  const inner = { width: width - frame.left - frame.right, height: height - frame.top - frame.bottom };
  const px = (step: number) => frame.left + ((step - from) / (to - from || 1)) * inner.width;
  const scaled = (value: number) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const py = (value: number) => frame.top + (1 - Math.min(1, Math.max(0, scaled(value)))) * inner.height;
  const parts = [`<g transform="translate(${x} ${y})">`, `<text x="${frame.left}" y="18" font-weight="600">${escapeXml(title)}</text>`];
  for (const value of ticks(low, high, log)) {
    parts.push(`<line x1="${frame.left}" x2="${width - frame.right}" y1="${py(value)}" y2="${py(value)}" stroke="#ddd"/>`);
    parts.push(`<text x="${frame.left - 6}" y="${py(value) + 4}" text-anchor="end" fill="#555">${short(value)}</text>`);
  }
  for (const step of ticks(from, Math.max(to, from + 1), false))
    parts.push(`<text x="${px(step)}" y="${height - 14}" text-anchor="middle" fill="#555">${short(step, 6)}</text>`);
  curves.forEach((curve, i) => parts.push(curveGroup(curve, i, aligned, px, py)));
  parts.push("</g>");
  return parts.join("\n");
}

function curveGroup(curve: Curve, i: number, aligned: ReturnType<typeof align>, px: (x: number) => number, py: (y: number) => number): string {
  // A value that cannot be drawn breaks the line, as on the page.
  const pieces: { line: [number, number][]; high: [number, number][]; low: [number, number][] }[] = [];
  let open = false;
  aligned.x.forEach((step, at) => {
    const value = aligned.y[i]?.[at];
    if (value === undefined) return;
    if (value === null) {
      open = false;
      return;
    }
    if (!open) pieces.push({ line: [], high: [], low: [] });
    open = true;
    const piece = pieces.at(-1);
    piece?.line.push([px(step), py(value)]);
    const [high, low] = [aligned.high[i]?.[at], aligned.low[i]?.[at]];
    if (typeof high !== "number" || typeof low !== "number") return;
    piece?.high.push([px(step), py(high)]);
    piece?.low.push([px(step), py(low)]);
  });
  const dash = curve.dash?.length ? ` stroke-dasharray="${curve.dash.join(" ")}"` : "";
  return pieces
    .map(({ line, high, low }) => {
      const band = high.length > 1 ? `<path d="${path([...high, ...low.reverse()])}Z" fill="${curve.color}" fill-opacity="0.14"/>` : "";
      return `${band}<path d="${path(line)}" fill="none" stroke="${curve.color}" stroke-width="${curve.width ?? 1.6}"${dash}><title>${escapeXml(curve.label)}</title></path>`;
    })
    .join("");
}

// Charts beside and below each other, with one legend for all.
export function chartsSvg(charts: { title: string; curves: Curve[] }[], log: boolean, caption: string): string {
  const columns = Math.min(3, charts.length);
  const rows = Math.ceil(charts.length / columns);
  const names = new Map<string, Curve>();
  for (const { curves } of charts) for (const curve of curves) if (!names.has(curve.label)) names.set(curve.label, curve);
  const total = { width: columns * width, height: rows * height + 26 + names.size * 18 };
  const legend = [...names.values()].map((curve, i) => {
    const y = rows * height + 40 + i * 18;
    return `<line x1="20" x2="44" y1="${y - 4}" y2="${y - 4}" stroke="${curve.color}" stroke-width="2.4" stroke-dasharray="${curve.dash?.join(" ") ?? ""}"/><text x="52" y="${y}">${escapeXml(curve.label)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...charts.map(({ title, curves }, i) => chartGroup(title, curves, log, (i % columns) * width, Math.floor(i / columns) * height)),
    `<text x="20" y="${rows * height + 16}" fill="#555">${escapeXml(caption)}</text>`,
    ...legend,
    "</svg>",
  ].join("\n");
}
