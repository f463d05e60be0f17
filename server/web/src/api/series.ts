// Values of series: ranges for drawings, what has come since, everything for files.
import { queries } from "./clients.js";

// One series, column-major. `sd` is empty where the series has none.
export interface Column {
  key: string;
  step: number[];
  value: number[];
  sd: number[];
  // Points in the range before downsampling.
  count: number;
}

export interface Range {
  from?: number;
  to?: number;
}

// What values are of: a run; an experiment, for means over its runs; or these runs, for means over them.
export type Source = string | string[];
const sourceOf = (source: Source) => (typeof source === "string" ? { run: source } : { runs: source });

// The server's limits on one request.
const mostKeys = 100;
const mostPoints = 100_000;

interface WireColumn {
  key: string;
  step: bigint[];
  value: number[];
  sd: number[];
  count: bigint;
}

export function toColumn(column: WireColumn): Column {
  return { key: column.key, step: column.step.map(Number), value: column.value, sd: column.sd, count: Number(column.count) };
}

const wire = (range: Range) => ({
  fromStep: range.from === undefined ? undefined : BigInt(range.from),
  toStep: range.to === undefined ? undefined : BigInt(range.to),
});

// At most about `points` real points of each key, extremes among them; in the order of the keys.
export async function drawing(source: Source, keys: string[], range: Range, points: number, signal?: AbortSignal): Promise<Column[]> {
  const groups: string[][] = [];
  for (let at = 0; at < keys.length; at += mostKeys) groups.push(keys.slice(at, at + mostKeys));
  const answers = await Promise.all(
    groups.map((group) =>
      queries.getSeries(
        { ...sourceOf(source), keys: group, ...wire(range), points: Math.min(points, Math.floor(mostPoints / group.length)) },
        { signal },
      ),
    ),
  );
  return answers.flatMap((answer) => answer.columns.map(toColumn));
}

// Every point of each key.
export async function everything(source: Source, keys: string[], range: Range, signal?: AbortSignal): Promise<Column[]> {
  const columns = new Map<string, Column>();
  for (let at = 0; at < keys.length; at += mostKeys) {
    const group = keys.slice(at, at + mostKeys);
    let pageToken = "";
    do {
      const page = await queries.getSeries({ ...sourceOf(source), keys: group, ...wire(range), pageToken }, { signal });
      for (const part of page.columns.map(toColumn)) append(columns, part);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }
  return keys.flatMap((key) => columns.get(key) ?? []);
}

function append(columns: Map<string, Column>, part: Column): void {
  const column = columns.get(part.key);
  if (!column) {
    columns.set(part.key, part);
    return;
  }
  for (let i = 0; i < part.step.length; ++i) {
    column.step.push(part.step[i] ?? 0);
    column.value.push(part.value[i] ?? NaN);
  }
  for (const sd of part.sd) column.sd.push(sd);
}

// `column` with what came later than its last step; the same object when nothing did.
export function extended(column: Column, part: Column): Column {
  const last = column.step.at(-1) ?? -1;
  const first = part.step.findIndex((step) => step > last);
  if (first < 0) return column;
  return {
    key: column.key,
    step: [...column.step, ...part.step.slice(first)],
    value: [...column.value, ...part.value.slice(first)],
    sd: [...column.sd, ...part.sd.slice(first)],
    count: column.count + part.step.length - first,
  };
}

// At most about `most` of a column's points for a drawing: of each stretch its smallest, its largest and one that is
// not finite, and the last of all.
export function thinned(column: Column, most: number): Column {
  const size = column.step.length;
  if (size <= most) return column;
  const stretch = Math.ceil((size * 3) / most);
  const kept = new Set([0, size - 1]);
  for (let from = 0; from < size; from += stretch) {
    let [low, high, odd] = [-1, -1, -1];
    for (let i = from; i < Math.min(size, from + stretch); ++i) {
      const value = column.value[i] ?? NaN;
      if (!Number.isFinite(value)) odd = i;
      else if (low < 0 || value < (column.value[low] ?? NaN)) low = i;
      if (Number.isFinite(value) && (high < 0 || value > (column.value[high] ?? NaN))) high = i;
    }
    for (const i of [low, high, odd]) if (i >= 0) kept.add(i);
  }
  const places = [...kept].sort((a, b) => a - b);
  const pick = (list: number[]) => (list.length === 0 ? [] : places.map((i) => list[i] ?? NaN));
  return { ...column, step: pick(column.step), value: pick(column.value), sd: pick(column.sd) };
}
