// Round values for an axis, from low to high. Pure functions.

function linear(low: number, high: number, about: number): number[] {
  const rough = (high - low) / about;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const stride = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const found: number[] = [];
  for (let i = Math.ceil(low / stride); i * stride <= high; ++i) found.push(Number((i * stride).toPrecision(12)));
  return found;
}

function multiples(low: number, high: number, factors: number[]): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power)
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(12));
      if (value >= low && value <= high) found.push(value);
    }
  return found;
}

// About `about` of them. On a log scale powers of ten as long as there are some; of a narrow range whatever is round.
export function ticks(low: number, high: number, log: boolean, about = 5): number[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [low];
  if (!log || low <= 0) return linear(low, high, about);
  const powers = multiples(low, high, [1]);
  if (powers.length >= 3) return powers.filter((_, i) => i % Math.ceil(powers.length / (about + 2)) === 0);
  const finer = multiples(low, high, [1, 2, 5]);
  return finer.length >= 3 ? finer : linear(low, high, about);
}
