// Organizations as the tree that they are.

export interface Node<T> {
  one: T;
  depth: number;
}

/** Each organization below the one that it belongs to; what belongs to nothing that is shown is a root. */
export function treeOf<T extends { id: string; parent: string | null; name: string }>(all: readonly T[]): Node<T>[] {
  const known = new Set(all.map((one) => one.id));
  const below = new Map<string | null, T[]>();
  for (const one of all) {
    const above = one.parent !== null && known.has(one.parent) ? one.parent : null;
    below.set(above, [...(below.get(above) ?? []), one]);
  }
  const walk = (parent: string | null, depth: number): Node<T>[] =>
    (below.get(parent) ?? [])
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap((one) => [{ one, depth }, ...walk(one.id, depth + 1)]);
  return walk(null, 0);
}
