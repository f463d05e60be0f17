// Series keys: what is stored, and what is derived from it. Pure functions.

// A class-by-class measure and the update it was measured for.
export interface MatrixKey {
  measure: string;
  update: string;
}

export type Plane = "mean" | "ratio_of_means";

export function matrixKey(measure: string, update: string): string {
  return `elasticity/${measure}${update ? `@${update}` : ""}`;
}

// "elasticity/kl@small" → kl, small. Matrices over the sizes of an update are not among the measures.
export function parseMatrixKey(key: string): MatrixKey | undefined {
  const match = /^elasticity\/([^@]+)(?:@(.*))?$/.exec(key);
  if (!match || match[1]?.startsWith("size.")) return undefined;
  return { measure: match[1] ?? "", update: match[2] ?? "" };
}

export function entryKey(key: string, plane: Plane, responding: string, updated: string): string {
  return `${key}${plane === "ratio_of_means" ? ".ratio" : ""}[${responding},${updated}]`;
}

export function figureKey(key: string, plane: Plane, figure: string): string {
  return `${key}${plane === "ratio_of_means" ? ".ratio" : ""}.${figure}`;
}
