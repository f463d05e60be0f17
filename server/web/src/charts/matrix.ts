// A class-by-class matrix at one step. Rows respond, columns were updated; planes are row-major.

export interface Matrix {
  step: number;
  size: number;
  mean: ArrayLike<number>;
  sd: ArrayLike<number>;
  ratio: ArrayLike<number>;
  skipped: ArrayLike<number>;
  nonfinite: ArrayLike<number>;
  // Pairs in the mean; absent where only the planes are known.
  count?: ArrayLike<number>;
}

const planes = 5;

// Planes as the server stores them: mean, sd, ratio_of_means (float32), skipped, nonfinite (uint32),
// little-endian. Nothing when their size does not fit.
export function readPlanes(step: number, size: number, bytes: Uint8Array): Matrix | undefined {
  const cells = size * size;
  if (bytes.length !== planes * cells * 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = (plane: number) => Float32Array.from({ length: cells }, (_, i) => view.getFloat32((plane * cells + i) * 4, true));
  const counts = (plane: number) => Uint32Array.from({ length: cells }, (_, i) => view.getUint32((plane * cells + i) * 4, true));
  return { step, size, mean: floats(0), sd: floats(1), ratio: floats(2), skipped: counts(3), nonfinite: counts(4) };
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; ++i) total += values[i] ?? 0;
  return total;
}

// Place in `steps` (increasing) of the one nearest to `step`; -1 without steps.
export function nearest(steps: ArrayLike<number>, step: number): number {
  if (steps.length === 0) return -1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) < step) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && step - (steps[low - 1] ?? 0) <= (steps[low] ?? 0) - step) return low - 1;
  return low;
}
