// How to take over what somebody changed outside: the fewest edits of our records that make it wanted.

export interface DriftedSet {
  name: string;
  type: string;
  observed: { ttl: number; values: string[] } | null;
}
export interface OwnRecord {
  id: string;
  name: string;
  type: string;
  value: string;
  ttl: number;
  priority: number | null;
  made_for: string | null;
}
export type Edit<R> =
  | { kind: "change"; record: R; value: string; ttl: number }
  | { kind: "remove"; record: R }
  | { kind: "add"; name: string; type: string; value: string; ttl: number };

/** The edits; null where a record is not ours to change by hand, or its value has a priority beside it. */
export function adoption<R extends OwnRecord>(drifted: readonly DriftedSet[], records: readonly R[]): Edit<R>[] | null {
  const edits: Edit<R>[] = [];
  for (const set of drifted) {
    const own = records.filter((one) => one.type === set.type && bare(one.name) === bare(set.name));
    if (own.some((one) => one.made_for !== null || one.priority !== null)) return null;
    edits.push(...ofSet(set, own));
  }
  return edits;
}

function ofSet<R extends OwnRecord>(set: DriftedSet, own: readonly R[]): Edit<R>[] {
  const seen = set.observed?.values ?? [];
  const ttl = set.observed?.ttl ?? 0;
  const left = seen.filter((value) => !own.some((one) => bare(one.value) === bare(value)));
  const edits: Edit<R>[] = [];
  for (const record of own) {
    const stays = seen.some((value) => bare(record.value) === bare(value));
    const value = stays ? record.value : left.shift();
    if (value === undefined) edits.push({ kind: "remove", record });
    else if (!stays || record.ttl !== ttl) edits.push({ kind: "change", record, value, ttl });
  }
  return [...edits, ...left.map((value) => ({ kind: "add" as const, name: set.name, type: set.type, value, ttl }))];
}

function bare(value: string): string {
  return value.replace(/\.$/, "").replace(/^"(.*)"$/, "$1");
}
