// When certificates end and are renewed, by month and on a line of time.

export interface Ending {
  expires_at: string | null;
}
export interface Month<T> {
  /** First day of the month, in UTC. */
  start: number;
  ending: T[];
}

/** The months from this one on, until `count` months or the last ending; earlier endings stand in the first. */
export function months<T extends Ending>(all: readonly T[], now: number, count = 12): Month<T>[] {
  const first = new Date(now);
  const startOf = (place: number): number => Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + place, 1);
  const found: Month<T>[] = Array.from({ length: count }, (_, place) => ({ start: startOf(place), ending: [] }));
  for (const one of all) {
    if (one.expires_at === null) continue;
    const at = Date.parse(one.expires_at);
    const place = Math.max(0, found.findLastIndex((month) => month.start <= at));
    if (at < startOf(count)) found[place]?.ending.push(one);
  }
  const last = found.findLastIndex((month) => month.ending.length > 0);
  return found.slice(0, Math.max(3, last + 1)).map((month) => ({ ...month, ending: month.ending.toSorted(byEnd) }));
}

function byEnd(a: Ending, b: Ending): number {
  return (a.expires_at ?? "").localeCompare(b.expires_at ?? "");
}

/** Where moments lie on a line from one time to another, in percent. */
export function placeOn(from: string, until: string, at: string | number): number {
  const start = Date.parse(from);
  const end = Date.parse(until);
  const moment = typeof at === "number" ? at : Date.parse(at);
  return end <= start ? 100 : Math.round(Math.min(1, Math.max(0, (moment - start) / (end - start))) * 1000) / 10;
}
