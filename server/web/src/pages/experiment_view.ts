// What an experiment's page shows of its runs. Pure functions.
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import type { Group } from "../parts/group_curves.js";

export const mostGroups = 8;

// Sweep values of a run, as "training.lr = 0.1"; empty without a sweep.
export function sweepText(run: Run): string {
  return Object.entries(run.sweep)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([field, value]) => `${field} = ${value}`)
    .join(", ");
}

export function runLabel(run: Run): string {
  return [run.runId, sweepText(run), `seed ${run.seed}`].filter(Boolean).join(" · ");
}

// The runs that have values, by the point of the sweep that they are of: one group for each.
export function sweepGroups(runs: Run[]): Group[] {
  const points = new Map<string, string[]>();
  for (const run of runs) {
    if (run.step < 0n) continue;
    const label = sweepText(run);
    points.set(label, [...(points.get(label) ?? []), run.name]);
  }
  return [...points].map(([label, names]) => ({ label: label || `${names.length} runs`, source: names }));
}

// Each run a curve of its own.
export function singleGroups(runs: Run[]): Group[] {
  return runs.filter(({ step }) => step >= 0n).map((run) => ({ label: runLabel(run), source: run.name }));
}
