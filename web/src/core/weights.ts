// Shares of the requests among the targets of one host and path.

/** Percentages, in tenths, that sum up to 100: the largest remainders get what is left. */
export function shares(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, one) => total + one, 0);
  if (sum <= 0) return weights.map(() => 0);
  const exact = weights.map((one) => (one * 1000) / sum);
  const found = exact.map(Math.floor);
  let left = 1000 - found.reduce((total, one) => total + one, 0);
  const order = exact.map((one, place) => [one - Math.floor(one), place] as const);
  order.sort((one, other) => other[0] - one[0] || one[1] - other[1]);
  for (const [, place] of order) {
    if (left <= 0) break;
    found[place] = (found[place] ?? 0) + 1;
    left -= 1;
  }
  return found.map((one) => one / 10);
}
