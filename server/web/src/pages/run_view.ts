// What the address of a run's page says, filled with what the run has. Pure functions.
import { stepParam } from "../lib/address.js";
import { entryKey, figureKey, matrixKey, parseMatrixKey, type Plane } from "../lib/keys.js";
import type { Choice } from "../parts/widgets.js";

// A stored series, as far as the page needs it.
export interface Stored {
  key: string;
  kind: "scalar" | "matrix" | "pairs";
  count: number;
  lastStep: number;
  classes: string[];
  description: string;
}

export interface MatrixChoice {
  measure: string;
  update: string;
  series: Stored;
}

// Matrices in the order of the configuration: measures first, then updates.
export function matricesOf(stored: Stored[], measures: string[], updates: string[]): MatrixChoice[] {
  const place = (list: string[], value: string) => (list.includes(value) ? list.indexOf(value) : list.length);
  return stored
    .filter(({ kind, count }) => kind === "matrix" && count > 0)
    .flatMap((series) => {
      const parsed = parseMatrixKey(series.key);
      return parsed ? [{ ...parsed, series }] : [];
    })
    .sort((a, b) => place(measures, a.measure) - place(measures, b.measure) || place(updates, a.update) - place(updates, b.update));
}

// What the configuration says of measures and updates; nothing where it cannot be read.
export function configured(json: string): { measures: string[]; updates: string[] } {
  try {
    const config = JSON.parse(json) as { measures?: string[]; probes?: { updates?: { name?: string }[] } };
    return { measures: config.measures ?? [], updates: (config.probes?.updates ?? []).map(({ name }) => name ?? "") };
  } catch {
    return { measures: [], updates: [] };
  }
}

// The zoom of an address; nothing where it makes no sense.
export function zoomOf(params: Record<string, string>): { from: number; to: number } | undefined {
  const from = stepParam(params.from);
  const to = stepParam(params.to);
  return from !== undefined && to !== undefined && from < to ? { from, to } : undefined;
}

// The plane of an address, else the one that the server shows first.
export function planeOf(param: string | undefined, shown: string): Plane {
  const plane = param === "mean" || param === "ratio_of_means" ? param : shown;
  return plane === "ratio_of_means" ? plane : "mean";
}

const mostPanels = 10;

// Classes whose updates get a chart: all of few; of many the chosen one.
export function updatedShown(classes: number, chosen: string | undefined, names: string[]): number[] {
  if (classes <= mostPanels) return Array.from({ length: classes }, (_, i) => i);
  const found = names.indexOf(chosen ?? "");
  return [Math.max(0, found)];
}

// Series whose phases can be asked for.
export function phaseChoices(choice: MatrixChoice | undefined, plane: Plane, scalars: Stored[]): Choice[] {
  const choices: Choice[] = [{ value: "", label: "default" }];
  const add = (value: string) => choices.push({ value, label: value });
  if (choice) {
    const key = matrixKey(choice.measure, choice.update);
    const names = choice.series.classes;
    for (const figure of ["dominance", "dominance_ratio", "asymmetry"]) add(figureKey(key, plane, figure));
    if (names.length <= mostPanels) {
      for (const name of names) add(figureKey(key, plane, `selectivity[${name}]`));
      for (const updated of names) for (const responding of names) add(entryKey(key, plane, responding, updated));
    }
  }
  for (const { key, count } of scalars) if (count >= 8) add(key);
  return choices;
}
