// What the address of a run's page says, filled with what the run has. Pure functions.
import type { Stored } from "../api/stored.js";
import { stepParam } from "../lib/address.js";
import { entryKey, figureKey, matrixKey, parseMatrixKey, type Plane } from "../lib/keys.js";
import type { Choice } from "../parts/widgets.js";

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
  for (const { key, count } of scalars) if (count >= 8 && !ofMachine(key)) add(key);
  return choices;
}

function ofMachine(key: string): boolean {
  return key.startsWith("system/");
}

// What the machine did meanwhile: a group for each unit.
export function systemGroups(scalars: Stored[]): { title: string; keys: string[] }[] {
  const units: [string, RegExp][] = [
    ["System utilization, %", /\.utilization(@|$)/],
    ["System memory, bytes", /memory/],
    ["GPU power, W", /\.power(@|$)/],
    ["GPU temperature, °C", /\.temperature(@|$)/],
  ];
  const keys = scalars.map(({ key }) => key).filter(ofMachine);
  return units.map(([title, unit]) => ({ title, keys: keys.filter((key) => unit.test(key)) })).filter((group) => group.keys.length > 0);
}

// Loss and accuracy, and the scalar S of a regression, each with what belongs to it.
export function scalarGroups(scalars: Stored[], hasMatrices: boolean): { title: string; keys: string[] }[] {
  const have = (keys: string[]) => keys.filter((key) => scalars.some((series) => series.key === key));
  const groups = [
    { title: "Loss", keys: have(["train/loss", "test/loss"]) },
    { title: "Accuracy", keys: have(["train/accuracy", "test/accuracy"]) },
  ];
  if (!hasMatrices)
    for (const { key } of scalars) if (/^elasticity\/(?!size\.)/.test(key)) groups.unshift({ title: key, keys: [key] });
  const others = scalars.filter(({ key }) => !ofMachine(key) && groups.every(({ keys }) => !keys.includes(key)));
  // Imported runs have keys of their own: a page must not be empty for them.
  if (groups.every(({ keys }) => keys.length === 0)) for (const { key } of others.slice(0, 4)) groups.push({ title: key, keys: [key] });
  return groups.filter(({ keys }) => keys.length > 0);
}
