// What a line chart draws. Pure functions.

export interface Curve {
  label: string;
  color: string;
  dash?: number[];
  width?: number;
  // Steps, strictly increasing; values parallel, NaN and infinities among them.
  x: number[];
  y: number[];
  // Half the height of the band around each value; empty or absent for none.
  sd?: number[];
}

// Curves on one axis: `x` is the union of their steps; a curve has undefined where it has no point and
// null where its point cannot be drawn (not finite, or not positive on a log scale).
export interface Aligned {
  x: number[];
  y: (number | null | undefined)[][];
  low: (number | null | undefined)[][];
  high: (number | null | undefined)[][];
  // Steps at which a value is NaN or infinite.
  nonfinite: number[];
  // Values that a log scale cannot show.
  hidden: number;
}

function sameSteps(a: number[], b: number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; ++i) if (a[i] !== b[i]) return false;
  return true;
}

function union(curves: Curve[]): number[] {
  const first = curves[0]?.x ?? [];
  if (curves.every((curve) => sameSteps(curve.x, first))) return first;
  const all = new Set<number>();
  for (const curve of curves) for (const step of curve.x) all.add(step);
  return [...all].sort((a, b) => a - b);
}

export function align(curves: Curve[], log: boolean): Aligned {
  const x = union(curves);
  const aligned: Aligned = { x, y: [], low: [], high: [], nonfinite: [], hidden: 0 };
  const bad = new Set<number>();
  const drawable = (value: number) => Number.isFinite(value) && (!log || value > 0);
  for (const curve of curves) {
    const y = new Array<number | null | undefined>(x.length);
    const low = new Array<number | null | undefined>(x.length);
    const high = new Array<number | null | undefined>(x.length);
    for (let i = 0, at = 0; i < curve.x.length; ++i) {
      const step = curve.x[i] ?? 0;
      while ((x[at] ?? Infinity) < step) ++at;
      const value = curve.y[i] ?? NaN;
      if (!Number.isFinite(value)) bad.add(step);
      else if (!drawable(value)) ++aligned.hidden;
      y[at] = drawable(value) ? value : null;
      const sd = curve.sd?.[i];
      if (sd === undefined) continue;
      const band = drawable(value) && Number.isFinite(sd);
      high[at] = band ? value + sd : null;
      // A band that reaches below 0 ends at the foot of a log chart.
      low[at] = band ? (log && value - sd <= 0 ? value * 1e-3 : value - sd) : null;
    }
    aligned.y.push(y);
    aligned.low.push(low);
    aligned.high.push(high);
  }
  aligned.nonfinite = [...bad].sort((a, b) => a - b);
  return aligned;
}

// Lowest and highest value that the chart must show within [from, to]: the curves, and as much of their
// bands as does not press the curves flat.
export function extent(aligned: Aligned, from: number, to: number, log: boolean): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  let bandLow = Infinity;
  let bandHigh = -Infinity;
  aligned.y.forEach((values, curve) => {
    values.forEach((value, i) => {
      const step = aligned.x[i] ?? 0;
      if (typeof value !== "number" || step < from || step > to) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
      bandLow = Math.min(bandLow, aligned.low[curve]?.[i] ?? value);
      bandHigh = Math.max(bandHigh, aligned.high[curve]?.[i] ?? value);
    });
  });
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) return padLog(Math.max(bandLow, low / 3), Math.min(bandHigh, high * 3));
  const size = high - low || Math.abs(high) || 1;
  return pad(Math.max(bandLow, low - size), Math.min(bandHigh, high + size));
}

function pad(low: number, high: number): [number, number] {
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - margin, high + margin];
}

function padLog(low: number, high: number): [number, number] {
  const margin = Math.max(1.05, (high / low) ** 0.05);
  return [low / margin, high * margin];
}
