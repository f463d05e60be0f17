// Colours: curves that colour-blind readers tell apart, and scales for matrices. Pure functions.

export type Rgb = readonly [number, number, number];

// Okabe and Ito's palette, darkened for white paper and lightened for black.
const onLight = ["#0067a6", "#c2410c", "#00805f", "#a8327e", "#b07a00", "#2b8cc4", "#5b4bb5", "#4d4d4d"];
const onDark = ["#5ab4f0", "#ff8a5b", "#2fc79a", "#e689c3", "#f0c14b", "#9bd4f7", "#a79cf0", "#c4c7cc"];
const dashes: number[][] = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// Colour of the i-th curve of a chart; after the eighth the dashes tell them apart.
export function curveColor(index: number, dark: boolean): string {
  const palette = dark ? onDark : onLight;
  return palette[index % palette.length] ?? "#888888";
}

export function curveDash(index: number): number[] {
  return dashes[Math.floor(index / onLight.length) % dashes.length] ?? [];
}

export function withAlpha(hex: string, alpha: number): string {
  const [r, g, b] = parseHex(hex);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

// Perceptually even in lightness, so that order survives without colour (after viridis and cividis).
const sequentialStops: Rgb[] = ["#0a2350", "#27416e", "#4d5f7b", "#727e80", "#9a9e7c", "#c6c06e", "#f7e655"].map(parseHex);
// Blue to orange through paper: told apart by every kind of colour blindness.
const divergingLight: Rgb[] = ["#0b4f9e", "#4f8fd0", "#b3d0ec", "#f7f7f5", "#f8cfa2", "#e08b35", "#9c4a00"].map(parseHex);
const divergingDark: Rgb[] = ["#8cc4ff", "#3f86cf", "#1f4a78", "#22252b", "#70401a", "#cf7a28", "#ffbe78"].map(parseHex);

function mix(stops: Rgb[], at: number): Rgb {
  const place = Math.min(1, Math.max(0, at)) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const part = place - low;
  const a = stops[low] ?? [0, 0, 0];
  const b = stops[low + 1] ?? a;
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part];
}

// How the values of a matrix become colours.
export interface ColorScale {
  low: number;
  high: number;
  // Centred on 0; else from low to high.
  diverging: boolean;
  log: boolean;
}

// The scale that shows all of `values`: centred on 0 when they are signed. Non-finite values count not.
export function scaleFor(values: Iterable<number>, signed: boolean, log: boolean): ColorScale {
  let low = Infinity;
  let high = -Infinity;
  let smallest = Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    if (value > 0) smallest = Math.min(smallest, value);
  }
  if (low > high) return { low: 0, high: 1, diverging: signed, log: false };
  if (signed) {
    const size = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return { low: -size, high: size, diverging: true, log: false };
  }
  if (log && high > 0) return { low: smallest, high: high > smallest ? high : smallest * 10, diverging: false, log: true };
  return { low: Math.min(0, low), high: high > Math.min(0, low) ? high : Math.min(0, low) + 1, diverging: false, log: false };
}

// Where a value stands on the scale, from 0 to 1; values beyond its ends are at the ends.
export function position(scale: ColorScale, value: number): number {
  const at = scale.log
    ? (Math.log(value) - Math.log(scale.low)) / (Math.log(scale.high) - Math.log(scale.low))
    : (value - scale.low) / (scale.high - scale.low);
  return Number.isNaN(at) ? 0 : Math.min(1, Math.max(0, at));
}

export function cellColor(scale: ColorScale, value: number, dark: boolean): Rgb {
  const stops = scale.diverging ? (dark ? divergingDark : divergingLight) : sequentialStops;
  return mix(stops, position(scale, value));
}

export function cssColor([r, g, b]: Rgb): string {
  return `rgb(${Math.round(r)}, ${Math.round(g)}, ${Math.round(b)})`;
}

// Black or white: what is read best on this colour.
export function textOn([r, g, b]: Rgb): string {
  const linear = [r, g, b].map((part) => {
    const value = part / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
  return luminance > 0.18 ? "#111111" : "#ffffff";
}
