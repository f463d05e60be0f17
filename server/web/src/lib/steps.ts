// Lists of steps. Pure functions.

// Those that are in every list, as the steps at which several runs have a matrix.
export function common(lists: number[][]): number[] {
  const [first = [], ...others] = lists;
  const sets = others.map((list) => new Set(list));
  return first.filter((step) => sets.every((set) => set.has(step)));
}
