// A matrix as SVG, for files. Pure functions.
import { cellColor, type ColorScale, cssColor, textOn } from "../lib/color.js";
import { short } from "../lib/format.js";
import { escapeXml } from "./files.js";

const width = 520;
const letter = 6.6;

export function matrixSvg(values: ArrayLike<number>, classes: string[], scale: ColorScale, caption: string): string {
  const longest = Math.max(1, ...classes.map((name) => Math.min(13, [...name].length)));
  const left = longest * letter + 12;
  const top = left;
  const cell = Math.min(72, (width - left - 4) / Math.max(1, classes.length));
  const side = cell * classes.length;
  const total = { width: Math.max(left + side + 4, caption.length * letter), height: top + side + 26 };
  const parts: string[] = [];
  classes.forEach((name, i) => {
    const middle = (i + 0.5) * cell;
    if (cell < 9) return;
    const label = escapeXml([...name].length > 13 ? `${[...name].slice(0, 12).join("")}…` : name);
    const x = left + middle;
    parts.push(`<text x="${left - 6}" y="${top + middle + 4}" text-anchor="end">${label}</text>`);
    parts.push(`<text x="${x}" y="${top - 6}" transform="rotate(-90 ${x} ${top - 6})" dy="4">${label}</text>`);
  });
  classes.forEach((responding, row) =>
    classes.forEach((updated, column) => {
      const value = values[row * classes.length + column] ?? NaN;
      const color = Number.isNaN(value) ? ([221, 221, 221] as const) : cellColor(scale, value, false);
      const [x, y] = [left + column * cell, top + row * cell];
      parts.push(
        `<rect x="${x}" y="${y}" width="${cell - 0.5}" height="${cell - 0.5}" fill="${cssColor(color)}"><title>${escapeXml(`${responding} responds to ${updated}: ${short(value, 4)}`)}</title></rect>`,
      );
      if (cell >= 34) parts.push(`<text x="${x + cell / 2}" y="${y + cell / 2 + 4}" text-anchor="middle" fill="${textOn(color)}">${short(value)}</text>`);
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeXml(caption)}">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...parts,
    `<text x="4" y="${total.height - 8}" fill="#555">${escapeXml(caption)}</text>`,
    "</svg>",
  ].join("\n");
}
